"""The order of activity against a list that is sorted anew each time."""

import pytest
from attrs import evolve
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chargehand.actors.task.state import Owner, OwnerKind, Priority, TaskState, TaskStatus
from chargehand.actors.views import activity, facets
from chargehand.actors.views.activity import ActivityOrder, Wanted
from chargehand.actors.views.search import wanted_text
from chargehand.actors.views.state_cache import StateCache
from chargehand.persistence.snapshots import slim_state
from tests.actors.views.catalogs import head_of
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
        activity.STRETCH, activity._LOOK_EVERY = 4, 1
        self.order = ActivityOrder(StateCache(slim_state))
        self.entries: dict[str, activity.Placed] = {}
        self.seq = 0
        self.stored, self.met, self.learning = {}, [], iter(())

    def teardown(self) -> None:
        activity.STRETCH, activity._LOOK_EVERY = 512, 32

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

    @precondition(lambda self: self.entries)
    @rule(data=st.data(), status=st.sampled_from(TaskStatus), title=st.sampled_from(TITLES))
    def move(self, data, status, title):
        entry = self.pick(data)
        self.seq += 1
        before = self.meet(entry)
        changed = evolve(before, status=status, title=title, latest_event_seq=self.seq)
        self.order.move(entry, changed)

    @precondition(lambda self: self.entries)
    @rule(data=st.data(), priority=st.sampled_from(Priority))
    def change(self, data, priority):
        entry = self.pick(data)
        before = self.meet(entry)
        self.order.change(entry, before, evolve(before, priority=priority))

    @precondition(lambda self: self.entries)
    @rule(data=st.data(), count=st.integers(1, 6))
    def leave(self, data, count):
        for _ in range(min(count, len(self.entries))):
            entry = self.pick(data)
            self.meet(entry)
            self.order.leave(entry)
            del self.entries[entry.task_id]

    @rule()
    def restart(self):
        """From heads, of which nothing is known."""
        self.learned_all_once()
        states = sorted((e.state for e in self.entries.values()), key=lambda s: s.latest_event_seq)
        self.order = ActivityOrder(StateCache(slim_state))
        self.stored, self.met = {state.id: state for state in states}, []
        rows = [(state.id, head_of(state)) for state in states]
        self.entries = {e.task_id: e for e in self.order.restore(rows, self.met.append)}
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

    def pick(self, data) -> activity.Placed:
        return self.entries[data.draw(st.sampled_from(sorted(self.entries)))]

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
        assert self.order.stretch_count <= 2 + len(self.entries)

    def model(self) -> list[TaskState]:
        states = [entry.state for entry in self.entries.values()]
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
    assert order.stretch_count <= 2 + 4 * len(entries) // activity.STRETCH + 2


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
