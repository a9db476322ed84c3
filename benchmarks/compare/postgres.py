"""A table in PostgreSQL whose rows are claimed with SKIP LOCKED, one by one or in batches."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, final

from benchmarks.compare import postgres_server
from benchmarks.compare.contender import BATCHING_MAX, Agents, Contender, Foreign, OnDisk, Running
from chargehand.web.bench.loops import Claimed
from chargehand.web.bench.work import RESULT, number_of, payload

_GIVERS: Final = 32
_SCHEMA: Final = """
    create table job (
        id bigint generated always as identity primary key,
        state smallint not null default 0,
        payload text not null,
        result text,
        claimed_at timestamptz
    );
    create index job_queued on job (id) where state = 0
"""
_PUT: Final = "insert into job (payload) values (%s)"
_CLAIM: Final = """
    update job set state = 1, claimed_at = now() where id = any(array(
        select id from job where state = 0 order by id limit %s for update skip locked
    )) returning id, payload
"""
_COMPLETE: Final = "update job set state = 2, result = %s where id = any(%s)"


@final
class _Connection:
    """Args: bell: rung for each task that is handed in, so that who waits need not ask again."""

    def __init__(self, connection: Foreign, size: int, batch: int, bell: asyncio.Semaphore) -> None:
        self._connection = connection
        self._size = size
        self._batch = batch
        self._bell = bell

    async def put(self, number: int) -> None:
        await self._connection.execute(_PUT, [payload(number, self._size)])
        self._bell.release()

    async def claim(self, wait: bool) -> Sequence[Claimed]:
        if wait:
            await self._bell.acquire()
        found = await self._connection.execute(_CLAIM, [self._batch])
        return [Claimed(number_of(text), job) for job, text in await found.fetchall()]

    async def complete(self, claimed: Sequence[Claimed]) -> None:
        jobs = [job for _, job in claimed]
        await self._connection.execute(_COMPLETE, [RESULT.decode(), jobs])


@final
class SkipLocked(Contender):
    """What one would write by oneself: a state, a partial index, an update for each step."""

    on_disk = OnDisk.YES
    runtime = "asyncio"

    def __init__(self, batch: int = 1) -> None:
        self.batch = batch
        self.agents_max = 512 if batch == 1 else BATCHING_MAX
        how = "one by one" if batch == 1 else f"batches of {batch}"
        self.name = f"PostgreSQL SKIP LOCKED, {how}"
        self.note = "who waits is woken without a query"

    def missing(self) -> str | None:
        return postgres_server.missing("psycopg")

    def running(self, directory: Path) -> AbstractContextManager[Running]:
        return postgres_server.running(directory)

    @asynccontextmanager
    async def staffed(self, address: str, agents: int, size: int) -> AsyncIterator[Agents]:
        from psycopg import AsyncConnection

        async with AsyncExitStack() as stack:
            bell = asyncio.Semaphore(0)
            made = []
            for number in range(agents + _GIVERS):
                opened = await AsyncConnection.connect(address, autocommit=True)
                connection: Foreign = await stack.enter_async_context(opened)
                if number == 0:
                    for statement in _SCHEMA.split(";"):
                        await connection.execute(statement)
                made.append(_Connection(connection, size, self.batch, bell))
            yield Agents(made[:agents], made[agents:])
