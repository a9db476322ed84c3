"""Long work done in slices, so that nothing else waits for it: the one way of doing that.

An actor does a slice in a turn and has the next one behind the messages that wait for it. What no
actor owns goes on in the `Background`; what a caller waits for goes on in the caller's own task.
"""

from collections.abc import Callable, Iterator
from typing import TypeVar, final

import trio

from chargehand.actors import limits
from chargehand.actors.mailbox import Mailbox

T = TypeVar("T")
Turn = Callable[[], None]


async def in_turns(work: Iterator[T | None]) -> T:
    """What `work` finds. Where it yields None, everybody else has a turn."""
    for found in work:
        if found is not None:
            return found
        await trio.lowlevel.checkpoint()
    raise AssertionError("work ends with what it finds")


def in_slices(
    work: Iterator[object], later: Callable[[Turn], None], first: int = limits.SLICE_MAX
) -> None:
    """Do the first items of `work` now, and the rest in turns of `SLICE_MAX` items each.

    Args:
        work: does one item for each step. Whatever it looks at may have changed between two.
        later: has something run in a turn of its own.
        first: how many items are done now.
    """
    for count, _ in enumerate(work, 1):
        if count >= first:
            later(lambda: in_slices(work, later))
            return


@final
class Background:
    """Turns that nobody waits for, one after the other."""

    def __init__(self) -> None:
        self._turns: Mailbox[Turn] = Mailbox(0)

    def later(self, turn: Turn) -> None:
        """Have something run soon."""
        self._turns.push(turn)

    async def run(self) -> None:
        """Take turns until canceled."""
        while True:
            for turn in await self._turns.receive(1):
                turn()
