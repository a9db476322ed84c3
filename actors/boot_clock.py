"""Trio's clock of a server: it counts the time in which the host was suspended."""

import time
from typing import Final, final

import trio

_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def boot_ns() -> int:
    """Nanoseconds on that clock."""
    return time.clock_gettime_ns(_CLOCK)


@final
class BootClock(trio.abc.Clock):
    """CLOCK_BOOTTIME where there is one, else CLOCK_MONOTONIC (which on macOS counts a suspend).

    After a resume, deadlines that passed meanwhile are noticed with the loop's next turn. A sleep
    in the kernel does not count the suspend, so something has to turn the loop now and then: a
    `TimeWatch` does.
    """

    def __init__(self) -> None:
        self._start_s = 0.0

    def start_clock(self) -> None:
        self._start_s = time.clock_gettime(_CLOCK)

    def current_time(self) -> float:
        return time.clock_gettime(_CLOCK) - self._start_s

    def deadline_to_sleep_time(self, deadline: float) -> float:
        return deadline - self.current_time()
