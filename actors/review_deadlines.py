"""Times out reviews that nobody judges: at the moment of the deadline, without polling.

A deadline that a request named is a time of the wall, and moves with it; the server's own is so
long after the request, whatever the wall does. Open reviews and their deadlines are learnt from
committed tasks. Whether one is really over is for its task to say; this only wakes it, and wakes it
again until the review is closed: after a step of the wall the task may find that it is too early.
"""

import math
from collections.abc import Callable
from typing import final

import trio

from chargehand.actors.actor import Envelope
from chargehand.actors.clock import Clock
from chargehand.actors.deadlines import Deadlines
from chargehand.actors.identity import REVIEW_DEADLINES
from chargehand.actors.limits import NS
from chargehand.actors.task.commands import TimeOutReview
from chargehand.actors.task.review import Review
from chargehand.actors.task.state import TaskState

_STEP_MAX = 64  # reviews that are over, between two checkpoints of Trio
_AGAIN_NS = NS  # after a message that the task may not have acted on


@final
class ReviewDeadlines:
    """Args: send: puts a message of the system into a task's mailbox (`Directory.push`)."""

    def __init__(self, clock: Clock, send: Callable[[str, Envelope], None]) -> None:
        self._clock = clock
        self._send = send
        self._open: dict[str, dict[str, Review]] = {}  # task -> its open reviews, by id
        # (task, review): those that named a deadline by the wall, the others by elapsed time.
        self._by_wall: Deadlines[tuple[str, str]] = Deadlines()
        self._by_age: Deadlines[tuple[str, str]] = Deadlines()
        self._changed = trio.Event()

    def __len__(self) -> int:
        return len(self._by_wall) + len(self._by_age)

    def committed(self, state: TaskState) -> None:
        """A task as it is on disk; at start-up, as it was stored."""
        if not state.reviews and state.id not in self._open:
            return
        waiting = {review.id: review for review in state.open_reviews}
        known = self._open.pop(state.id, {})
        if waiting:
            self._open[state.id] = waiting
        for review_id in known.keys() - waiting.keys():
            self._by_wall.discard((state.id, review_id))
            self._by_age.discard((state.id, review_id))
        for review_id in waiting.keys() - known.keys():
            self._set(state.id, waiting[review_id])
            self._changed.set()

    def _set(self, task_id: str, review: Review, *, after_ns: int = 0) -> None:
        """Wake the task at the deadline, and no sooner than `after_ns` from now."""
        clock = self._clock
        if review.timeout_ns:
            left_ns = review.timeout_ns - clock.age_ns(review.requested_at_ns)
            due_ns = clock.elapsed_ns() + max(left_ns, after_ns)
            self._by_age.set((task_id, review.id), due_ns)
        else:
            due_ns = max(review.deadline_at_ns, clock.now_ns() + after_ns)
            self._by_wall.set((task_id, review.id), due_ns)

    async def run(self) -> None:
        """Wake tasks whose reviews are over until canceled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._look_again_after_steps)
            while True:
                self._changed = trio.Event()
                with trio.move_on_at(self._next_s()):
                    await self._changed.wait()
                for task_id, review_id in self._due():
                    self._set(task_id, self._open[task_id][review_id], after_ns=_AGAIN_NS)
                    self._send(task_id, Envelope(TimeOutReview(review_id), REVIEW_DEADLINES))
                await trio.lowlevel.checkpoint()

    async def _look_again_after_steps(self) -> None:
        while True:
            await self._clock.stepped.wait()
            self._changed.set()

    def _next_s(self) -> float:
        """In Trio's time, as the wall stands now."""
        wall_ns, elapsed_ns = self._by_wall.next_at_ns(), self._by_age.next_at_ns()
        return min(
            math.inf if wall_ns is None else self._clock.trio_time_of_wall(wall_ns),
            math.inf if elapsed_ns is None else self._clock.trio_time_of_elapsed(elapsed_ns),
        )

    def _due(self) -> list[tuple[str, str]]:
        due = self._by_wall.pop_due(self._clock.now_ns(), _STEP_MAX)
        return due + self._by_age.pop_due(self._clock.elapsed_ns(), _STEP_MAX)
