"""The requests of one connection: a task for each, and what each may receive."""

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Final, Self, final

import trio
from hypercorn.config import Config
from hypercorn.typing import AppWrapper, ASGIReceiveEvent, ASGISendEvent, Scope

UNREAD_MESSAGES_MAX: Final = 10  # pieces of a body that wait for the application

_log = logging.getLogger("chargehand.http")


@final
class Inlet:
    """What the application may receive of one request: pieces of the body, then the disconnect.

    `put` waits while the application is behind, but never once it is done: a channel that nobody
    reads would hold the connection's reader, and with it the connection, for ever.
    """

    __slots__ = ("_arrived", "_done", "_messages", "_room")

    def __init__(self) -> None:
        self._messages: deque[ASGIReceiveEvent] = deque()
        self._arrived = trio.Event()
        self._room = trio.Event()
        self._done = False

    async def put(self, message: ASGIReceiveEvent) -> None:
        if message["type"] == "http.request":
            while len(self._messages) >= UNREAD_MESSAGES_MAX and not self._done:
                self._room = trio.Event()
                await self._room.wait()
        if not self._done:
            self._messages.append(message)
            self._arrived.set()

    async def get(self) -> ASGIReceiveEvent:
        while not self._messages:
            self._arrived = trio.Event()
            await self._arrived.wait()
        self._room.set()
        return self._messages.popleft()

    def close(self) -> None:
        self._done = True
        self._messages.clear()
        self._room.set()


@final
class Requests:
    """The tasks of one connection, one for each request, as the protocol starts them."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery

    async def spawn_app(
        self,
        app: AppWrapper,
        config: Config,
        scope: Scope,
        send: Callable[[ASGISendEvent | None], Awaitable[None]],
    ) -> Callable[[ASGIReceiveEvent], Awaitable[None]]:
        inlet = Inlet()
        self._nursery.start_soon(_answer, app, scope, inlet, send)
        return inlet.put

    def spawn(self, func: Callable[..., Awaitable[Any]], *args: Any) -> None:
        self._nursery.start_soon(func, *args)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type, exc_value: BaseException, traceback: TracebackType
    ) -> None:
        pass


async def _answer(
    app: AppWrapper,
    scope: Scope,
    inlet: Inlet,
    send: Callable[[ASGISendEvent | None], Awaitable[None]],
) -> None:
    try:
        await app(scope, inlet.get, send, trio.to_thread.run_sync, trio.from_thread.run)
    except* Exception:
        _log.exception("a request could not be answered")
    finally:
        inlet.close()
    await send(None)
