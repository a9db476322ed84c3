"""Runs: of a task, and one by one as operators handle them."""

from chargehand.actors.errors import Rejected, invalid
from chargehand.actors.identity import Caller
from chargehand.actors.registry.state import SessionState
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import Run, RunStatus
from chargehand.web import queries
from chargehand.web.addresses import run_id_of, task_id_of
from chargehand.web.call import Call, Routes
from chargehand.web.identity import identify
from chargehand.web.operations import Operation
from chargehand.web.paging import latest_first, next_link
from chargehand.web.preconditions import etag
from chargehand.web.requests.runs import (
    CANCEL_RUN,
    CLAIM_RUN,
    COMPLETE_RUN,
    FAIL_RUN,
    START_RUN,
    AttachSessionRequest,
)
from chargehand.web.requests.tasks import ENQUEUE_RUN
from chargehand.web.responses import HttpResponse, shown
from chargehand.web.shapes.claims import claimed_run_of
from chargehand.web.shapes.references import reference_of
from chargehand.web.shapes.runs import (
    RunDetailResponse,
    RunResponse,
    RunsResponse,
    run_detail_of,
    run_of,
)


async def list_of_task(call: Call) -> HttpResponse:
    identify(call)
    query = call.query
    status = queries.choice(query, "status", RunStatus)
    session_id = queries.text(query, "session_id")
    task = await call.system.task(task_id_of(call))
    matching = [
        (place, run)
        for place, run in enumerate(task.runs)
        if (status is None or run.status is status)
        and (session_id is None or run.session_id == session_id)
    ]
    page, more = latest_first(matching, lambda row: (row[0], row[1].id), query)
    runs = [run_of(task.id, run, call.system.views) for _, run in page]
    return shown(200, RunsResponse(runs), next_link(call.path, query, more))


def _require_key(caller: Caller, key: str | None) -> None:
    """Agents name each run that they make or take, so that a lost answer can be asked again."""
    if caller.is_agent and not key:
        raise invalid(
            "/idempotency_key", "/idempotency_key is required for agents", "send a key of your own"
        )


async def enqueue(call: Call) -> HttpResponse:
    caller, run = identify(call), call.decode(ENQUEUE_RUN)
    _require_key(caller, run.idempotency_key)
    answer = await call.system.ask(task_id_of(call), c.EnqueueRun(run), caller)
    shape = RunResponse(run_of(answer.task.id, answer.the_run, call.system.views))
    return shown(201, shape, etag(answer.task))


async def get(call: Call) -> HttpResponse:
    identify(call)
    answer = await call.system.run(run_id_of(call))
    views, run = call.system.views, answer.the_run
    task, session = reference_of(answer.task, views), _bound_session(call, run)
    shape = RunDetailResponse(run_detail_of(task, run, session, views))
    return shown(200, shape, etag(answer.task))


def _bound_session(call: Call, run: Run) -> SessionState | None:
    if run.session_id is None:
        return None
    try:
        return call.system.roster.session(run.session_id)
    except Rejected:  # it has ended, or registered itself and was forgotten
        return None


async def _ask(call: Call, command: c.RunCommand, caller: Caller) -> HttpResponse:
    answer = await call.system.ask_run(command, caller)
    shape = RunResponse(run_of(answer.task.id, answer.the_run, call.system.views))
    return shown(200, shape, etag(answer.task))


async def claim(call: Call) -> HttpResponse:
    caller, command = identify(call), call.decode(CLAIM_RUN, run_id=run_id_of(call))
    _require_key(caller, command.idempotency_key)
    answer = await call.system.ask_run(command, caller)
    return shown(200, claimed_run_of(answer, call.system.views), etag(answer.task))


async def start(call: Call) -> HttpResponse:
    caller, command = identify(call), call.decode(START_RUN, run_id=run_id_of(call))
    _require_key(caller, command.idempotency_key)
    return await _ask(call, command, caller)


async def attach_session(call: Call) -> HttpResponse:
    caller, body = identify(call), call.decode(AttachSessionRequest)
    if not body.session_id:
        raise invalid("/session_id", "/session_id is required", "name an active session")
    answer = await call.system.attach_session(run_id_of(call), body.session_id, caller)
    shape = RunResponse(run_of(answer.task.id, answer.the_run, call.system.views))
    return shown(200, shape, etag(answer.task))


async def complete(call: Call) -> HttpResponse:
    caller = identify(call)
    return await _ask(call, call.decode(COMPLETE_RUN, run_id=run_id_of(call)), caller)


async def fail(call: Call) -> HttpResponse:
    caller = identify(call)
    return await _ask(call, call.decode(FAIL_RUN, run_id=run_id_of(call)), caller)


async def cancel(call: Call) -> HttpResponse:
    caller = identify(call)
    return await _ask(call, call.decode(CANCEL_RUN, run_id=run_id_of(call)), caller)


ROUTES: Routes = {
    Operation.LIST_RUNS: list_of_task,
    Operation.ENQUEUE_RUN: enqueue,
    Operation.GET_RUN: get,
    Operation.CLAIM_RUN: claim,
    Operation.START_RUN: start,
    Operation.ATTACH_SESSION: attach_session,
    Operation.COMPLETE_RUN: complete,
    Operation.FAIL_RUN: fail,
    Operation.CANCEL_RUN: cancel,
}
