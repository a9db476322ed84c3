"""The one clock of the core, with two scales, and what it reads them from.

`now_ns` is the wall: what is stored and shown. It follows the system's clock, so it may be set
forward or back while the server runs. `steady_ns` never is: it counts the time in which this server
could be reached, and leases and other durations run on it. Order follows neither, but the journal's
sequence.
"""

import math
import time
from typing import Final, NamedTuple, Protocol, final

import trio

from chargehand.actors.limits import NS, TURN_S_MAX, WALL_SLEW_NS_MAX, WALL_STEP_NS
from chargehand.actors.walls import EVER, Walls

_BRACKET_NS: Final = 1_000_000  # a reading of the wall is used if it took no longer
_READINGS_MAX: Final = 5


class TimeSource(Protocol):
    """What a clock is read from, besides Trio's own clock. Tests bring one that they move."""

    @property
    def watched(self) -> bool:
        """Whether stalls, suspends and steps of the wall are looked for."""

    def wall_ns(self) -> int:
        """Nanoseconds since 1970."""

    def awake_ns(self) -> int:
        """Nanoseconds since whenever, not counting those in which the host was suspended."""


@final
class SystemTime:
    """The system's clocks."""

    watched = True

    def wall_ns(self) -> int:
        return time.time_ns()

    def awake_ns(self) -> int:
        return time.monotonic_ns()


@final
class VirtualTime:
    """A time that runs with Trio's clock, which in tests is a `MockClock`. Made inside `trio.run`.

    Args:
        wall_ns: nanoseconds since 1970 to start from.
        watched: whether stalls, suspends and steps are looked for. Without, a `MockClock` may jump
            however far, and no step is noticed.
    """

    def __init__(self, wall_ns: int, *, watched: bool = False) -> None:
        self.watched = watched
        self._wall_ns = wall_ns
        self._start_s = trio.current_time()
        self._suspended_ns = 0

    def wall_ns(self) -> int:
        return self._wall_ns + self._elapsed_ns()

    def awake_ns(self) -> int:
        return self._elapsed_ns() - self._suspended_ns

    def step(self, seconds: float) -> None:
        """Set the wall forward, or back."""
        self._wall_ns += int(seconds * NS)

    def stall(self, seconds: float) -> None:
        """Let time pass in which the process does nothing; Trio's clock must be a `MockClock`."""
        from trio.testing import MockClock  # which no server needs

        clock = trio.lowlevel.current_clock()
        assert isinstance(clock, MockClock), "only a mock clock can be moved"
        clock.jump(seconds)

    def suspend(self, seconds: float) -> None:
        """The same, with the whole host asleep."""
        self._suspended_ns += int(seconds * NS)
        self.stall(seconds)

    def _elapsed_ns(self) -> int:
        return int((trio.current_time() - self._start_s) * NS)


@final
class Moment(NamedTuple):
    """What a clock read once, and goes on saying."""

    now_ns: int
    """By the wall."""
    steady_ns: int
    elapsed_ns: int
    walls: Walls

    def age_of(self, at_ns: int) -> int:
        """`Clock.age_ns`, as of this moment."""
        return self.elapsed_ns - self.walls.moment_of(at_ns, self.elapsed_ns)


@final
class Clock:
    """Both scales run with Trio's clock. Must be made inside `trio.run`.

    A server runs Trio with a `BootClock`, which counts a suspend of the host; with Trio's default
    clock such a time is not seen at all, but for a step of the wall.

    While a `TimeWatch` runs, the steady scale moves on by no more than `TURN_S_MAX` between two
    turns of Trio's loop: whatever a turn took longer, the process stood still, and its clients
    could not reach it. That holds for readings in the middle of such a turn too.

    Args:
        source: the wall, and what distinguishes a suspend from a stall.
        steady_from_ns: where the steady scale goes on, as a former process left it; by default it
            starts at the wall's time.
    """

    def __init__(self, source: TimeSource, *, steady_from_ns: int | None = None) -> None:
        self.source = source
        self._time_s = trio.lowlevel.current_clock().current_time  # `trio.current_time`, sooner
        self._start_s = self._time_s()
        self._wall_from_ns = source.wall_ns()
        self._steady_from_ns = self._wall_from_ns if steady_from_ns is None else steady_from_ns
        self._horizon_s = math.inf  # the steady scale stands still behind this, until the next turn
        self._walls = Walls(((EVER, self._wall_from_ns),))
        self._stepped = trio.Event()

    # --- the wall -------------------------------------------------------------------------------

    def now_ns(self) -> int:
        """Nanoseconds since 1970, by the wall as it was last looked at."""
        return self._wall_from_ns + int((self._time_s() - self._start_s) * NS)

    def wall_ns(self, steady_ns: int) -> int:
        """The wall's time at a moment of the steady scale, past or to come, as far as it can be
        known now: what to show of a lease's end."""
        return steady_ns + self._wall_from_ns - self._steady_from_ns

    def age_ns(self, at_ns: int) -> int:
        """How long ago it was that the wall said `at_ns`, whatever steps it has made since.

        Never negative. Of times before this clock was made, as long ago as its first reading says;
        of times that the wall was set over, as long ago as it was set.
        """
        elapsed_ns = self.elapsed_ns()
        return elapsed_ns - self._walls.moment_of(at_ns, elapsed_ns)

    def wall_ago_ns(self, age_ns: int) -> int:
        """What the wall said `age_ns` ago; of its steps since then, the earliest it may have said.

        So whatever bears an earlier time is older than that.
        """
        return self._walls.earliest_said(self.elapsed_ns() - age_ns)

    @property
    def stepped(self) -> trio.Event:
        """Set when the wall makes its next step: whoever sleeps until a time of the wall must look
        again."""
        return self._stepped

    def look_at_wall(self) -> int:
        """Follow the wall; how far it was stepped, in ns, or 0.

        Differences below a second are slewing, or clocks that do not run quite alike.
        """
        moved_ns = self._wall_moved_ns()
        if abs(moved_ns) <= WALL_SLEW_NS_MAX:
            return 0
        self._wall_from_ns += moved_ns
        if abs(moved_ns) < WALL_STEP_NS:
            self._walls = self._walls.slewed(self._wall_from_ns)
            return 0
        self._walls = self._walls.stepped(self.elapsed_ns(), self._wall_from_ns)
        self._stepped.set()
        self._stepped = trio.Event()
        return moved_ns

    def _wall_moved_ns(self) -> int:
        """How far the wall is from where it was to be, read so that a pause between two readings
        does not count."""
        for _ in range(_READINGS_MAX):
            before_ns = self.now_ns()
            wall_ns = self.source.wall_ns()
            after_ns = self.now_ns()
            if after_ns - before_ns <= _BRACKET_NS:
                return wall_ns - before_ns
        return 0  # the machine is too busy to tell; the next look will

    def moment(self) -> Moment:
        """Both scales, and the ages of times, at one and the same moment."""
        at_s = self._time_s()
        elapsed_ns = int((at_s - self._start_s) * NS)
        steady_ns = (
            self.steady_ns() if at_s > self._horizon_s else self._steady_from_ns + elapsed_ns
        )
        return Moment(self._wall_from_ns + elapsed_ns, steady_ns, elapsed_ns, self._walls)

    # --- time that counts all -------------------------------------------------------------------

    def elapsed_ns(self) -> int:
        """Nanoseconds by Trio's own clock, stalls counted, and suspends if it counts them: for
        those who wait for an answer and no longer than they said."""
        return int((self._time_s() - self._start_s) * NS)

    def trio_time_of_elapsed(self, elapsed_ns: int) -> float:
        """The moment as a time for `trio.sleep_until`, never earlier."""
        return self._moment(elapsed_ns)

    # --- the steady scale -----------------------------------------------------------------------

    def steady_ns(self) -> int:
        """Nanoseconds on a scale that never steps and never runs back. Not to be shown."""
        at_s = self._time_s()
        if at_s > self._horizon_s:
            at_s = self._horizon_s
        return self._steady_from_ns + int((at_s - self._start_s) * NS)

    def trio_time(self, steady_ns: int) -> float:
        """The moment `steady_ns` as a time for `trio.sleep_until`, never earlier.

        A stall makes it later: whoever has slept until then must look at the clock again.
        """
        return self._moment(steady_ns - self._steady_from_ns)

    def trio_time_of_wall(self, at_ns: int) -> float:
        """The same for a time of the wall; a step makes it another (see `stepped`)."""
        return self._moment(at_ns - self._wall_from_ns)

    def _moment(self, elapsed_ns: int) -> float:
        moment = self._start_s + elapsed_ns / NS
        # Or a sleeper would wake before its time, and spin.
        while int((moment - self._start_s) * NS) < elapsed_ns:
            moment = math.nextafter(moment, math.inf)
        return moment

    def turned(self) -> int:
        """Trio's loop has come round, before any task or deadline was looked at; for `TimeWatch`.

        Returns:
            How many ns were lost to a stall or suspend; the steady scale stood still for them.
        """
        at_s, horizon_s = self._time_s(), self._horizon_s
        self._horizon_s = at_s + TURN_S_MAX
        if at_s <= horizon_s:
            return 0
        elapsed_ns = int((at_s - self._start_s) * NS)
        lost_ns = elapsed_ns - int((horizon_s - self._start_s) * NS)
        self._steady_from_ns -= lost_ns
        return lost_ns

    def unwatched(self) -> None:
        """No `TimeWatch` runs any more."""
        self.turned()
        self._horizon_s = math.inf
