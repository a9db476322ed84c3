"""What operators do to many runs at once: each is an operation of its own, and may fail alone."""

from collections.abc import Sequence

from chargehand.actors import limits
from chargehand.actors.answers import Answer
from chargehand.actors.errors import Code, Kind, Rejected, invalid
from chargehand.actors.identity import Caller
from chargehand.actors.task import commands as c
from chargehand.web.addresses import checked_run_id
from chargehand.web.call import Call, Routes
from chargehand.web.identity import identify
from chargehand.web.operations import Operation
from chargehand.web.requests.bulk import BulkRunRequest
from chargehand.web.responses import HttpResponse, shown
from chargehand.web.shapes.bulk import BulkRunResponse, result_of

_Command = c.ForceRelease | c.ForceFail


async def release(call: Call) -> HttpResponse:
    caller, body = identify(call), call.decode(BulkRunRequest)
    return await _ask_all(
        call,
        caller,
        [c.ForceRelease(run_id, body.reason, body.metadata) for run_id in _run_ids(body)],
    )


async def fail(call: Call) -> HttpResponse:
    caller, body = identify(call), call.decode(BulkRunRequest)
    return await _ask_all(
        call,
        caller,
        [c.ForceFail(run_id, body.reason, body.metadata) for run_id in _run_ids(body)],
    )


def _run_ids(body: BulkRunRequest) -> list[str]:
    """Trimmed, each once, in the order given."""
    count = len(body.run_ids)
    if count > limits.BULK_RUNS_MAX:
        raise Rejected(
            Code.BULK_TOO_LARGE,
            f"{count} run ids are more than {limits.BULK_RUNS_MAX}",
            "send them in several requests",
            pointer="/run_ids",
            area="task.force",
            evidence={"limit": limits.BULK_RUNS_MAX, "count": count},
        )
    if not count:
        raise invalid("/run_ids", "/run_ids is empty", "name the runs")
    run_ids = [run_id.strip() for run_id in body.run_ids]
    for index, run_id in enumerate(run_ids):
        if not run_id:
            raise invalid(f"/run_ids/{index}", f"/run_ids/{index} is blank", "leave it out")
    return list(dict.fromkeys(run_ids))


async def _ask_all(call: Call, caller: Caller, commands: Sequence[_Command]) -> HttpResponse:
    """One after the other, so that runs of one task come in the order given."""
    async with call.system.whole(caller):
        outcomes = [(command.run_id, await _ask(call, caller, command)) for command in commands]
    refuse_if_unavailable(
        [outcome if isinstance(outcome, Rejected) else None for _, outcome in outcomes]
    )
    return shown(
        200,
        BulkRunResponse(
            [result_of(run_id, found, call.system.views) for run_id, found in outcomes]
        ),
    )


async def _ask(call: Call, caller: Caller, command: _Command) -> Answer | Rejected:
    try:
        checked_run_id(command.run_id)
        return await call.system.ask_run(command, caller.part(command.run_id))
    except Rejected as refusal:
        return call.system.misnamed.explained(refusal)


def refuse_if_unavailable(refusals: Sequence[Rejected | None]) -> None:
    """Where the server could do nothing at all, the request as a whole may be sent again.

    Args:
        refusals: of each row; None: it was not refused.
    """
    found = [one for one in refusals if one is not None and one.code.kind is Kind.UNAVAILABLE]
    if found and len(found) == len(refusals):
        raise found[0]


ROUTES: Routes = {Operation.BULK_RELEASE: release, Operation.BULK_FAIL: fail}
