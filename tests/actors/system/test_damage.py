"""Damage at rest is found when it is read, named and contained, over restarts too."""

from contextlib import asynccontextmanager

import pytest
from trio.testing import wait_all_tasks_blocked

from chargehand.actors.errors import Code, Rejected
from chargehand.actors.faults import Why
from chargehand.actors.idempotency.once import Once, digest_of
from chargehand.actors.identity import Caller
from chargehand.actors.registry.commands import CreateWorkspace
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import RunStatus, Scope, TaskStatus
from chargehand.persistence.memory_store import MemoryStore
from chargehand.persistence.store import Put, Table
from tests.actors.system.desk import OPERATOR, started

SICK, SOUND = "sick", "sound"


def flip(store: MemoryStore, table: Table, key: bytes, bit: int) -> None:
    value = bytearray(store.get(table, key))
    value[bit // 8 % len(value)] ^= 1 << bit % 8
    store.commit([Put(table, key, bytes(value))])


def keys(store: MemoryStore, table: Table, prefix: bytes = b"") -> list[bytes]:
    found = store.scan(table, b"", None, 10_000, len)
    return [key for key, _ in found if key.startswith(prefix)]


async def code_of(call) -> Code:
    with pytest.raises(Rejected) as caught:
        await call
    return caught.value.code


async def made(checkpoint: bool) -> tuple[MemoryStore, dict[str, str]]:
    """A store with two tasks that have a queued run each; with those runs."""
    async with started() as desk:
        runs = {}
        for task_id in (SICK, SOUND):
            await desk.task(id=task_id, description="text")
            runs[task_id] = (await desk.enqueue(task_id)).id
        if checkpoint:
            await desk.system.checkpointer.checkpoint()
        return desk.store.copy(), runs


@asynccontextmanager
async def contained(store, runs):
    """A system in which all that is asked of the damaged task is refused, and the other works."""
    async with started(store) as desk:
        yield desk
        system = desk.system
        for call in (
            system.task(SICK),
            desk.ask(SICK, c.PatchTask(title="new")),
            system.run(runs[SICK]),
            desk.ask_run(c.CancelRun(runs[SICK])),
            desk.task(parent_task_id=SICK),
            desk.task(id=SICK),
        ):
            assert await code_of(call) is Code.TASK_SET_ASIDE
        [fault] = system.faults
        assert (fault.address, fault.why) == (SICK, Why.DAMAGED)
        assert (await system.task(SOUND)).description == "text"
        assert "task.created" in desk.events(SOUND)
        if await desk.status_of(runs[SOUND]) is RunStatus.QUEUED:
            await desk.do("s1", runs[SOUND])
        assert await desk.claim("s1") is None
        await system.checkpointer.checkpoint()


async def over_restarts(store, runs, find=None):
    """Contained now, after a checkpoint, and after two more starts."""
    for _ in range(3):
        async with contained(store, runs) as desk:
            if find is not None:
                await find(desk)
        store = desk.store.copy()
    return store


@pytest.mark.parametrize("table", [Table.HEADS, Table.BODIES])
@pytest.mark.parametrize("bit", range(3, 3000, 271))
async def test_a_snapshot(table, bit):
    store, runs = await made(checkpoint=True)
    before = store.get(table, SICK.encode())
    flip(store, table, SICK.encode(), bit)
    damaged = store.get(table, SICK.encode())
    assert damaged != before
    store = await over_restarts(store, runs)
    assert store.get(table, SICK.encode()) == damaged  # the evidence


@pytest.mark.parametrize("bit", range(3, 3000, 271))
async def test_a_record_of_the_log(bit):
    """The first of four: that which made the task. Without it nothing of the task can be known."""
    store, runs = await made(checkpoint=False)
    key = keys(store, Table.LOG)[0]
    frame_bits = 8 * (23 + len(SICK) + 100)
    flip(store, Table.LOG, key, bit % frame_bits)
    damaged = store.get(Table.LOG, key)
    store = await over_restarts(store, runs)
    assert not keys(store, Table.LOG, key)  # trimmed, and yet there
    kept = keys(store, Table.ASIDE, SICK.encode())
    assert len(kept) == 2
    assert damaged.startswith(store.get(Table.ASIDE, kept[0]))


async def test_a_record_of_the_log_behind_a_snapshot():
    """The task is not shown as it was before the damaged record."""
    async with started() as desk:
        await desk.task(id=SICK, description="text")
        await desk.task(id=SOUND, description="text")
        runs = {task_id: (await desk.enqueue(task_id)).id for task_id in (SICK, SOUND)}
        await desk.system.checkpointer.checkpoint()
        await desk.ask(SICK, c.PatchTask(title="newer"))
        key = keys(desk.store, Table.LOG)[-1]
        await desk.ask(SICK, c.PatchTask(title="newest"))
        store = desk.store.copy()
    flip(store, Table.LOG, key, 999)
    async with started(store.copy()) as desk:
        assert [task.id for task in desk.system.views.catalog] == [SOUND]
    await over_restarts(store, runs)


@pytest.mark.parametrize("bit", range(3, 500, 41))
async def test_an_index_row(bit):
    store, runs = await made(checkpoint=True)
    flip(store, Table.RUNS, b"=" + runs[SICK].encode(), bit)

    async def find(desk):
        assert await code_of(desk.system.run(runs[SICK])) is Code.TASK_SET_ASIDE

    await over_restarts(store, runs, find)


@pytest.mark.parametrize("bit", range(3, 5000, 611))
async def test_a_chunk_of_a_timeline(bit):
    store, runs = await made(checkpoint=True)
    [key] = keys(store, Table.TIMELINE, SICK.encode())
    flip(store, Table.TIMELINE, key, bit)
    damaged = store.get(Table.TIMELINE, key)

    async def find(desk):
        with pytest.raises(Rejected) as caught:
            desk.system.views.timelines.after(SICK, 0, 10)
        assert caught.value.code is Code.TASK_SET_ASIDE

    store = await over_restarts(store, runs, find)
    assert store.get(Table.TIMELINE, key) == damaged


async def test_a_data_directory_of_the_former_version_opens():
    """Its log has no directories, its rows and numbers no checksums."""
    store, runs = await made(checkpoint=False)
    for key in keys(store, Table.LOG):
        value = store.get(Table.LOG, key)
        ends = len(value) - 12 - int.from_bytes(value[-12:-8])
        store.commit([Put(Table.LOG, key, value[:ends])])
    store.commit([Put(Table.META, b"format", (1).to_bytes(8))])
    async with started(store) as desk:
        first = (await desk.claim("s1")).the_run.id
        await desk.complete("s1", first)
        await desk.system.checkpointer.checkpoint()
        for key in keys(desk.store, Table.RUNS):
            value = desk.store.get(Table.RUNS, key)
            desk.store.commit([Put(Table.RUNS, key, value[5:])])
    async with started(desk.store.copy()) as desk:
        assert await desk.status_of(first) is RunStatus.COMPLETED
        [second] = set(runs.values()) - {first}
        await desk.do("s1", second)
        assert not len(desk.system.faults)


async def test_a_row_that_nothing_says_the_owner_of_is_set_aside_by_itself():
    async with started() as desk:
        run = await desk.enqueue((await desk.task(id=SICK)).id)
        await desk.system.checkpointer.checkpoint()
        store = desk.store.copy()
    key = b"=" + run.id.encode()
    store.commit([Put(Table.RUNS, key, store.get(Table.RUNS, key)[:-2] + b"??")])
    async with started(store) as desk:
        assert await code_of(desk.system.run(run.id)) is Code.TASK_SET_ASIDE
        [fault] = desk.system.faults
        assert fault.address.startswith("@index/runs/")
        assert (await desk.system.task(SICK)).id == SICK


async def test_a_key_whose_row_is_damaged_is_refused_as_nobody_knows_what_was_done_under_it():
    def keyed(key):
        return Caller(OPERATOR.actor, OPERATOR.origin, Once(digest_of(key), digest_of("request")))

    create = c.CreateTask(scope=Scope.GLOBAL, title="work")
    async with started() as desk:
        await desk.system.create_task(create, keyed("a"))
        await desk.system.create_task(create, keyed("b"))
        await desk.system.checkpointer.checkpoint()
        store = desk.store.copy()
    flip(store, Table.ONCE, keys(store, Table.ONCE)[0], 100)
    for _ in range(2):
        async with started(store) as desk:
            answered = []
            for key in ("a", "b"):
                try:
                    answered.append((await desk.system.create_task(create, keyed(key))).task.id)
                except Rejected as refused:
                    answered.append(refused.code)
            assert Code.TASK_SET_ASIDE in answered
            assert len(desk.system.views.catalog) == 2
            await desk.system.checkpointer.checkpoint()
            store = desk.store.copy()


# --- what is no task -----------------------------------------------------------------------------


async def test_a_session_whose_entry_is_damaged_is_refused_and_others_are_not():
    async with started() as desk:
        for session_id in ("s1", "s2"):
            await desk.register(session_id)
        await desk.system.checkpointer.checkpoint()
        store = desk.store.copy()
    flip(store, Table.HEADS, b"@session/s1", 200)
    for _ in range(2):
        async with started(store) as desk:
            await desk.queued()
            assert await code_of(desk.claim("s1")) is Code.SESSION_SET_ASIDE
            assert await code_of(desk.register("s1")) is Code.SESSION_SET_ASIDE
            assert await code_of(desk.system.end_session("s1")) is Code.SESSION_SET_ASIDE
            run = (await desk.claim("s2")).the_run
            await desk.complete("s2", run.id)
            await desk.system.checkpointer.checkpoint()
            store = desk.store.copy()


async def test_a_workspace_whose_entry_is_damaged_is_refused_and_gets_no_double():
    async with started() as desk:
        made = [
            await desk.system.registry.create_workspace(CreateWorkspace(root_dir=root))
            for root in ("/srv/a", "/srv/b")
        ]
        await desk.system.checkpointer.checkpoint()
        store = desk.store.copy()
    flip(store, Table.HEADS, f"@workspace/{made[0].id}".encode(), 200)
    async with started(store) as desk:
        again = desk.system.registry.create_workspace(CreateWorkspace(root_dir="/srv/a"))
        assert await code_of(again) is Code.WORKSPACE_SET_ASIDE
        with pytest.raises(Rejected) as caught:
            desk.system.roster.workspace(made[0].id)
        assert caught.value.code is Code.WORKSPACE_SET_ASIDE
        assert desk.system.roster.find_workspace("/srv/b").id == made[1].id


@pytest.mark.parametrize("where", ["log", "snapshot"])
async def test_a_scheduler_whose_state_is_damaged_is_paused_until_it_is_resumed(where):
    async with started() as desk:
        await desk.system.scheduler.pause("stop", OPERATOR)
        await desk.system.scheduler.resume(OPERATOR)
        if where == "snapshot":
            await desk.system.checkpointer.checkpoint()
        store = desk.store.copy()
    if where == "snapshot":
        flip(store, Table.HEADS, b"@scheduler", 200)
    else:
        flip(store, Table.LOG, keys(store, Table.LOG)[-1], 400)
    for _ in range(2):
        async with started(store) as desk:
            await desk.task()
            status = await desk.system.scheduler.status()
            assert "damaged" in status.pause.reason
            assert [fault.address for fault in desk.system.faults] == ["@scheduler"]
            await desk.system.checkpointer.checkpoint()
            store = desk.store.copy()
    async with started(store) as desk:
        await desk.system.scheduler.resume(OPERATOR)
        run = await desk.queued()
        assert (await desk.claim("s1")).the_run.id == run.id
        await desk.system.checkpointer.checkpoint()
        store = desk.store.copy()
    async with started(store) as desk:
        assert (await desk.system.scheduler.status()).pause is None
        assert not len(desk.system.faults)


async def test_a_damaged_effect_is_named_and_kept_and_the_others_are_applied():
    async with started() as desk:
        blocker = await desk.task()
        for task_id in (SICK, SOUND):
            await desk.task(id=task_id)
            await desk.ask(task_id, c.AddDependency(blocker.id))
        run = await desk.enqueue(blocker.id)
        desk.system.faults.set_aside(SICK, Why.CRASHED, "in this test")
        desk.system.faults.set_aside(SOUND, Why.CRASHED, "in this test")
        await desk.do("s1", run.id)
        await desk.system.checkpointer.checkpoint()
        store = desk.store.copy()
    first, second = keys(store, Table.EFFECTS)
    assert first < second
    flip(store, Table.EFFECTS, first, 300)
    for _ in range(2):
        async with started(store) as desk:
            await wait_all_tasks_blocked()
            assert (await desk.system.task(SOUND)).status is TaskStatus.READY
            [fault] = desk.system.faults
            assert fault.address.startswith("@effect/")
            await desk.task()
            await desk.system.checkpointer.checkpoint()
            store = desk.store.copy()
