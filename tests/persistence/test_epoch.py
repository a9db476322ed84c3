"""Two processes that open one journal, where no lock of a directory keeps them apart.

What takes a store over is of an embedded one; `postgres.test_fence` and `replicated.test_member`
have what keeps two nodes apart.
"""

import pytest
import trio

from chargehand.actors.ports import StorageError
from chargehand.persistence.epoch import epoch_of
from chargehand.persistence.layout import FORMAT, check_layout, open_layout
from chargehand.persistence.memory_store import MemoryStore
from chargehand.persistence.opening import embedded_journal, memory_journal
from chargehand.persistence.store import Delete, Put, Table
from tests.persistence.places import opened_again

SUPERSEDED = "had epoch 1 and has epoch 2 now: another process has taken it over"


def test_each_opening_raises_the_epoch_by_one(any_store):
    assert epoch_of(any_store) == 0
    for expected in (1, 2, 3):
        assert open_layout(any_store).epoch == epoch_of(any_store) == expected


@opened_again
@pytest.mark.parametrize("ends", ["closed", "killed"])
async def test_the_epoch_outlives_each_process(place, ends):
    for expected in (1, 2, 3):
        journal = await place.open()
        assert journal.epoch == expected
        await place.run(journal)
        await (journal.close() if ends == "closed" else place.kill())


@opened_again
async def test_what_a_superseded_process_had_is_not_there_for_its_successor(model, place):
    former = await place.open()
    told = []
    with pytest.RaisesGroup(pytest.RaisesExc(StorageError, match=place.failure)):
        async with trio.open_nursery() as nursery:
            await nursery.start(former.run, told.extend)
            kept = model.append(former, "task-1")
            await model.commit(former)
            place.fail()
            model.append(former, "task-1")
            with pytest.raises(StorageError, match=place.failure):
                await former.checkpoint([])
    assert [entry.record for entry in told] == [kept]
    latter = await place.open()
    assert latter.epoch > former.epoch
    assert place.store.count(Table.HEADS) == 0
    assert model.restart(latter) == [kept]
    assert latter.next_seq == 2


def test_a_store_of_a_version_without_epochs_is_opened():
    store = MemoryStore()
    open_layout(store)
    store.commit([Delete(Table.META, b"epoch"), Put(Table.META, b"format", (1).to_bytes(8))])
    assert open_layout(store).epoch == 1
    assert check_layout(store) == FORMAT


def test_what_was_taken_over_is_not_written_by_the_former_process(any_store):
    former = open_layout(any_store)
    latter = open_layout(any_store)
    with pytest.raises(StorageError, match=SUPERSEDED):
        former.commit([Put(Table.LOG, b"a", b"former")])
    assert any_store.get(Table.LOG, b"a") is None
    latter.commit([Put(Table.LOG, b"a", b"latter")])
    assert any_store.get(Table.LOG, b"a") == b"latter"


@pytest.fixture(params=["inline", "threaded"])
def threaded(request):
    return request.param == "threaded"


async def test_a_journal_that_was_superseded_ends_and_has_written_nothing(
    model, any_store, threaded
):
    former = embedded_journal(any_store, threaded=threaded)
    told = []
    with pytest.RaisesGroup(pytest.RaisesExc(StorageError, match=SUPERSEDED)):
        async with trio.open_nursery() as nursery:
            await nursery.start(former.run, told.extend)
            latter = embedded_journal(any_store, threaded=threaded)
            model.append(former, "task-1")
    assert told == []
    assert list(latter.recovery.replay()) == []
    with pytest.raises(StorageError, match=f"the journal has failed: .*{SUPERSEDED}"):
        model.append(former, "task-1")


async def test_a_checkpoint_of_a_superseded_journal_folds_nothing(model, running):
    store = MemoryStore()
    former = memory_journal(store)
    with pytest.RaisesGroup(pytest.RaisesExc(StorageError, match=SUPERSEDED)):
        async with trio.open_nursery() as nursery:
            await nursery.start(former.run, lambda _: None)
            model.append(former, "task-1")
            await model.commit(former)
            latter = memory_journal(store)
            with pytest.raises(StorageError, match=SUPERSEDED):
                await former.checkpoint([])
    assert store.count(Table.HEADS) == 0
    assert [record.seq for record in latter.recovery.replay()] == [1]


class Raced(MemoryStore):
    """Another process opens it just before the first commit of this one."""

    def __init__(self):
        super().__init__()
        self.raced = False

    def commit(self, changes, given=None):
        if not self.raced:
            self.raced = True
            self.other = open_layout(self)
            self.other.commit([Put(Table.META, b"checkpoint_seq", (7).to_bytes(8))])
        super().commit(changes, given)


@pytest.mark.parametrize("is_new", [True, False])
def test_of_two_that_open_at_the_same_time_one_is_refused_and_spoils_nothing(is_new):
    store = Raced()
    if not is_new:
        store.raced = True
        open_layout(store)
        store.raced = False
    before = epoch_of(store)
    with pytest.raises(StorageError, match=f"had epoch {before} and has epoch {before + 1} now"):
        open_layout(store)
    assert store.get(Table.META, b"checkpoint_seq") == (7).to_bytes(8)
    store.other.commit([Put(Table.LOG, b"a", b"")])
