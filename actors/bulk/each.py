"""The same asked about many things, several at a time, so that they share commits."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import trio

from chargehand.actors.limits import BULK_AT_ONCE_MAX

T = TypeVar("T")
R = TypeVar("R")


async def ask_each(
    items: Sequence[T],
    group: Callable[[T], str],
    ask: Callable[[T], Awaitable[R]],
    residents_max: int,
) -> list[R]:
    """What `ask` gives for each item, in their order.

    Args:
        group: items of one group are asked about one after the other, in their order.
        residents_max: how many tasks may have their actors in memory; half of them are left to
            others.
    """
    groups: dict[str, list[int]] = {}
    for index, item in enumerate(items):
        groups.setdefault(group(item), []).append(index)
    found: dict[int, R] = {}
    left = iter(groups.values())

    async def take_groups() -> None:
        for indices in left:
            for index in indices:
                await trio.lowlevel.checkpoint()  # what is refused at once gives no turn
                found[index] = await ask(items[index])

    async with trio.open_nursery() as nursery:
        for _ in range(min(BULK_AT_ONCE_MAX, max(1, residents_max // 2), len(groups))):
            nursery.start_soon(take_groups)
    return [found[index] for index in range(len(items))]
