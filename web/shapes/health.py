"""Whether the server takes work, what of it is set aside, and what became of its time."""

from enum import Enum
from typing import final

from attrs import define

from chargehand.actors.faults import Fault, Faults, Why
from chargehand.actors.frozen import frozen
from chargehand.actors.limits import FAULTS_SHOWN_MAX
from chargehand.actors.retention.actor import Retention
from chargehand.actors.time_watch import TimeStatistics
from chargehand.web.shapes.encoding import Shape, rfc3339


class ReadyStatus(Enum):
    READY = "ready"


@final
@define(eq=False)
class SetAside(Shape):
    address: str
    why: Why
    cause: str
    since: str


@final
@define(eq=False)
class TimeReport(Shape):
    stalls: int
    stalled_seconds: float
    suspends: int
    suspended_seconds: float
    wall_steps: int
    wall_stepped_seconds: float
    behind_last_record_seconds: int | None = None


@final
@define(eq=False)
class RetentionReport(Shape):
    deleted_tasks: int
    refused_tasks: int
    held_tasks: int
    freed_ids: int
    last_round_at: str | None = None


@final
@frozen
class Standing:
    """How one of several nodes stands.

    Args:
        active: the name of the node that is; None: there is none.
        epoch: that it writes with.
        lag_records: so many are in the journal that this node does not have yet.
    """

    role: str
    active: str | None
    epoch: int
    lag_records: int


@final
@define(eq=False)
class ReadinessResponse(Shape):
    status: ReadyStatus
    epoch: int
    set_aside: list[SetAside] | None = None
    set_aside_count: int | None = None
    crash_count: int | None = None
    time: TimeReport | None = None
    retention: RetentionReport | None = None
    role: str | None = None
    active: str | None = None
    lag_records: int | None = None


def readiness_of(
    epoch: int,
    faults: Faults,
    statistics: TimeStatistics,
    clock_behind_s: int,
    retention: RetentionReport | None = None,
    standing: Standing | None = None,
) -> ReadinessResponse:
    """Without a fault, and while time just passes, nothing but the status and the epoch; and what
    retention has done, where it is on; and how the node stands, if it is one of several."""
    first = [_shown(fault) for fault, _ in zip(faults, range(FAULTS_SHOWN_MAX), strict=False)]
    return ReadinessResponse(
        ReadyStatus.READY,
        epoch if standing is None else standing.epoch,
        first or None,
        len(faults) or None,
        faults.crash_count or None,
        _time_of(statistics, clock_behind_s),
        retention,
        None if standing is None else standing.role,
        None if standing is None else standing.active,
        None if standing is None else standing.lag_records,
    )


def retention_of(retention: Retention, freed_ids: int) -> RetentionReport | None:
    """None where it is off."""
    if not retention.is_on:
        return None
    counts = retention.counts
    at = None if counts.at_ns is None else rfc3339(counts.at_ns)
    return RetentionReport(counts.deleted, counts.refused, counts.held, freed_ids, at)


def _time_of(found: TimeStatistics, clock_behind_s: int) -> TimeReport | None:
    if found == TimeStatistics() and not clock_behind_s:
        return None
    return TimeReport(
        found.stalls,
        round(found.stalled_s, 3),
        found.suspends,
        round(found.suspended_s, 3),
        found.wall_steps,
        round(found.wall_stepped_s, 3),
        clock_behind_s or None,
    )


def _shown(fault: Fault) -> SetAside:
    return SetAside(fault.address, fault.why, fault.cause, rfc3339(fault.at_ns))
