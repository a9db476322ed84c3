"""Forgetting what was done under keys: bounded at each checkpoint, complete in the end."""

import pytest

from chargehand.actors.idempotency.once import Done, Once, digest_of, rows_of_done
from chargehand.actors.record import IndexRow, IndexTable
from chargehand.persistence.index_rows import encode_row
from chargehand.persistence.memory_store import MemoryStore
from chargehand.persistence.store import Delete, Table
from chargehand.persistence.sweep import ROWS_FOR_EACH_NEW, SWEEP_ROWS_MAX, Sweep


def filled(count: int, at_ns: int = 1) -> MemoryStore:
    store = MemoryStore()
    add(store, range(count), at_ns)
    return store


def add(store, numbers, at_ns) -> None:
    for number in numbers:
        once = Once(digest_of(str(number)), digest_of("request"))
        [(key, value)] = rows_of_done(Done(once), "task-1", at_ns)
        store.commit([encode_row(IndexRow(IndexTable.ONCE, key, value))])


def rows(store) -> int:
    return len(store.scan(Table.ONCE, b"", None, 1_000_000, len))


def turn(sweep, store, before_ns, new_rows=0) -> int:
    """What one checkpoint removes."""
    removed = 0
    for stale in sweep.parts(store, before_ns, new_rows):
        assert len(stale) <= SWEEP_ROWS_MAX
        store.commit([Delete(Table.ONCE, key) for key in stale])
        removed += len(stale)
    return removed


def test_what_is_not_too_old_stays():
    store = filled(300)
    add(store, range(300, 400), at_ns=5)
    sweep = Sweep()
    for _ in range(4):
        turn(sweep, store, before_ns=5)
    assert rows(store) == 100


@pytest.mark.parametrize("new_rows", [0, 100, 1000])
def test_one_turn_is_bounded_and_goes_on_where_the_last_one_ended(new_rows):
    store, sweep = filled(3000), Sweep()
    most = max(SWEEP_ROWS_MAX, ROWS_FOR_EACH_NEW * new_rows) + SWEEP_ROWS_MAX
    turns = 0
    while rows(store):
        assert turn(sweep, store, 2, new_rows) <= most
        turns += 1
    assert turns <= 3000 / SWEEP_ROWS_MAX + 2


def test_the_table_stays_within_bounds_however_long_keys_come_in():
    """A hundred at each checkpoint, known for ten checkpoints."""
    store, sweep = MemoryStore(), Sweep()
    for moment in range(40):
        add(store, range(moment * 100, moment * 100 + 100), at_ns=moment)
        turn(sweep, store, before_ns=moment - 10, new_rows=100)
        assert rows(store) <= 1100 * 1.5 + SWEEP_ROWS_MAX


def test_an_empty_table_is_nothing_to_do():
    assert turn(Sweep(), MemoryStore(), 5) == 0
