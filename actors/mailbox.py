"""How a message travels: a bounded mailbox on one side, a one-shot reply on the other.

Trio's memory channels and events do this too; these take a third of their time (a round trip costs
about 5 µs instead of 15), which is what a claim is made of.
"""

from collections import deque
from itertools import islice
from typing import Generic, TypeVar, final

import trio
from outcome import Error, Value

from chargehand.actors.errors import Code, Rejected

T = TypeVar("T")


@final
class Reply(Generic[T]):
    """One answer, delivered once to the one task that waits for it.

    The waiting task may be canceled; then the reply counts as abandoned and whoever answers may
    look at that before it does something for nobody.
    """

    __slots__ = ("_outcome", "_task", "abandoned")

    def __init__(self) -> None:
        self._outcome: Value[T] | Error | None = None
        self._task: trio.lowlevel.Task | None = None
        self.abandoned = False

    @property
    def is_settled(self) -> bool:
        return self._outcome is not None

    def settle(self, value: T) -> None:
        self._deliver(Value(value))

    def fail(self, error: Exception) -> None:
        self._deliver(Error(error))

    def _deliver(self, outcome: Value[T] | Error) -> None:
        if self._outcome is not None:
            return
        self._outcome = outcome
        if self._task is not None:
            trio.lowlevel.reschedule(self._task, outcome)
            self._task = None

    async def wait(self) -> T:
        """The answer, or its error raised. Canceled: the answer is abandoned, not the command."""
        if self._outcome is not None:
            await trio.lowlevel.checkpoint_if_cancelled()
            return self._outcome.unwrap()
        self._task = trio.lowlevel.current_task()
        value: T = await trio.lowlevel.wait_task_rescheduled(self._abandon)
        return value

    def abandon(self) -> None:
        """Nobody will wait for it."""
        self.abandoned = True

    def _abandon(self, _: object) -> trio.lowlevel.Abort:
        self._task = None
        self.abandoned = True
        return trio.lowlevel.Abort.SUCCEEDED


@final
class Mailbox(Generic[T]):
    """Messages for one actor, in order. Callers meet its bound, the system itself does not."""

    __slots__ = ("_bound", "_items", "_receiver")

    def __init__(self, bound: int) -> None:
        self._items: deque[T] = deque()
        self._bound = bound
        self._receiver: trio.lowlevel.Task | None = None

    def __len__(self) -> int:
        return len(self._items)

    def send_nowait(self, item: T) -> None:
        """Put a caller's message in.

        Raises:
            Rejected: OVERLOADED at the bound; the caller may try again a little later.
        """
        if len(self._items) >= self._bound:
            raise Rejected(
                Code.OVERLOADED,
                "too many requests wait for this part of the server",
                "try again after the time that Retry-After names",
            )
        self.push(item)

    def push(self, item: T) -> None:
        """Put a message in that must not be refused: an effect, a committed record, a timer."""
        self._items.append(item)
        if self._receiver is not None:
            trio.lowlevel.reschedule(self._receiver)
            self._receiver = None

    async def receive(self, most: int) -> list[T]:
        """Wait for messages and take up to `most` of them."""
        await self.ready()
        return self.take(most)

    async def ready(self) -> None:
        """Wait until there is a message; a checkpoint in any case."""
        if self._items:
            await trio.lowlevel.checkpoint()
        while not self._items:
            self._receiver = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(self._stop_waiting)

    def take(self, most: int) -> list[T]:
        """Up to `most` of the messages that are there, if any."""
        items = self._items
        if len(items) <= most:
            batch = list(items)
            items.clear()
            return batch
        batch = list(islice(items, most))
        for _ in batch:
            items.popleft()
        return batch

    def _stop_waiting(self, _: object) -> trio.lowlevel.Abort:
        self._receiver = None
        return trio.lowlevel.Abort.SUCCEEDED

    def take_all(self) -> list[T]:
        """What is left in it, for whoever cleans up."""
        left = list(self._items)
        self._items.clear()
        return left
