"""Heads that are kept in memory are those that the store holds, whatever happened to it."""

from attrs import evolve as replace
from hypothesis import given
from hypothesis import strategies as st

from chargehand.actors.ports import TaskHeads
from chargehand.actors.scheduler.state import SchedulerState
from chargehand.actors.task.head import AWAITED, standing_of
from chargehand.persistence import heads as heads_module
from chargehand.persistence.heads import WarmHeads, read_heads
from chargehand.persistence.memory_store import MemoryStore
from chargehand.persistence.snapshots import encode_snapshot
from chargehand.persistence.store import Delete, DeleteRange, Put, Table
from tests.persistence.conftest import Model
from tests.persistence.whole_task import WHOLE

KEYS = st.sampled_from([b"a", b"b", b"c", b"d", b"e", b"f"])
MORE = st.integers(0, 9)


def at_rest(key: bytes, more: int) -> bytes:
    return encode_snapshot(replace(Model.new(key.decode()), last_seq=more)).head


def awaited(key: bytes, more: int) -> bytes:
    return encode_snapshot(replace(WHOLE, id=key.decode(), last_seq=more)).head


def of_the_scheduler(key: bytes, more: int) -> bytes:
    return encode_snapshot(SchedulerState(last_seq=more)).head


def damaged(key: bytes, more: int) -> bytes:
    return at_rest(b"another", more)


def put(make):
    return st.builds(lambda key, more: Put(Table.HEADS, key, make(key, more)), KEYS, MORE)


CHANGES = st.one_of(
    *map(put, (at_rest, awaited, of_the_scheduler, damaged)),
    st.builds(lambda key: Delete(Table.HEADS, key), KEYS),
    st.builds(lambda key: DeleteRange(Table.HEADS, key, None), KEYS),
    st.builds(lambda key: Put(Table.BODIES, key, b"body"), KEYS),
    st.builds(lambda key: Delete(Table.BODIES, key), KEYS),
)
READ = st.just("read some")
STEPS = st.lists(READ | st.lists(CHANGES, min_size=1, max_size=5), max_size=30)


def all_of(stored):
    """In an order that does not count."""
    tasks, slim, others = [], [], []
    for one in stored:
        if isinstance(one, TaskHeads):
            tasks += one.tasks
            slim += one.awaited
        else:
            others.append(one)
    return sorted(tasks), sorted(slim, key=lambda state: state.id), sorted(others, key=repr)


def test_there_are_tasks_that_are_awaited_and_others():
    assert standing_of(WHOLE) & AWAITED
    assert not standing_of(Model.new("a")) & AWAITED


@given(STEPS)
def test_what_is_kept_is_what_the_store_holds(steps):
    store = MemoryStore()
    before = [Put(Table.HEADS, key, at_rest(key, 0)) for key in (b"a", b"c", b"d", b"e")]
    store.commit(before)
    warm = WarmHeads(store)
    former, heads_module.HEADS_READ_MAX = heads_module.HEADS_READ_MAX, 2
    try:
        for step in steps:
            if step == "read some":
                warm.read_some()
                continue
            store.commit(step)
            warm.follow(step)
        assert all_of(warm.hand_over()) == all_of(read_heads(store))
    finally:
        heads_module.HEADS_READ_MAX = former


def test_they_are_read_a_page_at_a_time_to_the_end(monkeypatch):
    monkeypatch.setattr(heads_module, "HEADS_READ_MAX", 2)
    store = MemoryStore()
    store.commit([Put(Table.HEADS, key, at_rest(key, 0)) for key in (b"a", b"b", b"c")])
    warm = WarmHeads(store)
    assert [warm.read_some() for _ in range(4)] == [True, True, True, False]
