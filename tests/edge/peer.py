"""A client that says what it likes, and an application small enough to see the edge through."""

from collections.abc import Callable
from typing import Final

import orjson
import trio
from attrs import frozen
from trio.testing import wait_all_tasks_blocked

S_MAX: Final = 60.0  # for what must happen, on however slow a machine


async def until(condition: Callable[[], bool]) -> None:
    """Return as soon as `condition` holds; it must in the end."""
    with trio.fail_after(S_MAX):
        while not condition():
            await wait_all_tasks_blocked(0.002)


def request(
    target: str = "/x",
    method: str = "GET",
    port: int = 0,
    body: bytes = b"",
    **headers: str,
) -> bytes:
    """The bytes of a request; `Host` names the server unless it is given."""
    named = {"Host": f"127.0.0.1:{port}"} if port else {}
    if body:
        named["Content-Length"] = str(len(body))
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@frozen
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        return orjson.loads(self.body)["diagnostic"]["code"]


class Peer:
    """A client that sends what it is told to, byte for byte."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._unread = b""

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def feed(self, data: bytes) -> None:
        """Send as much of `data` as the server takes."""
        try:
            await self.stream.send_all(data)
        except trio.BrokenResourceError:
            return

    async def answer(self) -> Answer:
        """The next answer, which must have a content-length or no body."""
        while b"\r\n\r\n" not in self._unread:
            data = await self.stream.receive_some()
            assert data, f"closed after {self._unread!r}"
            self._unread += data
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        length = int(headers.get("content-length", 0))
        while len(self._unread) < length:
            data = await self.stream.receive_some()
            assert data, "closed within the body"
            self._unread += data
        body, self._unread = self._unread[:length], self._unread[length:]
        return Answer(int(status.split()[1]), headers, body)

    async def rest(self) -> bytes:
        """Everything up to the end of the connection, however that comes."""
        rest = self._unread
        try:
            while data := await self.stream.receive_some():
                rest += data
        except trio.BrokenResourceError:
            pass
        return rest


class Application:
    """Answers with what it got; `/stream` floods, `/crash` raises, `/break` within its answer,
    `/park` waits for the peer to go, and `/hold` for `released`."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.parked = trio.Event()
        self.released = trio.Event()
        self.disconnected = trio.Event()

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{step}.complete"})
            return
        if scope["path"] == "/stream":
            await self._flood(receive, send)
            return
        if scope["path"] == "/crash":
            raise RuntimeError("a bug")
        if scope["path"] == "/break":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"hello", "more_body": True})
            raise RuntimeError("a bug")
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            if not message["more_body"]:
                break
        if scope["path"] == "/park":
            self.parked.set()
            assert (await receive())["type"] == "http.disconnect"
            self.disconnected.set()
            return
        if scope["path"] == "/hold":
            self.parked.set()
            await self.released.wait()
        self.bodies.append(body)
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok", "more_body": False})

    async def _flood(self, receive, send) -> None:
        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            self.disconnected.set()
            nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch)
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while True:
                await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
