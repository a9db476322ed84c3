"""Long work is done some of it at a time, and all of it in the end."""

import trio
from trio.testing import wait_all_tasks_blocked

from chargehand.actors import limits
from chargehand.actors.slices import Background, in_slices


def test_no_turn_does_more_than_a_slice():
    done, turns = [], []
    in_slices((done.append(number) for number in range(200)), turns.append, first=3)
    counts = [len(done)]
    while turns:
        before = len(done)
        turns.pop()()
        counts.append(len(done) - before)
    assert done == list(range(200))
    assert counts == [3, 64, 64, 64, 5]


def test_work_that_is_done_at_once_takes_no_further_turn():
    turns = []
    in_slices(iter(range(limits.SLICE_MAX - 1)), turns.append)
    assert turns == []


async def test_the_background_lets_others_go_on_between_two_turns():
    background = Background()
    done, looks = [], []

    async def look() -> None:
        while len(done) < 2000:
            looks.append(len(done))
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(background.run)
        in_slices((done.append(number) for number in range(2000)), background.later)
        nursery.start_soon(look)
        await wait_all_tasks_blocked()
        assert done == list(range(2000))
        assert len(set(looks)) > 5
        nursery.cancel_scope.cancel()
