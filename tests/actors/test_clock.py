"""Two scales: the wall may be set, the steady one never steps and counts no stall."""

import itertools
import logging
import runpy
import time

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as some

from chargehand.actors import boot_clock
from chargehand.actors.boot_clock import BootClock
from chargehand.actors.clock import Clock, VirtualTime
from chargehand.actors.ids import RandomIds
from chargehand.actors.limits import TICK_S, TURN_S_MAX, WALL_STEPS_MAX
from chargehand.actors.time_watch import TimeStatistics, TimeWatch
from tests.actors.conftest import on_a_mock_clock

NS = 1_000_000_000
START_NS = 1_790_000_000 * NS
HOUR_NS = 3600 * NS


class Watched:
    def __init__(self, steady_from_ns: int | None = None) -> None:
        self.time = VirtualTime(START_NS, watched=True)
        self.clock = Clock(self.time, steady_from_ns=steady_from_ns)
        self.watch = TimeWatch(self.clock)


@pytest.fixture
async def watched(nursery):
    made = Watched()
    await nursery.start(made.watch.run)
    return made


async def test_a_clock_wakes_nobody_before_the_time():
    """A wake-up a nanosecond early finds nothing due, and would be repeated without end."""
    await trio.sleep(190.81452737534897)
    clock = Clock(VirtualTime(NS))
    for delta_ns in (1, 7 * NS + 1, 300 * NS, 512_637_923_090):
        await trio.sleep_until(clock.trio_time(NS + delta_ns))
        assert 0 <= clock.steady_ns() - (NS + delta_ns) <= 100


async def test_both_scales_start_at_the_wall_and_run_alike(watched):
    assert watched.clock.now_ns() == watched.clock.steady_ns() == START_NS
    await trio.sleep(1000)
    assert watched.clock.now_ns() == watched.clock.steady_ns() == START_NS + 1000 * NS
    assert watched.watch.statistics() == TimeStatistics()


async def test_the_steady_scale_goes_on_where_a_former_process_left_it():
    clock = Watched(steady_from_ns=7 * NS).clock
    assert clock.steady_ns() == 7 * NS
    assert clock.wall_ns(9 * NS) == START_NS + 2 * NS
    assert clock.trio_time(9 * NS) == trio.current_time() + 2


@pytest.mark.parametrize("hours", [2, -2])
async def test_a_step_of_the_wall_moves_what_is_shown_and_nothing_else(watched, caplog, hours):
    await trio.sleep(10)
    before_ns = watched.clock.steady_ns()
    stepped = watched.clock.stepped
    watched.time.step(hours * 3600)
    await stepped.wait()
    assert watched.clock.now_ns() == watched.time.wall_ns()
    assert watched.clock.steady_ns() - before_ns <= TICK_S * NS + 1
    assert watched.clock.wall_ns(watched.clock.steady_ns()) == watched.clock.now_ns()
    statistics = watched.watch.statistics()
    assert (statistics.wall_steps, statistics.wall_stepped_s) == (1, hours * 3600)
    [warning] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert f"set {'forward' if hours > 0 else 'back'} by 2:00:00" in warning.getMessage()


async def test_what_is_slewed_is_followed_without_a_word(watched, caplog):
    for _ in range(5):
        watched.time.step(0.3)
        await trio.sleep(1)
    assert watched.clock.now_ns() == watched.time.wall_ns()
    assert watched.watch.statistics() == TimeStatistics()
    assert not caplog.records


async def test_a_stall_is_given_back_to_the_steady_scale(watched, caplog):
    await trio.sleep(10)
    before_ns = watched.clock.steady_ns()
    watched.time.stall(11)
    # In the middle of the turn, and behind it.
    assert watched.clock.steady_ns() - before_ns <= TURN_S_MAX * NS
    assert watched.clock.now_ns() == watched.time.wall_ns()
    await trio.lowlevel.checkpoint()
    assert 0 <= watched.clock.steady_ns() - before_ns <= TURN_S_MAX * NS
    await trio.sleep(5)
    assert 5 * NS <= watched.clock.steady_ns() - before_ns <= (5 + TURN_S_MAX) * NS
    statistics = watched.watch.statistics()
    assert (statistics.stalls, statistics.suspends, statistics.wall_steps) == (1, 0, 0)
    assert 11 - TURN_S_MAX <= statistics.stalled_s <= 11
    [warning] = caplog.records
    assert "the process stood still" in warning.getMessage()


async def test_a_suspend_of_the_host_is_told_from_a_stall(watched, caplog):
    await trio.sleep(10)
    before_ns = watched.clock.steady_ns()
    watched.time.suspend(3600)
    await trio.lowlevel.checkpoint()
    assert watched.clock.steady_ns() - before_ns <= TURN_S_MAX * NS
    statistics = watched.watch.statistics()
    assert (statistics.stalls, statistics.suspends) == (0, 1)
    assert "the host was suspended for about 3599." in caplog.records[0].getMessage()


async def test_a_time_that_was_slept_for_comes_later_by_a_stall(watched):
    due_ns = watched.clock.steady_ns() + 10 * NS
    watched.time.stall(60)
    await trio.lowlevel.checkpoint()
    await trio.sleep_until(watched.clock.trio_time(due_ns))
    assert due_ns <= watched.clock.steady_ns() <= due_ns + 1
    assert trio.current_time() >= 69


async def test_unwatched_no_jump_is_a_stall():
    clock = Clock(VirtualTime(START_NS))
    await trio.sleep(86_400)
    assert clock.steady_ns() == START_NS + 86_400 * NS


_HAPPENINGS = some.lists(
    some.tuples(some.sampled_from(["step", "stall", "suspend", "sleep"]), some.integers(1, 7200)),
    max_size=12,
)


@settings(max_examples=30)
@given(_HAPPENINGS, some.lists(some.sampled_from([1, -1]), min_size=12, max_size=12))
def test_whatever_befalls_the_wall_the_steady_scale_never_runs_back_nor_ahead(happened, signs):
    async def main():
        async with trio.open_nursery() as nursery:
            watched = Watched()
            await nursery.start(watched.watch.run)
            last_ns, begun_s, lost_s, marks = watched.clock.steady_ns(), trio.current_time(), 0, []
            for (what, seconds), sign in zip(happened, signs, strict=False):
                match what:
                    case "step":
                        watched.time.step(sign * seconds)
                        await trio.sleep(1)
                    case "stall":
                        watched.time.stall(seconds)
                        lost_s += seconds
                    case "suspend":
                        watched.time.suspend(seconds)
                        lost_s += seconds
                    case _:
                        await trio.sleep(seconds / 100)
                await trio.sleep(0.5)
                assert watched.clock.steady_ns() >= last_ns
                assert watched.clock.now_ns() == pytest.approx(watched.time.wall_ns(), abs=2e7)
                last_ns = watched.clock.steady_ns()
                marks.append((trio.current_time(), watched.clock.now_ns()))
            passed_s = trio.current_time() - begun_s - lost_s
            assert passed_s - 1 <= (last_ns - START_NS) / NS <= passed_s + TURN_S_MAX * 12 + 1
            nursery.cancel_scope.cancel()

    on_a_mock_clock(main)


@pytest.mark.parametrize("steps", [*itertools.product((2, -2), repeat=2), (2,), (-2,), ()])
async def test_how_old_a_time_is_does_not_depend_on_steps_made_since(watched, steps):
    """Where the wall was set back, a time may be of before or of after: the later one counts."""
    written = []
    for hours in (0, *steps):
        watched.time.step(hours * 3600)
        await trio.sleep(60)
        written.append((watched.clock.now_ns(), trio.current_time()))
        await trio.sleep(60)
    for at_ns, moment_s in written:
        age_ns = watched.clock.age_ns(at_ns)
        assert age_ns == pytest.approx((trio.current_time() - moment_s) * NS, abs=NS)


async def test_how_old_a_time_is_that_a_former_process_wrote(watched):
    await trio.sleep(5)
    assert watched.clock.age_ns(START_NS - HOUR_NS) == HOUR_NS + 5 * NS
    assert watched.clock.age_ns(START_NS + HOUR_NS) == 0, "its clock was ahead"


async def test_steps_are_remembered_within_bounds(watched):
    for _ in range(2 * WALL_STEPS_MAX):
        watched.time.step(10)
        await trio.sleep(1)
    assert watched.clock.age_ns(watched.clock.now_ns() - NS // 2) == NS // 2
    assert len(watched.clock._walls.stretches) == WALL_STEPS_MAX


async def test_a_time_that_the_wall_was_set_over_grows_older_from_then_on(watched):
    """As is all that a right clock wrote before a start with one that was behind."""
    written_ns = watched.clock.now_ns() + HOUR_NS
    await trio.sleep(10)
    assert watched.clock.age_ns(written_ns) == 0
    watched.time.step(2 * 3600)
    await trio.sleep(100)
    assert watched.clock.age_ns(written_ns) == pytest.approx(100 * NS, abs=NS)
    watched.time.step(60)
    await trio.sleep(100)
    assert watched.clock.age_ns(written_ns) == pytest.approx(200 * NS, abs=NS)


async def test_a_moment_says_the_same_whatever_comes_after_it(watched):
    written_ns = watched.clock.now_ns()
    await trio.sleep(10)
    moment = watched.clock.moment()
    assert (moment.now_ns, moment.steady_ns) == (
        watched.clock.now_ns(),
        watched.clock.steady_ns(),
    )
    assert moment.age_of(written_ns) == 10 * NS
    watched.time.step(-3600)
    await trio.sleep(7200)
    assert moment.age_of(written_ns) == 10 * NS
    assert watched.clock.age_ns(written_ns) < 7200 * NS


def test_the_clock_of_a_server_counts_from_its_start_and_wakes_in_time():
    async def main():
        begun_s = trio.current_time()
        assert begun_s < 60, "not since the host was started"
        await trio.sleep(0.01)
        assert trio.current_time() - begun_s >= 0.01
        with trio.move_on_after(0.01) as waited:
            await trio.sleep_forever()
        assert waited.cancelled_caught

    trio.run(main, clock=BootClock())


def test_where_there_is_no_boottime_the_clock_is_the_monotonic_one_of_the_system(monkeypatch):
    monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)
    asked = []
    monkeypatch.setattr(time, "clock_gettime", lambda clock: asked.append(clock) or 7.0)
    clock = runpy.run_path(boot_clock.__file__)["BootClock"]()
    clock.start_clock()
    assert clock.current_time() == 0
    assert set(asked) == {time.CLOCK_MONOTONIC}


def test_ids_are_unique_also_where_the_wall_is_set_back():
    ids = RandomIds()
    made = [ids.suffix(START_NS + hours * HOUR_NS) for hours in (0, 2, 0, -2, 0) for _ in range(99)]
    assert len(set(made)) == len(made)
    assert {len(suffix) for suffix in made} == {24}
