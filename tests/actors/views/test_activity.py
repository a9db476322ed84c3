"""The order of activity against a list that is sorted anew each time."""

import pytest
from attrs import evolve
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chargehand.actors.task import head as heads
from chargehand.actors.task.state import Owner, OwnerKind, Priority, TaskState, TaskStatus
from chargehand.actors.views import activity, facets, stretches
from chargehand.actors.views.activity import ActivityOrder
from chargehand.actors.views.search import wanted_text
from chargehand.actors.views.state_cache import StateCache
from chargehand.actors.views.wanted import Wanted
from chargehand.persistence.snapshots import slim_state
from tests.actors.views.catalogs import as_stored
from tests.actors.views.states import a_task

OWNERS = (None, Owner(OwnerKind.POOL, "bot"), Owner(OwnerKind.HUMAN, "ann"))
TITLES = ("Straße", "strand", "", "ﬁne", "a\nb")
FILTERS = (
    Wanted(),
    Wanted(facets.chosen(TaskStatus.READY)),
    Wanted(facets.chosen(TaskStatus.READY, Priority.HIGH)),
    Wanted(facets.chosen(owner_ref="ann")),
    Wanted(facets.chosen(OwnerKind.POOL, owner_ref="ann")),  # nobody
    Wanted(never=facets.chosen(TaskStatus.DRAFT)),
    Wanted(text=wanted_text("STRASSE")),
    Wanted(facets.chosen(Priority.LOW), facets.chosen(TaskStatus.DRAFT), wanted_text("fi")),
    Wanted(text=wanted_text("task-1")),
)


class OrderLikeAList(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        stretches.STRETCH, activity._LOOK_EVERY = 4, 1
        self.order = ActivityOrder(StateCache(slim_state))
        self.entries: dict[str, stretches.Placed] = {}
        self.seq = 0
        self.stored, self.met, self.learning = {}, [], iter(())
        self.rows, self.unplaced = [], {}

    def teardown(self) -> None:
        stretches.STRETCH, activity._LOOK_EVERY = 512, 32

    @rule(
        status=st.sampled_from(TaskStatus),
        priority=st.sampled_from(Priority),
        owner=st.sampled_from(OWNERS),
        title=st.sampled_from(TITLES),
    )
    def enter(self, **fields):
        self.seq += 1
        state = a_task(f"task-{self.seq}", latest_event_seq=self.seq, **fields)
        self.entries[state.id] = self.order.enter(state)

    @precondition(lambda self: self.ids)
    @rule(data=st.data(), status=st.sampled_from(TaskStatus), title=st.sampled_from(TITLES))
    def move(self, data, status, title):
        entry = self.pick(data)
        self.seq += 1
        before = self.meet(entry)
        changed = evolve(before, status=status, title=title, latest_event_seq=self.seq)
        self.order.move(entry, changed)

    @precondition(lambda self: self.ids)
    @rule(data=st.data(), priority=st.sampled_from(Priority))
    def change(self, data, priority):
        entry = self.pick(data)
        before = self.meet(entry)
        self.order.change(entry, before, evolve(before, priority=priority))

    @precondition(lambda self: self.ids)
    @rule(data=st.data(), count=st.integers(1, 6))
    def leave(self, data, count):
        for _ in range(min(count, len(self.ids))):
            entry = self.pick(data)
            self.meet(entry)
            self.order.leave(entry)
            del self.entries[entry.task_id]

    @rule()
    def restart(self):
        """From heads, of which nothing is known."""
        self.learned_all_once()
        states = self.model()[::-1]
        self.order = ActivityOrder(StateCache(slim_state))
        self.stored, self.met = {state.id: state for state in states}, []
        self.rows = [as_stored(state) for state in states]
        self.unplaced = {heads.id_of(row): row for row in self.rows}
        self.entries = {}
        self.order.restore(self.rows, self.placed, self.met.append)
        self.learning = self.order.learning()

    @rule(steps=st.integers(1, 3))
    def learn(self, steps):
        for _ in range(steps):
            next(self.learning, None)

    def learned_all_once(self):
        """Each stored task was told of as it was stored, before it changed."""
        for _ in self.order.learning():
            pass
        assert sorted(state.id for state in self.met) == sorted(self.stored)
        assert all(self.stored[state.id] == state for state in self.met)

    def meet(self, entry):
        before = entry.state
        entry.stretch.meet(entry.place, before)
        return before

    def pick(self, data) -> stretches.Placed:
        task_id = data.draw(st.sampled_from(self.ids))
        if task_id in self.unplaced:
            self.order.place(self.unplaced[task_id])
        return self.entries[task_id]

    @property
    def ids(self) -> list[str]:
        return sorted(self.entries.keys() | self.unplaced.keys())

    def placed(self, entry):
        assert heads.held_of(self.unplaced.pop(entry.task_id)) is entry.held
        self.entries[entry.task_id] = entry

    @precondition(lambda self: self.rows)
    @rule(data=st.data())
    def place(self, data):
        """Any of those that were stored, whatever has become of it."""
        self.order.place(data.draw(st.sampled_from(self.rows)))

    @rule(wanted=st.sampled_from(FILTERS))
    def ask(self, wanted):
        model = [state for state in self.model() if wanted.includes(state)]
        assert self.found(wanted) == model
        latest = self.order.latest(wanted)
        assert latest == (model[0] if model else None)

    @precondition(lambda self: self.seq)
    @rule(data=st.data())
    def ask_from_somewhere(self, data):
        before = data.draw(st.integers(0, self.seq + 1))
        found = [
            state
            for stretch in self.order.newest_first(before)
            for state in stretch.backwards(stretch.select(Wanted()))
        ]
        wanted = [state for state in self.model() if state.latest_event_seq < before]
        assert [state for state in found if state.latest_event_seq < before] == wanted

    @invariant()
    def entries_know_their_places(self):
        for entry in self.entries.values():
            assert entry.stretch.entries[entry.place] is entry

    @invariant()
    def there_are_not_many_more_stretches_than_tasks_need(self):
        assert self.order.stretch_count <= 2 + len(self.ids)

    def model(self) -> list[TaskState]:
        states = [entry.state for entry in self.entries.values()]
        states += [self.stored[task_id] for task_id in self.unplaced]
        return sorted(states, key=lambda state: -state.latest_event_seq)

    def found(self, wanted: Wanted) -> list[TaskState]:
        return [
            state
            for stretch in self.order.newest_first()
            for state in stretch.backwards(stretch.select(wanted))
        ]


OrderLikeAList.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestOrder = OrderLikeAList.TestCase


def test_what_moves_on_leaves_no_stretches_behind():
    order = ActivityOrder(StateCache(slim_state))
    entries = [order.enter(a_task(f"t{n}", latest_event_seq=n + 1)) for n in range(1200)]
    seq = len(entries)
    for _ in range(20):
        for entry in entries[::3]:
            seq += 1
            order.move(entry, evolve(entry.state, latest_event_seq=seq))
    assert order.stretch_count <= 2 + 4 * len(entries) // stretches.STRETCH + 2


@pytest.mark.parametrize("query", ["e", "zz", "t-1", "task-00", "\n"])
def test_the_same_search_again_finds_the_same_though_tasks_have_moved(query):
    order = ActivityOrder(StateCache(slim_state))
    entries = [
        order.enter(a_task(f"task-{n:03}", title="some \n e", latest_event_seq=n + 1))
        for n in range(1100)
    ]
    wanted = Wanted(text=wanted_text(query))
    for _ in range(2):
        found = [
            state.id
            for stretch in order.newest_first()
            for state in stretch.backwards(stretch.select(wanted))
        ]
        states = sorted((e.state for e in entries), key=lambda s: -s.latest_event_seq)
        assert found == [state.id for state in states if wanted.includes(state)]
        order.move(entries[3], evolve(entries[3].state, title="zz", latest_event_seq=5000))
