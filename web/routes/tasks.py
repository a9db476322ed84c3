"""Tasks: create, read, change, and what decides whether they run."""

from chargehand.actors import limits
from chargehand.actors.frozen import replace
from chargehand.actors.registry.refusals import session_unauthorized
from chargehand.actors.registry.state import SessionState
from chargehand.actors.slices import in_turns
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import (
    ApprovalState,
    OwnerKind,
    Priority,
    Scope,
    TaskState,
    TaskStatus,
)
from chargehand.actors.views.catalog import TaskFilter
from chargehand.actors.views.choices import ListOrder
from chargehand.web import queries
from chargehand.web.addresses import task_id_of
from chargehand.web.call import Call, Routes
from chargehand.web.filters import network_channel, scope_and_workspace, workspace_id
from chargehand.web.identity import caller_of, identify
from chargehand.web.operations import Operation
from chargehand.web.paging import cursor_of, next_link
from chargehand.web.preconditions import etag
from chargehand.web.requests.tasks import (
    CANCEL_TASK,
    CREATE_TASK,
    ENQUEUE_RUN,
    PAUSE_TASK,
    RESUME_TASK,
    UPDATE_TASK,
)
from chargehand.web.responses import EMPTY, HttpResponse, shown
from chargehand.web.shapes.events import task_event_of
from chargehand.web.shapes.tasks import (
    TaskDetail,
    TaskDetailResponse,
    TaskResponse,
    TasksResponse,
    detail_of,
    listed,
    task_of,
    task_run_of,
)


async def list_tasks(call: Call) -> HttpResponse:
    identify(call)
    query, views = call.query, call.system.views
    order = queries.choice(query, "order", ListOrder) or ListOrder.ACTIVITY
    found = views.page(task_filter_of(call), order, cursor_of(query), queries.limit(query))
    page = await in_turns(found)
    tasks = [listed(task, views) for task in page.items]
    return shown(200, TasksResponse(tasks), next_link(call.path, query, page.next_cursor))


def task_filter_of(call: Call) -> TaskFilter:
    """The tasks that the query asks for. Raises: Rejected."""
    query = call.query
    scope, workspace_id = scope_and_workspace(call)
    return TaskFilter(
        scope=scope,
        workspace_id=workspace_id,
        status=queries.choice(query, "status", TaskStatus),
        priority=queries.choice(query, "priority", Priority),
        include_drafts=queries.flag(query, "include_drafts"),
        approval_state=queries.choice(query, "approval_state", ApprovalState),
        owner_kind=queries.choice(query, "owner_kind", OwnerKind),
        owner_ref=queries.text(query, "owner_ref"),
        parent_task_id=queries.text(query, "parent_task_id"),
        network_channel=network_channel(call),
        query=queries.text(query, "query"),
    )


async def create(call: Call) -> HttpResponse:
    return await _create(call, None)


async def create_child(call: Call) -> HttpResponse:
    return await _create(call, task_id_of(call))


async def _create(call: Call, parent_task_id: str | None) -> HttpResponse:
    session = call.session
    command = call.decode(CREATE_TASK, parent_task_id=parent_task_id)
    command = replace(command, workspace_id=workspace_of(call, command, session))
    answer = await call.system.create_task(command, caller_of(call, session))
    return shown(201, TaskResponse(task_of(answer.task, call.system.views)), etag(answer.task))


def workspace_of(call: Call, command: c.CreateTask, session: SessionState | None) -> str | None:
    """The id of the workspace that a new task names.

    A global task's is handed on as it is: the core refuses the pair before it looks at the name.
    """
    named = command.workspace_id
    if not named or command.scope is Scope.GLOBAL:
        return named or None
    found = workspace_id(call, named)
    if session is not None and session.workspace_id not in (None, found):
        raise session_unauthorized(session.id)
    return found


async def get(call: Call) -> HttpResponse:
    identify(call)
    task = await call.system.task(task_id_of(call))
    return shown(200, TaskDetailResponse(detail(call, task)), etag(task))


def detail(call: Call, task: TaskState) -> TaskDetail:
    """A whole task with its children, dependencies, runs and latest events."""
    views = call.system.views
    latest = views.timelines.latest(task.id, limits.DETAIL_EVENTS_MAX)
    events = [task_event_of(event) for event in reversed(latest)]
    return detail_of(task, views.children(task.id), events, views)


async def _ask(call: Call, command: c.TaskCommand) -> HttpResponse:
    answer = await call.system.ask(task_id_of(call), command, identify(call))
    return shown(200, TaskResponse(task_of(answer.task, call.system.views)), etag(answer.task))


async def _ask_for_run(call: Call, command: c.TaskCommand, status: int) -> HttpResponse:
    answer = await call.system.ask(task_id_of(call), command, identify(call))
    return shown(status, task_run_of(answer, call.system.views), etag(answer.task))


async def update(call: Call) -> HttpResponse:
    return await _ask(call, call.decode(UPDATE_TASK))


async def delete(call: Call) -> HttpResponse:
    await call.system.ask(task_id_of(call), c.DeleteTask(), identify(call))
    return EMPTY


async def publish(call: Call) -> HttpResponse:
    return await _ask_for_run(call, c.PublishTask(call.decode(ENQUEUE_RUN)), 200)


async def start(call: Call) -> HttpResponse:
    return await _ask_for_run(call, c.StartTask(call.decode(ENQUEUE_RUN)), 201)


async def approve(call: Call) -> HttpResponse:
    return await _ask_for_run(call, c.ApproveTask(call.decode(ENQUEUE_RUN)), 201)


async def reject(call: Call) -> HttpResponse:
    return await _ask(call, c.RejectTask())


async def cancel(call: Call) -> HttpResponse:
    return await _ask(call, call.decode(CANCEL_TASK))


async def pause(call: Call) -> HttpResponse:
    return await _ask(call, call.decode(PAUSE_TASK))


async def resume(call: Call) -> HttpResponse:
    return await _ask(call, call.decode(RESUME_TASK))


ROUTES: Routes = {
    Operation.LIST_TASKS: list_tasks,
    Operation.CREATE_TASK: create,
    Operation.GET_TASK: get,
    Operation.UPDATE_TASK: update,
    Operation.DELETE_TASK: delete,
    Operation.CREATE_CHILD: create_child,
    Operation.PUBLISH_TASK: publish,
    Operation.START_TASK: start,
    Operation.APPROVE_TASK: approve,
    Operation.REJECT_TASK: reject,
    Operation.CANCEL_TASK: cancel,
    Operation.PAUSE_TASK: pause,
    Operation.RESUME_TASK: resume,
}
