"""Tasks: create, read, change, and what decides whether they run."""

from chargehand.actors import limits
from chargehand.actors.registry.refusals import session_unauthorized
from chargehand.actors.registry.state import SessionState
from chargehand.actors.slices import in_turns
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import (
    ApprovalState,
    Owner,
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
    CreateTaskRequest,
    EnqueueRunRequest,
    MetadataRequest,
    OwnerRequest,
    ReasonWithMetadataRequest,
    UpdateTaskRequest,
)
from chargehand.web.responses import EMPTY, HttpResponse, shown
from chargehand.web.shapes.events import task_event_of
from chargehand.web.shapes.tasks import (
    TaskDetail,
    TaskDetailResponse,
    TaskResponse,
    TasksResponse,
    detail_of,
    summary_of,
    task_of,
    task_run_of,
)


async def list_tasks(call: Call) -> HttpResponse:
    identify(call)
    query, views = call.query, call.system.views
    order = queries.choice(query, "order", ListOrder) or ListOrder.ACTIVITY
    found = views.page(_filter(call), order, cursor_of(query), queries.limit(query))
    page = await in_turns(found)
    tasks = [summary_of(task, views) for task in page.items]
    return shown(200, TasksResponse(tasks), next_link(call.path, query, page.next_cursor))


def _filter(call: Call) -> TaskFilter:
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
    body = call.decode(CreateTaskRequest)
    command = c.CreateTask(
        scope=body.scope,
        title=body.title,
        id=body.id,
        workspace_id=_workspace_of(call, body, session),
        parent_task_id=parent_task_id,
        identifier=body.identifier,
        description=body.description,
        network_channel=body.network_channel,
        priority=body.priority,
        max_attempts=body.max_attempts,
        auto_enqueue_on_ready=body.auto_enqueue_on_ready,
        draft=body.draft,
        approval_policy=body.approval_policy,
        owner=_owner(body.owner),
        metadata=body.metadata,
    )
    answer = await call.system.create_task(command, caller_of(call, session))
    return shown(201, TaskResponse(task_of(answer.task, call.system.views)), etag(answer.task))


def _workspace_of(call: Call, body: CreateTaskRequest, session: SessionState | None) -> str | None:
    """The id of the workspace that a new task names.

    A global task's is handed on as it is: the core refuses the pair before it looks at the name.
    """
    if not body.workspace or body.scope is Scope.GLOBAL:
        return body.workspace or None
    found = workspace_id(call, body.workspace)
    if session is not None and session.workspace_id not in (None, found):
        raise session_unauthorized(session.id)
    return found


def _owner(owner: OwnerRequest | None) -> Owner | None:
    return None if owner is None else Owner(owner.kind, owner.ref)


async def get(call: Call) -> HttpResponse:
    identify(call)
    task = await call.system.task(task_id_of(call))
    return shown(200, TaskDetailResponse(detail(call, task)), etag(task))


def detail(call: Call, task: TaskState) -> TaskDetail:
    """A whole task with its children, dependencies, runs and latest events."""
    views = call.system.views
    latest = views.timeline_latest(task.id, limits.DETAIL_EVENTS_MAX)
    events = [task_event_of(told) for told in reversed(latest)]
    return detail_of(task, views.children(task.id), events, views)


async def _ask(call: Call, command: c.TaskCommand) -> HttpResponse:
    answer = await call.system.ask(task_id_of(call), command, identify(call))
    return shown(200, TaskResponse(task_of(answer.task, call.system.views)), etag(answer.task))


async def _ask_for_run(call: Call, command: c.TaskCommand, status: int) -> HttpResponse:
    answer = await call.system.ask(task_id_of(call), command, identify(call))
    return shown(status, task_run_of(answer, call.system.views), etag(answer.task))


async def update(call: Call) -> HttpResponse:
    body = call.decode(UpdateTaskRequest)
    command = c.PatchTask(
        title=body.title,
        description=body.description,
        priority=body.priority,
        max_attempts=body.max_attempts,
        auto_enqueue_on_ready=body.auto_enqueue_on_ready,
        approval_policy=body.approval_policy,
        metadata=body.metadata,
        network_channel=body.network_channel,
        owner=_owner(body.owner),
        clear_owner=body.clear_owner,
    )
    return await _ask(call, command)


async def delete(call: Call) -> HttpResponse:
    await call.system.ask(task_id_of(call), c.DeleteTask(), identify(call))
    return EMPTY


def enqueueing(call: Call) -> c.Enqueueing:
    """What the body says of the run to be made."""
    body = call.decode(EnqueueRunRequest)
    return c.Enqueueing(
        idempotency_key=body.idempotency_key,
        network_channel=body.network_channel,
        metadata=body.metadata,
    )


async def publish(call: Call) -> HttpResponse:
    return await _ask_for_run(call, c.PublishTask(enqueueing(call)), 200)


async def start(call: Call) -> HttpResponse:
    return await _ask_for_run(call, c.StartTask(enqueueing(call)), 201)


async def approve(call: Call) -> HttpResponse:
    return await _ask_for_run(call, c.ApproveTask(enqueueing(call)), 201)


async def reject(call: Call) -> HttpResponse:
    return await _ask(call, c.RejectTask())


async def cancel(call: Call) -> HttpResponse:
    body = call.decode(ReasonWithMetadataRequest)
    return await _ask(call, c.CancelTask(body.reason, body.metadata))


async def pause(call: Call) -> HttpResponse:
    body = call.decode(ReasonWithMetadataRequest)
    return await _ask(call, c.PauseTask(body.reason, body.metadata))


async def resume(call: Call) -> HttpResponse:
    return await _ask(call, c.ResumeTask(call.decode(MetadataRequest).metadata))


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
