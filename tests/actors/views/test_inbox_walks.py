"""A lane of the inbox that is read page by page while tasks move, are read and read again."""

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from chargehand.actors import limits
from chargehand.actors.identity import LOCAL_USER, agent_actor
from chargehand.actors.task.state import RunStatus, Triage
from chargehand.actors.views import activity, recent, stretches
from chargehand.actors.views.choices import Lane
from chargehand.actors.views.facets import has_failed
from chargehand.actors.views.inbox import Inboxes, InboxFilter
from tests.actors.views.catalogs import new_catalog, restarted
from tests.actors.views.states import a_run, a_task
from tests.actors.views.walking import walked

CREATE, MOVE, READ, DISMISS, ARCHIVE, READ_BY_ANOTHER, MEND, DELETE, RESTART = range(9)
FILTERS = (
    InboxFilter(lane=Lane.FAILED_RUNS),
    InboxFilter(lane=Lane.FAILED_RUNS, unread=True),
    InboxFilter(lane=Lane.ARCHIVED),
)
steps = st.lists(
    st.tuples(st.sampled_from((*range(8), MOVE, MOVE, READ, READ)), st.integers(0, 99)), max_size=8
)


class Store:
    """A catalog of tasks whose runs have failed, and what it is told."""

    def __init__(self, tasks: int = 0) -> None:
        self.catalog = new_catalog()
        self.inboxes = Inboxes(self.catalog)
        self.seq = self.made = 0
        for _ in range(tasks):
            self.create()

    def create(self) -> None:
        self.seq += 1
        self.made += 1
        runs = (a_run(RunStatus.FAILED),)
        seqs = {"latest_event_seq": self.seq, "last_seq": self.seq}
        self.catalog.publish(a_task(f"t{self.made}", runs=runs, **seqs))

    def move(self, task_id: str, **changes) -> None:
        self.seq += 1
        seqs = {"latest_event_seq": self.seq, "last_seq": self.seq}
        self.catalog.publish(evolve(self.catalog.get(task_id), **seqs, **changes))

    def mark(self, task_id: str, actor=LOCAL_USER, archived=False, dismissed=False) -> None:
        self.seq += 1
        state = self.catalog.get(task_id)
        former = state.triage_by(actor)
        archived |= former is not None and former.archived
        triage = Triage(actor, True, archived, dismissed, 1, 1, state.latest_event_seq)
        others = tuple(known for known in state.triage if known.actor != actor)
        self.catalog.publish(evolve(state, triage=(*others, triage), last_seq=self.seq))

    def restart(self) -> None:
        self.catalog = restarted(self.catalog)
        self.inboxes = Inboxes(self.catalog)

    def do(self, action: int, which: int) -> None:
        ids = sorted(state.id for state in self.catalog)
        if action == CREATE:
            self.create()
        elif action == RESTART:
            self.restart()
        elif ids:
            self.do_with(action, ids[which % len(ids)])

    def do_with(self, action: int, task_id: str) -> None:
        if action == MOVE:
            self.move(task_id)
        elif action == READ:
            self.mark(task_id)
        elif action == DISMISS:
            self.mark(task_id, dismissed=True)
        elif action == ARCHIVE:
            self.mark(task_id, archived=True)
        elif action == READ_BY_ANOTHER:
            self.mark(task_id, agent_actor("s1"))
        elif action == MEND:
            mended = not has_failed(self.catalog.get(task_id))
            status = RunStatus.FAILED if mended else RunStatus.COMPLETED
            self.move(task_id, runs=(a_run(status),), ended=b"")
        elif action == DELETE:
            self.seq += 1
            state = self.catalog.get(task_id)
            self.catalog.publish(evolve(state, deleted=True, last_seq=self.seq))

    def page(self, which=FILTERS[0], cursor=None, limit=2):
        [group] = self.inboxes.look(LOCAL_USER, which, cursor, limit)
        assert len(group.tasks) <= limit
        if cursor is None:  # what is remembered is what is so
            assert Inboxes(self.catalog).look(LOCAL_USER, which, None, limit) == [group]
        return [task.id for task in group.tasks], group.next_cursor

    def ids(self, which=FILTERS[0]) -> set[str]:
        return set(self.page(which, None, 1000)[0])


@pytest.fixture(autouse=True)
def short_stretches(monkeypatch):
    monkeypatch.setattr(stretches, "STRETCH", 4)
    monkeypatch.setattr(activity, "_LOOK_EVERY", 1)


@pytest.fixture
def short_memory(monkeypatch):
    monkeypatch.setattr(limits, "MOVES_MAX", 4)
    monkeypatch.setattr(recent, "_FORGET_STEP", 2)


@settings(max_examples=150)
@given(
    tasks=st.integers(0, 12),
    before=steps,
    between=st.lists(steps, max_size=6),
    which=st.sampled_from(FILTERS),
    limit=st.integers(1, 4),
)
def test_what_is_there_throughout_a_walk_is_shown_once(tasks, before, between, which, limit):
    store = Store(tasks)
    for action, number in before:
        store.do(action, number)
    shown, there = walked(store, which, limit, between)
    assert len(shown) == len(set(shown))
    assert there <= set(shown)


@pytest.mark.usefixtures("short_memory")
def test_where_it_is_forgotten_what_changed_nothing_is_lost():
    happens = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 99)), max_size=8)

    @settings(max_examples=150)
    @given(
        tasks=st.integers(0, 12),
        between=st.lists(happens, max_size=6),
        which=st.sampled_from(FILTERS),
        limit=st.integers(1, 4),
    )
    def law(tasks, between, which, limit):
        shown, there = walked(Store(tasks), which, limit, between)
        assert there <= set(shown)

    law()


def rest(store, cursor) -> list[str]:
    shown = []
    while cursor is not None:
        rows, cursor = store.page(cursor=cursor)
        shown += rows
    return shown


def test_an_unread_task_that_moves_after_the_first_page_is_shown_where_it_stood():
    store = Store(5)
    _, cursor = store.page()  # t5 and t4
    store.move("t1")
    assert rest(store, cursor) == ["t3", "t2", "t1"]


def test_a_task_that_is_read_after_it_was_shown_is_not_shown_again():
    store = Store(5)
    _, cursor = store.page()
    store.mark("t5")
    store.mark("t1")
    assert rest(store, cursor) == ["t3", "t2", "t1"]


def test_a_read_task_that_becomes_unread_among_the_read_ones_is_shown_where_it_stood():
    store = Store(5)
    for number in range(1, 6):
        store.mark(f"t{number}")
    _, cursor = store.page()
    store.move("t1")
    store.mark("t1")
    store.move("t2")
    assert rest(store, cursor) == ["t3", "t2", "t1"]


def test_a_walk_goes_on_over_a_restart_after_which_nothing_moved():
    store = Store(5)
    store.mark("t5")
    shown, cursor = store.page()
    store.restart()
    store.move("t1")
    store.mark("t4")
    assert [*shown, *rest(store, cursor)] == ["t4", "t3", "t2", "t1", "t5"]


def test_a_walk_that_began_before_a_restart_shows_what_moved_since_at_its_end():
    store = Store(4)
    shown, cursor = store.page()
    store.move("t1")
    store.restart()
    assert [*shown, *rest(store, cursor)] == ["t4", "t3", "t2", "t1"]


def test_a_cursor_of_before_walks_were_kept_goes_on_below_its_number():
    store = Store(5)
    store.mark("t2")
    store.move("t1")
    rows, cursor = store.page(cursor="unread.5")
    assert (rows, cursor) == (["t4", "t3"], "unread.3")
    assert store.page(cursor=cursor) == (["t2"], None)
    assert store.page(cursor="read.5") == (["t2"], None)
