"""One operation done to many tasks: each is an operation of its own, and may fail alone."""

from chargehand.actors.bulk.tasks import TaskOutcome, change_tasks
from chargehand.actors.errors import Rejected
from chargehand.actors.frozen import replace
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import TriageAction
from chargehand.actors.task.validation import reason_required
from chargehand.web.addresses import checked_task_id
from chargehand.web.call import Call, Routes
from chargehand.web.identity import identify
from chargehand.web.operations import Operation
from chargehand.web.requests.bulk import (
    BulkTasksRequest,
    BulkTasksWithMetadataRequest,
    BulkTasksWithReasonRequest,
)
from chargehand.web.responses import HttpResponse, shown
from chargehand.web.routes.bulk import refuse_if_unavailable
from chargehand.web.routes.selection import in_cursor, in_rows, next_cursor, selection_of
from chargehand.web.routes.tasks import task_filter_of
from chargehand.web.shapes.bulk import BulkTaskResponse, task_row_of


async def cancel(call: Call) -> HttpResponse:
    body = call.decode(BulkTasksWithReasonRequest)
    return await _ask_each(call, body, c.CancelTask(body.reason, body.metadata))


async def approve(call: Call) -> HttpResponse:
    body = call.decode(BulkTasksWithMetadataRequest)
    return await _ask_each(call, body, c.ApproveTask(c.Enqueueing(metadata=body.metadata)))


async def pause(call: Call) -> HttpResponse:
    body = call.decode(BulkTasksWithReasonRequest)
    command = c.PauseTask(body.reason, body.metadata)
    if command.reason is None:
        raise reason_required(None)
    return await _ask_each(call, body, command)


async def resume(call: Call) -> HttpResponse:
    body = call.decode(BulkTasksWithMetadataRequest)
    return await _ask_each(call, body, c.ResumeTask(body.metadata))


async def archive(call: Call) -> HttpResponse:
    body = call.decode(BulkTasksRequest)
    return await _ask_each(call, body, c.TriageTask(TriageAction.ARCHIVE))


async def _ask_each(call: Call, body: BulkTasksRequest, command: c.TaskCommand) -> HttpResponse:
    caller, system = identify(call), call.system
    selection = selection_of(call, body, task_filter_of)
    try:
        found, outcomes = await change_tasks(system, selection, command, caller, checked_task_id)
    except Rejected as refusal:
        raise in_cursor(refusal) from None
    refuse_if_unavailable([outcome.refusal for outcome in outcomes])
    rows = await in_rows(outcomes, lambda outcome: task_row_of(_explained(call, outcome)))
    changed = sum(row.ok for row in rows)
    return shown(
        200,
        BulkTaskResponse(
            body.dry_run, changed, len(rows) - changed, rows, found.matched, next_cursor(found)
        ),
    )


def _explained(call: Call, outcome: TaskOutcome) -> TaskOutcome:
    if outcome.refusal is None:
        return outcome
    return replace(outcome, refusal=call.system.misnamed.explained(outcome.refusal))


ROUTES: Routes = {
    Operation.BULK_CANCEL_TASKS: cancel,
    Operation.BULK_APPROVE_TASKS: approve,
    Operation.BULK_PAUSE_TASKS: pause,
    Operation.BULK_RESUME_TASKS: resume,
    Operation.BULK_ARCHIVE_TASKS: archive,
}
