"""CPU time of processes, from the outside; what it needs is there on Linux alone."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, final

import trio

_TICKS: Final = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float | None:
    """What a process and its children have used so far; None where that is not known."""
    try:
        return _cpu_s(pid) + sum(map(_cpu_s_if_there, _children(pid)))
    except OSError:
        return None


def resident_mib(pid: int) -> float:
    """Of the process alone, without its children."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS  # with children that have ended


def _cpu_s_if_there(pid: int) -> float:
    """One that has just ended counts as its parent's, or is missing for a moment."""
    try:
        return _cpu_s(pid)
    except OSError:
        return 0.0


def _children(pid: int) -> Iterator[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return
    for child in map(int, children):
        yield child
        yield from _children(child)


async def share_of_core(pid: int | None, begun: float, seconds: float) -> float:
    """CPU time of a server in a second, for so long from that moment of `time.perf_counter` on."""
    await trio.sleep(max(0.0, begun - time.perf_counter()))
    meter, begins = Meter(pid), time.perf_counter()
    await trio.sleep(seconds)
    return (meter.server_s or 0.0) / (time.perf_counter() - begins)


@final
class Meter:
    """The CPU time of a server, and of this process, from here on."""

    def __init__(self, pid: int | None) -> None:
        self._pid = pid
        self._ours_s = time.process_time()
        self._server_s = None if pid is None else cpu_s(pid)

    @property
    def ours_s(self) -> float:
        return time.process_time() - self._ours_s

    @property
    def server_s(self) -> float | None:
        """None where it is not known; 0 where the server is this process."""
        if self._pid is None:
            return 0.0
        now_s = cpu_s(self._pid)
        return None if now_s is None or self._server_s is None else now_s - self._server_s
