"""The order of creation is that of a sorted list, whatever comes and goes while it is sorted."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chargehand.actors.task.head import held_of, id_of
from chargehand.actors.views import creation
from chargehand.actors.views.creation import Birth, CreationOrder
from chargehand.actors.views.stretches import Placed
from tests.actors.views.catalogs import as_stored
from tests.actors.views.states import a_task

BLOCK = 4


@pytest.fixture(autouse=True, scope="module")
def short_blocks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(creation, "_BLOCK", BLOCK)
        yield


class Model:
    """An order, and what is in it as a list."""

    def __init__(self, created: list[int]) -> None:
        self.order = CreationOrder()
        self.made: list[Placed] = []
        stored = [self.new(at_ns) for at_ns in created]
        self.order.restore(stored)
        self.waiting = [Placed(id_of(task), held_of(task), None, 0) for task in stored]
        self.sorting = iter(())
        self.count = len(stored)

    def new(self, at_ns: int):
        self.count = getattr(self, "count", 0) + 1
        return as_stored(a_task(f"t{self.count * 37 % 1000}", created_at_ns=at_ns))

    def enter(self, entry: Placed) -> None:
        self.order.enter(entry)
        self.made.append(entry)

    def do(self, action: str, number: int) -> None:
        if action == "place" and self.waiting:
            self.enter(self.waiting.pop(number % len(self.waiting)))
            if not self.waiting:
                self.sorting = self.order.sorting()
        elif action == "create":
            task = self.new(number)
            self.enter(Placed(id_of(task), held_of(task), None, 0))
        elif action == "leave" and self.made:
            self.order.leave(self.made.pop(number % len(self.made)))
        elif action == "sort":
            next(self.sorting, None)

    def finish(self) -> None:
        while self.waiting:
            self.do("place", 0)
        for _ in self.order.sorting():
            pass


@settings(max_examples=300)
@given(
    created=st.lists(st.integers(0, 9), max_size=40),
    actions=st.lists(
        st.tuples(st.sampled_from(["place", "create", "leave", "sort"]), st.integers(0, 9)),
        max_size=60,
    ),
    later=st.lists(st.tuples(st.sampled_from(["create", "leave"]), st.integers(0, 9)), max_size=30),
    at_ns=st.integers(-1, 10),
)
def test_it_is_sorted_once_all_are_there(created, actions, later, at_ns):
    model = Model(created)
    for action in actions:
        model.do(*action)
    model.finish()
    for action in later:
        model.do(*action)
    born = sorted(Birth(entry.created_at_ns, entry.task_id) for entry in model.made)[::-1]
    for before in (None, Birth(at_ns, "t5"), *born):
        found = [Birth(e.created_at_ns, e.task_id) for e in model.order.newest_first(before)]
        assert found == [birth for birth in born if before is None or birth < before]


def test_no_block_becomes_long_though_all_come_in_one_place():
    order = CreationOrder()
    tasks = [as_stored(a_task(f"t{n:03}", created_at_ns=1)) for n in range(100)]
    order.restore(tasks[:1])
    for task in tasks[:50]:
        order.enter(Placed(id_of(task), held_of(task), None, 0))
    assert len([*order.sorting()]) == 1
    for task in tasks[50:]:
        order.enter(Placed(id_of(task), held_of(task), None, 0))
    lengths = [len(block.entries) for block in order._blocks]
    assert sum(lengths) == 100
    assert max(lengths) <= 2 * BLOCK


def test_nothing_is_left_of_blocks_that_are_empty():
    order = CreationOrder()
    tasks = [as_stored(a_task(f"t{n:03}", created_at_ns=n)) for n in range(100)]
    entries = [Placed(id_of(task), held_of(task), None, 0) for task in tasks]
    for entry in entries:
        order.enter(entry)
    for entry in entries:
        order.leave(entry)
    assert len(order._blocks) == 1
