"""What was done in each of the last minutes."""

from typing import final

from attrs import define

from chargehand.actors.views.history import Happened, Minute, Past
from chargehand.actors.views.latencies import NS_IN_MS, LatencySummary
from chargehand.web.shapes.encoding import Shape, rfc3339


@final
@define(eq=False)
class MinuteLatency(Shape):
    samples: int
    average_ms: int | None = None
    p50_ms: int | None = None
    p95_ms: int | None = None
    maximum_ms: int | None = None


@final
@define(eq=False)
class HistoryMinute(Shape):
    start: str
    tasks_created: int
    runs_enqueued: int
    runs_claimed: int
    runs_released: int
    leases_expired: int
    runs_completed: int
    runs_failed: int
    runs_canceled: int
    queue_wait: MinuteLatency
    execution: MinuteLatency
    queued_run_count: int
    active_run_count: int
    oldest_claimable_age_ms: int | None = None


@final
@define(eq=False)
class History(Shape):
    since: str
    as_of: str
    minutes: list[HistoryMinute]


@final
@define(eq=False)
class HistoryResponse(Shape):
    history: History


def history_of(past: Past) -> History:
    return History(
        rfc3339(past.since_ns), rfc3339(past.as_of_ns), [_minute(each) for each in past.minutes]
    )


def _minute(minute: Minute) -> HistoryMinute:
    counts, oldest_ns = minute.counts, minute.oldest_claimable_ns
    return HistoryMinute(
        start=rfc3339(minute.start_ns),
        tasks_created=counts[Happened.TASK_CREATED],
        runs_enqueued=counts[Happened.RUN_ENQUEUED],
        runs_claimed=counts[Happened.RUN_CLAIMED],
        runs_released=counts[Happened.RUN_RELEASED],
        leases_expired=counts[Happened.LEASE_EXPIRED],
        runs_completed=counts[Happened.RUN_COMPLETED],
        runs_failed=counts[Happened.RUN_FAILED],
        runs_canceled=counts[Happened.RUN_CANCELED],
        queue_wait=_latency(minute.queue_wait),
        execution=_latency(minute.execution),
        queued_run_count=minute.queued,
        active_run_count=minute.active,
        oldest_claimable_age_ms=None if oldest_ns is None else oldest_ns // NS_IN_MS,
    )


def _latency(of: LatencySummary) -> MinuteLatency:
    if not of.samples:
        return MinuteLatency(0)
    return MinuteLatency(of.samples, of.average_ms, of.p50_ms, of.p95_ms, of.maximum_ms)
