"""No work below a canceled task: in races, over restarts, and below a root that has ended."""

import pytest
import trio

from chargehand.actors.errors import Code, Rejected
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import TaskStatus
from tests.actors.system.desk import CrashStore, started


async def refused(call, *args, **fields) -> Code:
    with pytest.raises(Rejected) as caught:
        await call(*args, **fields)
    return caught.value.code


@pytest.mark.parametrize("turns", range(4))
async def test_a_child_that_is_created_while_its_tree_is_canceled_is_refused_or_swept(desk, turns):
    """The cancel comes `turns` of the scheduler after the first children."""
    await desk.task(id="root")
    await desk.task(id="middle", parent_task_id="root")
    made, codes = [], set()

    async def create(number):
        try:
            child = await desk.task(parent_task_id="middle", title=f"child {number}")
        except Rejected as refusal:
            codes.add(refusal.code)
        else:
            made.append(child.id)

    async with trio.open_nursery() as nursery:
        for number in range(4):
            nursery.start_soon(create, number)
        for _ in range(turns):
            await trio.lowlevel.checkpoint()
        nursery.start_soon(desk.ask, "root", c.CancelTask())
        for number in range(4):
            nursery.start_soon(create, number)
    await trio.testing.wait_all_tasks_blocked()
    await create("late")
    assert codes == {Code.BELOW_CANCELED}
    for child in made:
        assert (await desk.system.task(child)).canceled
    assert desk.system.views.child_count("middle") == len(made)


async def test_nothing_is_made_below_a_canceled_task_whenever_the_server_is_killed():
    store = CrashStore()
    async with started(store) as desk:
        await desk.task(id="root")
        run = await desk.queued(id="done", parent_task_id="root")
        await desk.do("s1", run.id)
        await desk.queued(id="open", parent_task_id="root")
        await desk.task(id="outside")
        await trio.testing.wait_all_tasks_blocked()
        store.crash_points.clear()
        await desk.ask("root", c.CancelTask())
    assert len(store.crash_points) > 1
    for point in store.crash_points:
        for with_checkpoint in (False, True):
            left = point.copy()
            if with_checkpoint:
                async with started(left) as desk:
                    await desk.system.checkpointer.checkpoint()
                    left = desk.store.copy()
            async with started(left) as desk:
                # Before anything else has had a turn: what the cancel means is known at the start.
                assert await refused(desk.task, parent_task_id="root") is Code.BELOW_CANCELED
                assert await refused(desk.task, parent_task_id="open") is Code.BELOW_CANCELED
                assert await refused(desk.enqueue, "done") is Code.BELOW_CANCELED
                for blocker in ("root", "open"):
                    depend = c.AddDependency(blocker)
                    assert await refused(desk.ask, "outside", depend) is Code.BLOCKER_CANCELED
                await desk.ask("outside", c.AddDependency("done"))
                await trio.testing.wait_all_tasks_blocked()
                assert (await desk.system.task("open")).canceled
                assert (await desk.system.task("done")).status is TaskStatus.COMPLETED


async def test_the_cancel_of_an_ended_root_ends_what_is_open_below_whenever_the_server_is_killed():
    store = CrashStore()
    async with started(store) as desk:
        run = await desk.queued(id="root")
        await desk.task(id="middle", parent_task_id="root")
        await desk.do("s1", run.id)
        for number in range(3):
            await desk.queued(id=f"leaf-{number}", parent_task_id="middle")
        await trio.testing.wait_all_tasks_blocked()
        store.crash_points.clear()
        answer = await desk.ask("root", c.CancelTask("enough"))
        assert answer.task.status is TaskStatus.COMPLETED
        for name in ("middle", "leaf-0", "leaf-1", "leaf-2"):
            assert (await desk.system.task(name)).canceled
        assert await refused(desk.ask, "root", c.CancelTask()) is Code.TRANSITION
        assert await desk.claim("s1") is None
        # The root itself is not canceled, so it may go on.
        await desk.task(id="new", parent_task_id="root")
        await desk.ask("root", c.CancelTask())
        assert (await desk.system.task("new")).canceled
    assert len(store.crash_points) > 1
    for point in store.crash_points:
        async with started(point) as desk:
            await trio.testing.wait_all_tasks_blocked()
            assert (await desk.system.task("root")).status is TaskStatus.COMPLETED
            for name in ("middle", "leaf-0", "leaf-1", "leaf-2"):
                assert (await desk.system.task(name)).canceled
                assert desk.events(name).count("task.canceled") == 1
            assert len(desk.system.outbox) == 0
