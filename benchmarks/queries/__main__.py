"""`python -m benchmarks.queries`: builds tasks, starts the program on them, and asks.

Prints the median and p99 of each request against the target, how long the program took to start,
and what it holds in memory.
"""

import shutil
import tempfile
import time
from pathlib import Path
from typing import Final

import click
import orjson
import trio
from rich.console import Console

from benchmarks.figures import Figures, Ratio, save, show
from benchmarks.over_http import server
from benchmarks.queries import asked
from benchmarks.queries.population import SESSION, Population
from benchmarks.wire import Wire
from chargehand.actors.lifecycle import run_system
from chargehand.actors.settings import Settings
from chargehand.persistence.opening import open_journal

# Of each request; the second one with more than 100,000 tasks, up to a million.
_MEDIAN_MS_TARGETS: Final = (20, 60)
_AGENT: Final = f"X-AGH-Session-ID: {SESSION}\r\nX-AGH-Agent: builder\r\n"


@click.command()
@click.option("--tasks", default=100_000, show_default=True, help="tasks to build")
@click.option("--times", default=50, show_default=True, help="how often each request is sent")
@click.option(
    "--save-to", type=click.Path(path_type=Path), help="keep the figures as JSON in this file"
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="build them below this directory, or ask those that are there already",
)
def main(tasks: int, times: int, save_to: Path | None, data: Path | None) -> None:
    """Measure, and hold each median against the target."""
    directory = data or Path(tempfile.mkdtemp())
    try:
        if not (directory / "data").exists():
            begun = time.perf_counter()
            trio.run(_build, directory / "data", tasks)
            print(f"{tasks} tasks built in {time.perf_counter() - begun:.0f} s", flush=True)
        begun = time.perf_counter()
        with server(directory) as port:
            ready_s = time.perf_counter() - begun
            trio.run(_wait_counted, port)
            counted_s = time.perf_counter() - begun
            figures = trio.run(_ask, port, times)
            resident_mib = _resident_mib(directory)
    finally:
        if data is None:
            shutil.rmtree(directory)
    slowest = max(figures, key=lambda one: one.p50_ms)
    target_ms = _MEDIAN_MS_TARGETS[tasks > 100_000]
    ratios = [
        Ratio(
            f"slowest median, ms: {slowest.name}",
            slowest.p50_ms,
            f"≤ {target_ms}",
            slowest.p50_ms <= target_ms,
        )
    ]
    show(figures, ratios, Console())
    print(
        f"{tasks:,} tasks: ready after {ready_s:.1f} s, counted after {counted_s:.1f} s, "
        f"{resident_mib:.0f} MiB resident"
    )
    if save_to is not None:
        more = {
            "tasks": tasks,
            "ready_s": ready_s,
            "counted_s": counted_s,
            "resident_mib": resident_mib,
        }
        save(figures, ratios, save_to, more)


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


def _resident_mib(directory: Path) -> float:
    """Of the program that serves `directory`."""
    pid = orjson.loads((directory / "ready.json").read_bytes())["pid"]
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


if __name__ == "__main__":
    main()
