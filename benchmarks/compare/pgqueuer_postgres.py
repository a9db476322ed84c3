"""PGQueuer, as its documentation sets it up: jobs in PostgreSQL, taken in batches."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, final

import anyio

from benchmarks.compare import postgres_server
from benchmarks.compare.contender import Contender, Foreign, OnDisk, Running, Workers
from chargehand.web.bench.work import payload

_GIVERS: Final = 16
_BATCH_MAX: Final = 100
_JOB: Final = "work"


@final
class _Giver:
    def __init__(self, queries: Foreign, size: int) -> None:
        self._queries = queries
        self._size = size

    async def put(self, number: int) -> None:
        await self._queries.enqueue(_JOB, payload(number, self._size).encode())


@final
class PgQueuerPostgres(Contender):
    """A job that is done is moved to a log; several at a time, a moment after their handlers."""

    name = "PGQueuer (PostgreSQL)"
    on_disk = OnDisk.YES
    runtime = "asyncio"
    note = "takes and closes jobs in batches by itself"

    def missing(self) -> str | None:
        return postgres_server.missing("pgqueuer", "asyncpg")

    def running(self, directory: Path) -> AbstractContextManager[Running]:
        return postgres_server.running(directory)

    @asynccontextmanager
    async def staffed(self, address: str, agents: int, size: int) -> AsyncIterator[Workers]:
        import asyncpg
        from pgqueuer import PgQueuer
        from pgqueuer.db import AsyncpgDriver
        from pgqueuer.queries import Queries

        async def connected(stack: AsyncExitStack) -> Foreign:
            known = dict(part.split("=", 1) for part in address.split())
            connection = await asyncpg.connect(
                host=known["host"], user=known["user"], database=known["dbname"]
            )
            stack.push_async_callback(connection.close)
            return AsyncpgDriver(connection)

        handled: list[Callable[[str], None]] = []

        async def handle(job: Foreign) -> None:
            handled[-1](job.payload.decode())

        async with AsyncExitStack() as stack:
            driver = await connected(stack)
            await Queries(driver).install()
            queue = PgQueuer(driver)
            queue.entrypoint(_JOB)(handle)
            batch = min(agents, _BATCH_MAX)

            @asynccontextmanager
            async def work(on_handled: Callable[[str], None]) -> AsyncIterator[None]:
                handled.append(on_handled)
                async with anyio.create_task_group() as group:
                    group.start_soon(run)
                    yield
                    queue.shutdown.set()

            async def run() -> None:
                await queue.run(batch_size=batch)

            givers = [_Giver(Queries(await connected(stack)), size) for _ in range(_GIVERS)]
            yield Workers(work, givers)
