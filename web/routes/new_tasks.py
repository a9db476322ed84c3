"""Many tasks made by one request: all of them or none, or each that can be made."""

from collections.abc import Sequence
from typing import Final

from chargehand.actors.answers import Answer
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.frozen import replace
from chargehand.actors.new_tasks.item import NewTask, Ties
from chargehand.actors.task import commands as c
from chargehand.web.call import Call, Routes
from chargehand.web.decoding import in_item, listed_items, structured, structured_item
from chargehand.web.identity import identify
from chargehand.web.operations import Operation
from chargehand.web.problems import problem, refusal_response
from chargehand.web.requests.tasks import NEW_TASK, NEW_TASKS, BatchOptions
from chargehand.web.responses import HttpResponse, shown
from chargehand.web.routes.tasks import workspace_of
from chargehand.web.shapes.encoding import encode
from chargehand.web.shapes.new_tasks import (
    NewTaskResult,
    TaskBatchError,
    TaskBatchResponse,
    new_task_result_of,
)

_FOR_ANOTHERS_SAKE: Final = (Code.BATCH_NOT_MADE, Code.NEEDED_ITEM_REFUSED)


async def create(call: Call) -> HttpResponse:
    value = call.value()
    listed = listed_items(NEW_TASKS, value)
    atomic = structured(BatchOptions, value).atomic
    items = [_item(call, item, index) for index, item in enumerate(listed)]
    found = await call.system.create_tasks(items, identify(call), atomic=atomic)
    explained, views = call.system.misnamed.explained, call.system.views
    outcomes = [explained(one) if isinstance(one, Rejected) else one for one in found]
    rows = [
        new_task_result_of(item.ties.ref, outcome, views)
        for item, outcome in zip(items, outcomes, strict=True)
    ]
    if atomic and not any(isinstance(outcome, Answer) for outcome in outcomes):
        return _refused(call, outcomes, rows)
    return shown(200, TaskBatchResponse(rows))


def _item(call: Call, item: object, index: int) -> NewTask:
    ties = structured_item(Ties, item, index)
    if isinstance(ties, Rejected):
        return NewTask(ties, _ties_of_unread(item))
    command = structured_item(NEW_TASK, item, index)
    if isinstance(command, c.CreateTask) and command.workspace_id is not None:
        try:
            workspace_id = workspace_of(call, command, call.session)
            command = replace(command, workspace_id=workspace_id)
        except Rejected as refusal:
            return NewTask(in_item(refusal, index), ties)
    return NewTask(command, ties)


def _ties_of_unread(item: object) -> Ties:
    """The name of an item, if at least that can be read: others may name it."""
    ref = item.get("ref") if isinstance(item, dict) else None
    try:
        return Ties(ref if isinstance(ref, str) else None)
    except Rejected:
        return Ties()


def _refused(
    call: Call, outcomes: Sequence[Answer | Rejected], rows: list[NewTaskResult]
) -> HttpResponse:
    """As the first item that is itself at fault would be by its own request."""
    first = next(
        replace(outcome, message=f"item {index}: {outcome.message}")
        for index, outcome in enumerate(outcomes)
        if isinstance(outcome, Rejected) and outcome.code not in _FOR_ANOTHERS_SAKE
    )
    response, error = refusal_response(first, call.operation), problem(first).shown
    body = encode(TaskBatchError(error.error, error.diagnostic, rows))
    return replace(response, body=body)


ROUTES: Routes = {Operation.CREATE_BATCH: create}
