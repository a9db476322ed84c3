"""What may be asked of the scheduler, and what it answers."""

from typing import final

from attrs import field

from chargehand.actors.errors import invalid
from chargehand.actors.frozen import frozen
from chargehand.actors.task import validation as valid
from chargehand.actors.task.state import Pause


def _capabilities(values: tuple[str, ...]) -> tuple[str, ...]:
    return valid.required_capabilities(values)


def _priority_min(value: int | None) -> int:
    value = value or 0
    if value < 0:
        raise invalid("/priority_min", "/priority_min must not be negative")
    return value


@final
@frozen
class ClaimNext:
    """A session asks for work. `capabilities` are those that it says it has."""

    capabilities: tuple[str, ...] = field(default=(), converter=_capabilities)
    priority_min: int = field(default=0, converter=_priority_min)
    lease_seconds: int = field(default=None, converter=valid.lease_seconds)
    wait: bool = False
    idempotency_key: str | None = field(default=None, converter=valid.idempotency_key)


@final
@frozen
class DrainUnderWay:
    """A drain that waits; of several the one that waits longest.

    Args:
        ends_at_ns: of the wall, when its time is up.
    """

    started_at_ns: int
    ends_at_ns: int
    claims_at_start: int


@final
@frozen
class SchedulerStatus:
    """Counts of the whole server, all of one moment.

    Args:
        drain: None while none is under way.
    """

    pause: Pause | None
    active_claim_count: int
    queued_run_count: int
    paused_task_count: int
    starved_run_count: int
    needs_attention_run_count: int
    as_of_ns: int
    drain: DrainUnderWay | None = None


@final
@frozen
class DrainOutcome:
    """`completed`: no claim is left. Otherwise it timed out, or a resume ended it.

    Args:
        at_work: tasks whose runs are left, or as many of them as a drain names.
    """

    status: SchedulerStatus
    completed: bool
    timed_out: bool
    remaining_claims: int
    started_at_ns: int
    completed_at_ns: int
    at_work: tuple[str, ...] = ()
