"""A look at a run, or at the run of a task that matters now: how it is, and what to do next."""

from chargehand.actors.system import System
from chargehand.actors.task.state import Run, TaskState
from chargehand.actors.views import inspect as seen
from chargehand.actors.views.holds import Blocker, Outside, blocker_of
from chargehand.web.addresses import run_id_of, task_id_of
from chargehand.web.call import Call, Routes
from chargehand.web.identity import identify
from chargehand.web.operations import Operation
from chargehand.web.responses import HttpResponse, shown
from chargehand.web.shapes.encoding import rfc3339
from chargehand.web.shapes.inspect import (
    Inspect,
    InspectEvent,
    InspectResponse,
    InspectTarget,
    bound_session_of,
    diagnostic_of,
    inspect_event_of,
    inspect_run_of,
    pause_state_of,
)
from chargehand.web.shapes.tasks import summary_of


async def task(call: Call) -> HttpResponse:
    identify(call)
    found = await call.system.task(task_id_of(call))
    return _shown(call, InspectTarget.TASK, found, seen.current_run(found))


async def run(call: Call) -> HttpResponse:
    identify(call)
    answer = await call.system.run(run_id_of(call))
    return _shown(call, InspectTarget.RUN, answer.task, answer.the_run)


def _shown(call: Call, target: InspectTarget, task: TaskState, run: Run | None) -> HttpResponse:
    """All of one moment: nothing happens between the first line and the last."""
    system, moment = call.system, call.system.clock.moment()
    session_id = None if run is None else run.session_id
    session = None if session_id is None else system.roster.find(session_id)
    inspection = seen.inspect(
        task,
        run,
        seen.Around(
            steady_ns=moment.steady_ns,
            age_of=moment.age_of,
            outside=_outside(system, task),
            bound_session=session,
            stranded_after_s=system.settings.starvation_s,
        ),
    )
    shape = Inspect(
        target,
        summary_of(task, system.views),
        pause_state_of(system.switch.pause_state, system.switch.updated_at_ns),
        inspection.next_action,
        rfc3339(moment.now_ns),
        recent_runs=[
            inspect_run_of(task.id, each, moment.age_of, system.views)
            for each in seen.recent_runs(task)
        ],
        recent_events=_events(call, task, run if target is InspectTarget.RUN else None),
        diagnostics=[
            diagnostic_of(task.id, run, found, moment.now_ns, system.views)
            for found in inspection.diagnostics
        ],
    )
    if run is not None:
        shape.current_run = inspect_run_of(task.id, run, moment.age_of, system.views)
    if session_id is not None:
        shape.bound_session = bound_session_of(session_id, session)
    return shown(200, InspectResponse(shape))


def _outside(system: System, task: TaskState) -> Outside:
    blockers = {
        edge.depends_on_task_id: _blocker(system, edge.depends_on_task_id)
        for edge in task.dependencies
        if not edge.done
    }
    return Outside(
        scheduler_paused=system.switch.is_paused,
        paused_by=system.views.paused_by(task.id),
        blockers={name: found for name, found in blockers.items() if found is not None},
        sessions=list(system.roster.present_sessions()),
    )


def _blocker(system: System, task_id: str) -> Blocker | None:
    """Read whole only where its reviews count; None if it was deleted this instant."""
    task = system.views.get(task_id)
    if task is not None and task.unapproved_run_id is not None:
        task = system.views.whole(task_id)
    return None if task is None else blocker_of(task)


def _events(call: Call, task: TaskState, run: Run | None) -> list[InspectEvent]:
    """The latest, in order; only those of the run if there is one."""
    views, count = call.system.views, seen.RECENT_EVENTS_MAX
    found = (
        views.timelines.latest(task.id, count)
        if run is None
        else views.timelines.latest_of_run(task.id, run.id, count)
    )
    return [inspect_event_of(event) for event in found]


ROUTES: Routes = {Operation.INSPECT_TASK: task, Operation.INSPECT_RUN: run}
