"""Each of the requests, many times, to the program on a directory of tasks."""

import time
from pathlib import Path
from typing import Final, final

import orjson
import trio
from attrs import frozen

from benchmarks import cpu
from benchmarks.queries import asked
from benchmarks.queries.population import SESSION, Population
from benchmarks.serving import server
from chargehand.actors.lifecycle import run_system
from chargehand.actors.settings import Settings
from chargehand.persistence.opening import open_journal
from chargehand.web.bench.figures import Figures
from chargehand.web.bench.wire import Wire

_AGENT: Final = f"X-AGH-Session-ID: {SESSION}\r\nX-AGH-Agent: builder\r\n"


@final
@frozen
class Answered:
    """Args:
    ready_s: what the program's start took.
    counted_s: until its dashboard was answered.
    resident_mib: what it holds in memory at the end.
    """

    figures: list[Figures]
    ready_s: float
    counted_s: float
    resident_mib: float

    @property
    def slowest(self) -> Figures:
        return max(self.figures, key=lambda one: one.p50_ms)


def build(directory: Path, count: int) -> None:
    """The data of so many tasks below `directory`."""
    trio.run(_build, directory / "data", count)


def answers(directory: Path, times: int) -> Answered:
    """Have the program serve what is below `directory`, and ask it."""
    begun = time.perf_counter()
    with server(directory) as served:
        ready_s = time.perf_counter() - begun
        trio.run(_wait_counted, served.port)
        counted_s = time.perf_counter() - begun
        figures = trio.run(_ask, served.port, times)
        return Answered(figures, ready_s, counted_s, cpu.resident_mib(served.pid))


async def _build(directory: Path, count: int) -> None:
    """In process, as that is quickest; the program then recovers them."""
    settings = Settings(idle_s=1, checkpoint_s=2)
    async with run_system(open_journal(directory), settings) as system:
        await Population(system, count).make()
        await system.checkpointer.checkpoint()


async def _wait_counted(port: int) -> None:
    """The first dashboard waits for all that a start leaves to be worked out behind it, which
    would otherwise be in the figures of whatever is asked first."""
    async with Wire(port) as wire:
        status, answer = await wire.get(asked.DASHBOARD)
        assert status == 200, answer


async def _ask(port: int, times: int) -> list[Figures]:
    async with Wire(port) as wire:
        _, answer = await wire.get("/api/workspaces")
        workspace = orjson.loads(answer)["workspaces"][0]["id"]
        _, answer = await wire.get(f"{asked.LIST}?limit=1")
        seq = int(orjson.loads(answer)["tasks"][0]["latest_event_seq"])
        asks = [
            *((name, target, "") for name, target in asked.requests(workspace)),
            ("list: a page deep down", asked.deep(seq // 10), ""),
            ("inbox of an agent: everything", asked.INBOX, _AGENT),
        ]
        return [await _measure(wire, times, *ask) for ask in asks]


async def _measure(wire: Wire, times: int, name: str, target: str, headers: str) -> Figures:
    latencies = []
    begun = time.perf_counter()
    for _ in range(times):
        started = time.perf_counter()
        status, answer = await wire.get(target, headers)
        latencies.append(time.perf_counter() - started)
        assert status == 200, answer
    return Figures.of(name, latencies, time.perf_counter() - begun)
