"""What happened to the scheduler as a whole."""

from typing import ClassVar, final

from chargehand.actors.frozen import frozen
from chargehand.actors.identity import Actor


@final
@frozen
class SchedulerPaused:
    type: ClassVar[str] = "scheduler.paused"
    by: Actor
    reason: str | None = None


@final
@frozen
class SchedulerResumed:
    type: ClassVar[str] = "scheduler.resumed"
    by: Actor


@final
@frozen
class DrainStarted:
    """A drain pauses the scheduler too."""

    type: ClassVar[str] = "scheduler.drain_started"
    by: Actor
    reason: str
    active_claims: int


@final
@frozen
class DrainCompleted:
    type: ClassVar[str] = "scheduler.drain_completed"
    by: Actor
    remaining_claims: int
    timed_out: bool


SchedulerEvent = SchedulerPaused | SchedulerResumed | DrainStarted | DrainCompleted
