"""Dramatiq on Redis, every write synced: handlers in threads of its worker."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import Final, final

import anyio

from benchmarks.compare import redis_server
from benchmarks.compare.contender import Contender, Foreign, OnDisk, Running, Workers
from chargehand.web.bench.work import payload

_GIVERS: Final = 16  # threads


@final
class _Giver:
    def __init__(self, actor: Foreign, size: int) -> None:
        self._actor = actor
        self._size = size

    async def put(self, number: int) -> None:
        await anyio.to_thread.run_sync(self._actor.send, payload(number, self._size))


@final
class DramatiqRedis(Contender):
    """Messages are prefetched by the worker and acknowledged one by one."""

    name = "Dramatiq (Redis, appendfsync always)"
    on_disk = OnDisk.YES
    runtime = "asyncio"
    agents_max = 128

    def missing(self) -> str | None:
        return redis_server.missing("dramatiq")

    def running(self, directory: Path) -> AbstractContextManager[Running]:
        return redis_server.running(directory)

    @asynccontextmanager
    async def staffed(self, address: str, agents: int, size: int) -> AsyncIterator[Workers]:
        import dramatiq
        from dramatiq.brokers.redis import RedisBroker

        broker = RedisBroker(url=address)
        handled: list[Callable[[str], None]] = []

        def handle(text: str) -> None:
            handled[-1](text)

        actor = dramatiq.actor(handle, broker=broker, max_retries=0)

        @asynccontextmanager
        async def work(on_handled: Callable[[str], None]) -> AsyncIterator[None]:
            handled.append(on_handled)
            worker = dramatiq.Worker(broker, worker_threads=agents)
            worker.start()
            try:
                yield
            finally:
                await anyio.to_thread.run_sync(worker.stop)

        yield Workers(work, [_Giver(actor, size) for _ in range(_GIVERS)])
