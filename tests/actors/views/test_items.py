"""Runs and reviews over all tasks, against a filter over each of them one by one."""

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from chargehand.actors import limits
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.identity import LOCAL_USER, agent_actor
from chargehand.actors.limits import NS
from chargehand.actors.task.review import Review, ReviewPolicy, ReviewStatus
from chargehand.actors.task.state import FailureKind, RunStatus, Scope, TaskStatus
from chargehand.actors.views import activity, recent, stretches
from chargehand.actors.views.items import InTasks, items_page
from chargehand.actors.views.reviews import ReviewFilter, ReviewSearch
from chargehand.actors.views.runs import RunFilter, RunSearch
from tests.actors.views.catalogs import as_stored, new_catalog
from tests.actors.views.states import a_run, a_task

CREATE, QUEUE, CLAIM, START, END, RELEASE, ASK, JUDGE, TOUCH, COOL, DELETE, RESTART = range(12)
ENDS = (
    (RunStatus.COMPLETED, None),
    (RunStatus.FAILED, None),
    (RunStatus.FAILED, FailureKind.OPERATOR_FORCED),
    (RunStatus.CANCELED, None),
)
CLAIMERS = (agent_actor("s1"), agent_actor("s2"), LOCAL_USER)
steps = st.lists(st.tuples(st.sampled_from(range(12)), st.integers(0, 99)), max_size=12)
histories = st.lists(st.tuples(st.sampled_from(range(12)), st.integers(0, 99)), max_size=60)
statuses = st.frozensets(st.sampled_from(RunStatus), max_size=3)
places = st.builds(
    InTasks,
    task_id=st.sampled_from((None, None, None, "t1", "t2", "none")),
    scope=st.sampled_from((None, None, *Scope)),
    workspace_id=st.sampled_from((None, None, "w1")),
)
times = st.one_of(st.none(), st.integers(0, 80))
run_filters = st.builds(
    RunFilter,
    where=places,
    statuses=statuses,
    session_id=st.sampled_from((None, None, "s1", "s9")),
    holders=st.sampled_from((None, None, frozenset({"s1", "s2"}), frozenset({LOCAL_USER.ref}))),
    failure_kind=st.sampled_from((None, None, *FailureKind)),
    since_ns=times,
    until_ns=times,
)
review_filters = st.builds(
    ReviewFilter,
    where=places,
    statuses=st.frozensets(st.sampled_from(ReviewStatus), max_size=2),
)


class Shelf:
    """The store of a catalog: it has every task whole."""

    def __init__(self, store) -> None:
        self._store = store

    def is_folded(self, task_id, seq):
        return True

    def heads(self, task_ids):
        return [as_stored(self._store.wholes[task_id])[1] for task_id in task_ids]


class Store:
    """A catalog, what it is told, and how many tasks were read whole."""

    def __init__(self, history=()) -> None:
        self.catalog = new_catalog()
        self.wholes = {}
        self.seq = self.made = self.reads = 0
        self.turns = 0
        for action, which in history:
            self.do(action, which)

    def publish(self, state, *, is_public=True) -> None:
        self.seq += 1
        state = evolve(state, last_seq=self.seq)
        if is_public:
            state = evolve(state, latest_event_seq=self.seq, last_activity_at_ns=self.seq)
        self.catalog.publish(state)
        self.wholes[state.id] = state
        if state.deleted:
            del self.wholes[state.id]

    def create(self) -> str:
        self.made += 1
        is_local = self.made % 3 == 0
        placed = {"scope": Scope.WORKSPACE, "workspace_id": "w1"} if is_local else {}
        self.publish(a_task(f"t{self.made}", created_at_ns=self.made, **placed))
        return f"t{self.made}"

    def do(self, action: int, which: int) -> None:
        ids = sorted(self.wholes)
        if action == CREATE or not ids:
            self.create()
        elif action == RESTART:
            self.catalog = new_catalog()
            stored = [as_stored(state) for state in self.wholes.values()]
            self.catalog.restore(stored, last_seq=self.seq, triaged_seq=0)
        elif action == COOL:
            self.catalog.cool_down(Shelf(self), 3)
        else:
            state = self.wholes[ids[which % len(ids)]]
            changed = self.changed(state, action, which)
            if changed is not None:
                self.publish(changed, is_public=action != TOUCH)

    def changed(self, state, action, which):
        run, now = state.open_run, self.seq + 1
        match action:
            case _ if action == DELETE:
                return evolve(state, deleted=True) if run is None else None
            case _ if action == TOUCH:
                return state
            case _ if action == QUEUE and run is None:
                made = a_run(
                    RunStatus.QUEUED,
                    f"{state.id}-r{len(state.runs)}",
                    attempt=len(state.runs) + 1,
                    queued_at_ns=now,
                )
                return evolve(state, runs=(*state.runs, made), status=TaskStatus.READY)
            case _ if action == ASK and state.runs and state.runs[-1].status.is_terminal:
                review = Review(
                    id=f"{state.id}-v{len(state.reviews)}",
                    run_id=state.runs[-1].id,
                    policy=ReviewPolicy.ALWAYS,
                    round=1,
                    attempt=len(state.reviews) + 1,
                    requested_at_ns=now,
                    updated_at_ns=now,
                    deadline_at_ns=now + 99,
                )
                return evolve(state, reviews=(*state.reviews, review))
            case _ if action == JUDGE and state.open_reviews:
                judged = state.open_reviews[which % len(state.open_reviews)]
                reviews = [
                    evolve(review, status=ReviewStatus.RECORDED) if review is judged else review
                    for review in state.reviews
                ]
                return evolve(state, reviews=tuple(reviews))
        if run is None:
            return None
        by = CLAIMERS[which % 3]
        status, kind = ENDS[which % 4]
        changes = {
            CLAIM: {
                "status": RunStatus.CLAIMED,
                "claimed_by": by,
                "session_id": None if by is LOCAL_USER else by.ref,
                "claimed_at_ns": now,
            },
            START: {"status": RunStatus.RUNNING, "started_at_ns": now},
            END: {"status": status, "failure_kind": kind, "ended_at_ns": now},
            RELEASE: {
                "status": RunStatus.NEEDS_ATTENTION if which % 4 == 0 else RunStatus.QUEUED,
                "claimed_by": None,
                "session_id": None,
                "claimed_at_ns": None,
                "started_at_ns": None,
            },
        }.get(action)
        if changes is None or (action == START and run.claimed_by is None):
            return None
        return evolve(state, runs=(*state.runs[:-1], evolve(run, **changes)))

    def read(self, task_id):
        self.reads += 1
        return self.wholes[task_id]

    def page(self, which, cursor, limit, between=lambda: None):
        kind = RunSearch if isinstance(which, RunFilter) else ReviewSearch
        for page in items_page(self.catalog, kind(which, self.read), cursor, limit):
            if page is not None:
                return [item.id for _, item in page.items], page.next_cursor
            self.turns += 1
            between()
        raise AssertionError("no page")

    def whole_list(self, which, limit=1000) -> list[str]:
        shown, cursor = self.page(which, None, limit)
        while cursor is not None:
            rows, cursor = self.page(which, cursor, limit)
            assert len(rows) <= limit
            shown += rows
        return shown

    def wanted(self, which) -> list[str]:
        """The ids, found by a look at every task."""
        tasks = sorted(self.wholes.values(), key=lambda state: -state.latest_event_seq)
        wants = wants_run if isinstance(which, RunFilter) else wants_review
        return [
            item.id
            for state in tasks
            if which.where.task_id in (None, state.id)
            and which.where.scope in (None, state.scope)
            and which.where.workspace_id in (None, state.workspace_id)
            for item in reversed(state.runs if isinstance(which, RunFilter) else state.reviews)
            if wants(which, item)
        ]


def wants_run(which, run) -> bool:
    """Written from what the API says, and not by way of what is tested."""
    at = run.ended_at_ns or run.started_at_ns or run.claimed_at_ns or run.queued_at_ns
    by = None if run.claimed_by is None else run.claimed_by.ref
    return (
        (not which.statuses or run.status in which.statuses)
        and (which.session_id is None or which.session_id in (run.session_id, by))
        and (which.holders is None or not which.holders.isdisjoint({run.session_id, by}))
        and which.failure_kind in (None, run.failure_kind)
        and (which.since_ns is None or at >= which.since_ns)
        and (which.until_ns is None or at < which.until_ns)
    )


def wants_review(which, review) -> bool:
    return not which.statuses or review.status in which.statuses


@pytest.fixture(autouse=True)
def small_numbers(monkeypatch):
    monkeypatch.setattr(stretches, "STRETCH", 4)
    monkeypatch.setattr(activity, "_LOOK_EVERY", 1)
    monkeypatch.setattr(limits, "SLICE_MAX", 2)
    monkeypatch.setattr(limits, "PAGE_TASKS_MAX", 5)
    monkeypatch.setattr(limits, "WALL_BACK_S_MAX", 0)


@settings(max_examples=400)
@given(history=histories, filters=st.lists(run_filters, max_size=4), limit=st.integers(1, 4))
def test_runs_are_those_that_a_look_at_every_task_finds_before_and_after_a_restart(
    history, filters, limit
):
    store = Store(history)
    for action in (TOUCH, COOL, RESTART, CREATE):
        for which in (RunFilter(), *filters):
            assert store.whole_list(which, limit) == store.wanted(which), which
        store.do(action, 0)


@settings(max_examples=200)
@given(history=histories, filters=st.lists(review_filters, max_size=3), limit=st.integers(1, 4))
def test_reviews_are_those_that_a_look_at_every_task_finds_before_and_after_a_restart(
    history, filters, limit
):
    store = Store(history)
    for action in (TOUCH, COOL, RESTART, CREATE):
        for which in (ReviewFilter(), *filters):
            assert store.whole_list(which, limit) == store.wanted(which), which
        store.do(action, 0)


def law_of_walks(*, may_restart: bool, shows_once: bool):
    """What is there all along while pages are read, and while each is read in turns, is shown."""

    @settings(max_examples=300)
    @given(
        history=histories,
        between=st.lists(steps, max_size=8),
        which=st.one_of(run_filters, review_filters),
        limit=st.integers(1, 4),
    )
    def law(history, between, which, limit):
        store = Store(history)
        there, shown, cursor, left = set(store.wanted(which)), [], None, iter(between)

        def happens() -> None:
            for action, number in next(left, []):
                if action != RESTART or may_restart:
                    store.do(action, number)
                    there.intersection_update(store.wanted(which))

        while True:
            rows, cursor = store.page(which, cursor, limit, happens)
            assert len(rows) <= limit
            shown += rows
            happens()
            if cursor is None:
                break
        assert there <= set(shown)
        assert not shows_once or len(shown) == len(set(shown))

    return law


def test_what_is_there_all_along_while_pages_are_read_is_shown_once():
    law_of_walks(may_restart=False, shows_once=True)()


def test_where_moves_are_forgotten_nothing_is_lost(monkeypatch):
    monkeypatch.setattr(limits, "MOVES_MAX", 4)
    monkeypatch.setattr(recent, "_FORGET_STEP", 2)
    law_of_walks(may_restart=True, shows_once=False)()


@pytest.fixture
def looked_into(monkeypatch):
    """The tasks that were looked into; pages of the common size."""
    monkeypatch.setattr(limits, "PAGE_TASKS_MAX", 2048)
    found = []
    for kind in (RunSearch, ReviewSearch):

        def counted(self, state, found_in=kind.found_in):
            found.append(state.id)
            return found_in(self, state)

        monkeypatch.setattr(kind, "found_in", counted)
    return found


def many(count: int) -> Store:
    """Tasks with a run that was completed, as a start finds them."""
    store = Store()
    for number in range(count):
        at = number * 4
        store.made, store.seq = number, at
        done = a_run(
            RunStatus.COMPLETED,
            f"r{number}",
            queued_at_ns=at + 1,
            claimed_by=CLAIMERS[0],
            session_id="s1",
            claimed_at_ns=at + 2,
            started_at_ns=at + 3,
            ended_at_ns=at + 4,
        )
        store.seq = at + 3
        store.publish(a_task(f"t{number}", runs=(done,), status=TaskStatus.COMPLETED))
    store.do(RESTART, 0)
    return store


def act(store: Store, task_id: str, *actions: int, which: int = 0) -> None:
    for action in actions:
        changed = store.changed(store.wholes[task_id], action, which)
        assert changed is not None
        store.publish(changed)


RUNNING = frozenset({RunStatus.RUNNING})
ENDED = frozenset({RunStatus.FAILED, RunStatus.CANCELED})


@pytest.mark.parametrize("session_id", [None, "s1"])
def test_for_open_runs_none_but_tasks_with_such_runs_are_looked_into(looked_into, session_id):
    store = many(400)
    for task_id in ("t3", "t77", "t201"):
        act(store, task_id, QUEUE, CLAIM, START)
    act(store, "t5", QUEUE)
    store.do(RESTART, 0)
    which = RunFilter(statuses=RUNNING, session_id=session_id)
    assert store.page(which, None, 100) == (["t201-r1", "t77-r1", "t3-r1"], None)
    assert looked_into == ["t201", "t77", "t3"]
    assert store.reads == 0


def test_for_failed_runs_none_but_tasks_that_ever_had_one_are_looked_into(looked_into):
    store = many(400)
    act(store, "t7", QUEUE, END, QUEUE, which=2)  # failed by force, and queued again
    act(store, "t9", QUEUE, END, which=3)  # canceled
    store.do(RESTART, 0)
    assert store.page(RunFilter(statuses=ENDED), None, 100) == (["t9-r1", "t7-r1"], None)
    by_force = RunFilter(failure_kind=FailureKind.OPERATOR_FORCED)
    assert store.page(by_force, None, 100) == (["t7-r1"], None)
    assert looked_into == ["t9", "t7", "t7"]
    assert store.reads == 3


def test_for_open_reviews_none_but_tasks_with_such_reviews_are_looked_into(looked_into):
    store = many(400)
    for task_id in ("t3", "t77"):
        act(store, task_id, ASK)
    act(store, "t5", ASK, JUDGE)
    store.do(RESTART, 0)
    which = ReviewFilter(statuses=frozenset({ReviewStatus.REQUESTED}))
    assert store.page(which, None, 100) == (["t77-v0", "t3-v0"], None)
    assert looked_into == ["t77", "t3"]


def test_for_runs_since_some_time_none_but_tasks_that_were_active_since_are_read(looked_into):
    store = many(400)
    assert store.page(RunFilter(since_ns=4 * 398), None, 100) == (["r399", "r398", "r397"], None)
    assert store.reads == 3
    assert len(looked_into) <= 3 + stretches.STRETCH


def test_a_run_is_found_by_its_time_though_the_wall_was_set_back_behind_it(monkeypatch):
    monkeypatch.setattr(limits, "WALL_BACK_S_MAX", 86_400)
    store, hour = Store(), 3600 * NS
    ended = a_run(RunStatus.COMPLETED, ended_at_ns=30 * hour)
    store.publish(a_task("t1", runs=(ended,)))
    store.publish(evolve(store.wholes["t1"], last_activity_at_ns=29 * hour), is_public=False)
    store.do(RESTART, 0)
    assert store.page(RunFilter(since_ns=30 * hour), None, 100) == (["run-1"], None)
    assert store.page(RunFilter(since_ns=30 * hour + 1), None, 100) == ([], None)


def test_a_page_looks_into_so_many_tasks_and_a_turn_into_fewer(looked_into, monkeypatch):
    monkeypatch.setattr(limits, "PAGE_TASKS_MAX", 16)
    store = many(50)
    which, cursor, reads = RunFilter(session_id="s9"), None, []
    while True:
        read_before, turns_before = store.reads, store.turns
        rows, cursor = store.page(which, cursor, 100)
        reads.append(store.reads - read_before)
        assert rows == []
        assert store.turns - turns_before >= reads[-1] // limits.SLICE_MAX - 1
        if cursor is None:
            break
    assert reads == [16, 16, 16, 2]


def test_of_a_task_that_is_set_aside_the_open_run_alone_is_shown():
    store = Store()
    store.create()
    act(store, "t1", QUEUE, END, ASK, QUEUE)
    store.do(RESTART, 0)

    def aside(task_id):
        raise Rejected(Code.TASK_SET_ASIDE, "damaged", "look at it")

    store.read = aside
    assert store.page(RunFilter(), None, 100) == (["t1-r1"], None)
    assert store.page(ReviewFilter(), None, 100) == ([], None)


def test_a_page_may_end_within_a_task_and_a_newer_run_of_it_does_not_shift_the_next():
    store = Store()
    store.create()
    act(store, "t1", QUEUE, END, QUEUE, END, QUEUE, END)
    rows, cursor = store.page(RunFilter(), None, 2)
    assert rows == ["t1-r2", "t1-r1"]
    act(store, "t1", QUEUE)
    assert store.page(RunFilter(), cursor, 2) == (["t1-r0"], None)


@pytest.mark.parametrize(
    "cursor", ["", "3", "3.4.0", "3.4.5.6.7", "3.4.x.0", "a.b.c.d", "3.4.5.-1"]
)
def test_a_cursor_that_is_none_of_such_a_list_is_refused(cursor):
    with pytest.raises(Rejected) as caught:
        Store().page(RunFilter(), cursor, 2)
    assert caught.value.pointer == "?cursor"
