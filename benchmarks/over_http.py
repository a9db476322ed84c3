"""Claim -> complete cycles over HTTP, next to a constant answer of the same size."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import trio

from benchmarks.figures import Figures
from benchmarks.wire import Wire

_RESULT = b'{"result":{"ok":true,"artifact":"build/1234"}}'


@contextmanager
def server(directory: Path) -> Iterator[int]:
    """The real program on a free port, on the data below `directory`; its port."""
    ready = directory / "ready.json"
    ready.unlink(missing_ok=True)  # a former run's
    command = [sys.executable, "-m", "chargehand", "serve", "--http", "127.0.0.1:0"]
    command += ["--data-dir", str(directory / "data"), "--ready-file", str(ready)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            while not ready.exists():
                if process.poll() is not None:
                    raise RuntimeError(f"the server ended with {process.returncode}")
                time.sleep(0.02)
            yield int(orjson.loads(ready.read_bytes())["http"].rsplit(":", 1)[1])
        finally:
            process.terminate()


@contextmanager
def _constant(size: int) -> Iterator[int]:
    command = [sys.executable, "-m", "benchmarks.constant_server", str(size)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None, "a pipe was asked for"
            yield int(process.stdout.readline())
        finally:
            process.terminate()


async def _queue(port: int, connections: int, count: int) -> None:
    left = iter(range(count))

    async def create() -> None:
        async with Wire(port) as wire:
            for number in left:
                body = orjson.dumps({"scope": "global", "title": f"piece {number}"})
                status, answer = await wire.post("/api/tasks", body)
                assert status == 201, answer
                task_id = orjson.loads(answer)["task"]["id"]
                status, answer = await wire.post(f"/api/tasks/{task_id}/runs")
                assert status == 201, answer

    async with trio.open_nursery() as nursery:
        for _ in range(connections):
            nursery.start_soon(create)


class _Measured:
    def __init__(self) -> None:
        self.claims: list[float] = []
        self.requests: list[float] = []
        self.answer_bytes: list[int] = []


async def _agent(port: int, number: int, measured: _Measured) -> None:
    headers = f"X-AGH-Session-ID: sess-{number}\r\nX-AGH-Agent: bench\r\n"
    async with Wire(port) as wire:
        while True:
            started = time.perf_counter()
            status, answer = await wire.post("/api/agent/tasks/claim-next", b"{}", headers)
            if status == 204:
                return
            assert status == 200, answer
            at = time.perf_counter()
            run_id = orjson.loads(answer)["claim"]["run"]["id"]
            path = f"/api/agent/tasks/{run_id}/complete"
            status, done = await wire.post(path, _RESULT, headers)
            assert status == 200, done
            measured.claims.append(at - started)
            measured.requests += [at - started, time.perf_counter() - at]
            measured.answer_bytes += [len(answer), len(done)]


async def _constant_requests(port: int, connections: int, count: int) -> Figures:
    latencies: list[float] = []
    left = iter(range(count))

    async def call() -> None:
        async with Wire(port) as wire:
            for _ in left:
                started = time.perf_counter()
                await wire.post("/api/agent/tasks/claim-next", _RESULT)
                latencies.append(time.perf_counter() - started)

    begun = time.perf_counter()
    async with trio.open_nursery() as nursery:
        for _ in range(connections):
            nursery.start_soon(call)
    return Figures.of("constant Quart-Trio answer", latencies, time.perf_counter() - begun)


def cycles(directory: Path, connections: int, count: int) -> tuple[Figures, Figures, Figures]:
    """Our requests, our claims, and the constant answer, each over `connections` connections."""
    measured = _Measured()

    async def run(port: int) -> float:
        await _queue(port, connections, count)
        begun = time.perf_counter()
        async with trio.open_nursery() as nursery:
            for number in range(connections):
                nursery.start_soon(_agent, port, number, measured)
        return time.perf_counter() - begun

    with server(directory) as port:
        elapsed = trio.run(run, port)
    size = sum(measured.answer_bytes) // len(measured.answer_bytes)
    with _constant(size) as port:
        constant = trio.run(_constant_requests, port, connections, 2 * count)
    name = f"over HTTP, {connections} connections"
    return (
        Figures.of(f"{name}: request", measured.requests, elapsed),
        Figures.of(f"{name}: claim", measured.claims, elapsed),
        constant,
    )
