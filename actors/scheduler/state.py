"""What of the scheduler outlives a restart; all else it rebuilds from the tasks."""

from typing import final

from chargehand.actors.frozen import frozen, replace
from chargehand.actors.scheduler.events import (
    DrainCompleted,
    DrainStarted,
    SchedulerEvent,
    SchedulerPaused,
    SchedulerResumed,
)
from chargehand.actors.task.state import Pause

SCHEDULER_ADDRESS = "@scheduler"


@final
@frozen
class SchedulerState:
    pause: Pause | None = None
    updated_at_ns: int = 0
    last_seq: int = 0


def evolve_scheduler(
    state: SchedulerState, event: SchedulerEvent, seq: int, at_ns: int
) -> SchedulerState:
    match event:
        case SchedulerPaused(by=by, reason=reason) | DrainStarted(by=by, reason=reason):
            return replace(state, pause=Pause(by, at_ns, reason), updated_at_ns=at_ns, last_seq=seq)
        case SchedulerResumed():
            return replace(state, pause=None, updated_at_ns=at_ns, last_seq=seq)
        case DrainCompleted():
            return replace(state, last_seq=seq)
