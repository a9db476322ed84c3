"""Finished tasks go in time, whole trees at once, and nothing that others still need."""

import logging
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from chargehand.actors.actor import Envelope
from chargehand.actors.clock import VirtualTime
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.limits import NS
from chargehand.actors.retention.actor import AT_ONCE_MAX, LOOK_S
from chargehand.actors.task import commands as c
from chargehand.persistence.memory_store import MemoryStore
from chargehand.persistence.store import Table
from chargehand.persistence.verify import verify
from tests.actors.system.desk import NOW_NS, OPERATOR, CrashStore, Desk, started

AGE = 1200.0


async def finished(desk: Desk, **changes) -> str:
    task = await desk.task(**changes)
    await desk.do("s1", (await desk.enqueue(task.id)).id)
    return task.id


def left(desk: Desk) -> set[str]:
    return {task.id for task in desk.system.views.catalog}


def rows(store, table: Table) -> int:
    return len(store.scan(table, b"", None, 100_000, len))


async def test_nothing_is_deleted_unless_it_is_set(desk):
    task_id = await finished(desk)
    await trio.sleep(5 * AGE)
    assert left(desk) == {task_id}
    assert not desk.system.retention.is_on


async def test_what_ended_so_long_ago_is_deleted_and_what_is_open_stays():
    async with started(retain_finished_s=AGE) as desk:
        gone = await finished(desk)
        canceled = (await desk.task()).id
        await desk.ask(canceled, c.CancelTask())
        waiting = (await desk.queued()).id
        draft = (await desk.task(draft=True)).id
        await trio.sleep(AGE / 2)
        assert gone in left(desk)
        await trio.sleep(AGE / 2 + 2 * LOOK_S)
        assert left(desk) == {draft, (await desk.system.run(waiting)).task.id}
        assert desk.system.retention.counts.deleted == 2
        assert desk.system.retention.counts.at_ns is not None


async def test_of_finished_tasks_those_are_kept_that_were_active_last():
    async with started(retain_finished_count=3) as desk:
        made = [await finished(desk) for _ in range(3)]
        opened = (await desk.task()).id
        await trio.sleep(3 * LOOK_S)
        assert left(desk) == {*made, opened}
        made += [await finished(desk) for _ in range(2 * AT_ONCE_MAX)]
        await trio.sleep(3 * LOOK_S)
        assert left(desk) == {*made[-3:], opened}


async def test_a_tree_goes_as_a_whole_once_all_of_it_has_ended_long_ago():
    async with started(retain_finished_s=AGE) as desk:
        root = (await desk.task()).id
        done = await finished(desk, parent_task_id=root)
        await trio.sleep(3 * AGE)
        assert left(desk) == {root, done}
        assert desk.system.retention.counts.held == 1
        below = await finished(desk, parent_task_id=done)
        await desk.do("s1", (await desk.enqueue(root)).id)
        await trio.sleep(AGE - 2 * LOOK_S)
        assert left(desk) == {root, done, below}
        await trio.sleep(4 * LOOK_S)
        assert left(desk) == set()
        assert desk.system.retention.counts.refused == 0


async def test_a_blocker_stays_as_long_as_anything_that_depends_on_it():
    async with started(retain_finished_s=AGE) as desk:
        blocker = await finished(desk)
        waits = (await desk.task()).id
        await desk.ask(waits, c.AddDependency(blocker))
        await trio.sleep(3 * AGE)
        assert left(desk) == {blocker, waits}
        await desk.do("s1", (await desk.enqueue(waits)).id)
        await trio.sleep(AGE / 2)
        assert left(desk) == {blocker, waits}
        await trio.sleep(AGE / 2 + 4 * LOOK_S)
        assert left(desk) == set()
        assert desk.system.retention.counts.refused == 0


async def test_a_parent_that_depends_on_its_children_goes_with_them():
    async with started(retain_finished_s=AGE) as desk:
        root = (await desk.task()).id
        for _ in range(3):
            leaf = await finished(desk, parent_task_id=root)
            await desk.ask(root, c.AddDependency(leaf))
        await desk.do("s1", (await desk.enqueue(root)).id)
        await trio.sleep(AGE + 4 * LOOK_S)
        assert left(desk) == set()
        assert desk.system.retention.counts.refused == 0


async def test_an_open_review_keeps_a_task():
    async with started(retain_finished_s=AGE, review_s=10 * AGE) as desk:
        run = await desk.queued()
        await desk.do("s1", run.id)
        await desk.ask_run(c.RequestReview(run.id))
        await trio.sleep(5 * AGE)
        assert len(left(desk)) == 1
        await trio.sleep(10 * AGE)
        assert left(desk) == set()


async def test_a_task_that_changes_at_that_moment_is_refused_and_stays():
    async with started(retain_finished_s=AGE) as desk:
        task_id = await finished(desk)
        push = desk.system.directory.push

        def changed_first(address, envelope):
            push(address, Envelope(c.PatchTask(title="again"), OPERATOR))
            push(address, envelope)

        desk.system.retention._send = changed_first
        await trio.sleep(AGE + 2 * LOOK_S)
        assert left(desk) == {task_id}
        assert desk.system.views.get(task_id).title == "again"
        assert desk.system.retention.counts.deleted == 0
        assert desk.system.retention.counts.refused == 1


@asynccontextmanager
async def meanwhile(desk: Desk, act, name: str, *, first: bool):
    """Somebody acts once: as the first tasks are about to go by that method, or have gone."""
    retention, done = desk.system.retention, trio.Event()
    delete = getattr(retention, name)

    async def delete_and_act(tasks, this):
        if not first:
            await delete(tasks, this)
        if tasks and not done.is_set():
            done.set()
            await act()
        if first:
            await delete(tasks, this)

    setattr(retention, name, delete_and_act)
    yield
    await done.wait()


async def test_a_task_that_is_changed_after_it_was_looked_at_stays():
    async with started(retain_finished_s=AGE) as desk:
        made = [await finished(desk) for _ in range(AT_ONCE_MAX)]
        change = partial(desk.ask, made[-1], c.PatchTask(title="somebody works on it again"))
        async with meanwhile(desk, change, "_delete_each", first=True):
            await trio.sleep(AGE)
        await trio.sleep(2 * LOOK_S)
        assert left(desk) == {made[-1]}


async def test_a_task_on_which_somebody_comes_to_depend_after_it_was_looked_at_stays():
    async with started(retain_finished_s=AGE) as desk:
        made = [await finished(desk) for _ in range(AT_ONCE_MAX)]
        opened = (await desk.task()).id
        depend = partial(desk.ask, opened, c.AddDependency(made[-1]))
        async with meanwhile(desk, depend, "_delete_each", first=True):
            await trio.sleep(AGE)
        await trio.sleep(2 * LOOK_S)
        assert left(desk) == {made[-1], opened}


async def test_what_is_left_of_a_tree_stays_once_something_below_it_is_open_again():
    async with started(retain_finished_s=AGE) as desk:
        root = (await desk.task()).id
        for _ in range(3 * AT_ONCE_MAX):
            await finished(desk, parent_task_id=root)
        await desk.do("s1", (await desk.enqueue(root)).id)
        another = partial(desk.task, parent_task_id=root)
        async with meanwhile(desk, another, "_delete", first=False):
            await trio.sleep(AGE)
        await trio.sleep(2 * LOOK_S)
        assert len(left(desk)) == 2 * AT_ONCE_MAX + 2


async def test_a_task_from_a_time_when_the_wall_was_ahead_holds_up_no_other():
    store = MemoryStore()
    async with started(store, VirtualTime(NOW_NS + 10 * 365 * 86_400 * NS)) as desk:
        of_the_future = await finished(desk)
    async with started(store, VirtualTime(NOW_NS), retain_finished_s=AGE) as desk:
        for _ in range(5):
            await finished(desk)
        await trio.sleep(AGE + 2 * LOOK_S)
        assert left(desk) == {of_the_future}


async def test_it_says_how_many_it_has_deleted(caplog):
    caplog.set_level(logging.INFO)
    async with started(retain_finished_s=AGE) as desk:
        for _ in range(3):
            await finished(desk)
        await trio.sleep(AGE + 2 * LOOK_S)
    assert "retention: 3 finished tasks deleted, 0 refused, 0 held by other tasks" in caplog.text


async def test_tasks_of_a_former_process_go_too_and_a_stop_in_the_middle_loses_nothing():
    store = CrashStore()
    async with started(store) as desk:
        root = (await desk.task()).id
        for _ in range(2 * AT_ONCE_MAX):
            leaf = await finished(desk, parent_task_id=root)
        await finished(desk, parent_task_id=leaf)
        await desk.do("s1", (await desk.enqueue(root)).id)
        await desk.system.checkpointer.checkpoint()
    await trio.sleep(2 * AGE)
    before = len(store.crash_points)
    async with started(store, retain_finished_s=AGE) as desk:
        await trio.sleep(LOOK_S)
        assert left(desk) == set()
        await desk.system.checkpointer.checkpoint()
    assert len(store.crash_points) > before + 3
    for point in store.crash_points[before::4]:
        copy = point.copy()
        assert list(verify(copy)) == []
        async with started(copy, retain_finished_s=AGE) as desk:
            await trio.sleep(LOOK_S)
            assert left(desk) == set()
        assert list(verify(copy)) == []


async def test_what_is_deleted_frees_its_place_on_disk():
    async with started(retain_finished_s=AGE) as desk:
        for number in range(20):
            run = await desk.queued(description="long", metadata=None)
            await desk.ask_run(c.CancelRun(run.id))
            keyed = await desk.queued_with(idempotency_key=f"key-{number}")
            await desk.do("s1", keyed.id)
            await desk.ask_run(c.RequestReview(keyed.id))
        await desk.system.checkpointer.checkpoint()
        tables = (Table.RUNS, Table.REVIEWS, Table.KEYS)
        assert [rows(desk.store, table) for table in tables] == [40, 20, 20]
        await trio.sleep(4 * AGE)
        assert left(desk) == set()
        await desk.system.checkpointer.checkpoint()
        assert [rows(desk.store, table) for table in tables] == [0, 0, 0]
        assert rows(desk.store, Table.BODIES) == 0
        assert rows(desk.store, Table.TIMELINE) == 0
        assert desk.system.journal.forgotten.rows == 80
        assert list(verify(desk.store)) == []


async def create_again(desk: Desk, task_id: str) -> bool:
    try:
        await desk.task(id=task_id)
    except Rejected as refusal:
        if refusal.code is Code.TASK_EXISTS:
            return False
        raise
    return True


async def test_ids_of_deleted_tasks_stay_taken_unless_it_is_set(desk):
    await desk.task(id="ship-it")
    await desk.ask("ship-it", c.DeleteTask())
    for _ in range(5):
        await trio.sleep(2 * AGE)
        await desk.task()
        await desk.system.checkpointer.checkpoint()
    assert not await create_again(desk, "ship-it")


async def test_ids_of_deleted_tasks_are_free_after_a_time_that_is_set():
    """Not before nothing refers to them any more, and not while a key may be sent again."""
    async with started(retain_deleted_s=60, idempotency_s=AGE) as desk:
        run = await desk.queued(id="ship-it")
        await desk.ask_run(c.CancelRun(run.id))
        await desk.ask("ship-it", c.DeleteTask())
        for _ in range(2):
            await desk.task()
            await desk.system.checkpointer.checkpoint()
        await trio.sleep(AGE / 2)
        await desk.task()
        await desk.system.checkpointer.checkpoint()
        assert not await create_again(desk, "ship-it")
        await trio.sleep(AGE)
        await desk.task()
        await desk.system.checkpointer.checkpoint()
        assert desk.system.journal.forgotten.ids == 1
        assert await create_again(desk, "ship-it")
        assert list(verify(desk.store)) == []
        with pytest.raises(Rejected):
            await desk.system.run(run.id)
    async with started(desk.store) as desk:
        assert "ship-it" in left(desk)


async def test_a_crash_at_any_moment_while_ids_become_free_leaves_nothing_half_forgotten():
    store = CrashStore()
    settings = {"retain_finished_s": AGE, "retain_deleted_s": 1, "idempotency_s": 1}
    async with started(store, **settings) as desk:
        for number in range(3):
            run = await desk.queued_with(idempotency_key=f"key-{number}")
            await desk.ask_run(c.CancelRun(run.id))
        await trio.sleep(AGE + 2 * LOOK_S)
        for _ in range(3):
            await trio.sleep(2)
            kept = await desk.queued()
            await desk.system.checkpointer.checkpoint()
        assert desk.system.journal.forgotten.ids == 3
    for point in store.crash_points:
        copy = point.copy()
        assert list(verify(copy)) == []
    async with started(copy, **settings) as desk:
        assert (await desk.run(kept.id)).id == kept.id
        again = await desk.queued_with(idempotency_key="key-0")
        assert again.id != run.id
