"""Nodes with threads of their own on a database in memory: writing, folding, handing over."""

import itertools
import logging
import threading
from typing import Any, final
from unittest.mock import ANY

import pytest
import trio

from chargehand.actors.ports import EndedError, StorageError
from chargehand.actors.task.head import id_of
from chargehand.persistence.codec import encode_record
from chargehand.persistence.framing import log_value
from chargehand.persistence.memory_store import MemoryStore
from chargehand.persistence.replicated import member as member_module
from chargehand.persistence.replicated import near as near_module
from chargehand.persistence.replicated.changes import encode_changes
from chargehand.persistence.replicated.far import FencedError, LostError
from chargehand.persistence.replicated.member import Member
from chargehand.persistence.replicated.near import Near, mark_of
from chargehand.persistence.replicated.node import Doubt
from chargehand.persistence.replicated.opening import replicated_journal
from chargehand.persistence.replicated.shard import NOBODY, Batch, Done, Look, Owner, Take
from chargehand.persistence.store import Put, Table
from tests.persistence.replicated.memory import MemoryLink, MemoryTables, Shared

S_MAX = 120
TTL_S = 0.3
_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(member_module, "AGAIN_S", 0.001)
    monkeypatch.setattr(member_module, "LOOKS_S", 0.005)


@pytest.fixture
def shared() -> Shared:
    return Shared()


@final
class Running:
    """A node that is active, and what it has acknowledged."""

    def __init__(self, member: Member, tables: MemoryTables) -> None:
        self.member = member
        self.journal = replicated_journal(member, tables)
        self.told = []
        self._more = trio.Event()

    def committed(self, entries) -> None:
        self.told.extend(entry.record for entry in entries)
        self._more.set()

    async def until_durable(self) -> None:
        with trio.fail_after(S_MAX):
            while self.journal.durable_seq < self.journal.next_seq - 1:
                await self._more.wait()
                self._more = trio.Event()

    async def checkpoint(self) -> None:
        with trio.fail_after(S_MAX):
            await self.journal.checkpoint(())


@final
class Nodes:
    """Starts nodes on the same database."""

    def __init__(self, shared: Shared, model, nursery) -> None:
        self._shared = shared
        self._model = model
        self._nursery = nursery

    def stand_by(self, store: MemoryStore | None = None, ttl_s: float = TTL_S) -> Member:
        name = f"n{next(_numbers)}"
        near = Near(MemoryStore() if store is None else store, MemoryTables(self._shared))
        member = Member(Owner(name, name), MemoryLink(self._shared), near, ttl_s=ttl_s)
        member.start()
        return member

    async def run(
        self, member: Member, *, ends: bool = False, tables: MemoryTables | None = None
    ) -> Running:
        """As soon as it is active. Args: ends: by being superseded. tables: to fold into."""
        with trio.fail_after(S_MAX):
            await member.wait_active()
        running = Running(member, MemoryTables(self._shared) if tables is None else tables)
        self._model.restart(running.journal)

        async def write(*, task_status) -> None:
            try:
                await running.journal.run(running.committed, task_status=task_status)
            except StorageError:
                assert ends
            else:
                assert not ends

        await self._nursery.start(write)
        return running

    async def active(self, store: MemoryStore | None = None, ttl_s: float = TTL_S) -> Running:
        return await self.run(self.stand_by(store, ttl_s))


@pytest.fixture
def nodes(shared, model, nursery) -> Nodes:
    return Nodes(shared, model, nursery)


def same(shared: Shared, near: MemoryStore) -> bool:
    """Whether the copy has the tables of the database, and nothing else."""
    mark = mark_of(near)
    assert mark is not None
    for table in Table:
        if table is Table.LOG:
            continue
        rows = dict(near.page(table, b"", 10_000))
        if table is Table.META:
            rows.pop(b"replica")
        if rows != dict(shared.rows.page(table, b"", 10_000)):
            return False
    return mark.slice == shared.slice


async def test_what_is_written_is_in_the_database_when_it_is_acknowledged(nodes, shared, model):
    node = await nodes.active()
    appended = [model.append(node.journal, f"t{n % 3}", events=1 + n % 2) for n in range(50)]
    await node.until_durable()
    assert node.told == appended
    assert shared.database.row.head == node.journal.durable_seq == 75
    await node.journal.close()
    assert shared.database.row.owner == NOBODY


@pytest.mark.parametrize("losses", [[True], [False], [True, True, False, True], [False, False]])
async def test_an_answer_that_is_lost_is_found_out(nodes, shared, model, losses):
    node = await nodes.active(ttl_s=60)
    model.append(node.journal, "t")
    await node.until_durable()
    epoch = node.member.epoch
    for number in range(5):
        shared.losses += losses
        model.append(node.journal, f"t{number}")
        await node.until_durable()
    assert [record.seq for record in node.told] == [1, 2, 3, 4, 5, 6]
    assert shared.first_seqs == [1, 2, 3, 4, 5, 6]
    assert node.member.epoch > epoch
    await node.journal.close()


@pytest.mark.parametrize("fold_losses", [[], [True], [False, True], [True, False, True, False]])
async def test_a_checkpoint_is_in_the_database_and_near(nodes, shared, model, fold_losses):
    near = MemoryStore()
    node = await nodes.active(near, ttl_s=60)
    for number in range(40):
        model.append(node.journal, f"t{number % 7}")
    await node.until_durable()
    shared.fold_losses += fold_losses
    await node.checkpoint()
    assert same(shared, near)
    assert shared.trimmed_to == 40
    assert MemoryTables(shared).log_after(0, 100) == []
    assert node.journal.reads.state("t1").max_attempts == 6
    model.append(node.journal, "t1")
    await node.until_durable()
    await node.journal.close()


@pytest.mark.parametrize("refusals", [1, 3])
async def test_a_checkpoint_that_is_refused_is_logged_if_that_goes_on(
    nodes, shared, model, caplog, monkeypatch, refusals
):
    """Once is what happens where the epoch is raised in that moment."""
    fold = MemoryTables.fold
    left = [refusals]

    def refused(*arguments: Any) -> None:
        if left[0]:
            left[0] -= 1
            raise FencedError("of another epoch")
        fold(*arguments)

    monkeypatch.setattr(MemoryTables, "fold", refused)
    caplog.set_level(logging.INFO, "chargehand")
    near = MemoryStore()
    node = await nodes.active(near, ttl_s=60)
    model.append(node.journal, "t1")
    await node.until_durable()
    await node.checkpoint()
    assert same(shared, near)
    assert left == [0]
    said = [one.getMessage() for one in caplog.records if "checkpoint" in one.getMessage()]
    if refusals == 1:
        assert said == []
    else:
        assert said[0] == "a checkpoint cannot be written to the database: of another epoch"
        assert said[-1].startswith("checkpoints are written to the database again, after ")
    await node.journal.close()


async def test_a_part_of_a_checkpoint_that_a_raise_has_overtaken_takes_no_epoch(
    nodes, shared, model
):
    member = nodes.stand_by(ttl_s=60)

    @final
    class Overtaken(MemoryTables):
        is_first = True

        def fold(self, epoch, *rest) -> None:
            if self.is_first:
                self.is_first = False
                member.tell(Doubt())
                member.wait_raised(epoch)
            super().fold(epoch, *rest)

    node = await nodes.run(member, tables=Overtaken(shared))
    model.append(node.journal, "t")
    await node.until_durable()
    epoch = member.epoch
    await node.checkpoint()
    model.append(node.journal, "t")  # behind all that the thread has to do before
    await node.until_durable()
    assert member.epoch == epoch + 1
    assert same(shared, member.near.store)
    await node.journal.close()


async def test_another_node_goes_on_where_the_first_one_stopped(nodes, shared, model):
    first = await nodes.active()
    near = MemoryStore()
    second = nodes.stand_by(near)
    for number in range(30):
        model.append(first.journal, f"t{number % 5}")
    await first.until_durable()
    await first.checkpoint()
    model.append(first.journal, "t0")
    await first.until_durable()
    await first.journal.close()
    node = await nodes.run(second)
    assert same(shared, near)
    assert node.journal.next_seq == 32
    assert node.journal.reads.state("t0").max_attempts == 7
    assert [one.seq for one in node.journal.reads.timeline("t0", 0)] == [1, 6, 11, 16, 21, 26, 31]
    model.append(node.journal, "t0")
    await node.until_durable()
    assert shared.database.row.head == 32
    await node.journal.close()


async def test_a_standby_has_read_what_a_start_needs_before_its_turn(
    nodes, shared, model, monkeypatch
):
    first = await nodes.active(ttl_s=60)
    for number in range(5):
        model.append(first.journal, f"t{number}")
    await first.until_durable()
    await first.checkpoint()

    near, pages, read = MemoryStore(), [], MemoryStore.page
    all_read = threading.Event()

    def page(store, table, start, count):
        found = read(store, table, start, count)
        if store is near and table is Table.HEADS:
            pages.append(len(found))
            if not found:
                all_read.set()
        return found

    monkeypatch.setattr(MemoryStore, "page", page)
    second = nodes.stand_by(near, ttl_s=60)
    assert await trio.to_thread.run_sync(all_read.wait, S_MAX)
    model.append(first.journal, "t5")
    await first.until_durable()
    await first.checkpoint()
    await first.journal.close()
    pages.clear()
    node = await nodes.run(second)
    [stored] = node.journal.recovery.heads()
    assert sorted(map(id_of, stored.tasks)) == [f"t{number}" for number in range(6)]
    assert pages == []
    await node.journal.close()


async def test_a_node_that_stands_still_is_replaced_and_ends(nodes, shared, model):
    first = await nodes.run(nodes.stand_by(), ends=True)
    model.append(first.journal, "t")
    await first.until_durable()
    row = shared.database.row
    taken = MemoryLink(shared).ask(Take(row, Owner("other")))
    while not isinstance(taken, Done):  # it renews
        taken = MemoryLink(shared).ask(Take(MemoryLink(shared).ask(Look()).row, Owner("other")))
    with trio.fail_after(S_MAX), pytest.raises(EndedError, match="has epoch 2 now"):
        await first.member.wait_ended()
    assert not first.member.may_answer()
    second = await nodes.active()  # the other one does nothing
    assert second.journal.next_seq == 2
    await second.journal.close()


async def test_who_is_too_far_behind_copies_everything(nodes, shared, model):
    near = MemoryStore()
    first = await nodes.active(near)
    await first.journal.close()
    shared.kept = 1
    second = await nodes.active()
    for number in range(3):
        for task in range(70):
            model.append(second.journal, f"t{task}")
        await second.until_durable()
        await second.checkpoint()
        assert shared.slice >= number
    await second.journal.close()
    third = await nodes.active(near)
    assert same(shared, near)
    assert third.journal.reads.state("t9").max_attempts == 3
    await third.journal.close()


async def test_a_copy_of_what_the_database_has_lost_is_made_anew(nodes, shared, model):
    near = MemoryStore()
    stale = await nodes.active(near)
    model.append(stale.journal, "t")
    await stale.until_durable()
    await stale.journal.close()
    other = log_value([encode_record(model.record(1, "other"))])  # as after a failover
    shared.database.log[0] = Batch(1, other)
    member = nodes.stand_by(near)
    with trio.fail_after(S_MAX):
        await member.wait_active()
    assert near.page(Table.LOG, b"", 9) == [((1).to_bytes(8), other)]
    await member.stop()


async def test_whatever_a_superseded_node_raises_says_why(nodes, shared, model):
    first = await nodes.run(nodes.stand_by(ttl_s=60), ends=True)
    model.append(first.journal, "t")
    await first.until_durable()
    MemoryLink(shared).ask(Take(shared.database.row, Owner("other")))
    raised = []
    with trio.fail_after(S_MAX):
        for attempt in (first.checkpoint, first.journal.close):
            with pytest.raises(StorageError) as caught:
                await attempt()
            raised.append(caught.value)
    assert all(isinstance(error.__cause__, EndedError) for error in raised)


async def test_who_has_no_copy_yet_does_not_take(nodes, shared, model):
    first = await nodes.active()
    for number in range(20):
        model.append(first.journal, f"t{number}")
    await first.until_durable()
    await first.checkpoint()
    await first.journal.close()
    epoch = shared.database.row.epoch
    copied: list[tuple[int, int]] = []

    class Noted(Near):
        def copy(self, *args) -> None:
            super().copy(*args)
            copied.append((self.slice, shared.database.row.epoch))

    near = Noted(MemoryStore(), MemoryTables(shared))
    member = Member(Owner("late"), MemoryLink(shared), near, ttl_s=TTL_S)
    member.start()
    with trio.fail_after(S_MAX):
        await member.wait_active()
    await member.stop()
    assert copied == [(shared.slice, epoch)]  # before it took
    assert shared.database.row.epoch == epoch + 1


async def test_who_copies_sees_all_the_while_who_is_active(nodes, shared, model, monkeypatch):
    first = await nodes.active()
    for number in range(9):
        model.append(first.journal, f"t{number}")
    await first.until_durable()
    await first.checkpoint()
    await first.journal.close()
    monkeypatch.setattr(near_module, "ROWS_READ_MAX", 2)
    monkeypatch.setattr(member_module, "LOOKS_S", 0)
    seen: list[str] = []
    all_read = threading.Event()
    page, other = MemoryTables.page, Owner("other", "other", "elsewhere")

    def watched(tables, table, after, count):
        found = page(tables, table, after, count)
        if table is Table.HEADS:
            seen.append(member.row.owner.address)
            if len(seen) == 2:
                MemoryLink(shared).ask(Take(shared.database.row, other))
            if not found:
                all_read.set()
        return found

    monkeypatch.setattr(MemoryTables, "page", watched)
    near = Near(MemoryStore(), MemoryTables(shared))
    member = Member(Owner("late"), MemoryLink(shared), near, ttl_s=60)
    member.start()
    assert await trio.to_thread.run_sync(all_read.wait, S_MAX)
    await member.stop()
    assert seen == ["", "", *["elsewhere"] * 4]


async def test_the_log_is_followed_while_a_checkpoint_is(nodes, shared, model, monkeypatch):
    monkeypatch.setattr(near_module, "SLICES_READ_MAX", 1)
    near = Near(MemoryStore(), MemoryTables(shared))
    node = await nodes.active(ttl_s=60)
    for number in range(300):
        model.append(node.journal, f"t{number}")
    await node.until_durable()
    near.catch_up()
    await node.checkpoint()
    model.append(node.journal, "t0")
    await node.until_durable()
    seen, slices_after = [], MemoryTables.slices_after

    def noted(tables, number, count):
        seen.append(near.last_seq)
        return slices_after(tables, number, count)

    monkeypatch.setattr(MemoryTables, "slices_after", noted)
    near.catch_up()
    assert shared.slice > 3
    assert seen == [300, *[301] * (shared.slice - 1)]
    assert same(shared, near.store)
    await node.journal.close()


async def test_half_a_copy_is_not_followed(shared, monkeypatch):
    far = MemoryTables(shared)
    near = Near(MemoryStore(), far)
    rows = [Put(Table.RUNS, b"%d" % number, b"row") for number in range(5)]
    far.fold(shared.database.row.epoch, 0, rows)
    near.catch_up()
    assert same(shared, near.store)
    page = MemoryTables.page

    def lost(tables, table, after, count):
        if table is Table.RUNS:
            raise LostError("the database is away")
        return page(tables, table, after, count)

    with monkeypatch.context() as patch:
        patch.setattr(MemoryTables, "page", lost)
        with pytest.raises(LostError):
            near.copy()
    near.catch_up()
    assert same(shared, near.store)


@pytest.mark.parametrize("read", ["slice_number", "slices_after", "slice_epoch"])
async def test_a_slice_that_is_made_meanwhile_is_no_reason_to_copy(shared, monkeypatch, read):
    """Whichever of the reads it comes behind."""
    far = MemoryTables(shared)
    near = Near(MemoryStore(), far)
    near.catch_up()
    inner = getattr(MemoryTables, read)

    def make() -> None:
        row = Put(Table.RUNS, b"%d" % shared.slice, b"row")
        far.fold(shared.database.row.epoch, shared.slice, [row])

    def made_meanwhile(tables, *args):
        found = inner(tables, *args)
        if shared.slice < 9 and found != [(shared.slice, ANY, ANY)]:
            make()
        return found

    make()

    monkeypatch.setattr(MemoryTables, read, made_meanwhile)
    monkeypatch.setattr(Near, "copy", None)
    for _ in range(10):
        near.catch_up()
    assert same(shared, near.store)


async def test_a_slice_that_the_database_has_lost_is_not_kept(nodes, shared, model):
    near = MemoryStore()
    first = await nodes.active(near)
    for number in range(10):
        model.append(first.journal, f"t{number}")
    await first.until_durable()
    await first.checkpoint()
    await first.journal.close()
    # As after a failover: the last slice is another one, of a later epoch, and so are the rows.
    changed = Put(Table.RUNS, b"another", b"row")
    shared.rows.commit([changed])
    shared.slices[-1] = (shared.slice, encode_changes([changed]))
    shared.slice_epochs[shared.slice] += 1
    second = await nodes.active(near)
    assert same(shared, near)
    assert near.get(Table.RUNS, b"another") == b"row"
    await second.journal.close()


class Hanging(MemoryTables):
    """Those of a server that is frozen, until somebody has had enough."""

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self.hangs = threading.Event()
        self.enough = threading.Event()

    def _hang(self) -> None:
        if not self.enough.is_set():
            self.hangs.set()
            assert self.enough.wait(S_MAX), "nobody ended it"
            raise LostError("interrupted")

    def slice_number(self) -> int:
        self._hang()
        return super().slice_number()

    def fold(self, *arguments: Any) -> None:
        self._hang()
        super().fold(*arguments)

    def interrupt(self) -> None:
        self.enough.set()

    def end_hung(self, seconds: float) -> None:
        if seconds == 0:
            self.enough.set()


class Dropped(MemoryLink):
    def drop(self) -> None:
        self.is_dropped = True


async def hung(tables: Hanging, link: MemoryLink) -> Member:
    """A standby that waits for a server that is frozen."""
    member = Member(Owner("n"), link, Near(MemoryStore(), tables), ttl_s=TTL_S)
    member.start()
    assert await trio.to_thread.run_sync(tables.hangs.wait, S_MAX)
    return member


async def test_a_standby_does_not_wait_for_ever_for_what_it_reads(shared):
    link = Dropped(shared)
    member = await hung(Hanging(shared), link)
    member.end_hung(S_MAX)  # not that long
    assert not member.may_answer()
    member.end_hung(0)
    with trio.fail_after(S_MAX):
        await member.wait_active()
    assert link.is_dropped  # that may hang as well
    await member.stop()


async def test_a_standby_ends_though_what_it_reads_hangs(shared):
    tables = Hanging(shared)
    member = await hung(tables, MemoryLink(shared))
    await member.stop()
    assert tables.enough.is_set()


async def test_a_checkpoint_does_not_wait_for_ever_either(nodes, shared, model):
    tables = Hanging(shared)
    running = await nodes.run(nodes.stand_by(), tables=tables)
    model.append(running.journal, "t")
    await running.until_durable()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(running.checkpoint)
        assert await trio.to_thread.run_sync(tables.hangs.wait, S_MAX)
        running.member.end_hung(0)
    assert same(shared, running.member.near.store)
    await running.journal.close()
