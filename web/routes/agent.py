"""Operations of agents: claim, heartbeat, release, complete, fail. The hot path."""

from chargehand.actors.identity import Caller
from chargehand.actors.registry.refusals import session_unauthorized
from chargehand.actors.registry.state import SessionState
from chargehand.actors.scheduler.commands import ClaimNext
from chargehand.actors.task.commands import AgentCommand
from chargehand.web.addresses import run_id_of
from chargehand.web.call import Call, Routes
from chargehand.web.identity import caller_of, require_agent, require_session
from chargehand.web.operations import Operation
from chargehand.web.preconditions import etag
from chargehand.web.requests.runs import (
    COMPLETE_CLAIM,
    FAIL_CLAIM,
    HEARTBEAT,
    RELEASE_CLAIM,
    ClaimBatchRequest,
    ClaimNextRequest,
)
from chargehand.web.responses import EMPTY, HttpResponse, shown
from chargehand.web.shapes.claims import ClaimResponse, LeaseResponse, claim_of, lease_of


async def claim_next(call: Call) -> HttpResponse:
    session = require_session(call)
    body = call.decode(ClaimNextRequest)
    request = asked_for(call, session, body)
    answer = await call.system.claim_next(session, request, caller_of(call, session))
    if answer is None:
        return EMPTY
    return shown(200, ClaimResponse(claim_of(answer, call.system.views)), etag(answer.task))


def asked_for(
    call: Call,
    session: SessionState,
    body: ClaimNextRequest | ClaimBatchRequest,
) -> ClaimNext:
    """What a session asks for. Raises: Rejected: not in that workspace, or a field is invalid."""
    if body.workspace_id:
        _check_workspace(call, session, body.workspace_id)
    return ClaimNext(
        capabilities=body.required_capabilities,
        priority_min=body.priority_min,
        lease_seconds=body.lease_seconds,
        wait=body.wait,
        idempotency_key=body.idempotency_key,
    )


def _check_workspace(call: Call, session: SessionState, ref: str) -> None:
    workspace = call.system.roster.find_workspace(ref)
    if workspace is None or workspace.id != session.workspace_id:
        raise session_unauthorized(session.id)


async def _lease(call: Call, caller: Caller, command: AgentCommand) -> HttpResponse:
    answer = await call.system.ask_run(command, caller)
    return shown(200, LeaseResponse(lease_of(answer, call.system.views)), etag(answer.task))


async def heartbeat(call: Call) -> HttpResponse:
    caller = require_agent(call)
    return await _lease(call, caller, call.decode(HEARTBEAT, run_id=run_id_of(call, "run_id")))


async def release(call: Call) -> HttpResponse:
    caller = require_agent(call)
    return await _lease(call, caller, call.decode(RELEASE_CLAIM, run_id=run_id_of(call, "run_id")))


async def complete(call: Call) -> HttpResponse:
    caller = require_agent(call)
    return await _lease(call, caller, call.decode(COMPLETE_CLAIM, run_id=run_id_of(call, "run_id")))


async def fail(call: Call) -> HttpResponse:
    caller = require_agent(call)
    return await _lease(call, caller, call.decode(FAIL_CLAIM, run_id=run_id_of(call, "run_id")))


ROUTES: Routes = {
    Operation.CLAIM_NEXT: claim_next,
    Operation.AGENT_HEARTBEAT: heartbeat,
    Operation.AGENT_RELEASE: release,
    Operation.AGENT_COMPLETE: complete,
    Operation.AGENT_FAIL: fail,
}
