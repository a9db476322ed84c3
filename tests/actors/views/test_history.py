"""Minutes of a wall that is set, and of a scale that never is, without anything that runs."""

from hypothesis import given, settings
from hypothesis import strategies as some

from chargehand.actors.clock import Moment
from chargehand.actors.limits import HISTORY_MINUTES_MAX, NS
from chargehand.actors.record import Entry, Record
from chargehand.actors.task.events import TaskCreated
from chargehand.actors.task.state import ApprovalPolicy, Priority, Scope, TaskStatus
from chargehand.actors.views.history import MINUTE_NS, Happened, History, Past, Standing
from chargehand.actors.walls import EVER, Walls
from tests.actors.system.desk import NOW_NS, OPERATOR
from tests.actors.views.states import a_task

EVENT = TaskCreated(Scope.GLOBAL, "t", Priority.LOW, 1, ApprovalPolicy.NONE, TaskStatus.READY)
ENTRY = Entry(Record(1, "r", 0, "t", OPERATOR, (EVENT,)), a_task("t"))
FULL_NS = NOW_NS // MINUTE_NS * MINUTE_NS  # a whole minute


class Day:
    """A history whose clock is moved by hand; it begins 10 s past a whole minute."""

    def __init__(self) -> None:
        self.elapsed_ns = 0
        self.wall_from_ns = FULL_NS + 10 * NS
        self.walls = Walls(((EVER, self.wall_from_ns),))
        self.standing = Standing(0, 0, None)
        self.created: list[int] = []  # when, in elapsed time
        self.history = History(self.moment, lambda: self.standing)

    def moment(self) -> Moment:
        now_ns = self.wall_from_ns + self.elapsed_ns
        return Moment(now_ns, self.elapsed_ns, self.elapsed_ns, self.walls)

    @property
    def now_ns(self) -> int:
        return self.moment().now_ns

    def passes(self, seconds: float) -> None:
        self.elapsed_ns += int(seconds * NS)

    def steps(self, seconds: float) -> None:
        self.wall_from_ns += int(seconds * NS)
        self.walls = self.walls.stepped(self.elapsed_ns, self.wall_from_ns)

    def creates(self, count: int = 1) -> None:
        self.history.committed([ENTRY] * count)
        self.created += [self.elapsed_ns] * count

    def past(self, minutes: int = HISTORY_MINUTES_MAX) -> Past:
        *_, found = self.history.past(minutes)
        assert found is not None
        return found

    def seen(self, minutes: int = HISTORY_MINUTES_MAX) -> list[int]:
        return [each.counts[Happened.TASK_CREATED] for each in self.past(minutes).minutes]


def test_each_minute_has_its_own_and_those_without_anything_are_there():
    day = Day()
    day.creates(2)
    day.passes(49.9)
    day.creates()
    day.passes(0.1)
    day.creates(4)
    day.passes(180)
    day.creates(8)
    past = day.past()
    assert [each.start_ns for each in past.minutes] == [FULL_NS + n * MINUTE_NS for n in range(5)]
    assert day.seen() == [3, 4, 0, 0, 8]
    assert day.seen(2) == [0, 8]
    assert (past.since_ns, past.as_of_ns) == (FULL_NS + 10 * NS, day.now_ns)


def test_a_day_is_kept_and_no_more():
    day = Day()
    for minute in range(HISTORY_MINUTES_MAX + 70):
        day.creates(1 + minute % 7)
        day.passes(60)
        assert len(day.history._stretches) <= HISTORY_MINUTES_MAX + 1
    seen = day.seen()
    assert len(seen) == HISTORY_MINUTES_MAX
    assert seen == [1 + minute % 7 for minute in range(71, HISTORY_MINUTES_MAX + 70)] + [0]
    assert day.past(60).since_ns == day.past().minutes[0].start_ns


def test_days_without_anything_are_shown_by_how_the_queue_stood():
    day = Day()
    day.standing = Standing(5, 2, day.now_ns)
    day.creates()
    day.passes(3 * 86_400)
    past = day.past()
    assert [(each.queued, each.active) for each in past.minutes] == [(5, 2)] * HISTORY_MINUTES_MAX
    assert day.seen() == [0] * HISTORY_MINUTES_MAX
    ages = [each.oldest_claimable_ns for each in past.minutes]
    assert ages[-1] == 3 * 86_400 * NS
    for age_ns, minute in zip(ages[:-1], past.minutes, strict=False):
        assert age_ns == minute.start_ns + MINUTE_NS - FULL_NS - 10 * NS
    day.passes(60)
    day.creates()  # and it is not forgotten by the next one
    assert [each.queued for each in day.past().minutes] == [5] * HISTORY_MINUTES_MAX


def test_a_minute_keeps_how_the_queue_stood_at_its_end():
    day = Day()
    day.creates()
    day.standing = Standing(1, 0, day.now_ns)
    day.passes(50)  # and the minute is over
    day.creates()
    day.standing = Standing(0, 1, None)
    first, second = day.past().minutes
    assert (first.queued, first.active, first.oldest_claimable_ns) == (1, 0, 50 * NS)
    assert (second.queued, second.active, second.oldest_claimable_ns) == (0, 1, None)


def test_a_wall_set_by_hours_leaves_no_gap_and_nothing_twice():
    for hours in (3, -3, 24 * 400, -24 * 400):
        day = Day()
        day.creates(2)
        day.passes(60)
        day.creates(3)
        day.steps(hours * 3600)
        day.creates(4)
        assert day.seen() == [2, 7]
        day.passes(60)
        day.creates(5)
        assert day.seen() == [2, 7, 5]
        past = day.past()
        assert past.minutes[-1].start_ns == day.now_ns // MINUTE_NS * MINUTE_NS
        assert past.since_ns == FULL_NS + (hours * 3600 + 10) * NS


def test_a_wall_slewed_to_and_fro_over_the_turn_of_a_minute_makes_no_other_minute():
    day = Day()
    day.passes(49.999)
    for _ in range(200):
        day.creates()
        day.wall_from_ns += 5_000_000
        day.creates()
        day.wall_from_ns -= 5_000_000
    assert sum(day.seen()) == 400
    assert len(day.seen()) == 1


DOING = some.one_of(
    some.tuples(some.just("passes"), some.integers(0, 200)),
    some.tuples(some.just("passes"), some.integers(0, 100_000)),
    some.tuples(some.just("steps"), some.integers(-150, 150)),
    some.tuples(some.just("steps"), some.integers(-100_000, 100_000)),
    some.tuples(some.just("creates"), some.integers(1, 3)),
)


@settings(deadline=None)
@given(some.lists(DOING, max_size=40))
def test_whatever_the_wall_does_each_is_there_once_and_nearly_in_its_place(doings):
    day = Day()
    for doing, how_much in doings:
        getattr(day, doing)(how_much)
    past = day.past()
    starts = [each.start_ns for each in past.minutes]
    assert len(starts) <= HISTORY_MINUTES_MAX
    assert starts == [starts[-1] - n * MINUTE_NS for n in range(len(starts))][::-1]
    assert starts[-1] == day.now_ns // MINUTE_NS * MINUTE_NS
    seen = [(row.start_ns, row.counts[Happened.TASK_CREATED]) for row in past.minutes]
    shown = [start_ns for start_ns, count in seen for _ in range(count)]
    happened = [at_ns + day.wall_from_ns for at_ns in day.created]
    edge_ns = starts[0] + 2 * MINUTE_NS  # about here it may have been forgotten
    late = [at_ns for at_ns in happened if at_ns >= edge_ns]
    assert len(late) <= len(shown) <= len(happened)
    for start_ns, at_ns in zip(shown[::-1], sorted(late)[::-1], strict=False):
        assert start_ns - MINUTE_NS // 2 <= at_ns <= start_ns + MINUTE_NS * 3 // 2


def test_a_clock_that_is_set_all_the_time_fills_no_memory():
    day = Day()
    for number in range(4 * HISTORY_MINUTES_MAX):
        day.creates()
        day.passes(1)
        day.steps(40 if number % 2 else -40)
    assert len(day.history._stretches) <= 2 * HISTORY_MINUTES_MAX
