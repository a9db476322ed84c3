"""What the wall said when, against a list of all that it said."""

from hypothesis import example, given
from hypothesis import strategies as some

from chargehand.actors.limits import WALL_STEPS_MAX
from chargehand.actors.walls import EVER, Walls

_STEPS = some.lists(some.tuples(some.integers(1, 6), some.integers(-15, 15)), max_size=6)


class Told:
    """The moments from 0 to `now`; at that of a step the wall said both times."""

    def __init__(self, steps: list[tuple[int, int]], rest: int) -> None:
        self.walls = Walls(((EVER, 0),))
        self.said: list[tuple[int, int]] = [(0, 0)]  # (moment, time)
        self.forward: list[tuple[int, int, int]] = []  # (moment, from, to)
        self.now = self.ahead = 0
        for passed, step in steps:
            self._pass(passed)
            at = self.now + self.ahead
            self.ahead += step
            self.walls = self.walls.stepped(self.now, self.ahead)
            self.said.append((self.now, at + step))
            self.forward.append((self.now, at, at + step))
        self._pass(rest)

    def _pass(self, moments: int) -> None:
        for _ in range(moments):
            self.now += 1
            self.said.append((self.now, self.now + self.ahead))

    def moment_of(self, at: int) -> int:
        saying = [moment for moment, said in self.said if said == at]
        jumping = [moment for moment, since, to in self.forward if since < at < to]
        if at < 0:  # before the first moment, as the first stretch says
            saying.append(at)
        return max(saying or jumping or [self.now])


@given(_STEPS, some.integers(0, 9), some.integers(-40, 60))
@example([(2, -5)], 9, -1)
@example([(2, 10)], 3, 7)
@example([(2, 10), (1, -10)], 3, 7)
def test_the_moment_of_a_time_is_the_latest_that_said_it_or_else_jumped_over_it(steps, rest, at):
    told = Told(steps, rest)
    assert told.walls.moment_of(at, told.now) == told.moment_of(at)


@given(_STEPS, some.integers(0, 9), some.integers(0, 40))
def test_the_earliest_time_of_a_moment_is_none_that_was_later(steps, rest, ago):
    told = Told(steps, rest)
    moment = max(0, told.now - ago)
    earliest = told.walls.earliest_said(moment)
    assert all(earliest <= said for when, said in told.said if when == moment)


def test_what_is_slewed_moves_the_last_stretch_alone():
    walls = Walls(((EVER, 0),)).stepped(10, 5).slewed(6)
    assert walls.stretches == ((EVER, 0), (10, 6))


def test_steps_are_kept_within_bounds_and_an_older_time_is_older():
    walls = Walls(((EVER, 0),))
    for number in range(2 * WALL_STEPS_MAX):
        walls = walls.stepped(number * 10, 100 * number)
    assert len(walls.stretches) == WALL_STEPS_MAX
    since, wall_from = walls.stretches[0]
    at = since + wall_from - 7
    assert walls.moment_of(at, 20 * WALL_STEPS_MAX) == since - 7
