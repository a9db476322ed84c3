"""The requests of one connection: a task for each, and what each may receive."""

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Final, Self, final

import trio
from hypercorn.config import Config
from hypercorn.typing import AppWrapper, ASGIReceiveEvent, ASGISendEvent, HTTPScope, Scope

UNREAD_MESSAGES_MAX: Final = 10  # pieces of a body that wait for the application

_INLET: Final = "chargehand.inlet"

_log = logging.getLogger("chargehand.http")


@final
class Inlet:
    """What the application may receive of one request: pieces of the body, then the disconnect.

    `put` waits while the application is behind, but never once it is done: a channel that nobody
    reads would hold the connection's reader, and with it the connection, for ever.

    Behind the guard the application may do without receiving: it finds the body here, and can have
    the disconnect cancel what it does.

    Args of the parts:
        body: all of it, once the guard has let it in.
    """

    __slots__ = ("_arrived", "_done", "_is_gone", "_messages", "_room", "_while_there", "body")

    def __init__(self) -> None:
        self.body: bytes | None = None
        self._messages: deque[ASGIReceiveEvent] = deque()
        self._arrived: trio.Event | None = None  # set: somebody waits
        self._room: trio.Event | None = None
        self._while_there: trio.CancelScope | None = None
        self._is_gone = False
        self._done = False

    async def put(self, message: ASGIReceiveEvent) -> None:
        if message["type"] == "http.request":
            while len(self._messages) >= UNREAD_MESSAGES_MAX and not self._done:
                self._room = trio.Event()
                await self._room.wait()
        self.put_nowait(message)

    def put_nowait(self, message: ASGIReceiveEvent) -> None:
        """A message that need not wait for the application, as the disconnect."""
        if message["type"] == "http.disconnect":
            self._is_gone = True
            if self._while_there is not None:
                self._while_there.cancel()
        if not self._done:
            self._messages.append(message)
            if self._arrived is not None:
                self._arrived.set()

    async def get(self) -> ASGIReceiveEvent:
        while (message := self.get_nowait()) is None:
            self._arrived = trio.Event()
            await self._arrived.wait()
        return message

    def get_nowait(self) -> ASGIReceiveEvent | None:
        """The next message, if it is there."""
        if not self._messages:
            return None
        if self._room is not None:
            self._room.set()
        return self._messages.popleft()

    def cancel_when_gone(self, scope: trio.CancelScope) -> None:
        """Cancel `scope` when the client hangs up; at once, if it has."""
        self._while_there = scope
        if self._is_gone:
            scope.cancel()

    def close(self) -> None:
        self._done = True
        self._messages.clear()
        if self._room is not None:
            self._room.set()


def admit(scope: HTTPScope) -> Inlet:
    """The inlet of a new request; `inlet_of` finds it from now on."""
    inlet = scope["state"][_INLET] = Inlet()
    return inlet


def inlet_of(scope: Scope) -> Inlet | None:
    """That of a request that came in by a connection of ours."""
    state = scope.get("state") or {}
    inlet = state.get(_INLET)
    return inlet if isinstance(inlet, Inlet) else None


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
        assert scope["type"] == "http", "a connection serves nothing else"
        inlet = admit(scope)
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
