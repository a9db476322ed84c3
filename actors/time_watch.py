"""Notices what time does to the server: stalls of the process, suspends of the host, steps of the
wall. Each is logged with what it means, and counted."""

import logging
from datetime import UTC, datetime, timedelta
from typing import final

import trio

from chargehand.actors.clock import Clock
from chargehand.actors.frozen import frozen
from chargehand.actors.limits import NS, STALL_TOLD_S, TICK_S, WALL_STEP_NS

_log = logging.getLogger("chargehand.time")


@final
@frozen
class TimeStatistics:
    """What was noticed since the start, in seconds and counts.

    Args:
        stalls: turns of the loop that took too long, the host being awake.
        stalled_s: what they took too long; leases were given it back.
        suspends: how often the host was suspended.
        suspended_s: for how long; leases were given it back.
        wall_steps: how often the wall clock was set by a second or more.
        wall_stepped_s: how far it is now from where it would be without these.
    """

    stalls: int = 0
    stalled_s: float = 0.0
    suspends: int = 0
    suspended_s: float = 0.0
    wall_steps: int = 0
    wall_stepped_s: float = 0.0


@final
class TimeWatch(trio.abc.Instrument):
    """Turns Trio's loop at least every `TICK_S`, and reports each turn to the clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._stalls = 0
        self._stalled_ns = 0
        self._suspends = 0
        self._suspended_ns = 0
        self._wall_steps = 0
        self._wall_stepped_ns = 0
        self._asleep_ns = 0  # how far the clocks were apart at the last look

    def statistics(self) -> TimeStatistics:
        return TimeStatistics(
            self._stalls,
            self._stalled_ns / NS,
            self._suspends,
            self._suspended_ns / NS,
            self._wall_steps,
            self._wall_stepped_ns / NS,
        )

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Watch until canceled."""
        self._asleep_ns = self._apart_ns()
        self._clock.turned()
        trio.lowlevel.add_instrument(self)
        try:
            task_status.started()
            while True:
                await trio.sleep(TICK_S)
                self._look_at_wall()
        finally:
            trio.lowlevel.remove_instrument(self)
            self._clock.unwatched()

    def after_io_wait(self, timeout: float) -> None:
        """Called by Trio before it looks at deadlines and runs tasks."""
        lost_ns = self._clock.turned()
        if lost_ns:
            self._note_loss(lost_ns)

    def _apart_ns(self) -> int:
        """Grows by each suspend, if Trio's clock counts them."""
        return int(trio.current_time() * NS) - self._clock.source.awake_ns()

    def _note_loss(self, lost_ns: int) -> None:
        apart_ns = self._apart_ns()
        suspended_ns = min(max(apart_ns - self._asleep_ns, 0), lost_ns)
        self._asleep_ns = apart_ns
        if suspended_ns > lost_ns // 2:
            self._suspends += 1
            self._suspended_ns += lost_ns
            what = "the host was suspended"
        else:
            self._stalls += 1
            self._stalled_ns += lost_ns
            what = "the process stood still (stopped, or without CPU or memory)"
        if lost_ns >= STALL_TOLD_S * NS:
            _log.warning(
                "%s for about %.1f s: leases were given that time back, other waits were not",
                what,
                lost_ns / NS,
            )

    def _look_at_wall(self) -> None:
        before_ns = self._clock.now_ns()
        stepped_ns = self._clock.look_at_wall()
        if not stepped_ns:
            return
        self._wall_steps += 1
        self._wall_stepped_ns += stepped_ns
        _log.warning(
            "the wall clock was set %s by %s, from %s to %s: times are shown by it from now on; "
            "leases, waits and the order of things are not affected",
            "forward" if stepped_ns > 0 else "back",
            timedelta(seconds=round(abs(stepped_ns) / NS)),
            _shown(before_ns),
            _shown(before_ns + stepped_ns),
        )


def behind_last_record_s(clock: Clock, last_at_ns: int) -> int:
    """How far the wall is behind the time of the last record, in seconds; 0 where it is not.

    Then either it is wrong now, or it was when that record was written; which, only people know.
    """
    now_ns = clock.now_ns()
    behind_ns = last_at_ns - now_ns
    if behind_ns < WALL_STEP_NS:
        return 0
    _log.warning(
        "the clock says %s, but the last record was written at %s, %s later: if the clock is wrong "
        "now, set it (the server follows it, no restart is needed); if it was wrong then, there is "
        "nothing to do but that times written meanwhile stay as they are. The order of things, "
        "leases and other durations are right in either case",
        _shown(now_ns),
        _shown(last_at_ns),
        timedelta(seconds=behind_ns // NS),
    )
    return behind_ns // NS


def _shown(at_ns: int) -> str:
    return f"{datetime.fromtimestamp(at_ns // NS, UTC):%Y-%m-%dT%H:%M:%SZ}"
