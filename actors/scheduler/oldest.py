"""Which of the claimable runs was queued first."""

from collections import deque
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from operator import attrgetter
from typing import Final, final

from chargehand.actors.task.eligibility import QueuedRun

_UNCOUNTED: Final = 64  # places of runs that have gone; below this they are left
_by_age: Final = attrgetter("queue_order")


@final
class Oldest:
    """A line of runs in the order in which they were queued. Nearly each is put at its end, so it
    costs its place alone; those that come back later stand in a heap beside the line.

    Runs that have gone stay where they are until they come to the front, or are more than the
    others.

    Args:
        is_live: denies a run that has gone. One that comes back may be the same object.
    """

    def __init__(self, is_live: Callable[[QueuedRun], bool]) -> None:
        self._is_live = is_live
        self._line: deque[QueuedRun] = deque()
        self._late: list[tuple[int, str, QueuedRun]] = []
        self._living = 0

    @property
    def stored(self) -> int:
        """Places in memory, those of runs that have gone too."""
        return len(self._line) + len(self._late)

    def restore(self, runs: Iterable[QueuedRun]) -> None:
        """Take in many while there is none."""
        self._line = deque(sorted(runs, key=_by_age))
        self._living = len(self._line)

    def add(self, run: QueuedRun) -> None:
        self._living += 1
        if not self._line or run.queue_order >= self._line[-1].queue_order:
            self._line.append(run)
        else:
            heappush(self._late, (run.queue_order, run.run_id, run))

    def gone(self) -> None:
        """One of the runs is claimable no more: `is_live` already denies it."""
        self._living -= 1
        if self.stored > 2 * self._living + _UNCOUNTED:
            self._clear_up()

    def first(self) -> QueuedRun | None:
        """The oldest; it stays."""
        line, late = self._line, self._late
        while line and not self._is_live(line[0]):
            line.popleft()
        while late and not self._is_live(late[0][2]):
            heappop(late)
        if not line or (late and late[0][0] < line[0].queue_order):
            return late[0][2] if late else None
        return line[0]

    def _clear_up(self) -> None:
        # By task, as one that came back stands here more than once.
        stored = (*self._line, *(run for _, _, run in self._late))
        living = {run.task_id: run for run in stored if self._is_live(run)}
        self._late.clear()
        self._line = deque(sorted(living.values(), key=_by_age))
