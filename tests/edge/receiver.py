"""A receiver of webhooks on a real loopback socket, which is not always in the mood."""

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, final

import h11
import orjson
import trio
from attrs import define, field, frozen


@final
@frozen
class Received:
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@final
@define(eq=False)
class Exchange:
    """A request that was read, and the connection that an answer may go to."""

    received: Received
    stream: trio.SocketStream
    connection: h11.Connection

    async def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        named = {**headers, "content-length": str(len(body))}
        await self.send(
            h11.Response(status_code=status, headers=[*named.items()]),
            h11.Data(data=body),
            h11.EndOfMessage(),
        )

    async def send(self, *events: h11.Event) -> None:
        for event in events:
            data = self.connection.send(event)
            if data:
                await self.stream.send_all(data)


Mood = Callable[[Exchange], Awaitable[None]]


def answers(status: int, body: bytes = b"", **headers: str) -> Mood:
    async def mood(exchange: Exchange) -> None:
        await exchange.answer(status, body, **headers)

    return mood


takes: Final = answers(204)


async def hangs(exchange: Exchange) -> None:
    """Takes the request and never says a word."""
    await trio.sleep_forever()


async def hangs_in_its_answer(exchange: Exchange) -> None:
    await exchange.send(h11.Response(status_code=200, headers=[("content-length", "5")]))
    await exchange.send(h11.Data(data=b"ok"))
    await trio.sleep_forever()


async def closes(exchange: Exchange) -> None:
    """Goes without an answer."""
    await exchange.stream.aclose()


async def breaks_off(exchange: Exchange) -> None:
    """Goes in the middle of its answer."""
    await exchange.stream.send_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nok")
    await exchange.stream.aclose()


async def talks_nonsense(exchange: Exchange) -> None:
    await exchange.stream.send_all(b"220 mail.example ESMTP\r\n")
    await exchange.stream.aclose()


def floods(size: int) -> Mood:
    """Answers 200 with a body of so many bytes, as far as anybody takes them."""

    async def mood(exchange: Exchange) -> None:
        await exchange.send(h11.Response(status_code=200, headers=[("content-length", str(size))]))
        try:
            for _ in range(size // 65_536):
                await exchange.send(h11.Data(data=b"x" * 65_536))
        except trio.BrokenResourceError:
            await exchange.stream.aclose()

    return mood


@final
@define(eq=False)
class Receiver:
    """Does with each request what the next of `moods` says, then what the `usual` one says."""

    port: int
    usual: Mood = takes
    moods: deque[Mood] = field(factory=deque)
    requests: list[Received] = field(factory=list)
    _moved: trio.Event = field(factory=trio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def wait_for(self, count: int) -> list[Received]:
        """The requests, as soon as there are so many."""
        with trio.fail_after(60):
            while len(self.requests) < count:
                await self._moved.wait()
        return self.requests

    async def serve(self, stream: trio.SocketStream) -> None:
        """Handle one connection, for as long as it is kept open."""
        connection = h11.Connection(h11.SERVER)
        try:
            while True:
                received = await _read(stream, connection)
                if received is None:
                    return
                self.requests.append(received)
                self._moved.set()
                self._moved = trio.Event()
                mood = self.moods.popleft() if self.moods else self.usual
                await mood(Exchange(received, stream, connection))
                if connection.our_state is not h11.DONE:
                    return
                connection.start_next_cycle()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # whoever sent it is gone
        finally:
            await stream.aclose()


async def _read(stream: trio.SocketStream, connection: h11.Connection) -> Received | None:
    """The next request, or None where the peer is gone."""
    head: h11.Request | None = None
    body = b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            data = await stream.receive_some()
            if not data:
                return None  # maybe in the middle of a request: its sender was killed
            connection.receive_data(data)
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            assert head is not None
            headers = {name.decode(): value.decode() for name, value in head.headers}
            return Received(head.target.decode(), headers, body)
        else:
            return None


@asynccontextmanager
async def receiving(port: int = 0) -> AsyncIterator[Receiver]:
    """A receiver that listens while the block lasts; connections end with it."""
    async with trio.open_nursery() as nursery:
        [listener] = await trio.open_tcp_listeners(port, host="127.0.0.1")
        receiver = Receiver(listener.socket.getsockname()[1])
        nursery.start_soon(trio.serve_listeners, receiver.serve, [listener])
        yield receiver
        nursery.cancel_scope.cancel()
