"""`verify` finds nothing where nothing is wrong, and names whatever is."""

import pytest

from chargehand.actors.errors import Rejected
from chargehand.actors.ports import DamagedError
from chargehand.actors.registry.commands import CreateWorkspace
from chargehand.actors.task import commands as c
from chargehand.persistence.store import Delete, Put, Table
from chargehand.persistence.verify import Problem, verify
from tests.actors.system.desk import OPERATOR, CrashStore, agent, started


async def lived_in(*, checkpoints: int):
    """A store in which each table but EFFECTS and ASIDE has rows, and some tasks are deleted."""
    async with started() as desk:
        await desk.system.registry.create_workspace(CreateWorkspace(root_dir="/srv/a"))
        await desk.register("s1")
        for number in range(8):
            root = await desk.task(id=f"root-{number}", description="text")
            child = await desk.task(parent_task_id=root.id)
            await desk.ask(root.id, c.AddDependency(child.id))
            run = await desk.enqueue(child.id, idempotency_key=f"key-{number}")
            await desk.do("s1", run.id)
            await desk.ask_run(c.RequestReview(run.id))
            again = await desk.enqueue(child.id)
            await desk.claim("s1")
            await desk.ask_run(c.FailLease(again.id, "no"), agent("s1"))
            await desk.ask_run(c.RetryRun(again.id))
            if number % 3 == 0:
                gone = await desk.queued(id=f"gone-{number}")
                await desk.ask_run(c.CancelRun(gone.id))
                await desk.ask(f"gone-{number}", c.DeleteTask())
            await desk.system.scheduler.pause("stop", OPERATOR)
            await desk.system.scheduler.resume(OPERATOR)
            if number < checkpoints:
                await desk.system.checkpointer.checkpoint()
            while (claimed := await desk.claim("s1")) is not None:
                await desk.complete("s1", claimed.the_run.id)
        return desk.store.copy()


def keys(store, table, prefix=b""):
    return [key for key, _ in store.scan(table, prefix, None, 9999, len) if key.startswith(prefix)]


def change(store, table, key, at=-2):
    value = bytearray(store.get(table, key))
    value[at] ^= 4
    store.commit([Put(table, key, bytes(value))])


def only(store):
    [finding] = verify(store)
    return finding


@pytest.mark.parametrize("checkpoints", [0, 3, 8])
async def test_a_sound_store_has_no_findings_and_is_not_changed(checkpoints):
    store = await lived_in(checkpoints=checkpoints)
    before = store.copy()
    assert list(verify(store)) == []
    for table in Table:
        assert keys(store, table) == keys(before, table)
        assert all(store.get(table, key) == before.get(table, key) for key in keys(store, table))


async def test_a_store_that_a_crash_left_in_the_middle_of_a_checkpoint_has_no_findings():
    store = CrashStore()
    async with started(store) as desk:
        for number in range(70):
            await desk.queued(id=f"task-{number}")
        await desk.system.checkpointer.checkpoint()
        for number in range(70):
            await desk.ask(f"task-{number}", c.PatchTask(title="new"))
        await desk.system.checkpointer.checkpoint()
    for point in store.crash_points[-12:]:
        assert list(verify(point)) == []


TABLES = {
    Table.HEADS: "checksum",
    Table.BODIES: "checksum",
    Table.TIMELINE: "checksum",
    Table.RUNS: "checksum",
    Table.REVIEWS: "checksum",
    Table.KEYS: "checksum",
    Table.LOG: "checksum",
}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.value)
async def test_a_flipped_bit_is_named(table):
    store = await lived_in(checkpoints=4)
    key = keys(store, table)[0]
    change(store, table, key, at=40 if table is Table.LOG else -2)
    finding = only(store)
    assert (finding.problem, finding.table) == (Problem.DAMAGED, table)
    assert TABLES[table] in finding.message
    if table in (Table.HEADS, Table.BODIES, Table.TIMELINE):
        assert key.startswith(finding.address.encode())


async def test_a_damaged_directory_of_a_log_value_is_named_and_harmless():
    store = await lived_in(checkpoints=4)
    change(store, Table.LOG, keys(store, Table.LOG)[0], at=-1)
    assert only(store).problem is Problem.DIRECTORY


async def test_a_missing_value_of_the_log_is_named():
    store = await lived_in(checkpoints=0)
    store.commit([Delete(Table.LOG, keys(store, Table.LOG)[3])])
    assert Problem.UNREADABLE in {finding.problem for finding in verify(store)}


@pytest.mark.parametrize("key", ["checkpoint_seq", "format", "epoch"])
async def test_a_damaged_number_of_the_layout_is_named(key):
    store = await lived_in(checkpoints=1)
    change(store, Table.META, key.encode())
    assert only(store).problem is Problem.UNREADABLE
    assert key in only(store).message


async def test_a_damaged_mark_is_damage_and_the_time_of_creation_concerns_nothing_else():
    store = await lived_in(checkpoints=1)
    for key, problem in ((b"created_at_ns", Problem.DAMAGED), (b"application", Problem.UNREADABLE)):
        change(store, Table.META, key)
        assert only(store).problem is problem
        assert key.decode() in only(store).message


def move(store, table, key, to):
    store.commit([Put(table, to, store.get(table, key)), Delete(table, key)])


@pytest.mark.parametrize("bit", range(64))
@pytest.mark.parametrize("checkpoints", [0, 3])
async def test_any_flipped_bit_in_the_key_of_the_newest_log_value_is_found(checkpoints, bit):
    async with started() as desk:
        for number in range(6):
            await desk.queued()
            if number < checkpoints:
                await desk.system.checkpointer.checkpoint()
        store = desk.store.copy()
    key = keys(store, Table.LOG)[-1]
    flipped = (int.from_bytes(key) ^ 1 << bit).to_bytes(8)
    if flipped in keys(store, Table.LOG):
        return
    move(store, Table.LOG, key, flipped)
    assert Problem.UNREADABLE in {finding.problem for finding in verify(store)}
    with pytest.raises((DamagedError, BaseExceptionGroup)):
        async with started(store):
            pass


async def test_a_chunk_of_a_timeline_under_a_damaged_key_is_named():
    store = await lived_in(checkpoints=8)
    key = keys(store, Table.TIMELINE)[0]
    move(store, Table.TIMELINE, key, key[:-9] + b"\x01" + key[-8:])
    assert any("key" in finding.message for finding in verify(store))


async def test_a_store_without_an_epoch_is_sound():
    store = await lived_in(checkpoints=1)
    store.commit([Delete(Table.META, b"epoch")])
    assert [*verify(store)] == []


LOST = {
    "a row": (Table.RUNS, "has no row in the index of runs"),
    "a timeline": (Table.TIMELINE, "it has no timeline"),
}


@pytest.mark.parametrize("what", LOST)
async def test_what_is_lost_is_named(what):
    table, told = LOST[what]
    async with started() as desk:
        run = await desk.queued(id="a")
        await desk.system.checkpointer.checkpoint()
        store = desk.store.copy()
    key = b"=" + run.id.encode() if table is Table.RUNS else keys(store, table, b"a\0")[0]
    store.commit([Delete(table, key)])
    finding = only(store)
    assert (finding.problem, finding.address) == (Problem.REFERENCE, "a")
    assert told in finding.message


async def test_a_snapshot_that_is_lost_or_older_than_its_timeline_is_named():
    async with started() as desk:
        await desk.task(id="parent")
        await desk.task(id="a", parent_task_id="parent")
        await desk.system.checkpointer.checkpoint()
        former = desk.store.get(Table.HEADS, b"a")
        await desk.ask("a", c.PatchTask(title="new"))
        await desk.system.checkpointer.checkpoint()
        store = desk.store.copy()
    store.commit([Put(Table.HEADS, b"a", former)])
    assert "its timeline ends at number" in only(store).message
    store.commit([Delete(Table.HEADS, b"a")])
    assert "there is a timeline, but no snapshot" in only(store).message
    store.commit([Delete(Table.HEADS, b"parent")])
    assert len(list(verify(store))) == 2


async def test_what_an_earlier_start_kept_aside_is_named():
    store = await lived_in(checkpoints=2)
    change(store, Table.LOG, keys(store, Table.LOG)[0], at=40)
    damaged = only(store).address
    async with started(store) as desk:
        await desk.task()
        await desk.system.checkpointer.checkpoint()
        with pytest.raises(Rejected):
            desk.system.faults.check(damaged)
        store = desk.store.copy()
    findings = list(verify(store))
    assert [finding.address for finding in findings if finding.problem is Problem.KEPT] == [damaged]
