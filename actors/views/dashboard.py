"""How the work stands as a whole: counts, ages and what is wrong, of the tasks of a filter.

Counts come from groups that committed records keep up to date; whatever depends on the moment is
read out of their orders as of the time of asking.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Final, Protocol, final

from chargehand.actors import limits
from chargehand.actors.frozen import frozen
from chargehand.actors.limits import NS
from chargehand.actors.ordered import Ordered
from chargehand.actors.task.state import RunStatus, TaskStatus
from chargehand.actors.views.groups import ActiveRun, Group, OpenRun, by_age
from chargehand.actors.views.tally import Count, Tally, counted, run_count, task_count

_STUCK_NS: Final = {
    RunStatus.CLAIMED: limits.DASHBOARD_CLAIMED_S * NS,
    RunStatus.STARTING: limits.DASHBOARD_CLAIMED_S * NS,
    RunStatus.RUNNING: limits.DASHBOARD_RUNNING_S * NS,
}
_SHOWN_FIRST: Final = (RunStatus.RUNNING, RunStatus.STARTING, RunStatus.CLAIMED, RunStatus.QUEUED)


class Past(Protocol):
    """How stored times lie before now, whatever the wall has done since (see `Clock`)."""

    def age_ns(self, at_ns: int) -> int:
        """How long ago the wall said that."""

    def wall_ago_ns(self, age_ns: int) -> int:
        """What it said so long ago."""


@final
@frozen
class Latency:
    """Of all claims or starts there ever were, in ns."""

    samples: int
    average_ns: int
    maximum_ns: int


@final
@frozen
class Depth:
    """Queued runs of one channel; None is no channel."""

    network_channel: str | None
    count: int
    oldest_queued_at_ns: int


@final
@frozen
class Dashboard:
    """All of one moment.

    Args:
        age_of: how long ago a stored time is, in ns.
        queue: by channel, in order of its name.
        stuck_runs: at work for longer than such work takes, or without a lease and untouched.
        orphans: starting or running, but the session they are bound to is no more.
        shown: a few of the active runs, those first that are furthest on.
        latest_activity_ns: None if there never was any.
    """

    now_ns: int
    age_of: Callable[[int], int]
    tally: Tally
    claims: Latency
    starts: Latency
    queue: Sequence[Depth]
    stuck_runs: int
    orphans: int
    shown: Sequence[OpenRun]
    latest_activity_ns: int | None

    def tasks(self, status: TaskStatus) -> int:
        return self.count(task_count(status))

    def runs(self, status: RunStatus) -> int:
        return self.count(run_count(status))

    def count(self, count: Count) -> int:
        return counted(self.tally, count)

    @property
    def active_runs(self) -> int:
        """Queued ones too."""
        return sum(map(self.runs, _SHOWN_FIRST))

    @property
    def oldest_queued_at_ns(self) -> int | None:
        return min((depth.oldest_queued_at_ns for depth in self.queue), default=None)

    @property
    def is_backlogged(self) -> bool:
        """Whether a run has been queued for too long."""
        oldest_ns = self.oldest_queued_at_ns
        return oldest_ns is not None and self.age_ns(oldest_ns) >= limits.BACKLOG_OLD_S * NS

    @property
    def is_stale(self) -> bool:
        """Whether nothing happens although there is work."""
        latest_ns = self.latest_activity_ns
        return (
            latest_ns is not None
            and self.active_runs > 0
            and self.age_ns(latest_ns) > limits.STALE_S * NS
        )

    def age_ns(self, at_ns: int) -> int:
        return self.age_of(at_ns)

    def is_stuck(self, status: RunStatus, since_ns: int) -> bool:
        return status in _STUCK_NS and self.age_ns(since_ns) >= _STUCK_NS[status]


def dashboard(
    groups: Iterable[Group],
    latest_activity_ns: int | None,
    now_ns: int,
    past: Past,
    is_live: Callable[[str], bool],
) -> Dashboard:
    """The sum of some groups.

    Args:
        is_live: whether a session is registered and has not ended.
    """
    groups = list(groups)
    tally = sum(group.tally for group in groups)
    return Dashboard(
        now_ns=now_ns,
        age_of=past.age_ns,
        tally=tally,
        claims=_latency(
            counted(tally, Count.CLAIMS),
            counted(tally, Count.CLAIM_NS),
            (group.claims for group in groups),
        ),
        starts=_latency(
            counted(tally, Count.STARTS),
            counted(tally, Count.START_NS),
            (group.starts for group in groups),
        ),
        queue=_depths(groups),
        stuck_runs=_stuck(groups, past),
        orphans=_orphans(groups, is_live),
        shown=_shown(groups),
        latest_activity_ns=latest_activity_ns,
    )


def _latency(samples: int, sum_ns: int, latencies: Iterable[Ordered[int] | None]) -> Latency:
    if not samples:
        return Latency(0, 0, 0)
    maximum_ns = max(each.last() or 0 for each in latencies if each is not None)
    return Latency(samples, sum_ns // samples, maximum_ns)


def _depths(groups: Sequence[Group]) -> list[Depth]:
    counts: dict[str, int] = {}
    oldest_ns: dict[str, int] = {}
    for group in groups:
        for channel, runs in group.queued.items():
            name, first = channel or "", runs.first()
            assert first is not None, "a channel without queued runs is forgotten"
            since_ns = first.since_ns
            if name not in counts:
                counts[name], oldest_ns[name] = len(runs), since_ns
                continue
            counts[name] += len(runs)
            if since_ns < oldest_ns[name]:
                oldest_ns[name] = since_ns
    return [Depth(name or None, counts[name], oldest_ns[name]) for name in sorted(counts)]


def _stuck(groups: Iterable[Group], past: Past) -> int:
    count = 0
    bounds = {
        status: ActiveRun(past.wall_ago_ns(ns) + 1, "", "") for status, ns in _STUCK_NS.items()
    }
    for group in groups:
        for status, runs in group.working.items():
            first = runs.first()
            if first is not None and first < bounds[status]:
                count += runs.count_below(bounds[status])
        for status, runs in group.neglected.items():
            count += len(runs) - runs.count_below(bounds[status])  # those not counted above
    return count


def _orphans(groups: Iterable[Group], is_live: Callable[[str], bool]) -> int:
    """A run that an operator works on without a session is none."""
    return sum(
        count
        for group in groups
        for session_id, count in group.sessions.items()
        if not is_live(session_id)
    )


def _shown(groups: Sequence[Group]) -> list[OpenRun]:
    """By status, then the latest first."""
    shown: list[OpenRun] = []
    for status in _SHOWN_FIRST:
        left = limits.DASHBOARD_RUNS_MAX - len(shown)
        if not left:
            break
        latest = chain.from_iterable(_latest(group, status, left) for group in groups)
        shown += heapq.nlargest(left, latest, key=by_age)
    return shown


def _latest(group: Group, status: RunStatus, count: int) -> Iterator[OpenRun]:
    """At least the last `count` runs of a group in this status."""
    if status is RunStatus.QUEUED:
        for queued in group.queued.values():
            yield from queued.latest(count)
    elif status in group.working:
        yield from group.working[status].latest(count)
