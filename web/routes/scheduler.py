"""The scheduler as a whole: status, pause, resume, drain, backlog."""

from collections.abc import Iterable

from chargehand.actors import limits
from chargehand.actors.task import validation as valid
from chargehand.actors.task.state import Scope
from chargehand.actors.views.backlog import BacklogFilter
from chargehand.actors.views.views import Views
from chargehand.web import queries
from chargehand.web.call import Call, Routes
from chargehand.web.identity import identify
from chargehand.web.operations import Operation
from chargehand.web.paging import cursor_of, next_link
from chargehand.web.requests.runs import DrainRequest, ReasonRequest
from chargehand.web.responses import HttpResponse, shown
from chargehand.web.shapes.encoding import Encoded, rfc3339
from chargehand.web.shapes.runs import RunSummary, run_summary_of
from chargehand.web.shapes.scheduling import (
    Backlog,
    BacklogItem,
    BacklogResponse,
    DrainResponse,
    SchedulerResponse,
    listed_run,
    scheduler_of,
)


async def status(call: Call) -> HttpResponse:
    identify(call)
    return shown(200, SchedulerResponse(scheduler_of(await call.system.scheduler.status())))


async def pause(call: Call) -> HttpResponse:
    caller = identify(call)
    reason = valid.reason(call.decode(ReasonRequest).reason)
    now = await call.system.scheduler.pause(reason, caller)
    return shown(200, SchedulerResponse(scheduler_of(now)))


async def resume(call: Call) -> HttpResponse:
    caller = identify(call)
    call.decode(ReasonRequest)
    now = await call.system.scheduler.resume(caller)
    return shown(200, SchedulerResponse(scheduler_of(now)))


async def drain(call: Call) -> HttpResponse:
    caller = identify(call)
    body = call.decode(DrainRequest)
    reason = valid.reason(body.reason)
    outcome = await call.system.scheduler.drain(reason, body.timeout_seconds, caller)
    return shown(
        200,
        DrainResponse(
            scheduler=scheduler_of(outcome.status),
            completed=outcome.completed,
            remaining_claims=outcome.remaining_claims,
            started_at=rfc3339(outcome.started_at_ns),
            completed_at=rfc3339(outcome.completed_at_ns),
            timed_out=outcome.timed_out,
            remaining_runs=_at_work(call.system.views, outcome.at_work) or None,
        ),
    )


def _at_work(views: Views, task_ids: Iterable[str]) -> list[RunSummary]:
    """The runs of these tasks; those that have ended in between are none."""
    tasks = [task for task_id in task_ids if (task := views.get(task_id)) is not None]
    runs = [(task, task.open_run) for task in tasks]
    return [
        run_summary_of(task, run, views)
        for task, run in runs
        if run is not None and run.status.is_active
    ]


async def backlog(call: Call) -> HttpResponse:
    identify(call)
    query = call.query
    limit = queries.limit(query, limits.BACKLOG_DEFAULT, limits.BACKLOG_MAX)
    which = BacklogFilter(
        workspace_id=_workspace_id(call, queries.text(query, "workspace")),
        scope=queries.choice(query, "scope", Scope),
        include_paused=queries.flag(query, "include_paused"),
    )
    views = call.system.views
    found = views.backlog(which, cursor_of(query), limit)
    return shown(
        200,
        BacklogResponse(Backlog([_item(views, row.task_id) for row in found.runs], found.total)),
        next_link(call.path, query, found.next_cursor),
    )


def _item(views: Views, task_id: str) -> BacklogItem | Encoded:
    task = views.get(task_id)
    run = None if task is None else task.open_run
    assert task is not None, f"{task_id} is in the backlog, but is not there"
    assert run is not None, f"{task_id} is in the backlog without a run"
    return listed_run(task, run, views)


def _workspace_id(call: Call, ref: str | None) -> str | None:
    """The id of a workspace; one that is unknown stays as it is, and matches nothing."""
    if ref is None:
        return None
    workspace = call.system.roster.find_workspace(ref)
    return ref if workspace is None else workspace.id


ROUTES: Routes = {
    Operation.GET_SCHEDULER: status,
    Operation.PAUSE_SCHEDULER: pause,
    Operation.RESUME_SCHEDULER: resume,
    Operation.DRAIN_SCHEDULER: drain,
    Operation.GET_BACKLOG: backlog,
}
