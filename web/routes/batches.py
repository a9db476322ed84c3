"""What agents do with many runs at once: what can share a commit does, and each may fail alone."""

from typing import TypeVar

from chargehand.actors import limits
from chargehand.actors.answers import Answer
from chargehand.actors.errors import Rejected, invalid
from chargehand.actors.task.commands import AgentCommand
from chargehand.web.addresses import checked_run_id
from chargehand.web.bodies import ITEMS, Items
from chargehand.web.call import Call, Routes
from chargehand.web.decoding import listed_items, structured_item
from chargehand.web.identity import caller_of, require_agent, require_session
from chargehand.web.operations import Operation
from chargehand.web.requests.runs import (
    COMPLETIONS,
    FAILURES,
    HEARTBEATS,
    RELEASES,
    ClaimBatchRequest,
)
from chargehand.web.responses import EMPTY, HttpResponse, shown
from chargehand.web.routes.agent import asked_for
from chargehand.web.shapes.claims import (
    ClaimBatchResponse,
    LeaseBatchResponse,
    claim_of,
    lease_result_of,
)

_Command = TypeVar("_Command", bound=AgentCommand)


async def claim(call: Call) -> HttpResponse:
    session = require_session(call)
    body = call.decode(ClaimBatchRequest)
    check_max_runs(body.max_runs)
    request = asked_for(call, session, body)
    caller = caller_of(call, session)
    answers = await call.system.claim_batch(session, request, body.max_runs, caller)
    if not answers:
        return EMPTY
    views = call.system.views
    return shown(200, ClaimBatchResponse([claim_of(answer, views) for answer in answers]))


def check_max_runs(count: int) -> None:
    """Raises: Rejected: nobody may claim so many at once."""
    if not 1 <= count <= limits.BATCH_RUNS_MAX:
        raise invalid("/max_runs", f"/max_runs must be from 1 to {limits.BATCH_RUNS_MAX}")


async def heartbeat(call: Call) -> HttpResponse:
    return await _ask_all(call, HEARTBEATS)


async def release(call: Call) -> HttpResponse:
    return await _ask_all(call, RELEASES)


async def complete(call: Call) -> HttpResponse:
    return await _ask_all(call, COMPLETIONS)


async def fail(call: Call) -> HttpResponse:
    return await _ask_all(call, FAILURES)


async def _ask_all(call: Call, items: Items[_Command]) -> HttpResponse:
    caller = require_agent(call)
    commands: dict[str, _Command] = {}
    outcomes: list[tuple[str, Rejected | None]] = []  # None: as the run's task answers
    for index, sent in enumerate(listed_items(items, call.value())):
        item = structured_item(items.of, sent, index)
        if isinstance(item, Rejected):
            outcomes.append((_run_id_of_unread(sent), item))
            continue
        run_id, refusal = _checked(item, index, commands)
        if refusal is None:
            commands[run_id] = item
        outcomes.append((run_id, refusal))
    answers: list[Answer | Rejected] = []
    if commands:
        answers = await call.system.ask_runs(list(commands.values()), caller)
    answered = dict(zip(commands, answers, strict=True))
    explained, views = call.system.misnamed.explained, call.system.views
    results = []
    for run_id, refusal in outcomes:
        outcome = answered[run_id] if refusal is None else refusal
        if isinstance(outcome, Rejected):
            outcome = explained(outcome)
        results.append(lease_result_of(run_id, outcome, views))
    return shown(200, LeaseBatchResponse(results))


def _checked(
    item: AgentCommand, index: int, others: dict[str, _Command]
) -> tuple[str, Rejected | None]:
    """The run that an item is about, and what is wrong with it."""
    try:
        run_id = checked_run_id(item.run_id)
    except Rejected as refusal:
        return item.run_id, refusal
    if run_id in others:
        pointer = f"/{ITEMS}/{index}/run_id"
        return run_id, invalid(pointer, f"{pointer} was named before", "send it once")
    return run_id, None


def _run_id_of_unread(item: object) -> str:
    """The run of an item that could not be read, if at least that can be."""
    run_id = item.get("run_id") if isinstance(item, dict) else None
    return run_id.strip() if isinstance(run_id, str) else ""


ROUTES: Routes = {
    Operation.CLAIM_BATCH: claim,
    Operation.HEARTBEAT_BATCH: heartbeat,
    Operation.RELEASE_BATCH: release,
    Operation.COMPLETE_BATCH: complete,
    Operation.FAIL_BATCH: fail,
}
