"""Procrastinate, as its documentation sets it up: a worker and its jobs in PostgreSQL."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import Final, final

import anyio

from benchmarks.compare import postgres_server
from benchmarks.compare.contender import Contender, Foreign, OnDisk, Running, Workers
from chargehand.web.bench.work import payload

_GIVERS: Final = 16


@final
class _Giver:
    def __init__(self, task: Foreign, size: int) -> None:
        self._task = task
        self._size = size

    async def put(self, number: int) -> None:
        await self._task.defer_async(text=payload(number, self._size))


@final
class ProcrastinatePostgres(Contender):
    """Jobs are fetched one by one, and their ends are written one by one."""

    name = "Procrastinate (PostgreSQL)"
    on_disk = OnDisk.YES
    runtime = "asyncio"

    def missing(self) -> str | None:
        return postgres_server.missing("procrastinate", "psycopg_pool")

    def running(self, directory: Path) -> AbstractContextManager[Running]:
        return postgres_server.running(directory)

    @asynccontextmanager
    async def staffed(self, address: str, agents: int, size: int) -> AsyncIterator[Workers]:
        from procrastinate import App, PsycopgConnector

        connections = min(agents, 64) + _GIVERS
        app = App(connector=PsycopgConnector(conninfo=address, min_size=4, max_size=connections))
        handled: list[Callable[[str], None]] = []

        async def handle(text: str) -> None:
            handled[-1](text)

        task = app.task(handle, name="work")

        @asynccontextmanager
        async def work(on_handled: Callable[[str], None]) -> AsyncIterator[None]:
            handled.append(on_handled)
            async with anyio.create_task_group() as group:
                group.start_soon(run)
                yield
                group.cancel_scope.cancel()

        async def run() -> None:
            await app.run_worker_async(concurrency=agents, install_signal_handlers=False)

        async with app.open_async():
            await app.schema_manager.apply_schema_async()
            yield Workers(work, [_Giver(task, size) for _ in range(_GIVERS)])
