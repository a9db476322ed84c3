"""The tables in the database become what a store becomes by the same changes, slice by slice."""

import threading

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chargehand.persistence.memory_store import MemoryStore
from chargehand.persistence.postgres.link import ShardLink
from chargehand.persistence.postgres.tables import PostgresTables
from chargehand.persistence.replicated.changes import decode_changes
from chargehand.persistence.replicated.far import FencedError, LostError
from chargehand.persistence.replicated.shard import Append, Batch, Done, Look, Owner, Take
from chargehand.persistence.store import Delete, DeleteRange, Put, Table
from tests.process.conftest import S_MAX

OWNER = Owner("p", "node")
TABLES = (Table.HEADS, Table.EFFECTS, Table.META)
keys = st.sampled_from([bytes([n]) * (1 + n % 3) for n in range(8)])
changes = st.one_of(
    st.builds(Put, st.sampled_from(TABLES), keys, st.binary(max_size=20)),
    st.builds(Delete, st.sampled_from(TABLES), keys),
    st.builds(DeleteRange, st.sampled_from(TABLES), keys, st.none() | keys),
)


@pytest.fixture
def tables(address):
    tables = PostgresTables(address)
    yield tables
    tables.close()


@pytest.fixture
def epoch(address) -> int:
    link = ShardLink(address)
    taken = link.ask(Take(link.ask(Look()).row, OWNER))
    link.drop()
    assert isinstance(taken, Done)
    return taken.row.epoch


def everything(tables: PostgresTables, table: Table) -> list[tuple[bytes, bytes]]:
    return tables.page(table, b"", 10_000)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.lists(changes, max_size=12), max_size=4))
def test_slices_do_what_they_do_in_a_store(tables, epoch, slices):
    store = MemoryStore()
    clear = [DeleteRange(table, b"", None) for table in TABLES]
    for part in [clear, *slices]:
        number = tables.slice_number()
        tables.fold(epoch, number, part)
        store.commit(part)
        [(kept, written, made_in)] = tables.slices_after(number, 9)
        assert (kept, list(decode_changes(written)), made_in) == (number + 1, part, epoch)
        assert tables.slice_epoch(number + 1) == epoch
        for table in TABLES:
            assert everything(tables, table) == store.page(table, b"", 10_000)


def test_a_slice_of_another_epoch_or_out_of_turn_changes_nothing(tables, epoch):
    before = everything(tables, Table.META)
    part = [Put(Table.META, b"k", b"v")]
    for of, number in ((epoch - 1, 0), (epoch + 1, 0), (epoch, 1)):
        with pytest.raises(FencedError):
            tables.fold(of, number, part)
    assert everything(tables, Table.META) == before
    assert tables.slice_number() == 0


def test_a_checkpoint_trims_the_log(tables, epoch, address):
    link = ShardLink(address)
    for seq in (1, 2, 3):
        link.ask(Append(epoch, OWNER, seq - 1, Batch(seq, b"%d" % seq)))
    link.drop()
    tables.fold(epoch, 0, [DeleteRange(Table.LOG, b"", (3).to_bytes(8))], 2)
    assert [one.first_seq for one in tables.log_after(0, 9)] == [3]


def test_a_node_that_is_frozen_while_it_folds_holds_nobody_up(tables, epoch, servers, address):
    """Whatever it has sent is a whole statement: no session is left within a transaction."""
    tables.fold(epoch, 0, [Put(Table.HEADS, b"k", b"v" * 100_000)])
    states = servers[0].execute(
        "SELECT state FROM pg_stat_activity WHERE application_name = 'chargehand'"
    )
    assert ("idle in transaction",) not in states
    tables.interrupt()
    with pytest.raises(LostError):
        tables.slice_number()
    assert tables.slice_number() == 1


def test_a_wait_that_takes_too_long_can_be_ended(tables, servers, address):
    tables.slice_number()
    lost = threading.Event()

    def read() -> None:
        with pytest.raises(LostError):
            tables.log_after(0, 1)
        lost.set()

    with psycopg.connect(servers[0].url) as other:
        other.execute(f"LOCK TABLE {address.schema}.log")
        thread = threading.Thread(target=read)
        thread.start()
        text = "SELECT pid FROM pg_locks WHERE NOT granted"
        while not servers[0].execute(text):
            tables.end_hung(S_MAX)  # it has not waited for so long
            assert not lost.is_set()
        while not lost.wait(0.01):
            tables.end_hung(0)
        thread.join()
    assert tables.log_after(0, 1) == []
