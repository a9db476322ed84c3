"""Runs canceled or tried again, many at once: each may fail alone."""

from collections.abc import Callable

from chargehand.actors.bulk.runs import Command, RunOutcome, change_runs
from chargehand.actors.errors import Rejected
from chargehand.actors.frozen import replace
from chargehand.actors.task import commands as c
from chargehand.web.addresses import checked_run_id
from chargehand.web.call import Call, Routes
from chargehand.web.identity import identify
from chargehand.web.operations import Operation
from chargehand.web.requests.bulk import BulkRunsRequest, BulkRunsWithReasonRequest
from chargehand.web.responses import HttpResponse, shown
from chargehand.web.routes.bulk import refuse_if_unavailable
from chargehand.web.routes.lists import run_filter_of
from chargehand.web.routes.selection import in_cursor, in_rows, next_cursor, selection_of
from chargehand.web.shapes.bulk import BulkRunsResponse, run_row_of


async def cancel(call: Call) -> HttpResponse:
    body = call.decode(BulkRunsWithReasonRequest)
    first = c.CancelRun("", body.reason, body.metadata)  # checked before any run is asked
    return await _ask_each(call, body, lambda run_id: replace(first, run_id=run_id))


async def retry(call: Call) -> HttpResponse:
    body = call.decode(BulkRunsRequest)
    first = c.RetryRun("", body.metadata)
    return await _ask_each(call, body, lambda run_id: replace(first, run_id=run_id))


async def _ask_each(
    call: Call, body: BulkRunsRequest, command_of: Callable[[str], Command]
) -> HttpResponse:
    caller, system = identify(call), call.system
    selection = selection_of(call, body, run_filter_of)
    try:
        found, outcomes = await change_runs(system, selection, command_of, caller, checked_run_id)
    except Rejected as refusal:
        raise in_cursor(refusal) from None
    refuse_if_unavailable([outcome.refusal for outcome in outcomes])
    rows = await in_rows(outcomes, lambda outcome: run_row_of(_explained(call, outcome)))
    changed = sum(row.ok for row in rows)
    return shown(
        200,
        BulkRunsResponse(
            body.dry_run, changed, len(rows) - changed, rows, found.matched, next_cursor(found)
        ),
    )


def _explained(call: Call, outcome: RunOutcome) -> RunOutcome:
    if outcome.refusal is None:
        return outcome
    return replace(outcome, refusal=call.system.misnamed.explained(outcome.refusal))


ROUTES: Routes = {Operation.BULK_CANCEL_RUNS: cancel, Operation.BULK_RETRY_RUNS: retry}
