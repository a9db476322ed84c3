"""Checkpoints: whatever they and crashes do, no record is lost, repeated or out of order.

A test without `place` is of one store: its docstring says why.
"""

import contextlib
import threading

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trio.testing import wait_all_tasks_blocked

from chargehand.actors.identity import Actor, ActorKind, Caller, Origin, OriginKind
from chargehand.actors.ports import StorageError
from chargehand.actors.record import Cause, OutstandingEffect
from chargehand.actors.task.effects import BlockerReopened, Effect
from chargehand.actors.task.head import id_of
from chargehand.persistence import folding
from chargehand.persistence.checkpoint import slices
from chargehand.persistence.memory_store import MemoryStore
from chargehand.persistence.opening import embedded_journal, memory_journal
from chargehand.persistence.store import Table
from tests.persistence.places import S_MAX, opened_again

CALLER = Caller(Actor(ActorKind.DAEMON, "scheduler"), Origin(OriginKind.DAEMON, "daemon"))
ADDRESSES = ["task-1", "task-10", "task-2"]

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.sampled_from(ADDRESSES), st.integers(1, 3)),
        st.tuples(st.sampled_from(["commit", "checkpoint", "checkpoint and append"])),
    ),
    max_size=25,
)


def outstanding(seq):
    effect = Effect("task-2", BlockerReopened("task-1"))
    return OutstandingEffect(Cause(seq, 0), seq, CALLER, effect)


def check_committed(model, journal, records):
    """The journal shows the states as of the last commit, whatever is on its way."""
    for address in ADDRESSES:
        state = None
        for record in records:
            if record.address == address and record.last_seq <= journal.durable_seq:
                state = model.fold(state, record)
        assert journal.reads.committed_state(address) == state


async def play(model, journal, store, steps):
    """Returns the appended records; all of them are committed."""
    appended = []

    def committed(entries):
        store.acknowledged = entries[-1].record.last_seq

    def append(address, events):
        appended.append(model.append(journal, address, events))
        check_committed(model, journal, appended)

    async with trio.open_nursery() as nursery:
        await nursery.start(journal.run, committed)
        for kind, *arguments in steps:
            if kind == "append":
                append(*arguments)
            elif kind == "commit":
                await model.commit(journal)
            else:
                async with trio.open_nursery() as folding:
                    folding.start_soon(journal.checkpoint, [outstanding(journal.durable_seq)])
                    if kind == "checkpoint and append":
                        await trio.lowlevel.checkpoint()
                        append("task-1", 1)
                        await trio.lowlevel.checkpoint()
                        append("task-2", 2)
            check_committed(model, journal, appended)
        await model.commit(journal)
        model.check(journal, ADDRESSES, appended)
        await journal.close()
    return appended


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS, crash=st.integers(0, 200), more=STEPS)
async def test_after_a_crash_at_any_moment_everything_acknowledged_is_there_once(
    model, faulty, small_slices, steps, crash, more
):
    """In memory a crash can be had before each commit. `replicated.test_crashes` does so with a
    database."""
    store = faulty(MemoryStore())
    appended = await play(model, embedded_journal(store, threaded=False), store, steps)
    for left, acknowledged in [*store.crashes[1:], (store.inner, store.acknowledged)]:
        journal = memory_journal(left)
        model.restart(journal)
        assert journal.durable_seq >= acknowledged
        model.check(journal, ADDRESSES, [r for r in appended if r.last_seq <= journal.durable_seq])
    # Life goes on after one of these crashes, with what an interrupted checkpoint left.
    left, _ = [*store.crashes[1:], (store.inner, 0)][crash % len(store.crashes)]
    store = faulty(left.copy())
    journal = embedded_journal(store, threaded=False)
    model.restart(journal)
    before = [record for record in appended if record.last_seq <= journal.durable_seq]
    store.crashes.clear()
    after = await play_on(model, journal, store, [*more, ("checkpoint",)], before)
    journal = memory_journal(store.inner)
    model.restart(journal)
    model.check(journal, ADDRESSES, after)


async def play_on(model, journal, store, steps, before):
    fresh = []

    async with trio.open_nursery() as nursery:
        await nursery.start(journal.run, lambda _: None)
        for kind, *arguments in steps:
            if kind == "append":
                fresh.append(model.append(journal, *arguments))
            else:
                await model.commit(journal)
                await journal.checkpoint([])
            if kind != "append":
                model.check(journal, ADDRESSES, [*before, *fresh])
        await model.commit(journal)
        await journal.close()
    return [*before, *fresh]


def stored_ids(journal) -> list[str]:
    return [id_of(task) for heads in journal.recovery.heads() for task in heads.tasks]


@opened_again
async def test_a_checkpoint_empties_the_log_and_the_tail(model, place):
    journal = await place.open()
    await place.run(journal)
    for n in range(10):
        model.append(journal, f"task-{n % 2}")
    await model.commit(journal)
    assert journal.tail_records == 10
    assert not journal.reads.is_folded("task-0", 9)
    await journal.checkpoint([])
    assert journal.tail_records == 0
    assert journal.reads.tail("task-0") == []
    assert journal.reads.is_folded("task-0", 9)
    assert place.log() == place.store.page(Table.LOG, b"", 9) == []
    await journal.close()
    journal = await place.open()
    assert list(journal.recovery.replay()) == []
    assert journal.next_seq == 11
    assert stored_ids(journal) == ["task-0", "task-1"]


async def test_what_is_appended_during_a_checkpoint_stays_in_the_tail(
    model, place, small_slices, monkeypatch
):
    is_appended = threading.Event()

    def held(*args):
        for part in slices(*args):
            yield part
            if threading.current_thread() is not threading.main_thread():
                is_appended.wait(S_MAX)

    monkeypatch.setattr(folding, "slices", held)
    journal = await place.open()
    told = await place.run(journal)
    for n in range(10):
        model.append(journal, f"task-{n}")
    await model.commit(journal)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(journal.checkpoint, [])
        while journal.tail_records < 12:
            await trio.lowlevel.checkpoint()
            late = model.append(journal, "task-3")
        is_appended.set()
    await model.commit(journal)
    assert told[-1] == late
    assert journal.tail_records == 2
    assert journal.reads.is_folded("task-3", 4)
    assert not journal.reads.is_folded("task-3", late.seq)
    assert journal.reads.is_folded("task-4", late.seq)
    assert model.state_of(journal, "task-3").max_attempts == 3
    assert len(journal.reads.timeline("task-3", 0)) == 3


async def test_slices_ride_along_with_commits(model, running, small_slices):
    """Where they are of the same store, and without a thread, so that it can be counted."""
    journal = memory_journal()
    await running(journal)
    for n in range(20):
        model.append(journal, f"task-{n}")
    await model.commit(journal)
    before = journal.statistics().commits
    await journal.checkpoint([])
    alone = journal.statistics().commits - before
    for n in range(20):
        model.append(journal, f"task-{n}")
    await model.commit(journal)
    before = journal.statistics().commits
    async with trio.open_nursery() as nursery:
        nursery.start_soon(journal.checkpoint, [])
        for _ in range(10):
            await trio.lowlevel.checkpoint()
            model.append(journal, "task-0")
    assert journal.statistics().commits - before <= alone + 1


async def test_a_checkpoint_with_nothing_new_writes_nothing(model, place):
    journal = await place.open()
    await place.run(journal)
    await journal.checkpoint([])
    model.append(journal, "task-1")
    await model.commit(journal)
    await journal.checkpoint([])
    commits = journal.statistics().commits
    await journal.checkpoint([])
    assert journal.statistics().commits == commits
    assert journal.statistics().checkpoints == 1


async def test_a_second_checkpoint_waits_for_the_first_and_folds_nothing_more(model, place):
    journal = await place.open()
    await place.run(journal)
    model.append(journal, "task-1")
    await model.commit(journal)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(journal.checkpoint, [outstanding(1)])
        nursery.start_soon(journal.checkpoint, [outstanding(1)])
    assert journal.statistics().checkpoints == 1
    assert journal.recovery.outstanding() == [outstanding(1)]


async def test_a_cancelled_checkpoint_is_finished_first(model, place):
    journal = await place.open()
    await place.run(journal)
    model.append(journal, "task-1")
    await model.commit(journal)
    with trio.move_on_after(0) as scope:
        await journal.checkpoint([])
    assert scope.cancelled_caught
    assert journal.tail_records == 0
    assert journal.statistics().checkpoints == 1


async def test_outstanding_effects_are_those_of_the_last_checkpoint(model, place):
    journal = await place.open()
    await place.run(journal)
    for kept in ([1, 2, 300], [300], []):
        model.append(journal, "task-1")
        await model.commit(journal)
        await journal.checkpoint([outstanding(seq) for seq in kept])
        assert journal.recovery.outstanding() == [outstanding(seq) for seq in kept]


@opened_again
async def test_a_deleted_task_keeps_a_tombstone_and_no_timeline(model, place):
    journal = await place.open()
    await place.run(journal)
    for _ in range(2):
        for address in ("task-1", "task-10", "task-1@"):
            model.append(journal, address)
        await model.commit(journal)
        await journal.checkpoint([])
    model.append(journal, "task-1", deletes=True)
    await model.commit(journal)
    await journal.checkpoint([])
    for _ in range(2):
        assert journal.reads.timeline("task-1", 0) == []
        for other in ("task-10", "task-1@"):
            assert len(journal.reads.timeline(other, 0)) == 2
        state = journal.reads.state("task-1")
        assert state.deleted
        assert state.last_seq == 7
        assert len(place.store.page(Table.TIMELINE, b"", 99)) == 4
        await journal.close()
        journal = await place.open()


async def test_heads_are_read_page_by_page(model, place):
    journal = await place.open()
    await place.run(journal)
    for n in range(1200):
        model.append(journal, f"task-{n:04}")
    await model.commit(journal)
    await journal.checkpoint([])
    assert stored_ids(journal) == [f"task-{n:04}" for n in range(1200)]


@opened_again
@pytest.mark.parametrize("ends", ["closed", "killed", "killed at work"])
async def test_a_checkpoint_and_the_log_behind_it_outlive_the_process(place, model, ends):
    journal = await place.open()
    told = await place.run(journal)
    records = [model.append(journal, ADDRESSES[n % 3], 2) for n in range(30)]
    await model.commit(journal)
    await journal.checkpoint([outstanding(1)])
    records += [model.append(journal, ADDRESSES[n % 2]) for n in range(10)]
    if ends == "closed":
        await journal.close()
    else:
        if ends == "killed":
            await model.commit(journal)
        await place.kill()
    journal = await place.open()
    assert journal.recovery.outstanding() == [outstanding(1)]
    assert set(stored_ids(journal)) == set(ADDRESSES)
    replayed = model.restart(journal)
    assert len(told) <= 30 + len(replayed)  # all that was acknowledged, and maybe more
    if ends != "killed at work":
        assert len(replayed) == 10
    records = records[: 30 + len(replayed)]
    assert replayed == records[30:]
    model.check(journal, ADDRESSES, records)
    assert journal.next_seq == records[-1].last_seq + 1
    told = await place.run(journal)
    records.append(model.append(journal, ADDRESSES[0]))
    await model.commit(journal)
    assert told == records[-1:]
    await journal.checkpoint([])
    model.check(journal, ADDRESSES, records)


def cut_behind(monkeypatch, number):
    """Have each checkpoint end in the middle, behind that many slices."""

    def cut(*args):
        for count, part in enumerate(slices(*args), start=1):
            yield part
            if count == number:
                raise StorageError("cut off")

    monkeypatch.setattr(folding, "slices", cut)


@opened_again
async def test_a_checkpoint_that_is_cut_off_behind_any_slice_has_done_no_harm(
    place, model, small_slices, monkeypatch
):
    records, is_cut, slices_made = [], True, 0
    while is_cut:
        slices_made += 1
        cut_behind(monkeypatch, slices_made)
        journal = await place.open()
        model.restart(journal)
        model.check(journal, ADDRESSES, records)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run_cut_off, journal)
            records += [model.append(journal, address) for address in ADDRESSES]
            await model.commit(journal)
            with contextlib.suppress(
                StorageError
            ):  # it may have been cut off behind all that counts
                await journal.checkpoint([outstanding(slices_made)])
            with contextlib.suppress(StorageError):  # or all that counts came before
                await journal.checkpoint([outstanding(slices_made)])
            model.check(journal, ADDRESSES, records)
            with contextlib.suppress(StorageError):
                await journal.close()
        is_cut = journal.failed is not None
    assert slices_made > 5
    journal = await place.open()
    model.restart(journal)
    model.check(journal, ADDRESSES, records)
    assert journal.recovery.outstanding() == [outstanding(slices_made)]


async def run_cut_off(journal):
    with contextlib.suppress(StorageError):
        await journal.run(lambda _: None)


async def test_cancelled_within_a_checkpoint_the_journal_ends_behind_the_slice_under_way(
    place, model, small_slices, monkeypatch
):
    made, is_cancelled, may_go_on = [], trio.Event(), threading.Event()
    token = trio.lowlevel.current_trio_token()

    def held(*args):
        for part in slices(*args):
            made.append(part)
            yield part
            if len(made) == 3:
                token.run_sync_soon(nursery.cancel_scope.cancel)
                token.run_sync_soon(is_cancelled.set)
                if threading.current_thread() is not threading.main_thread():
                    may_go_on.wait(S_MAX)

    async def let_go_on():
        await is_cancelled.wait()
        await wait_all_tasks_blocked()  # the journal waits for its threads
        may_go_on.set()

    monkeypatch.setattr(folding, "slices", held)
    journal = await place.open()
    async with trio.open_nursery() as beside:
        beside.start_soon(let_go_on)
        async with trio.open_nursery() as nursery:
            await nursery.start(journal.run, lambda _: None)
            for n in range(20):
                model.append(journal, f"task-{n}")
            await model.commit(journal)
            await journal.checkpoint([])
    assert 3 <= len(made) < 10  # of 25; without a thread it sees a turn later that it is canceled
