"""Lists that are read page by page while tasks move, come and go."""

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from chargehand.actors import limits
from chargehand.actors.errors import Rejected
from chargehand.actors.task.state import Priority, TaskStatus
from chargehand.actors.views import activity, creation, facets, recent, stretches
from chargehand.actors.views.choices import ListOrder
from chargehand.actors.views.creation import CreationOrder
from chargehand.actors.views.search import wanted_text
from chargehand.actors.views.stretches import Stretch
from chargehand.actors.views.wanted import Wanted
from tests.actors.views.catalogs import new_catalog, restarted
from tests.actors.views.states import a_task

ALL = Wanted()
FILTERS = (ALL, Wanted(facets.chosen(Priority.HIGH)), Wanted(text=wanted_text("t1")))
CREATE, MOVE, TOUCH, DELETE, RESTART = range(5)
steps = st.lists(st.tuples(st.sampled_from(range(5)), st.integers(0, 99)), max_size=8)


class Store:
    """A catalog, and what it is told."""

    def __init__(self, tasks: int = 0) -> None:
        self.catalog = new_catalog()
        self.seq = self.made = 0
        for _ in range(tasks):
            self.create()

    def create(self) -> None:
        self.seq += 1
        self.made += 1
        self.catalog.publish(
            a_task(
                f"t{self.made}",
                latest_event_seq=self.seq,
                last_seq=self.seq,
                created_at_ns=self.made // 2,  # two at a time, and the id decides
                priority=(Priority.HIGH, Priority.LOW)[self.made % 2],
            )
        )

    def move(self, task_id: str) -> None:
        self.seq += 1
        state = self.catalog.get(task_id)
        self.catalog.publish(evolve(state, latest_event_seq=self.seq, last_seq=self.seq))

    def touch(self, task_id: str) -> None:
        """It changes, but nothing is told of it."""
        self.seq += 1
        self.catalog.publish(evolve(self.catalog.get(task_id), last_seq=self.seq))

    def delete(self, task_id: str) -> None:
        self.seq += 1
        state = self.catalog.get(task_id)
        self.catalog.publish(evolve(state, deleted=True, last_seq=self.seq))

    def restart(self) -> None:
        self.catalog = restarted(self.catalog)

    def ids(self, wanted: Wanted = ALL) -> set[str]:
        return {state.id for state in self.catalog if wanted.includes(state)}

    def do(self, action: int, which: int) -> None:
        ids = sorted(self.ids())
        if action == CREATE:
            self.create()
        elif action == RESTART:
            self.restart()
        elif ids:
            at = ids[which % len(ids)]
            {MOVE: self.move, TOUCH: self.touch, DELETE: self.delete}[action](at)

    def page(self, order, cursor=None, limit=2, wanted=ALL, only=None, between=lambda: None):
        """Args: between: done in each turn that others have while the page is read."""
        if only is None:
            found = self.catalog.page(wanted, order, cursor, limit)
        else:
            found = self.catalog.page_of(sorted(only), wanted, order, cursor, limit)
        for page in found:
            if page is not None:
                return [state.id for state in page.items], page.next_cursor
            between()
        raise AssertionError("no page")


@pytest.fixture
def short_memory(monkeypatch):
    monkeypatch.setattr(limits, "MOVES_MAX", 4)
    monkeypatch.setattr(recent, "_FORGET_STEP", 2)


@pytest.fixture(autouse=True)
def short_stretches(monkeypatch):
    monkeypatch.setattr(stretches, "STRETCH", 4)
    monkeypatch.setattr(activity, "_LOOK_EVERY", 1)
    monkeypatch.setattr(creation, "_BLOCK", 3)


def walked(store, order, wanted, limit, between, *, few) -> tuple[list[str], set[str]]:
    """What a walk shows between whose pages things happen, and what was there all along."""
    only = store.ids() if few else None
    there = store.ids(wanted)
    shown, cursor = store.page(order, None, limit, wanted, only)
    assert len(shown) <= limit
    for happens in between:
        for action, which in happens:
            store.do(action, which)
        there &= store.ids(wanted)
        if cursor is None:
            break
        rows, cursor = store.page(order, cursor, limit, wanted, only)
        assert len(rows) <= limit
        shown += rows
    while cursor is not None:
        rows, cursor = store.page(order, cursor, limit, wanted, only)
        shown += rows
    return shown, there


def no_restart(happens):
    return [[step for step in page if step[0] != RESTART] for page in happens]


@settings(max_examples=300)
@given(
    tasks=st.integers(0, 14),
    before=steps,
    between=st.lists(steps, max_size=6),
    order=st.sampled_from(ListOrder),
    wanted=st.sampled_from(FILTERS),
    limit=st.integers(1, 4),
    few=st.booleans(),
)
def test_what_is_there_throughout_a_walk_is_shown_once(
    tasks, before, between, order, wanted, limit, few
):
    store = Store(tasks)
    for action, which in before:
        store.do(action, which)
    if order is ListOrder.ACTIVITY:
        between = no_restart(between)
    shown, there = walked(store, order, wanted, limit, between, few=few)
    assert len(shown) == len(set(shown))
    assert there <= set(shown)


def test_what_is_there_while_a_page_is_read_in_turns_is_shown_once(monkeypatch):
    monkeypatch.setattr(limits, "LOOKED_AT_MAX", 3)

    @settings(max_examples=200)
    @given(
        tasks=st.integers(4, 14),
        happens=st.lists(steps, max_size=12),
        wanted=st.sampled_from(FILTERS),
        limit=st.integers(1, 4),
    )
    def law(tasks, happens, wanted, limit):
        store = Store(tasks)
        there, shown, cursor, left = store.ids(wanted), [], None, iter(happens)

        def between() -> None:
            for step in no_restart([next(left, [])])[0]:
                store.do(*step)
                there.intersection_update(store.ids(wanted))

        while True:
            rows, cursor = store.page(
                ListOrder.CREATED, cursor, limit, wanted=wanted, between=between
            )
            shown += rows
            if cursor is None:
                break
        assert len(shown) == len(set(shown))
        assert there <= set(shown)

    law()


@pytest.fixture
def looked_at(monkeypatch):
    """How many tasks were looked at in each turn of reading pages by creation."""
    turns = [0]
    newest_first, selects = CreationOrder.newest_first, Stretch.select

    def counted(order, before):
        for entry in newest_first(order, before):
            turns[-1] += 1
            yield entry

    def searched(stretch, wanted):
        turns[-1] += stretch.to_search(wanted)
        return selects(stretch, wanted)

    monkeypatch.setattr(CreationOrder, "newest_first", counted)
    monkeypatch.setattr(Stretch, "select", searched)
    return turns


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(facets.chosen(TaskStatus.DRAFT)), ["t20", "t19"]),
        (Wanted(text=wanted_text("t7")), ["t79", "t78"]),
        (Wanted(text=wanted_text("nowhere")), []),
    ],
)
def test_in_one_turn_no_more_tasks_are_looked_at_than_the_limit(
    monkeypatch, looked_at, wanted, found
):
    monkeypatch.setattr(limits, "LOOKED_AT_MAX", 16)
    store = Store(160)
    for number in range(1, 21):
        store.catalog.publish(
            evolve(store.catalog.get(f"t{number}"), status=TaskStatus.DRAFT, last_seq=1000)
        )
    rows, _ = store.page(ListOrder.CREATED, wanted=wanted, between=lambda: looked_at.append(0))
    assert rows == found
    assert len(looked_at) >= 5
    assert max(looked_at) <= 16 + stretches.STRETCH  # the last stretch that was searched is whole
    assert sum(looked_at) <= 160 * 2 + len(looked_at) * 2 * stretches.STRETCH


def test_so_few_that_are_wanted_are_sorted_in_one_turn(monkeypatch, looked_at):
    monkeypatch.setattr(limits, "LOOKED_AT_MAX", 16)
    store = Store(160)
    store.catalog.publish(evolve(store.catalog.get("t1"), status=TaskStatus.DRAFT, last_seq=1000))
    wanted = Wanted(facets.chosen(TaskStatus.DRAFT))
    rows, _ = store.page(ListOrder.CREATED, wanted=wanted, between=pytest.fail)
    assert rows == ["t1"]
    assert sum(looked_at) == 0


@pytest.mark.usefixtures("short_memory")
@pytest.mark.parametrize("few", [False, True])
def test_where_moves_are_forgotten_nothing_is_lost(few):
    @settings(max_examples=300)
    @given(
        tasks=st.integers(0, 14),
        between=st.lists(steps, max_size=6),
        wanted=st.sampled_from(FILTERS),
        limit=st.integers(1, 4),
    )
    def law(tasks, between, wanted, limit):
        store = Store(tasks)
        shown, there = walked(store, ListOrder.ACTIVITY, wanted, limit, between, few=few)
        assert there <= set(shown)

    law()


@pytest.mark.parametrize("order", ListOrder)
def test_the_oldest_of_nine_that_moves_after_the_first_page_is_shown_once_where_it_stood(order):
    store = Store(9)
    shown, cursor = store.page(order)
    store.move("t1")
    store.create()
    while cursor is not None:
        rows, cursor = store.page(order, cursor)
        shown += rows
    assert shown == [f"t{number}" for number in range(9, 0, -1)]


def test_a_walk_that_began_before_a_restart_shows_what_moved_since_at_its_end():
    store = Store(5)
    shown, cursor = store.page(ListOrder.ACTIVITY)  # t5 and t4
    store.move("t1")
    store.move("t5")
    store.restart()
    while cursor is not None:
        rows, cursor = store.page(ListOrder.ACTIVITY, cursor)
        shown += rows
    assert shown == ["t5", "t4", "t3", "t2", "t5", "t1"]


def test_a_restart_without_moves_is_not_noticed():
    store = Store(5)
    _, cursor = store.page(ListOrder.ACTIVITY)
    store.restart()
    store.move("t1")
    rows, cursor = store.page(ListOrder.ACTIVITY, cursor, 5)
    assert (rows, cursor) == (["t3", "t2", "t1"], None)


def test_a_cursor_that_is_a_number_alone_goes_on_below_it():
    store = Store(5)
    store.move("t1")
    rows, cursor = store.page(ListOrder.ACTIVITY, "5")
    assert (rows, cursor) == (["t4", "t3"], "3")
    assert store.page(ListOrder.ACTIVITY, cursor) == (["t2"], None)


@pytest.mark.parametrize(
    ("order", "cursor"),
    [
        (ListOrder.ACTIVITY, "created.3.t1"),
        (ListOrder.ACTIVITY, "3.4"),
        (ListOrder.ACTIVITY, "3.4.5.6"),
        (ListOrder.ACTIVITY, "3.x.0"),
        (ListOrder.ACTIVITY, ""),
        (ListOrder.CREATED, "3.4.0"),
        (ListOrder.CREATED, "3"),
        (ListOrder.CREATED, "created.3"),
        (ListOrder.CREATED, "created..t1"),
        (ListOrder.CREATED, "created.x.t1"),
    ],
)
def test_a_cursor_of_another_order_or_of_none_is_refused(order, cursor):
    with pytest.raises(Rejected) as caught:
        Store(3).page(order, cursor)
    assert caught.value.pointer == "?cursor"


def test_a_memory_of_moves_has_an_end(monkeypatch):
    monkeypatch.setattr(limits, "MOVES_MAX", 8)
    monkeypatch.setattr(recent, "_FORGET_STEP", 2)
    moves = recent.Recent()
    for seq in range(1, 200):
        moves.add(seq, seq - 1)
        assert len(moves) <= 10
    assert moves.since(195) == [195, 196, 197, 198]
    assert (moves.knows(0), moves.knows(189), moves.knows(199)) == (False, False, True)
    oldest = next(seq for seq in range(200) if moves.knows(seq))
    assert len(moves.since(oldest)) == 199 - oldest
