"""`python -m benchmarks.health`: how long `/healthz` takes at most for a client that asks every
5 ms, while a tree of thousands of tasks is streamed, read, paused, resumed and canceled, beside an
idle server in the same run."""

import http.client
import multiprocessing
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, final

import click
import orjson
import trio
from rich.console import Console
from rich.table import Table

from benchmarks.serving import server
from chargehand.web.bench.wire import Wire

_CHILDREN: Final = 18
_CONNECTIONS: Final = 8
_EVERY_S: Final = 0.005
_IDLE_S: Final = 1.0
_TARGET_MS: Final = 50.0

Phase = tuple[str, int, float]
"""What went on, how many answers came meanwhile, and what the slowest of them took in ms."""


def _ask(port: int, orders: Connection) -> None:
    """Ask every 5 ms; for each order, report the answers since the last one. In a process of its
    own, so that nothing but the server delays it."""
    client = http.client.HTTPConnection("127.0.0.1", port)
    count, slowest_s = 0, 0.0
    while True:
        if orders.poll(_EVERY_S):
            if orders.recv() is None:
                return
            orders.send((count, slowest_s * 1000))
            count, slowest_s = 0, 0.0
        began = time.perf_counter()
        client.request("GET", "/healthz")
        answer = client.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        count, slowest_s = count + 1, max(slowest_s, time.perf_counter() - began)


@final
class _Tree:
    """A tree below `t0` on a server."""

    def __init__(self, port: int, count: int) -> None:
        self._port = port
        self._count = count

    async def plant(self) -> None:
        """Level by level, as a parent comes before its children."""
        first, last = 0, 0
        while first <= self._count:
            numbers = iter(range(first, min(last, self._count) + 1))

            async def make(numbers: Iterator[int] = numbers) -> None:
                async with Wire(self._port) as wire:
                    for number in numbers:
                        await self._make(wire, number)

            async with trio.open_nursery() as nursery:
                for _ in range(_CONNECTIONS):
                    nursery.start_soon(make)
            first, last = last + 1, last * _CHILDREN + _CHILDREN

    async def _make(self, wire: Wire, number: int) -> None:
        parent = f"t{(number - 1) // _CHILDREN}"
        path = "/api/tasks" if number == 0 else f"/api/tasks/{parent}/children"
        body = {"id": f"t{number}", "scope": "global", "title": "work"}
        status, answer = await wire.post(path, orjson.dumps(body))
        assert status == 201, answer
        status, answer = await wire.post(f"/api/tasks/t{number}/runs")
        assert status == 201, answer

    async def idle(self) -> None:
        await trio.sleep(_IDLE_S)

    async def stream(self) -> None:
        """From the start until each task had two events: its creation and its run."""
        stream = await trio.open_tcp_stream("127.0.0.1", self._port)
        async with stream:
            head = f"GET /api/tasks/t0/stream HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n\r\n"
            await stream.send_all(head.encode())
            seen, rest = 0, b""
            while seen < 2 * (self._count + 1):
                chunk = bytes(await stream.receive_some(65_536))
                assert chunk, "the stream has ended"
                lines = (rest + chunk).split(b"\n")
                seen += sum(line.startswith(b"id: ") for line in lines[:-1])
                rest = lines[-1]

    async def read(self) -> None:
        async with Wire(self._port) as wire:
            status, body = await wire.get("/api/tasks/t0/tree")
        assert status == 200, body
        assert len(orjson.loads(body)["tree"]["descendants"]) == self._count

    async def pause(self) -> None:
        await self._tell("pause", "paused_task_count", 1)

    async def resume(self) -> None:
        await self._tell("resume", "paused_task_count", 0)

    async def cancel(self) -> None:
        await self._tell("cancel", "queued_run_count", 0)

    async def _tell(self, what: str, member: str, value: int) -> None:
        """Do something with the whole tree, and wait until the scheduler shows it."""
        async with Wire(self._port) as wire:
            status, answer = await wire.post(f"/api/tasks/t0/{what}", b'{"reason":"measured"}')
            assert status == 200, answer
            while True:
                status, answer = await wire.get("/api/scheduler")
                assert status == 200, answer
                if orjson.loads(answer)["scheduler"][member] == value:
                    return
                await trio.sleep(0.02)


def measure(directory: Path, descendants: int) -> list[Phase]:
    """What was going on, the idle server first."""
    found: list[Phase] = []

    async def run(port: int, orders: Connection) -> None:
        tree = _Tree(port, descendants)
        await tree.plant()
        phases: tuple[tuple[str, Callable[[], Awaitable[None]]], ...] = (
            ("idle", tree.idle),
            ("streamed from the start", tree.stream),
            ("read", tree.read),
            ("paused", tree.pause),
            ("resumed", tree.resume),
            ("canceled", tree.cancel),
        )
        for name, work in phases:
            orders.send(name)
            await trio.to_thread.run_sync(orders.recv)
            await work()
            orders.send(name)
            count, slowest_ms = await trio.to_thread.run_sync(orders.recv)
            found.append((name, count, slowest_ms))

    spawning = multiprocessing.get_context("spawn")
    with server(directory) as served:
        ours, theirs = spawning.Pipe()
        asker = spawning.Process(target=_ask, args=(served.port, theirs), daemon=True)
        asker.start()
        try:
            trio.run(run, served.port, ours)
        finally:
            ours.send(None)
            asker.join()
    return found


@click.command()
@click.option("--descendants", default=5000, show_default=True)
def main(descendants: int) -> None:
    """Measure, and hold the slowest answer against the idle one."""
    with tempfile.TemporaryDirectory() as made:
        phases = measure(Path(made), descendants)
    idle_ms = phases[0][2]
    table = Table(title=f"slowest /healthz, a tree of {descendants:,}; {_TARGET_MS:.0f} ms more")
    for heading in ("while it is", "answers", "slowest ms", "above idle"):
        table.add_column(heading, justify="left" if heading == "while it is" else "right")
    for name, count, slowest_ms in phases:
        above_ms = slowest_ms - idle_ms
        style = None if above_ms <= _TARGET_MS else "red"
        table.add_row(name, f"{count}", f"{slowest_ms:.1f}", f"{above_ms:.1f}", style=style)
    Console().print(table)


if __name__ == "__main__":
    main()
