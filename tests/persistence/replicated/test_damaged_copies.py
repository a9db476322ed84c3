"""A node's copy that is damaged on its disk, while the database is whole: it is made anew where the
node reads it to follow or to begin; what only a reader finds is named, as in a store of its own."""

import pytest

from chargehand.actors.identity import OriginKind
from chargehand.actors.lifecycle import run_system
from chargehand.actors.ports import DamagedError, EndedError
from chargehand.actors.task import head
from chargehand.persistence.framing import sequence_key
from chargehand.persistence.store import Delete, Put, Store, Table
from chargehand.web.app import create_app
from tests.persistence.places import Kind, id_of
from tests.web.client import ContractClient


@pytest.fixture(params=[Kind.REPLICATED, Kind.POSTGRES], ids=id_of)
def kind(request):
    return request.param


def flip(store: Store, table: Table, key: bytes, at: int) -> None:
    value = bytearray(store.get(table, key))
    value[at] ^= 1
    store.commit([Put(table, key, bytes(value))])


async def followed(model, place):
    """Three tasks that are folded, and three records behind them that the copy has from the
    database, as of a standby. Returns the records."""
    journal = await place.open()
    await place.run(journal)
    folded = [model.append(journal, f"task-{n}") for n in range(3)]
    await model.commit(journal)
    await journal.checkpoint([])
    behind = []
    for n in range(3):
        behind.append(model.append(journal, f"task-{n}"))
        await model.commit(journal)
    await journal.close()
    await place.open()
    assert place.store.count(Table.LOG) == 3
    return [*folded, *behind]


def check(model, journal, records) -> None:
    assert model.restart(journal) == records[3:]
    for n in range(3):
        assert model.state_of(journal, f"task-{n}").max_attempts == 2
        assert journal.reads.timeline(f"task-{n}", 0) == records[n::3]


@pytest.mark.parametrize("at", [0, 20, 40, -1])
@pytest.mark.parametrize("seq", [4, 5, 6])
async def test_a_damaged_value_of_the_log_is_copied_anew(model, place, seq, at):
    records = await followed(model, place)
    flip(place.store, Table.LOG, sequence_key(seq), at)
    check(model, await place.open(), records)


@pytest.mark.parametrize("key", [b"replica", b"checkpoint_seq"])
@pytest.mark.parametrize("at", [0, -1])
async def test_a_copy_that_does_not_say_how_far_it_is_is_made_anew(model, place, key, at):
    records = await followed(model, place)
    flip(place.store, Table.META, key, at)
    check(model, await place.open(), records)


@pytest.mark.parametrize("key", [sequence_key(5), sequence_key(6)])
async def test_a_value_of_the_log_that_is_gone_is_copied_anew(model, place, key):
    records = await followed(model, place)
    place.store.commit([Delete(Table.LOG, key)])
    check(model, await place.open(), records)


async def test_a_damaged_head_is_no_answer_and_the_copy_is_made_anew(model, place):
    records = await followed(model, place)
    flip(place.store, Table.HEADS, b"task-1", -1)
    journal = await place.open()
    with pytest.raises(EndedError, match="task-1 is damaged"):
        list(journal.recovery.heads())
    with pytest.raises(DamagedError):
        journal.reads.state("task-1")
    journal = await place.open()
    [heads] = journal.recovery.heads()
    assert sorted(map(head.id_of, heads.tasks)) == ["task-0", "task-1", "task-2"]
    check(model, journal, records)


async def test_a_damaged_body_is_named_and_is_no_answer(model, place):
    await followed(model, place)
    flip(place.store, Table.BODIES, b"task-2", -1)
    journal = await place.open()
    assert journal.reads.state("task-0").max_attempts == 1
    with pytest.raises(DamagedError):
        journal.reads.state("task-2")


async def test_a_damaged_timeline_is_named_and_is_no_answer(model, place):
    records = await followed(model, place)
    [(key, _), *_] = place.store.page(Table.TIMELINE, b"task-1", 1)
    flip(place.store, Table.TIMELINE, key, -1)
    journal = await place.open()
    model.restart(journal)
    with pytest.raises(DamagedError):
        journal.reads.timeline("task-1", 0)
    assert journal.reads.timeline("task-2", 0) == records[2::3]


async def test_a_node_whose_copy_was_damaged_has_it_whole_without_that_copy(model, place):
    records = await followed(model, place)
    flip(place.store, Table.HEADS, b"task-1", -1)
    await place.end()
    place.lose_copy()
    check(model, await place.open(), records)


# --- the whole system ---------------------------------------------------------------------------


async def at_work(place) -> None:
    """Leaves a task behind that is folded, and a record of it that is not."""
    journal = await place.open()
    async with run_system(journal) as system:
        client = ContractClient(create_app(system, OriginKind.HTTP))
        await client.created(id="t", description="all of it")
        await journal.checkpoint(())
        assert (await client.post("/api/tasks/t/pause", {"reason": "later"})).status == 200


@pytest.mark.parametrize("table", [Table.HEADS, Table.BODIES])
async def test_what_a_copy_alone_has_damaged_is_set_aside_for_nobody(place, table):
    await at_work(place)
    await place.open()
    flip(place.store, table, b"t", -1)
    with pytest.raises(EndedError, match="of t is damaged"):
        async with run_system(await place.open()):
            pass
    for _ in range(2):
        journal = await place.open()
        async with run_system(journal) as system:
            assert not list(system.faults)
            await journal.checkpoint(())
            assert system.views.whole("t").description == "all of it"
            assert system.views.whole("t").pause.reason == "later"
            assert place.store.count(Table.ASIDE) == 0


@pytest.mark.parametrize("kind", [Kind.REPLICATED], ids=id_of, indirect=True)
async def test_what_the_database_has_damaged_is_set_aside_and_is_no_reason_to_begin_anew(place):
    await at_work(place)
    await place.open()
    flip(place.shared.rows, Table.HEADS, b"t", -1)
    flip(place.store, Table.HEADS, b"t", -1)
    with pytest.raises(EndedError):  # nobody knows by the copy alone
        async with run_system(await place.open()):
            pass
    for _ in range(2):  # then it is known to all
        journal = await place.open()
        async with run_system(journal) as system:
            assert [fault.address for fault in system.faults] == ["t"]
            await journal.checkpoint(())
            assert place.store.count(Table.ASIDE) == 1


async def test_a_damaged_record_in_the_database_is_set_aside_and_is_no_reason_to_begin_anew(place):
    await at_work(place)
    [(seq, _)] = place.log()
    value = bytearray(place.get_log(seq))
    value[40] ^= 1
    place.put_log(seq, bytes(value))
    for _ in range(2):
        journal = await place.open()
        async with run_system(journal) as system:
            assert [fault.address for fault in system.faults] == ["t"]
            await journal.checkpoint(())
            assert place.store.count(Table.ASIDE) == 1
