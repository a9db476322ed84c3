"""The real program on a data directory: killed, started again, and watched."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, final

import trio
from attrs import define, frozen

from benchmarks import cpu
from benchmarks.serving import server
from chargehand.web.bench.wire import Wire

_CLAIMS: Final = 64  # before the kill, so that there is a log to replay
_HEALTH_EVERY_S: Final = 0.05
_LOOK_EVERY_S: Final = 1.0
_IDLE_SHARE: Final = 0.4  # of the time between two looks; the health checks take some of it
_SETTLES_S: Final = 1800.0  # at most


@final
@frozen
class Start:
    """What a start took until it was ready, and behind that; CPU time next to the clock's.

    Args:
        behind_s: until the program had nothing left to do.
        settled_mib: resident from then on.
    """

    ready_s: float
    ready_cpu_s: float
    ready_mib: float
    first_claim_ms: float
    health_ms: list[float]
    behind_s: float
    behind_cpu_s: float
    settled_mib: float


def killed_and_started(directory: Path) -> Start:
    """Have the program serve the data below `directory`, kill it between writes, and start it."""
    with _served(directory) as program:
        trio.run(program.claim, _CLAIMS)
        os.kill(program.pid, signal.SIGKILL)
    return _started(directory)


def _started(directory: Path) -> Start:
    begun = time.perf_counter()
    with _served(directory) as program:
        ready_s, ready_cpu_s, ready_mib = (
            time.perf_counter() - begun,
            program.cpu_s,
            program.resident_mib,
        )
        (claim_ms,) = trio.run(program.claim, 1)
        health_ms = trio.run(program.settle)
        return Start(
            ready_s=ready_s,
            ready_cpu_s=ready_cpu_s,
            ready_mib=ready_mib,
            first_claim_ms=claim_ms,
            health_ms=health_ms,
            behind_s=time.perf_counter() - begun - ready_s,
            behind_cpu_s=program.cpu_s - ready_cpu_s,
            settled_mib=program.resident_mib,
        )


@contextmanager
def _served(directory: Path) -> Iterator["_Program"]:
    with server(directory) as served:
        yield _Program(served.port, served.pid)


@final
@define
class _Program:
    """A server that runs, from the outside."""

    port: int
    pid: int

    @property
    def cpu_s(self) -> float:
        """It has used, in all its threads."""
        found = cpu.cpu_s(self.pid)
        assert found is not None, "the program has ended"
        return found

    @property
    def resident_mib(self) -> float:
        return cpu.resident_mib(self.pid)

    @property
    def _wanted_s(self) -> float:
        """The main thread was at work, or would have been on an idle machine."""
        ran_ns, waited_ns, _ = Path(f"/proc/{self.pid}/schedstat").read_text().split()
        return (int(ran_ns) + int(waited_ns)) / 1e9

    async def claim(self, count: int) -> list[float]:
        """One run for each of so many new agents, if there are any; how long each took in ms."""
        latencies = []
        async with Wire(self.port) as wire:
            for number in range(count):
                headers = f"X-AGH-Session-ID: scale-{number}-{count}\r\nX-AGH-Agent: builder\r\n"
                begun = time.perf_counter()
                status, answer = await wire.post("/api/agent/tasks/claim-next", b"{}", headers)
                latencies.append((time.perf_counter() - begun) * 1000)
                assert status in (200, 204), answer
        return latencies

    async def settle(self) -> list[float]:
        """Return as soon as it has nothing left to do; how long each `/healthz` took meanwhile."""
        latencies: list[float] = []
        looked_at, wanted_s = time.perf_counter(), self._wanted_s
        async with Wire(self.port) as wire:
            ends_at = looked_at + _SETTLES_S
            while looked_at < ends_at:
                begun = time.perf_counter()
                status, answer = await wire.get("/healthz")
                assert status == 200, answer
                now = time.perf_counter()
                latencies.append((now - begun) * 1000)
                if now - looked_at >= _LOOK_EVERY_S:
                    before_s, wanted_s = wanted_s, self._wanted_s
                    if wanted_s - before_s < _IDLE_SHARE * (now - looked_at):
                        return latencies
                    looked_at = now
                await trio.sleep(_HEALTH_EVERY_S)
        raise AssertionError(f"the program is at work for {_SETTLES_S:.0f} s and more")
