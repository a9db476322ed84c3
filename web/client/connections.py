"""Connections to one server, each with one request at a time."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import final

import httpx
import trio


@final
class Connections:
    """Those that are free, the one that was used last first.

    A client of HTTPX for each of them: one for all gives a connection that has become free to
    several requests, all but one of which try again; with 16 at a time that took ten times the CPU
    time of the requests themselves (measured).

    Args:
        make: a client that needs one connection.
        most: at a time; None: as many as are asked for.
    """

    def __init__(self, make: Callable[[], httpx.AsyncClient], most: int | None = None) -> None:
        self._make = make
        self._room: AbstractAsyncContextManager[None] = (
            nullcontext() if most is None else trio.CapacityLimiter(most)
        )
        self._all: list[httpx.AsyncClient] = []
        self._free: list[httpx.AsyncClient] = []

    @asynccontextmanager
    async def one(self) -> AsyncGenerator[httpx.AsyncClient, None]:
        """For one request and its answer."""
        async with self._room:
            if self._free:
                client = self._free.pop()
            else:
                client = self._make()
                self._all.append(client)
            try:
                yield client
            finally:
                self._free.append(client)

    async def aclose(self) -> None:
        """Close them all."""
        for client in self._all:
            await client.aclose()
