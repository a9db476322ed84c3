"""One clock for everything. It never runs backwards, and tests replace it."""

import math
import time

import trio

from actors.limits import NS


class Clock:
    """Wall time that runs with Trio's monotonic clock.

    The wall is read once; after that time moves as `trio.current_time()` does, so a step of the
    system's clock never ends a lease, and a test's `MockClock` moves deadlines and timestamps
    together. Must be made inside `trio.run`.

    Args:
        not_before_ns: the time of the last record on disk; timestamps never fall behind it.
        wall_ns: nanoseconds since 1970 to start from; by default the system's.
    """

    def __init__(self, *, not_before_ns: int = 0, wall_ns: int | None = None) -> None:
        start_ns = time.time_ns() if wall_ns is None else wall_ns
        self._start_ns = max(start_ns, not_before_ns)
        self._start_s = trio.current_time()

    def now_ns(self) -> int:
        """Nanoseconds since 1970."""
        return self._at_ns(trio.current_time())

    def trio_time(self, at_ns: int) -> float:
        """The moment `at_ns` as a time for `trio.sleep_until`, never earlier than `at_ns`."""
        moment = self._start_s + (at_ns - self._start_ns) / NS
        while self._at_ns(moment) < at_ns:  # or a sleeper would wake before its time, and spin
            moment = math.nextafter(moment, math.inf)
        return moment

    def _at_ns(self, moment: float) -> int:
        return self._start_ns + int((moment - self._start_s) * NS)
