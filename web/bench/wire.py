"""The smallest HTTP/1.1 client there can be, so that the server is what is measured."""

import errno
import ssl
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self, final
from urllib.parse import urlsplit

import trio

_CONNECTS_AT_ONCE: Final = 64  # fewer than a listener lets wait
_RECEIVED_AT_ONCE: Final = 65_536
_FULL_S: Final = 0.005  # until a listener that had no room is asked again


@final
class Address(NamedTuple):
    """Of a server: the path of its Unix socket, or host and port."""

    socket: str | None = None
    host: str = "127.0.0.1"
    port: int = 0
    is_secure: bool = False
    token: str | None = None

    @classmethod
    def of_url(cls, url: str, token: str | None = None) -> "Address":
        """Raises: ValueError: it is no such URL."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
            raise ValueError(f"{url!r} is not of the form http://HOST:PORT")
        is_secure = parts.scheme == "https"
        port = parts.port or (443 if is_secure else 80)
        return cls(None, parts.hostname, port, is_secure, token)

    @classmethod
    def of_socket(cls, path: Path) -> "Address":
        return cls(str(path))

    async def connect(self) -> trio.abc.Stream:
        if self.socket is not None:
            return await _open_unix(self.socket)
        if self.is_secure:
            return await trio.open_ssl_over_tcp_stream(
                self.host, self.port, ssl_context=ssl.create_default_context()
            )
        return await trio.open_tcp_stream(self.host, self.port)

    @property
    def headers(self) -> str:
        """Those that each request has."""
        host = "unix" if self.socket is not None else f"{self.host}:{self.port}"
        allowed = "" if self.token is None else f"Authorization: Bearer {self.token}\r\n"
        return f"Host: {host}\r\n{allowed}"


async def _open_unix(path: str) -> trio.SocketStream:
    """A connection, once the listener has room for it. A full one refuses with EAGAIN, which Trio
    takes for a connection that is under way."""
    while True:
        stream = await trio.open_unix_socket(path)
        try:
            stream.socket.getpeername()
        except OSError as error:
            await stream.aclose()
            if error.errno != errno.ENOTCONN:
                raise
            await trio.sleep(_FULL_S)
        else:
            return stream


@final
class Wire:
    """One kept-alive connection."""

    def __init__(self, address: Address | int) -> None:
        """Args: address: or a port on loopback."""
        self._address = Address(port=address) if isinstance(address, int) else address
        self._headers = self._address.headers
        self._stream: trio.abc.Stream | None = None
        self._left = b""

    async def __aenter__(self) -> Self:
        self._stream = await self._address.connect()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._stream is not None:
            await trio.aclose_forcefully(self._stream)

    async def post(self, path: str, body: bytes = b"{}", headers: str = "") -> tuple[int, bytes]:
        """The status and body of the answer, which must say its length."""
        head = f"{headers}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return await self._send("POST", path, head, body)

    async def get(self, path: str, headers: str = "") -> tuple[int, bytes]:
        """The status and body of the answer, which must say its length."""
        return await self._send("GET", path, headers, b"")

    async def delete(self, path: str, headers: str = "") -> tuple[int, bytes]:
        """The status and body of the answer, which must say its length."""
        return await self._send("DELETE", path, headers, b"")

    async def _send(self, method: str, path: str, headers: str, body: bytes) -> tuple[int, bytes]:
        assert self._stream is not None, "not connected"
        head = f"{method} {path} HTTP/1.1\r\n{self._headers}{headers}\r\n"
        await self._stream.send_all(head.encode() + body)
        received = self._left
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += await self._more()
        length = 0
        at = received[:end].lower().find(b"\r\ncontent-length:")
        if at >= 0:
            length = int(received[at + 17 : received.index(b"\r\n", at + 2)])
        while len(received) < end + 4 + length:
            received += await self._more()
        self._left = received[end + 4 + length :]
        return int(received[9:12]), received[end + 4 : end + 4 + length]

    async def _more(self) -> bytes:
        assert self._stream is not None, "not connected"
        chunk = bytes(await self._stream.receive_some(_RECEIVED_AT_ONCE))
        if not chunk:
            raise ConnectionError("the server closed the connection")
        return chunk


async def connect_all(wires: list[Wire]) -> None:
    """A few at a time, as a listener refuses more than it lets wait."""
    left = iter(wires)

    async def connect() -> None:
        for wire in left:
            await wire.__aenter__()

    async with trio.open_nursery() as nursery:
        for _ in range(_CONNECTS_AT_ONCE):
            nursery.start_soon(connect)
