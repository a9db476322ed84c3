"""Appending, group commit, failure and closing. Most of it without a thread."""

import sys
from collections import Counter
from math import inf

import pytest
import trio
from attrs import evolve as replace
from trio.testing import wait_all_tasks_blocked

from chargehand.actors.ports import DamagedError, StorageError
from chargehand.actors.record import Entry, IndexRow, IndexTable, Settlement
from chargehand.actors.task.state import Json
from chargehand.persistence import journal as journal_module
from chargehand.persistence.framing import sequence_key
from chargehand.persistence.memory_store import MemoryStore
from chargehand.persistence.opening import embedded_journal, memory_journal, open_journal
from chargehand.persistence.pipeline import BATCH_RECORDS_MAX
from chargehand.persistence.recovery import log_last_seq
from chargehand.persistence.store import Delete, Put, Table
from chargehand.persistence.verify import verify
from tests.actors.system.desk import CrashStore


@pytest.fixture(params=["inline", "threaded"])
def faulty_journal(request, faulty_store):
    return embedded_journal(faulty_store, threaded=request.param == "threaded")


async def test_records_appended_together_are_committed_together_and_in_order(model, running):
    journal = memory_journal()
    told = await running(journal)
    appended = [model.append(journal, f"task-{n % 3}", events=1 + n % 2) for n in range(50)]
    assert told == []
    assert journal.durable_seq == 0
    await model.commit(journal)
    assert told == appended
    assert journal.durable_seq == journal.next_seq - 1 == 75
    assert journal.statistics().commits == 1


async def test_a_batch_is_bounded(model, running):
    journal = memory_journal()
    told = await running(journal)
    for _ in range(BATCH_RECORDS_MAX + 1):
        journal.append(Entry(model.record(journal.next_seq, "t"), model.new("t")))
    await model.commit(journal)
    assert journal.statistics().commits == 2
    assert len(told) == BATCH_RECORDS_MAX + 1


@pytest.mark.parametrize("before", [0, BATCH_RECORDS_MAX - 1, BATCH_RECORDS_MAX])
async def test_what_is_appended_together_is_in_one_commit_however_much_waits(
    model, running, before
):
    store = CrashStore()
    journal = memory_journal(store)
    told = await running(journal)
    for _ in range(before):
        journal.append(Entry(model.record(journal.next_seq, "t"), model.new("t")))
    seq, together = journal.next_seq, []
    for number in range(40):
        record = model.record(seq, f"u{number % 3}", events=1 + number % 2)
        together.append(Entry(record, model.new(f"u{number % 3}")))
        seq = record.last_seq + 1
    journal.append_together(together)
    journal.append(Entry(model.record(journal.next_seq, "t"), model.new("t")))
    await model.commit(journal)
    assert [record.seq for record in told] == sorted(record.seq for record in told)
    assert len(told) == before + 41
    found = [
        sum(e.record.last_seq <= log_last_seq(crashed) for e in together)
        for crashed in store.crash_points
    ]
    assert set(found) <= {0, 40}
    assert found[-1] == 40


async def test_of_what_is_appended_together_nothing_is_taken_where_one_cannot_be(model, running):
    journal = memory_journal()
    told = await running(journal)
    good = Entry(model.record(1, "t"), model.new("t"))
    with pytest.raises(StorageError, match="where number 2 is due"):
        journal.append_together([good, Entry(model.record(3, "u"), model.new("u"))])
    assert journal.next_seq == 1
    assert journal.reads.state("t") is None
    model.append(journal, "v")
    await model.commit(journal)
    assert [record.address for record in told] == ["v"]


async def test_a_thread_commits_everything_in_order_and_in_few_commits(tmp_path, model):
    journal = open_journal(tmp_path)
    told, all_told = [], trio.Event()

    def committed(entries):
        told.extend(entry.record for entry in entries)
        if len(told) == 300:
            all_told.set()

    appended = [model.append(journal, f"task-{n % 7}") for n in range(200)]
    async with trio.open_nursery() as nursery:
        await nursery.start(journal.run, committed)
        appended += [model.append(journal, f"task-{n % 7}") for n in range(100)]
        await all_told.wait()
        await journal.close()
    assert told == appended
    assert journal.statistics().commits <= 101, "those that waited went in one"
    assert journal.statistics().records == 300


@pytest.fixture
def switch_interval():
    former_s = sys.getswitchinterval()
    sys.setswitchinterval(0.004)
    yield 0.004
    sys.setswitchinterval(former_s)


async def test_records_that_wait_are_written_before_run_ends(model, any_store, switch_interval):
    journal = embedded_journal(any_store)
    told = []
    async with trio.open_nursery() as nursery:
        await nursery.start(journal.run, told.extend)
        for _ in range(20):
            model.append(journal, "task-1")
        await journal.close()
    assert len(told) == 20
    assert sys.getswitchinterval() == pytest.approx(switch_interval)
    with pytest.raises(StorageError, match="the journal is closed"):
        model.append(journal, "task-1")


async def test_a_journal_that_never_ran_can_be_closed(tmp_path):
    await open_journal(tmp_path).close()
    await open_journal(tmp_path).close()


@pytest.mark.parametrize("seq", [0, 2, 7])
def test_a_record_out_of_turn_is_refused_and_not_taken(model, seq):
    journal = memory_journal()
    with pytest.raises(StorageError, match="where number 1 is due"):
        journal.append(Entry(model.record(seq, "task-1"), model.new("task-1")))
    assert journal.next_seq == 1
    assert journal.tail_records == 0


def test_a_record_without_events_is_refused(model):
    journal = memory_journal()
    with pytest.raises(StorageError, match="with 0 events"):
        journal.append(Entry(model.record(1, "task-1", events=0), model.new("task-1")))


def test_what_cannot_be_written_is_refused_before_anything_is_taken(model):
    journal = memory_journal()
    with pytest.raises(StorageError):
        model.append(journal, "task-1", rows=(IndexRow(IndexTable.RUNS, "\ud800", "t"),))
    with pytest.raises(StorageError):
        model.append(journal, "not\0an address")
    assert journal.next_seq == 1
    assert journal.reads.tail("task-1") == []
    assert journal.reads.state("task-1") is None


async def test_a_failed_commit_settles_nothing_and_ends_run(model, faulty_journal, faulty_store):
    told = []
    faulty_store.fail_at = 1
    with pytest.RaisesGroup(pytest.RaisesExc(StorageError, match="the disk is gone")):
        async with trio.open_nursery() as nursery:
            await nursery.start(faulty_journal.run, told.extend)
            model.append(faulty_journal, "task-1")
    assert told == []
    assert faulty_journal.durable_seq == 0
    assert str(faulty_journal.failed) == "the disk is gone"
    with pytest.raises(StorageError, match="the journal has failed: the disk is gone"):
        model.append(faulty_journal, "task-1")
    with pytest.raises(StorageError, match="the disk is gone"):
        await faulty_journal.checkpoint([])
    with pytest.raises(StorageError, match="the disk is gone"):
        await faulty_journal.close()
    assert faulty_store.fail_at == 0, "it was not tried again"


async def test_a_failure_in_a_checkpoint_is_told_to_whoever_waits_for_it(
    model, faulty_journal, faulty_store
):
    committed = trio.Event()

    async def run():
        with pytest.raises(StorageError, match="the disk is gone"):
            await faulty_journal.run(lambda _: committed.set())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        model.append(faulty_journal, "task-1")
        await committed.wait()
        faulty_store.fail_at = 2
        with pytest.raises(StorageError, match="the disk is gone"):
            await faulty_journal.checkpoint([])
    assert [record.seq for record in faulty_journal.reads.tail("task-1")] == [1]


async def test_whatever_committed_raises_comes_out_of_run(model, faulty_journal):
    def committed(entries):
        raise LookupError("a bug")

    with pytest.RaisesGroup(LookupError):
        async with trio.open_nursery() as nursery:
            await nursery.start(faulty_journal.run, committed)
            model.append(faulty_journal, "task-1")
    assert faulty_journal.failed is None
    with pytest.raises(StorageError, match="the journal has ended"):
        model.append(faulty_journal, "task-1")


async def test_cancelled_it_ends_and_can_be_closed(model, faulty_journal):
    async with trio.open_nursery() as nursery:
        await nursery.start(faulty_journal.run, lambda _: None)
        model.append(faulty_journal, "task-1")
        nursery.cancel_scope.cancel()
    await faulty_journal.close()


async def test_whoever_waits_for_room_waits_no_longer_than_needed(model, running, monkeypatch):
    monkeypatch.setattr(journal_module, "JOURNAL_PENDING_MAX", 3)
    journal = memory_journal()
    for _ in range(3):
        model.append(journal, "task-1")
    with trio.move_on_after(0) as scope:
        await journal.wait_room()
    assert scope.cancelled_caught
    async with trio.open_nursery() as nursery:
        nursery.start_soon(journal.wait_room)
        nursery.start_soon(journal.wait_room)
        await wait_all_tasks_blocked()
        await running(journal)
    assert journal.statistics().pending == 0


async def test_whoever_waits_for_room_is_let_go_when_there_will_be_none(
    model, faulty_journal, faulty_store, monkeypatch
):
    monkeypatch.setattr(journal_module, "JOURNAL_PENDING_MAX", 1)
    faulty_store.fail_at = 1
    model.append(faulty_journal, "task-1")
    with pytest.RaisesGroup(StorageError):
        async with trio.open_nursery() as nursery:
            with trio.CancelScope(shield=True):
                nursery.start_soon(faulty_journal.run, lambda _: None)
                await faulty_journal.wait_room()


async def test_a_map_that_is_too_small_grows_under_the_journal(tmp_path, model):
    journal = open_journal(tmp_path, map_bytes=1 << 17)
    state = replace(model.new("t"), metadata=Json(b'"' + bytes([65]) * 4000 + b'"'))
    told = []
    async with trio.open_nursery() as nursery:
        await nursery.start(journal.run, told.extend)
        for n in range(1000):
            record = model.record(journal.next_seq, f"task-{n:060}")
            journal.append(Entry(record, replace(state, id=record.address)))
        await journal.close()
    assert len(told) == 1000
    assert journal.statistics().growths > 0


async def test_rows_are_found_before_and_after_they_are_folded(tmp_path, model):
    key = "k" * 500 + "é"
    journal = open_journal(tmp_path)
    committed = trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(journal.run, lambda _: committed.set())
        rows = (
            IndexRow(IndexTable.RUNS, "run-1", "task-1"),
            IndexRow(IndexTable.KEYS, key, "task-1 run-1"),
        )
        model.append(journal, "task-1", rows=rows)
        for _ in range(2):
            assert journal.reads.get(IndexTable.RUNS, "run-1") == "task-1"
            assert journal.reads.get(IndexTable.KEYS, key) == "task-1 run-1"
            assert journal.reads.get(IndexTable.KEYS, "run-1") is None
            await committed.wait()
            await journal.checkpoint([])
        await journal.close()
    journal = open_journal(tmp_path)
    assert journal.reads.get(IndexTable.KEYS, key) == "task-1 run-1"
    await journal.close()


async def test_a_row_that_is_overwritten_while_it_is_folded_keeps_its_new_value(model, running):
    journal = memory_journal()
    await running(journal)
    model.append(journal, "task-1", rows=(IndexRow(IndexTable.RUNS, "run-1", "old"),))
    await model.commit(journal)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(journal.checkpoint, [])
        nursery.start_soon(journal.checkpoint, [])
        model.append(journal, "task-1", rows=(IndexRow(IndexTable.RUNS, "run-1", "new"),))
    assert journal.reads.get(IndexTable.RUNS, "run-1") == "new"
    await model.commit(journal)
    await journal.checkpoint([])
    assert journal.reads.get(IndexTable.RUNS, "run-1") == "new"


async def test_what_no_record_can_have_as_address_is_found_nowhere(tmp_path):
    journal = open_journal(tmp_path)
    for address in ("", "x" * 10_000, "a\0b", "\ud800"):
        assert journal.reads.state(address) is None
        assert journal.reads.tail(address) == []
        assert journal.reads.timeline(address, 0) == journal.reads.timeline_latest(address, 5) == []
    await journal.close()


async def log_of(model, *records):
    """A store with a log of one commit for each number of events."""
    store = MemoryStore()
    journal = memory_journal(store)
    async with trio.open_nursery() as nursery:
        await nursery.start(journal.run, lambda _: None)
        for events in records:
            model.append(journal, "task-1", events)
            await model.commit(journal)
        await journal.close()
    return store


async def test_a_log_that_was_not_replayed_is_not_written(model):
    journal = memory_journal(await log_of(model, 1, 2))
    with pytest.raises(StorageError, match="not replayed"):
        await journal.run(lambda _: None)


async def test_a_missing_number_is_named(model):
    store = await log_of(model, 1, 2, 1)
    store.commit([Delete(Table.LOG, sequence_key(2))])
    with pytest.raises(StorageError, match="number 4 instead of 2"):
        model.restart(memory_journal(store))


async def test_a_damaged_record_is_named(model):
    store = await log_of(model, 1, 2, 1)
    value = bytearray(store.get(Table.LOG, sequence_key(2)))
    value[40] ^= 1
    store.commit([Put(Table.LOG, sequence_key(2), bytes(value))])
    first, damage, last = memory_journal(store).recovery.replay()
    assert (first.seq, last.seq) == (1, 4)
    assert (damage.address, damage.seq, damage.last_seq) == ("task-1", 2, 3)
    assert "number 2" in damage.cause


async def test_a_record_under_a_wrong_number_is_named(model):
    store = await log_of(model, 1, 1)
    store.commit([Put(Table.LOG, sequence_key(2), store.get(Table.LOG, sequence_key(1)))])
    with pytest.raises(StorageError, match="number 1 in place of 2"):
        model.restart(memory_journal(store))


async def test_a_value_that_a_damaged_key_hides_from_reading_in_order_is_missed(model, monkeypatch):
    """As LMDB does where a page has its keys out of order: it counts what it does not find."""
    store = await log_of(model, 1, 1)
    monkeypatch.setattr(MemoryStore, "count", lambda _, table: 3)
    with pytest.raises(DamagedError, match="out of order"):
        model.restart(memory_journal(store))
    assert "out of order" in next(finding.message for finding in verify(store))


async def test_restoring_out_of_turn_is_refused(model):
    journal = memory_journal(await log_of(model, 1, 1))
    _, second = journal.recovery.replay()
    with pytest.raises(StorageError, match="number 2 is restored where 1 is due"):
        journal.recovery.restore(Entry(second, model.new("task-1")))


async def test_reading_a_timeline_in_parts_gives_all_of_it_once(model, running):
    journal = memory_journal()
    await running(journal)
    appended = []
    for n in range(40):
        if n % 4:
            appended.append(model.append(journal, "task-1", events=1 + n % 3))
        else:
            model.append(journal, "task-10")
        if n % 5 == 0:
            await model.commit(journal)
        if n % 9 == 0:
            await journal.checkpoint([])
    await model.commit(journal)
    for after_seq in (-1, *range(journal.next_seq + 2), 2**70):
        expected = [record for record in appended if record.last_seq > after_seq]
        assert journal.reads.timeline("task-1", after_seq) == expected
        for limit in (0, 1, 7):
            assert journal.reads.timeline("task-1", after_seq, limit) == expected[:limit]
    for count in range(len(appended) + 3):
        assert journal.reads.timeline_latest("task-1", count) == (
            appended[-count:] if count else []
        )
    assert journal.reads.timeline_latest("task-1", -1) == []


async def test_a_timeline_shows_only_what_is_on_disk(model, running):
    journal = memory_journal()
    await running(journal)
    first = model.append(journal, "task-1")
    await model.commit(journal)
    second = model.append(journal, "task-1")
    assert (
        journal.reads.timeline("task-1", 0) == journal.reads.timeline_latest("task-1", 9) == [first]
    )
    assert journal.reads.tail("task-1") == [first, second]


async def test_no_virtual_time_passes_in_a_journal_without_a_thread(model, autojump_clock, running):
    journal = memory_journal()
    with trio.CancelScope(deadline=inf):
        await running(journal)
        for _ in range(5):
            model.append(journal, "task-1")
            await model.commit(journal)
            await journal.checkpoint([])
    assert trio.current_time() == 0


def test_settlements_are_left_to_whoever_is_told(model):
    calls = Counter()
    journal = memory_journal()
    entry = Entry(model.record(1, "task-1"), model.new("task-1"))
    entry.settlements.append(Settlement(lambda: calls.update("x"), lambda _: calls.update("y")))
    journal.append(entry)
    assert not calls
