"""A stream of Redis with a consumer group, every write synced."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, final

from benchmarks.compare import redis_server
from benchmarks.compare.contender import Agents, Contender, Foreign, OnDisk, Running
from chargehand.web.bench.loops import Claimed
from chargehand.web.bench.work import number_of, payload

_GIVERS: Final = 64
_WAIT_MS: Final = 5000
_STREAM: Final = "work"
_GROUP: Final = "agents"


@final
class _Connection:
    def __init__(self, redis: Foreign, name: str, size: int) -> None:
        self._redis = redis
        self._name = name
        self._size = size

    async def put(self, number: int) -> None:
        await self._redis.xadd(_STREAM, {"task": payload(number, self._size)})

    async def claim(self, wait: bool) -> Sequence[Claimed]:
        found = await self._redis.xreadgroup(
            _GROUP, self._name, {_STREAM: ">"}, count=1, block=_WAIT_MS if wait else None
        )
        return [
            Claimed(number_of(fields[b"task"][:16].decode()), entry)
            for _, entries in found
            for entry, fields in entries
        ]

    async def complete(self, claimed: Sequence[Claimed]) -> None:
        for _, entry in claimed:
            await self._redis.xack(_STREAM, _GROUP, entry)


@final
class RedisStreams(Contender):
    """A message is given to a consumer and acknowledged; what is not is claimed by others."""

    name = "Redis streams, appendfsync always"
    on_disk = OnDisk.YES
    runtime = "asyncio"

    def missing(self) -> str | None:
        return redis_server.missing()

    def running(self, directory: Path) -> AbstractContextManager[Running]:
        return redis_server.running(directory)

    @asynccontextmanager
    async def staffed(self, address: str, agents: int, size: int) -> AsyncIterator[Agents]:
        from redis.asyncio import Redis

        async with AsyncExitStack() as stack:
            made = []
            for number in range(agents + _GIVERS):
                redis = Redis.from_url(address, single_connection_client=True)
                await stack.enter_async_context(redis)
                made.append(_Connection(redis, f"agent-{number}", size))
                if number == 0:
                    await redis.xgroup_create(_STREAM, _GROUP, id="0", mkstream=True)
            yield Agents(made[:agents], made[agents:])
