"""Times out reviews that nobody judges: at the moment of the deadline, without polling.

Open reviews and their deadlines are learnt from committed tasks. Whether one is really over is for
its task to say; this only wakes it.
"""

from collections.abc import Callable
from typing import final

import trio

from actors.actor import Envelope
from actors.clock import Clock
from actors.deadlines import Deadlines
from actors.identity import REVIEW_DEADLINES
from actors.task.commands import TimeOutReview
from actors.task.state import TaskState

_STEP_MAX = 64  # reviews told of between two checkpoints of Trio


@final
class ReviewDeadlines:
    """Args: send: puts a message of the system into a task's mailbox (`Directory.push`)."""

    def __init__(self, clock: Clock, send: Callable[[str, Envelope], None]) -> None:
        self._clock = clock
        self._send = send
        self._open: dict[str, frozenset[str]] = {}  # task -> its open reviews
        self._deadlines: Deadlines[tuple[str, str]] = Deadlines()  # (task, review)
        self._earlier = trio.Event()

    def __len__(self) -> int:
        return len(self._deadlines)

    def committed(self, state: TaskState) -> None:
        """A task as it is on disk; at start-up, as it was stored."""
        if not state.reviews and state.id not in self._open:
            return
        waiting = {review.id: review.deadline_at_ns for review in state.open_reviews}
        known = self._open.pop(state.id, frozenset())
        if waiting:
            self._open[state.id] = frozenset(waiting)
        for review_id in known - waiting.keys():
            self._deadlines.discard((state.id, review_id))
        first_ns = self._deadlines.next_at_ns()
        for review_id in waiting.keys() - known:
            self._deadlines.set((state.id, review_id), waiting[review_id])
        if self._deadlines.next_at_ns() != first_ns:
            self._earlier.set()

    async def run(self) -> None:
        """Wake tasks whose reviews are over until canceled."""
        while True:
            self._earlier = trio.Event()
            next_ns = self._deadlines.next_at_ns()
            if next_ns is None:
                await self._earlier.wait()
                continue
            with trio.move_on_at(self._clock.trio_time(next_ns)):
                await self._earlier.wait()
            for task_id, review_id in self._deadlines.pop_due(self._clock.now_ns(), _STEP_MAX):
                self._send(task_id, Envelope(TimeOutReview(review_id), REVIEW_DEADLINES))
            await trio.lowlevel.checkpoint()
