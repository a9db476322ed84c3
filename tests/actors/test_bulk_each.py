"""The same asked about many things: bounded, in groups, and answered in order."""

import pytest
import trio

from chargehand.actors.bulk.each import ask_each
from chargehand.actors.limits import BULK_AT_ONCE_MAX

MANY = 10_000


async def test_answers_come_in_the_order_of_the_items_whatever_takes_how_long():
    async def ask(item: int) -> int:
        await trio.sleep(100 - item)
        return item * 2

    assert await ask_each(range(100), str, ask, MANY) == [item * 2 for item in range(100)]


@pytest.mark.parametrize(
    ("residents_max", "expected"), [(MANY, BULK_AT_ONCE_MAX), (20, 10), (1, 1)]
)
async def test_no_more_are_under_way_than_may_be(residents_max, expected):
    under_way, most = 0, 0

    async def ask(item: int) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await trio.sleep(1)
        under_way -= 1

    begun = trio.current_time()
    await ask_each(range(expected * 3), str, ask, residents_max)
    assert most == expected
    assert trio.current_time() - begun == 3


async def test_items_of_one_group_are_asked_about_one_after_the_other_in_their_order():
    begun: list[int] = []
    busy: set[int] = set()

    async def ask(item: int) -> None:
        group = item % 3
        assert group not in busy
        busy.add(group)
        begun.append(item)
        await trio.sleep(1)
        busy.remove(group)

    await ask_each(range(30), lambda item: str(item % 3), ask, MANY)
    for group in range(3):
        assert [item for item in begun if item % 3 == group] == list(range(group, 30, 3))


async def test_what_is_answered_at_once_lets_others_have_a_turn():
    turns = 0
    done = trio.Event()

    async def count() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1
            await trio.lowlevel.checkpoint()

    async def ask(item: int) -> None:
        pass

    async with trio.open_nursery() as nursery:
        nursery.start_soon(count)
        await ask_each(range(100), lambda _: "", ask, MANY)
        done.set()
    assert turns >= 100


async def test_of_nothing_nothing_is_asked():
    async def ask(item: int) -> int:
        raise AssertionError

    assert await ask_each([], str, ask, MANY) == []
