"""Huey on SQLite, synced: handlers in threads of its consumer."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, final

import anyio

from benchmarks.compare.contender import (
    Contender,
    Foreign,
    OnDisk,
    Running,
    Workers,
    missing_modules,
)
from chargehand.web.bench.work import payload

_GIVERS: Final = 4  # threads, as SQLite has one writer


@final
class _Giver:
    def __init__(self, task: Foreign, size: int) -> None:
        self._task = task
        self._size = size

    async def put(self, number: int) -> None:
        await anyio.to_thread.run_sync(self._task, payload(number, self._size))


@final
class HueySqlite(Contender):
    """A task is taken out of the queue before it is worked on: a crash loses it."""

    name = "Huey (SQLite, fsync)"
    on_disk = OnDisk.PUT_ONLY
    runtime = "asyncio"
    agents_max = 128
    note = "a task that is taken is in no queue any more: a crash loses it"

    def missing(self) -> str | None:
        return missing_modules("huey")

    @contextmanager
    def running(self, directory: Path) -> Iterator[Running]:
        yield Running(str(directory / "huey.db"), None)

    @asynccontextmanager
    async def staffed(self, address: str, agents: int, size: int) -> AsyncIterator[Workers]:
        from huey import SqliteHuey

        huey = SqliteHuey(filename=address, fsync=True, results=False)
        handled: list[Callable[[str], None]] = []

        def handle(text: str) -> None:
            handled[-1](text)

        task = huey.task()(handle)

        @asynccontextmanager
        async def work(on_handled: Callable[[str], None]) -> AsyncIterator[None]:
            handled.append(on_handled)
            consumer = huey.create_consumer(
                workers=agents, worker_type="thread", periodic=False, initial_delay=0.01
            )
            consumer.start()
            try:
                yield
            finally:
                await anyio.to_thread.run_sync(consumer.stop, True)

        yield Workers(work, [_Giver(task, size) for _ in range(_GIVERS)])
