"""Has an ASGI application answer requests: an exchange as a scope, `receive` and `send`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, final
from urllib.parse import unquote

import trio
from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveEvent,
    ASGISendEvent,
    HTTPScope,
    LifespanScope,
    Scope,
)

from chargehand.web.exchange import Exchange

_EXCHANGE: Final = "chargehand.exchange"


@final
class AsgiApplication:
    """An `Answerer` behind the guard, which has left the whole body in the exchange.

    Args:
        app: the application; it finds the exchange by `exchange_of`, and may then do without
            receiving.
    """

    def __init__(self, app: ASGIFramework) -> None:
        self._app = app

    async def __call__(self, exchange: Exchange) -> None:
        messages = _Messages(exchange)
        await self._app(_scope_of(exchange), messages.receive, messages.send)

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """The application's start before and its stop after what is inside.

        Raises:
            RuntimeError: (in a group) the application could not start or stop.
        """
        to_app, of_app = trio.open_memory_channel[ASGIReceiveEvent](1)
        from_app, by_app = trio.open_memory_channel[ASGISendEvent](1)
        scope: LifespanScope = {
            "type": "lifespan",
            "asgi": {"spec_version": "2.0", "version": "3.0"},
            "state": {},
        }

        async def step(name: str) -> None:
            await to_app.send({"type": f"lifespan.{name}"})  # type: ignore[misc, arg-type]
            try:
                message = await by_app.receive()
            except trio.EndOfChannel:
                raise RuntimeError(f"the application ended before its {name}") from None
            if message["type"] != f"lifespan.{name}.complete":
                raise RuntimeError(f"{name} of the application: {message}")

        async def run() -> None:
            async with from_app:
                await self._app(scope, of_app.receive, from_app.send)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            await step("startup")
            yield
            await step("shutdown")


def exchange_of(scope: Scope) -> Exchange | None:
    """That of a request that came in by a connection of ours."""
    exchange = (scope.get("state") or {}).get(_EXCHANGE)
    return exchange if isinstance(exchange, Exchange) else None


@final
class _Messages:
    """What an application receives and sends of one exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._is_body_given = False

    async def receive(self) -> ASGIReceiveEvent:
        if not self._is_body_given:
            self._is_body_given = True
            body = self._exchange.body
            assert body is not None, "the guard has not left the body"
            return {"type": "http.request", "body": body, "more_body": False}
        await self._exchange.wait_gone()
        return {"type": "http.disconnect"}

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "http.response.start":
            headers = [(name.lower(), value) for name, value in message["headers"]]
            self._exchange.begin(message["status"], headers)
        elif message["type"] == "http.response.body":
            await self._exchange.send(message["body"], message.get("more_body", False))
        else:
            raise ValueError(f"{message['type']} is nothing that was offered")


def _scope_of(exchange: Exchange) -> HTTPScope:
    head = exchange.head
    path, _, query = head.target.partition(b"?")
    return {
        "type": "http",
        "asgi": {"spec_version": "2.1", "version": "3.0"},
        "http_version": head.version,
        "method": head.method,
        "scheme": "http",
        "path": unquote(path.decode("ascii")),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": head.headers,
        "client": exchange.client,
        "server": exchange.server,
        "state": {_EXCHANGE: exchange},  # type: ignore[typeddict-item]
        "extensions": {},
    }
