"""The backlog that is read page by page while runs come, go, and change their priority."""

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from chargehand.actors.task.state import Priority, RunStatus
from chargehand.actors.views.backlog import Backlog, BacklogFilter, BacklogWalk
from tests.actors.views.states import a_run, a_task
from tests.actors.views.walking import walked

QUEUE, PRIORITY, CLAIM, PAUSE, COUNT, RESTART = range(6)
FILTERS = (BacklogFilter(), BacklogFilter(include_paused=True))
PRIORITIES = tuple(Priority)
steps = st.lists(
    st.tuples(st.sampled_from((*range(5), PRIORITY, PRIORITY)), st.integers(0, 99)), max_size=8
)


class Store:
    """A backlog, and what it is told, some of it late."""

    def __init__(self, tasks: int) -> None:
        self.states = {}
        self.behind = {}
        self.paused = set()
        self.seq = 0
        self.restart()
        for number in range(tasks):
            self.queue(number)

    def restart(self) -> None:
        self.behind = {}
        self.backlog = Backlog(
            lambda it: it if it in self.paused else None, self.states.get, lambda _: None
        )
        self.backlog.restore(self.states.values())

    def publish(self, state) -> None:
        self.behind.setdefault(state.id, self.states.get(state.id))
        self.states[state.id] = state

    def count(self) -> None:
        for task_id, before in self.behind.items():
            self.backlog.change(before, self.states[task_id])
        self.behind = {}

    def queue(self, number: int) -> None:
        self.seq += 1
        run = a_run(RunStatus.QUEUED, f"run-{self.seq}", queued_seq=self.seq)
        priority = PRIORITIES[number % 4]
        fields = {"latest_event_seq": self.seq, "runs": (run,), "priority": priority}
        self.publish(a_task(f"t{self.seq}", **fields))

    def do(self, action: int, which: int) -> None:
        ids = sorted(self.states)
        if action == QUEUE:
            self.queue(which)
        elif action == COUNT:
            self.count()
        elif action == RESTART:
            self.restart()
        elif ids:
            self.do_with(action, which, self.states[ids[which % len(ids)]])

    def do_with(self, action: int, which: int, state) -> None:
        self.seq += 1
        seqs = {"last_seq": self.seq, "latest_event_seq": self.seq}
        if action == PRIORITY:
            priority = PRIORITIES[which // 7 % 4]
            if priority is not state.priority:
                changed = {"priority": priority, "priority_seq": self.seq}
                self.publish(evolve(state, **changed, **seqs))
        elif action == CLAIM:
            run = evolve(state.open_run, status=RunStatus.CLAIMED)
            self.publish(evolve(state, runs=(run,), **seqs))
        elif action == PAUSE:
            self.count()
            self.paused ^= {state.id}
            self.backlog.paused_or_resumed(state)

    def page(self, which, cursor, limit):
        self.count()
        walk = BacklogWalk(None, self.seq) if cursor is None else BacklogWalk.read(cursor)
        page = self.backlog.page(which, walk, limit)
        assert len(page.runs) <= limit
        return [run.run_id for run in page.runs], page.next_cursor

    def ids(self, which) -> set[str]:
        return {
            state.open_run.id
            for state in self.states.values()
            if state.open_run.status is RunStatus.QUEUED
            and (which.include_paused or state.id not in self.paused)
        }


@settings(max_examples=200)
@given(
    tasks=st.integers(0, 12),
    before=steps,
    between=st.lists(steps, max_size=6),
    which=st.sampled_from(FILTERS),
    limit=st.integers(1, 4),
)
def test_what_is_queued_throughout_a_walk_is_shown_once(tasks, before, between, which, limit):
    store = Store(tasks)
    for action, number in before:
        store.do(action, number)
    shown, there = walked(store, which, limit, between)
    assert sorted(run for run in shown if run in there) == sorted(there)
    assert len(shown) == len(set(shown))


@settings(max_examples=200)
@given(
    tasks=st.integers(0, 12),
    between=st.lists(
        st.lists(st.tuples(st.integers(0, 5), st.integers(0, 99)), max_size=8), max_size=6
    ),
    limit=st.integers(1, 4),
)
def test_over_restarts_nothing_is_lost(tasks, between, limit):
    shown, there = walked(Store(tasks), FILTERS[1], limit, between)
    assert there <= set(shown)
