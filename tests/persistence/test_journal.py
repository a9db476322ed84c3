"""Appending, group commit, failure and closing, wherever the journal is kept.

A test without `place` is of one store: its docstring says why.
"""

import re
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
from chargehand.persistence.memory_store import MemoryStore
from chargehand.persistence.opening import memory_journal, open_journal
from chargehand.persistence.pipeline import BATCH_RECORDS_MAX
from chargehand.persistence.verify import verify
from tests.persistence.places import opened_again


async def test_records_appended_together_are_told_in_order_once_they_are_on_disk(model, place):
    journal = await place.open()
    told = await place.run(journal)
    appended = [model.append(journal, f"task-{n % 3}", events=1 + n % 2) for n in range(50)]
    assert told == []
    assert journal.durable_seq == 0
    await model.commit(journal)
    assert told == appended
    assert journal.durable_seq == journal.next_seq - 1 == 75
    assert [number for first, last in place.log() for number in range(first, last + 1)] == [
        *range(1, 76)
    ]


async def test_records_that_wait_are_committed_together(model, place):
    journal = await place.open()
    appended = [model.append(journal, f"task-{n % 3}", events=1 + n % 2) for n in range(50)]
    told = await place.run(journal)
    await model.commit(journal)
    assert told == appended
    assert journal.statistics().commits == 1
    assert place.log() == [(1, 75)]


async def test_a_batch_is_bounded(model, place):
    journal = await place.open()
    for _ in range(BATCH_RECORDS_MAX + 1):
        journal.append(Entry(model.record(journal.next_seq, "t"), model.new("t")))
    told = await place.run(journal)
    await model.commit(journal)
    assert journal.statistics().commits == 2
    assert len(told) == BATCH_RECORDS_MAX + 1


@pytest.mark.parametrize("before", [0, BATCH_RECORDS_MAX - 1, BATCH_RECORDS_MAX])
async def test_what_is_appended_together_is_in_one_commit_however_much_waits(model, place, before):
    journal = await place.open()
    for _ in range(before):
        journal.append(Entry(model.record(journal.next_seq, "t"), model.new("t")))
    seq, together = journal.next_seq, []
    for number in range(40):
        record = model.record(seq, f"u{number % 3}", events=1 + number % 2)
        together.append(Entry(record, model.new(f"u{number % 3}")))
        seq = record.last_seq + 1
    journal.append_together(together)
    journal.append(Entry(model.record(journal.next_seq, "t"), model.new("t")))
    told = await place.run(journal)
    await model.commit(journal)
    assert [record.seq for record in told] == sorted(record.seq for record in told)
    assert len(told) == before + 41
    # A value of the log is there as a whole or not at all.
    found = [sum(first <= e.record.seq <= last for e in together) for first, last in place.log()]
    assert set(found) <= {0, 40}
    assert sum(found) == 40


async def test_of_what_is_appended_together_nothing_is_taken_where_one_cannot_be(model, place):
    journal = await place.open()
    told = await place.run(journal)
    good = Entry(model.record(1, "t"), model.new("t"))
    with pytest.raises(StorageError, match="where number 2 is due"):
        journal.append_together([good, Entry(model.record(3, "u"), model.new("u"))])
    assert journal.next_seq == 1
    assert journal.reads.state("t") is None
    model.append(journal, "v")
    await model.commit(journal)
    assert [record.address for record in told] == ["v"]


async def test_everything_is_committed_in_order_and_in_few_commits(place, model):
    journal = await place.open()
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


async def test_records_that_wait_are_written_before_run_ends(model, place, switch_interval):
    journal = await place.open()
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


@opened_again
async def test_a_journal_that_never_ran_can_be_closed(place):
    await (await place.open()).close()
    await (await place.open()).close()


@pytest.mark.parametrize("seq", [0, 2, 7])
async def test_a_record_out_of_turn_is_refused_and_not_taken(model, place, seq):
    journal = await place.open()
    with pytest.raises(StorageError, match="where number 1 is due"):
        journal.append(Entry(model.record(seq, "task-1"), model.new("task-1")))
    assert journal.next_seq == 1
    assert journal.tail_records == 0


async def test_a_record_without_events_is_refused(model, place):
    journal = await place.open()
    with pytest.raises(StorageError, match="with 0 events"):
        journal.append(Entry(model.record(1, "task-1", events=0), model.new("task-1")))


async def test_what_cannot_be_written_is_refused_before_anything_is_taken(model, place):
    journal = await place.open()
    with pytest.raises(StorageError):
        model.append(journal, "task-1", rows=(IndexRow(IndexTable.RUNS, "\ud800", "t"),))
    with pytest.raises(StorageError):
        model.append(journal, "not\0an address")
    assert journal.next_seq == 1
    assert journal.reads.tail("task-1") == []
    assert journal.reads.state("task-1") is None


async def test_a_failed_commit_settles_nothing_and_ends_run(model, place):
    journal = await place.open()
    told = []
    with pytest.RaisesGroup(pytest.RaisesExc(StorageError, match=place.failure)):
        async with trio.open_nursery() as nursery:
            await nursery.start(journal.run, told.extend)
            place.fail()
            model.append(journal, "task-1")
    assert told == []
    assert journal.durable_seq == 0
    assert re.search(place.failure, str(journal.failed))
    with pytest.raises(StorageError, match=f"the journal has failed: .*{place.failure}"):
        model.append(journal, "task-1")
    with pytest.raises(StorageError, match=place.failure):
        await journal.checkpoint([])
    with pytest.raises(StorageError, match=place.failure):
        await journal.close()
    assert place.failures <= 1, "it was not tried again"


async def test_a_failure_in_a_checkpoint_is_told_to_whoever_waits_for_it(model, place):
    journal = await place.open()
    committed = trio.Event()

    async def run():
        with pytest.raises(StorageError, match=place.failure):
            await journal.run(lambda _: committed.set())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        model.append(journal, "task-1")
        await committed.wait()
        place.fail()
        with pytest.raises(StorageError, match=place.failure):
            await journal.checkpoint([])
    assert [record.seq for record in journal.reads.tail("task-1")] == [1]


async def test_whatever_committed_raises_comes_out_of_run(model, place):
    journal = await place.open()

    def committed(entries):
        raise LookupError("a bug")

    with pytest.RaisesGroup(LookupError):
        async with trio.open_nursery() as nursery:
            await nursery.start(journal.run, committed)
            model.append(journal, "task-1")
    assert journal.failed is None
    with pytest.raises(StorageError, match="the journal has ended"):
        model.append(journal, "task-1")


async def test_cancelled_it_ends_and_can_be_closed(model, place):
    journal = await place.open()
    async with trio.open_nursery() as nursery:
        await nursery.start(journal.run, lambda _: None)
        model.append(journal, "task-1")
        nursery.cancel_scope.cancel()
    await journal.close()


async def test_whoever_waits_for_room_waits_no_longer_than_needed(model, place, monkeypatch):
    monkeypatch.setattr(journal_module, "JOURNAL_PENDING_MAX", 3)
    journal = await place.open()
    for _ in range(3):
        model.append(journal, "task-1")
    with trio.move_on_after(0) as scope:
        await journal.wait_room()
    assert scope.cancelled_caught
    async with trio.open_nursery() as nursery:
        nursery.start_soon(journal.wait_room)
        nursery.start_soon(journal.wait_room)
        await wait_all_tasks_blocked()
        await place.run(journal)
    assert journal.statistics().pending == 0


async def test_whoever_waits_for_room_is_let_go_when_there_will_be_none(model, place, monkeypatch):
    monkeypatch.setattr(journal_module, "JOURNAL_PENDING_MAX", 1)
    journal = await place.open()
    place.fail()
    model.append(journal, "task-1")
    with pytest.RaisesGroup(StorageError):
        async with trio.open_nursery() as nursery:
            with trio.CancelScope(shield=True):
                nursery.start_soon(journal.run, lambda _: None)
                await journal.wait_room()


async def test_a_map_that_is_too_small_grows_under_the_journal(tmp_path, model):
    """Of the file of LMDB alone."""
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


@opened_again
async def test_rows_are_found_before_and_after_they_are_folded(place, model):
    key = "k" * 500 + "é"
    journal = await place.open()
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
    journal = await place.open()
    assert journal.reads.get(IndexTable.KEYS, key) == "task-1 run-1"
    await journal.close()


async def test_a_row_that_is_overwritten_while_it_is_folded_keeps_its_new_value(model, place):
    journal = await place.open()
    await place.run(journal)
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


async def test_what_no_record_can_have_as_address_is_found_nowhere(place):
    journal = await place.open()
    for address in ("", "x" * 10_000, "a\0b", "\ud800"):
        assert journal.reads.state(address) is None
        assert journal.reads.tail(address) == []
        assert journal.reads.timeline(address, 0) == journal.reads.timeline_latest(address, 5) == []
    await journal.close()


async def log_of(model, place, *records):
    """Have a log of one commit for each number of events."""
    journal = await place.open()
    await place.run(journal)
    for events in records:
        model.append(journal, "task-1", events)
        await model.commit(journal)
    await journal.close()


@opened_again
async def test_a_log_that_was_not_replayed_is_not_written(model, place):
    await log_of(model, place, 1, 2)
    journal = await place.open()
    with pytest.raises(StorageError, match="not replayed"):
        await journal.run(lambda _: None)


@opened_again
async def test_a_missing_number_is_named(model, place):
    await log_of(model, place, 1, 2, 1)
    place.put_log(2, None)
    with pytest.raises(DamagedError, match=r"number 4 instead of 2|differs .* at 4"):
        model.restart(await place.open())


@opened_again
async def test_a_damaged_record_is_named(model, place):
    await log_of(model, place, 1, 2, 1)
    value = bytearray(place.get_log(2))
    value[40] ^= 1
    place.put_log(2, bytes(value))
    first, damage, last = (await place.open()).recovery.replay()
    assert (first.seq, last.seq) == (1, 4)
    assert (damage.address, damage.seq, damage.last_seq) == ("task-1", 2, 3)
    assert "number 2" in damage.cause


@opened_again
async def test_a_record_under_a_wrong_number_is_named(model, place):
    await log_of(model, place, 1, 1)
    place.put_log(2, place.get_log(1))
    with pytest.raises(DamagedError, match=r"number 1 in place of 2|ends at 1, .* at 2"):
        model.restart(await place.open())


async def test_a_value_that_a_damaged_key_hides_from_reading_in_order_is_missed(
    model, running, monkeypatch
):
    """As LMDB does where a page has its keys out of order: it counts what it does not find. Here it
    is a store in memory that does so."""
    store = MemoryStore()
    journal = memory_journal(store)
    await running(journal)
    for _ in range(2):
        model.append(journal, "task-1")
        await model.commit(journal)
    monkeypatch.setattr(MemoryStore, "count", lambda _, table: 3)
    with pytest.raises(DamagedError, match="out of order"):
        model.restart(memory_journal(store))
    assert "out of order" in next(finding.message for finding in verify(store))


@opened_again
async def test_restoring_out_of_turn_is_refused(model, place):
    await log_of(model, place, 1, 1)
    journal = await place.open()
    _, second = journal.recovery.replay()
    with pytest.raises(StorageError, match="number 2 is restored where 1 is due"):
        journal.recovery.restore(Entry(second, model.new("task-1")))


async def test_reading_a_timeline_in_parts_gives_all_of_it_once(model, place):
    journal = await place.open()
    await place.run(journal)
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


async def test_a_timeline_shows_only_what_is_on_disk(model, place):
    journal = await place.open()
    await place.run(journal)
    first = model.append(journal, "task-1")
    await model.commit(journal)
    second = model.append(journal, "task-1")
    assert (
        journal.reads.timeline("task-1", 0) == journal.reads.timeline_latest("task-1", 9) == [first]
    )
    assert journal.reads.tail("task-1") == [first, second]


async def test_no_virtual_time_passes_in_a_journal_without_a_thread(model, autojump_clock, running):
    """A thread would have the clock jump."""
    journal = memory_journal()
    with trio.CancelScope(deadline=inf):
        await running(journal)
        for _ in range(5):
            model.append(journal, "task-1")
            await model.commit(journal)
            await journal.checkpoint([])
    assert trio.current_time() == 0


async def test_settlements_are_left_to_whoever_is_told(model, place):
    calls = Counter()
    journal = await place.open()
    entry = Entry(model.record(1, "task-1"), model.new("task-1"))
    entry.settlements.append(Settlement(lambda: calls.update("x"), lambda _: calls.update("y")))
    journal.append(entry)
    assert not calls
    told = await place.run(journal)
    await model.commit(journal)
    assert told == [entry.record]
    assert not calls
