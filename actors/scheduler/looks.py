"""When each queued run is looked at next."""

from array import array
from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heappush
from typing import final

from chargehand.actors.task.eligibility import QueuedRun

_UNCOUNTED = 64  # places of runs that have gone; below this it is not worth while to clear up


@final
class Looks:
    """A line of runs, the next one first. Nearly each is put at its end, as all wait for the same
    time; so a run costs its place and 8 bytes for the time. Those that wait for less, as they were
    queued before, stand in a heap beside the line.

    Runs that have gone stay where they are until they come to the front, or are more than the
    others.

    Args:
        queued: the run of a task, if it is queued. An equal one is another one.
    """

    def __init__(self, queued: Callable[[str], QueuedRun | None]) -> None:
        self._queued = queued
        self._line: list[QueuedRun | None] = []
        self._at_ns = array("q")  # beside each of the line; never falls
        self._first = 0  # place of the line; those before it are over
        self._early: list[tuple[int, QueuedRun]] = []
        self._length = 0

    def __len__(self) -> int:
        """How many runs will be looked at."""
        return self._length

    @property
    def stored(self) -> int:
        """Places in memory, those of runs that have gone too."""
        return len(self._line) + len(self._early)

    def restore(self, runs: Sequence[QueuedRun], at_ns: int) -> None:
        """Have many looked at at the same time, while there is none."""
        self._line = list(runs)
        self._at_ns = array("q", (at_ns,)) * len(runs)
        self._length = len(runs)

    def put(self, run: QueuedRun, at_ns: int) -> None:
        """Have a run looked at that will not be yet."""
        self._length += 1
        if not self._at_ns or at_ns >= self._at_ns[-1]:
            self._line.append(run)
            self._at_ns.append(at_ns)
        else:
            heappush(self._early, (at_ns, run))

    def gone(self) -> None:
        """One of the runs has left the queue."""
        self._length -= 1
        if len(self._line) + len(self._early) > 2 * self._length + _UNCOUNTED:
            self._clear_up()

    def next_at_ns(self) -> int | None:
        """When the next one is looked at."""
        self._advance()
        line_ns = self._at_ns[self._first] if self._first < len(self._line) else None
        early_ns = self._early[0][0] if self._early else None
        if line_ns is None or early_ns is None:
            return early_ns if line_ns is None else line_ns
        return min(line_ns, early_ns)

    def pop_due(self, now_ns: int) -> QueuedRun | None:
        """The next one, if its time has come; it will not be looked at again by itself."""
        at_ns = self.next_at_ns()
        if at_ns is None or at_ns > now_ns:
            return None
        self._length -= 1
        if self._early and self._early[0][0] == at_ns:
            return heappop(self._early)[1]
        run = self._line[self._first]
        self._line[self._first] = None
        self._pass(1)
        return run

    def _advance(self) -> None:
        """Pass those that have gone."""
        line, first = self._line, self._first
        while first < len(line):
            run = line[first]
            if run is not None and self._queued(run.task_id) is run:
                break
            line[first] = None
            first += 1
        if first > self._first:
            self._pass(first - self._first)
        while self._early and not self._is_queued(self._early[0][1]):
            heappop(self._early)

    def _pass(self, count: int) -> None:
        """So many places more are over."""
        self._first += count
        if self._first > _UNCOUNTED and 2 * self._first > len(self._line):
            del self._line[: self._first], self._at_ns[: self._first]
            self._first = 0

    def _is_queued(self, run: QueuedRun) -> bool:
        return self._queued(run.task_id) is run

    def _clear_up(self) -> None:
        """Keep those in the queue."""
        kept = [
            (run, at_ns)
            for run, at_ns in zip(self._line, self._at_ns, strict=True)
            if run is not None and self._is_queued(run)
        ]
        self._line = [run for run, _ in kept]
        self._at_ns = array("q", (at_ns for _, at_ns in kept))
        self._first = 0
        self._early = [entry for entry in self._early if self._is_queued(entry[1])]
        heapify(self._early)
