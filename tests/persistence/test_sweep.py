"""Forgetting what was done under keys: bounded at each checkpoint, complete in the end."""

import pytest

from chargehand.actors.frozen import replace
from chargehand.actors.idempotency.once import Done, Once, digest_of, rows_of_done
from chargehand.actors.identity import RETENTION
from chargehand.actors.ports import Forgetting
from chargehand.actors.record import IndexRow, IndexTable
from chargehand.actors.task import events as e
from chargehand.actors.task.evolve import evolve
from chargehand.actors.task.state import ApprovalPolicy, Priority, Scope, TaskState, TaskStatus
from chargehand.persistence.index_rows import INDEX_TABLES, encode_row
from chargehand.persistence.snapshots.rows import snapshot_changes
from chargehand.persistence.store import Put, Table
from chargehand.persistence.sweep import ROWS_FOR_EACH_NEW, SWEEP_ROWS_MAX, New, Sweep
from tests.persistence.places import opened_again


def filled(store, count: int, at_ns: int = 1):
    add(store, range(count), at_ns)
    return store


def add(store, numbers, at_ns) -> None:
    store.commit([encode_row(row_of(number, at_ns)) for number in numbers])


def row_of(number, at_ns) -> IndexRow:
    once = Once(digest_of(str(number)), digest_of("request"))
    [(key, value)] = rows_of_done(Done(once), "task-1", at_ns)
    return IndexRow(IndexTable.ONCE, key, value)


def rows(store) -> int:
    return len(store.scan(Table.ONCE, b"", None, 1_000_000, len))


def turn(sweep, store, before_ns, new_rows=0) -> int:
    """What one checkpoint removes."""
    removed = 0
    for stale in sweep.parts(store, Forgetting(before_ns), New(1, new_rows)):
        assert len(stale) <= SWEEP_ROWS_MAX
        store.commit(stale)
        removed += len(stale)
    return removed


def test_what_is_not_too_old_stays(any_store):
    store = filled(any_store, 300)
    add(store, range(300, 400), at_ns=5)
    sweep = Sweep()
    for _ in range(4):
        turn(sweep, store, before_ns=5)
    assert rows(store) == 100


@pytest.mark.parametrize("new_rows", [0, 100, 1000])
def test_one_turn_is_bounded_and_goes_on_where_the_last_one_ended(any_store, new_rows):
    store, sweep = filled(any_store, 3000), Sweep()
    most = max(SWEEP_ROWS_MAX, ROWS_FOR_EACH_NEW * new_rows) + SWEEP_ROWS_MAX
    turns = 0
    while rows(store):
        assert turn(sweep, store, 2, new_rows) <= most
        turns += 1
    assert turns <= 3000 / SWEEP_ROWS_MAX + 2


def test_the_table_stays_within_bounds_however_long_keys_come_in(any_store):
    """A hundred at each checkpoint, known for ten checkpoints."""
    store, sweep = any_store, Sweep()
    for moment in range(40):
        add(store, range(moment * 100, moment * 100 + 100), at_ns=moment)
        turn(sweep, store, before_ns=moment - 10, new_rows=100)
        assert rows(store) <= 1100 * 1.5 + SWEEP_ROWS_MAX


class CountedStore:
    """Counts the rows that are looked at."""

    def __init__(self, store) -> None:
        self._store = store
        self.looked_at = 0

    def page(self, table, start, count):
        found = self._store.page(table, start, count)
        self.looked_at += len(found)
        return found

    def get_many(self, keys):
        return self._store.get_many(keys)


def test_records_wait_for_few_rows_where_nothing_is_too_old(any_store):
    store, before = CountedStore(filled(any_store, 5000, at_ns=100)), 0
    for _ in Sweep().parts(store, Forgetting(5), New(9, keys=1000)):
        assert store.looked_at - before <= SWEEP_ROWS_MAX
        before = store.looked_at
    assert store.looked_at >= 4000


def test_an_empty_table_is_nothing_to_do(any_store):
    assert turn(Sweep(), any_store, 5) == 0


# --- index rows of deleted tasks, and their ids -------------------------------------------------

TABLES = (IndexTable.RUNS, IndexTable.REVIEWS, IndexTable.KEYS, IndexTable.SUBSCRIPTIONS)


def made(task_id) -> TaskState:
    created = e.TaskCreated(
        scope=Scope.GLOBAL,
        title="",
        priority=Priority.MEDIUM,
        max_attempts=1,
        approval_policy=ApprovalPolicy.NONE,
        status=TaskStatus.READY,
    )
    return evolve(None, created, task_id=task_id, seq=1, at_ns=1, caller=RETENTION)


def put_task(store, task_id, *, deleted, at_ns=5, seq=7) -> None:
    state = replace(
        made(task_id), deleted=deleted, last_activity_at_ns=at_ns, last_seq=seq, title=""
    )
    store.commit([*snapshot_changes(task_id.encode(), state)])


def put_rows(store, task_id) -> None:
    for table in TABLES:
        value = f"{task_id} run-1" if table is IndexTable.KEYS else task_id
        store.commit([encode_row(IndexRow(table, f"{table.value}-of-{task_id}", value))])


def owners(store) -> dict[str, int]:
    found: dict[str, int] = {}
    for table in TABLES:
        for key, _ in store.scan(INDEX_TABLES[table], b"", None, 100, len):
            name = key.decode().rpartition("-of-")[2]
            found[name] = found.get(name, 0) + 1
    return found


def rounds(sweep, store, ids_before_ns, seq, count=3) -> None:
    for _ in range(count):
        for part in sweep.parts(store, Forgetting(0, ids_before_ns), New(seq, 0, 1)):
            store.commit(part)


def test_rows_of_deleted_tasks_go_and_all_others_stay(any_store):
    store, sweep = any_store, Sweep()
    put_task(store, "living", deleted=False)
    put_task(store, "gone", deleted=True)
    put_task(store, "damaged", deleted=True)
    for task_id in ("living", "gone", "damaged", "aside-without-a-head"):
        put_rows(store, task_id)
    head = bytearray(store.get(Table.HEADS, b"damaged"))
    head[-1] ^= 1
    store.commit([Put(Table.HEADS, b"damaged", bytes(head))])
    rounds(sweep, store, 0, seq=8)
    assert owners(store) == {"living": 4, "gone": 1, "damaged": 4, "aside-without-a-head": 4}
    assert (sweep.forgotten.rows, sweep.forgotten.ids) == (3, 0)
    rounds(sweep, store, 9, seq=9)
    assert owners(store) == {"living": 4, "damaged": 4, "aside-without-a-head": 4}
    assert store.get(Table.HEADS, b"gone") is None
    assert store.get(Table.HEADS, b"living") is not None
    assert store.get(Table.HEADS, b"damaged") is not None


def test_an_id_is_taken_until_it_was_deleted_long_ago_and_each_index_was_gone_through_since(
    any_store,
):
    store, sweep = any_store, Sweep()
    put_task(store, "gone", deleted=True, at_ns=5, seq=7)
    rounds(sweep, store, 5, seq=8)
    assert store.get(Table.HEADS, b"gone") is not None
    put_task(store, "gone", deleted=True, at_ns=5, seq=12)
    rounds(sweep, store, 6, seq=11, count=5)
    assert store.get(Table.HEADS, b"gone") is not None
    rounds(sweep, store, 6, seq=12)
    assert store.get(Table.HEADS, b"gone") is None
    assert sweep.forgotten.ids == 1


def test_indexes_are_let_be_while_nothing_is_deleted(any_store):
    store, sweep = any_store, Sweep()
    put_task(store, "living", deleted=False)
    put_rows(store, "living")
    rounds(sweep, store, 0, seq=8, count=1)
    looked_at: list[Table] = []

    class Noted:
        def scan(self, table, *rest, **more):
            looked_at.append(table)
            return store.scan(table, *rest, **more)

        def page(self, table, *rest):
            looked_at.append(table)
            return store.page(table, *rest)

        def __getattr__(self, name):
            return getattr(store, name)

    for part in sweep.parts(Noted(), Forgetting(), New(9)):
        store.commit(part)
    assert looked_at == [Table.ONCE]


# --- in a journal -------------------------------------------------------------------------------


@opened_again
async def test_what_a_checkpoint_has_forgotten_is_gone_for_all_that_follow(model, place):
    """Of 300 keys the old half, and of two tasks the deleted one, with its row and its id."""
    journal = await place.open()
    await place.run(journal)
    keys = [row_of(number, at_ns=1 if number % 2 else 9) for number in range(300)]
    model.append(journal, "kept", rows=[*keys, IndexRow(IndexTable.RUNS, "run-of-kept", "kept")])
    model.append(journal, "gone", rows=[IndexRow(IndexTable.RUNS, "run-of-gone", "gone")])
    await model.commit(journal)
    await journal.checkpoint([])
    model.append(journal, "gone", deletes=True)
    for _ in range(12):  # a part of it each time
        await model.commit(journal)
        await journal.checkpoint([], Forgetting(5, 1_000_000))
        model.append(journal, "kept")
    await model.commit(journal)
    for _ in range(2):
        for number, row in enumerate(keys):
            found = journal.reads.get(IndexTable.ONCE, row.key)
            assert (found is None) == bool(number % 2)
        assert journal.reads.get(IndexTable.RUNS, "run-of-kept") == "kept"
        assert journal.reads.get(IndexTable.RUNS, "run-of-gone") is None
        assert journal.reads.state("gone") is None
        assert place.store.count(Table.ONCE) == 150
        await journal.close()
        journal = await place.open()
        model.restart(journal)
