"""Requests under a key, in the core: records, rows, storage that fails, and forgetting."""

import pytest
import trio

from actors.errors import Code, Rejected
from actors.identity import Caller
from actors.once import Once, digest_of
from actors.task import commands as c
from actors.task.state import Scope
from persistence.store import Table
from tests.actors.system.desk import OPERATOR, CrashStore, started

CREATE = c.CreateTask(scope=Scope.GLOBAL, title="T")


def under(key: str, request: str = "create", caller: Caller = OPERATOR) -> Caller:
    return Caller(caller.actor, caller.origin, Once(digest_of(key), digest_of(request)))


def rows(store) -> int:
    return len(store.scan(Table.ONCE, b"", None, 100_000, len))


async def test_a_record_names_its_caller_without_the_key_and_effects_have_none(desk):
    parent = await desk.task()
    child = c.CreateTask(scope=Scope.GLOBAL, title="T", parent_task_id=parent.id)
    await desk.system.create_task(child, under("k"))
    cancel = under("c", "cancel")
    await desk.ask(parent.id, c.CancelTask(), cancel)
    records = desk.system.journal.timeline(parent.id, 0)
    assert all(record.caller.once is None for record in records)
    assert [record.done.once for record in records if record.done] == [cancel.once]


async def test_every_crash_leaves_the_effect_with_its_key_or_none_of_both():
    store = CrashStore()
    async with started(store, checkpoint_s=1) as desk:
        task = await desk.system.create_task(CREATE, under("k"))
        await trio.sleep(3)
    assert len(store.crash_points) > 3
    for crashed in store.crash_points:
        async with started(crashed) as desk:
            known = desk.system.views.get(task.task.id)
            again = await desk.system.create_task(CREATE, under("k"))
            assert (again.task.id == task.task.id) == (known is not None)


async def test_after_a_failed_write_nobody_is_told_that_it_was_done():
    """An equal request waits for the one whose write fails."""
    store = CrashStore()
    outcomes = []

    async def create(desk):
        with pytest.raises(Rejected) as caught:
            await desk.system.create_task(CREATE, under("k"))
        outcomes.append(caught.value.code)

    async def three_at_once():
        async with started(store) as desk, trio.open_nursery() as nursery:
            store.fails = True
            for _ in range(3):
                nursery.start_soon(create, desk)

    with pytest.raises(BaseExceptionGroup):
        await three_at_once()
    assert outcomes == [Code.STORAGE_FAILED] * 3


async def test_what_is_too_old_leaves_the_tables():
    async with started(idempotency_s=60, checkpoint_s=1) as desk:
        for number in range(20):
            await desk.system.create_task(CREATE, under(str(number)))
        await trio.sleep(2)
        assert rows(desk.store) == 20
        await trio.sleep(60)
        await desk.task()
        await trio.sleep(2)
        assert rows(desk.store) == 0


async def test_no_key_stays_behind_whatever_becomes_of_its_caller(desk):
    """Canceled at any moment, or refused: the next request under the key is answered."""
    for moment in range(8):
        with trio.CancelScope() as gone:

            async def leave(gone=gone, moment=moment):
                for _ in range(moment):
                    await trio.lowlevel.checkpoint()
                gone.cancel()

            async with trio.open_nursery() as nursery:
                nursery.start_soon(leave)
                await desk.system.create_task(CREATE, under(str(moment)))
        answers = [await desk.system.create_task(CREATE, under(str(moment))) for _ in range(2)]
        assert answers[0].task.id == answers[1].task.id
    with pytest.raises(Rejected):
        await desk.ask("task-unknown", c.DeleteTask(), under("x"))
    assert desk.system._keys._under_way == {}
