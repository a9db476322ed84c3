"""What was done in each minute of the last day, and how long it took. Kept in memory alone: a start
begins it anew, and what is replayed then does not count.

A minute is one of the wall clock, and what was committed in it counts, by the time of the commit.
Where the wall is set, the past is shown by the wall as it is now: what happened ten minutes ago
stands ten minutes back, off by half a minute at most, and none is lost, or there twice. Time in
which the host slept has passed.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import IntEnum
from typing import Final, final

from chargehand.actors import limits
from chargehand.actors.clock import Moment
from chargehand.actors.frozen import frozen
from chargehand.actors.limits import HISTORY_MINUTES_MAX, NS
from chargehand.actors.record import Entry, Record
from chargehand.actors.task import events as e
from chargehand.actors.task.state import TaskState
from chargehand.actors.views.latencies import Latencies, LatencySummary

MINUTE_NS: Final = 60 * NS


class Happened(IntEnum):
    """What is counted; the values are places in lists."""

    TASK_CREATED = 0
    RUN_ENQUEUED = 1
    RUN_CLAIMED = 2
    RUN_RELEASED = 3
    LEASE_EXPIRED = 4
    RUN_COMPLETED = 5
    RUN_FAILED = 6
    RUN_CANCELED = 7


_COUNTED: Final[dict[type, Happened]] = {
    e.TaskCreated: Happened.TASK_CREATED,
    e.RunEnqueued: Happened.RUN_ENQUEUED,
    e.RunRetried: Happened.RUN_ENQUEUED,
    e.RunRecovered: Happened.RUN_ENQUEUED,
    e.RunClaimed: Happened.RUN_CLAIMED,
    e.RunReleased: Happened.RUN_RELEASED,
    e.RunLeaseExpired: Happened.LEASE_EXPIRED,
    e.RunCompleted: Happened.RUN_COMPLETED,
    e.RunFailed: Happened.RUN_FAILED,
    e.RunForcedFail: Happened.RUN_FAILED,
    e.RunParkedClosed: Happened.RUN_FAILED,
    e.RunCanceled: Happened.RUN_CANCELED,
}


@final
@frozen
class Standing:
    """How many runs are queued and at work, and when that was queued which can be claimed and is
    the oldest, by the wall of then; None: none can be."""

    queued: int
    active: int
    oldest_claimable_at_ns: int | None


@final
@frozen
class Minute:
    """Args:
    start_ns: a whole minute of the wall.
    counts: by `Happened`.
    queue_wait: of the runs claimed in it, since they were queued, or given back after a claim.
    execution: of the runs ended in it that were claimed, since their claim.
    queued, active: runs at its end, or now.
    oldest_claimable_ns: for how long the oldest run is queued that can be claimed then.
    """

    start_ns: int
    counts: Sequence[int]
    queue_wait: LatencySummary
    execution: LatencySummary
    queued: int
    active: int
    oldest_claimable_ns: int | None


@final
@frozen
class Past:
    """The last minutes up to that under way, the oldest first. Times are by the wall as it is now.

    Args:
        since_ns: from when on it is known.
    """

    since_ns: int
    as_of_ns: int
    minutes: Sequence[Minute]


class _Counts:
    """What happened in some time."""

    __slots__ = ("counts", "execution", "queue_wait")

    def __init__(self) -> None:
        self.counts = [0] * len(Happened)
        self.queue_wait = Latencies()
        self.execution = Latencies()

    def add_all(self, others: "_Counts") -> None:
        for happened, count in enumerate(others.counts):
            self.counts[happened] += count
        self.queue_wait.add_all(others.queue_wait)
        self.execution.add_all(others.execution)


@final
class _Stretch(_Counts):
    """A minute in which something happened, or a part of one where the wall was set.

    Args:
        start_ns: of the minute, on the scale that never steps (`Clock.elapsed_ns`).
    """

    __slots__ = ("oldest_ns", "standing", "start_ns")

    def __init__(self, start_ns: int) -> None:
        super().__init__()
        self.start_ns = start_ns
        self.standing: Standing | None = None  # at its end, and until something happens again
        self.oldest_ns: int | None = None  # the age at its end

    def end(self, standing: Standing, moment: Moment) -> None:
        """Nothing has happened since its end."""
        self.standing = standing
        self.oldest_ns = _oldest_ns(standing, moment)
        if self.oldest_ns is not None:
            over_ns = max(0, moment.elapsed_ns - self.start_ns - MINUTE_NS)
            self.oldest_ns = max(0, self.oldest_ns - over_ns)


@final
class History:
    """Args:
    moment: what the clock says.
    standing: how the queue stands, as far as the scheduler knows what was committed.
    """

    def __init__(self, moment: Callable[[], Moment], standing: Callable[[], Standing]) -> None:
        self._moment = moment
        self._standing = standing
        now = moment()
        self._since_ns = now.elapsed_ns
        self._stretches = deque([_Stretch(_start_ns(now))])
        self._given_back: dict[str, int] = {}  # since when runs are queued again

    def committed(self, entries: Iterable[Entry]) -> None:
        """Called by the publisher, before anybody else takes them in."""
        moment = self._moment()
        stretch = self._under_way(moment)
        for entry in entries:
            if isinstance(entry.state, TaskState):
                self._count(stretch, entry.record, entry.state, moment)

    def _count(self, stretch: _Stretch, record: Record, state: TaskState, moment: Moment) -> None:
        for event in record.events:
            happened = _COUNTED.get(type(event))
            if happened is None:
                continue
            stretch.counts[happened] += 1
            if happened <= Happened.RUN_ENQUEUED or not isinstance(event, e.RunEvent):
                continue
            run_id = event.run_id
            if happened in (Happened.RUN_RELEASED, Happened.LEASE_EXPIRED):
                self._give_back(run_id, moment)
                continue
            since_ns = self._given_back.pop(run_id, None) if self._given_back else None
            run = state.run(run_id)
            if run is None or run.claimed_at_ns is None:
                continue
            claimed_ns = moment.age_of(run.claimed_at_ns)
            if happened is not Happened.RUN_CLAIMED:
                ended_ns = moment.age_of(record.at_ns)
                stretch.execution.add(max(0, claimed_ns - ended_ns))
            elif since_ns is not None:
                stretch.queue_wait.add(moment.elapsed_ns - since_ns)
            else:
                stretch.queue_wait.add(max(0, moment.age_of(run.queued_at_ns) - claimed_ns))

    def _give_back(self, run_id: str, moment: Moment) -> None:
        given_back = self._given_back
        given_back.pop(run_id, None)
        given_back[run_id] = moment.elapsed_ns
        if len(given_back) > limits.HISTORY_GIVEN_BACK_MAX:
            del given_back[next(iter(given_back))]

    def _under_way(self, moment: Moment) -> _Stretch:
        """That of the minute which is now; a new one where the last is over."""
        start_ns, newest = _start_ns(moment), self._stretches[-1]
        # The wall is slewed, too, and set by a little: a minute is not taken for another then.
        if abs(start_ns - newest.start_ns) < MINUTE_NS // 2:
            return newest
        newest.end(self._standing(), moment)
        stretch = _Stretch(start_ns)
        self._stretches.append(stretch)
        self._forget(start_ns - (HISTORY_MINUTES_MAX - 1) * MINUTE_NS)
        return stretch

    def _forget(self, before_ns: int) -> None:
        """The last one before that stays: it says how the queue stood until the next one."""
        stretches = self._stretches
        while stretches[1].start_ns <= before_ns or len(stretches) > 2 * HISTORY_MINUTES_MAX:
            stretches.popleft()
            self._since_ns = max(self._since_ns, stretches[0].start_ns)

    def past(self, count: int) -> Iterator[Past | None]:
        """The last `count` minutes, or as many of them as are known: at last. None: some of the
        time is over that others need (see `slices.in_turns`)."""
        moment = self._moment()
        newest = self._under_way(moment)
        newest.end(self._standing(), moment)
        offset_ns = moment.now_ns - moment.elapsed_ns
        last = moment.now_ns // MINUTE_NS
        earliest_ns = newest.start_ns - (HISTORY_MINUTES_MAX - 1) * MINUTE_NS
        since_ns = max(self._since_ns, earliest_ns) + offset_ns
        first = max(last - count + 1, since_ns // MINUTE_NS)
        by_number: dict[int, list[_Stretch]] = {}
        for stretch in self._stretches:
            number = (stretch.start_ns + offset_ns + MINUTE_NS // 2) // MINUTE_NS
            by_number.setdefault(min(number, last), []).append(stretch)
        before = max((number for number in by_number if number < first), default=first)
        latest = by_number.get(before, [self._stretches[0]])[-1]
        shown: list[Minute] = []
        for number in range(first, last + 1):
            found = by_number.get(number)
            if found is not None:
                before, latest = number, found[-1]
            shown.append(_shown(number, found or (), latest, number - before))
            if len(shown) % limits.SLICE_MAX == 0:
                yield None
        yield Past(since_ns, moment.now_ns, shown)


def _start_ns(moment: Moment) -> int:
    """When the minute of the wall that is now began, or would have, on the scale that never
    steps."""
    return moment.elapsed_ns - moment.now_ns % MINUTE_NS


def _oldest_ns(standing: Standing, moment: Moment) -> int | None:
    at_ns = standing.oldest_claimable_at_ns
    return None if at_ns is None else moment.age_of(at_ns)


def _shown(number: int, found: Sequence[_Stretch], latest: _Stretch, later: int) -> Minute:
    """Args:
    found: what is of that minute.
    latest: the last of it, or else the one before.
    later: by how many minutes that is before.
    """
    counts: _Counts = _NOTHING
    if len(found) == 1:
        counts = found[0]
    elif found:
        counts = _Counts()
        for stretch in found:
            counts.add_all(stretch)
    standing, oldest_ns = latest.standing, latest.oldest_ns
    assert standing is not None, "all but the newest have ended, and that was looked at"
    return Minute(
        number * MINUTE_NS,
        tuple(counts.counts),
        counts.queue_wait.summary(),
        counts.execution.summary(),
        standing.queued,
        standing.active,
        None if oldest_ns is None else oldest_ns + later * MINUTE_NS,
    )


_NOTHING: Final = _Counts()
