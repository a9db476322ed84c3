"""The smallest HTTP/1.1 client there can be, so that the server is what is measured."""

from types import TracebackType
from typing import Self, final

import trio


@final
class Wire:
    """One kept-alive connection to a server on loopback."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._stream: trio.SocketStream | None = None
        self._left = b""

    async def __aenter__(self) -> Self:
        self._stream = await trio.open_tcp_stream("127.0.0.1", self._port)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._stream is not None:
            await self._stream.aclose()

    async def post(self, path: str, body: bytes = b"{}", headers: str = "") -> tuple[int, bytes]:
        """The status and body of the answer, which must say its length."""
        told = f"{headers}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return await self._send("POST", path, told, body)

    async def get(self, path: str, headers: str = "") -> tuple[int, bytes]:
        """The status and body of the answer, which must say its length."""
        return await self._send("GET", path, headers, b"")

    async def _send(self, method: str, path: str, headers: str, body: bytes) -> tuple[int, bytes]:
        assert self._stream is not None, "not connected"
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n{headers}\r\n"
        await self._stream.send_all(head.encode() + body)
        received = self._left
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += await self._more()
        lines = received[:end].decode("latin-1").split("\r\n")
        length = next(
            (int(line[15:]) for line in lines if line.lower().startswith("content-length:")), 0
        )
        while len(received) < end + 4 + length:
            received += await self._more()
        self._left = received[end + 4 + length :]
        return int(lines[0].split(" ", 2)[1]), received[end + 4 : end + 4 + length]

    async def _more(self) -> bytes:
        assert self._stream is not None, "not connected"
        chunk = bytes(await self._stream.receive_some(65_536))
        if not chunk:
            raise ConnectionError("the server closed the connection")
        return chunk
