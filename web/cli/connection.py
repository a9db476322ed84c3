"""A connection to the server, for one request: over its Unix socket, or by its URL.

Proxies of the environment are left alone: the server is named directly.
"""

import select
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Final, NamedTuple, final
from urllib.parse import urlsplit

from chargehand.web.cli.target import ServerAddress

CONNECT_S: Final = 5.0
ANSWER_S: Final = 60.0  # that an answer may take, where it is not one that waits
NOTICE_S: Final = 2.0  # without an answer: somebody may wonder
_UNIX_HOST: Final = "chargehand"  # of a server that no host name leads to
_SCHEMES: Final = ("http", "https")


@final
class _UnixConnection(HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__(_UNIX_HOST, timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        try:
            self.sock.settimeout(self.timeout)
            self.sock.connect(str(self._path))
        except BaseException:
            self.sock.close()
            raise


@final
class Place(NamedTuple):
    """Where requests go.

    Args:
        prefix: what all paths begin with there.
    """

    target: ServerAddress
    is_secure: bool = False
    host: str = ""
    port: int | None = None
    prefix: str = ""

    @classmethod
    def of(cls, target: ServerAddress) -> "Place":
        """Raises: ValueError: the URL is none."""
        if target.socket is not None:
            return cls(target)
        parts = urlsplit(target.url)
        if parts.scheme not in _SCHEMES or not parts.hostname:
            raise ValueError("it is not of the form http://HOST:PORT")
        secure = parts.scheme == "https"
        return cls(target, secure, parts.hostname, parts.port, parts.path.rstrip("/"))

    def connection(self) -> HTTPConnection:
        if self.target.socket is not None:
            return _UnixConnection(self.target.socket, CONNECT_S)
        if not self.is_secure:
            return HTTPConnection(self.host, self.port, timeout=CONNECT_S)
        from http.client import HTTPSConnection

        return HTTPSConnection(self.host, self.port, timeout=CONNECT_S)


@final
class Request(NamedTuple):
    """Args: answer_s: how long its answer may take, and each piece of it; None: for ever."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None
    answer_s: float | None


@final
class Unreachable(Exception):
    """Nothing was sent: there is nobody to connect to."""


@final
class Lost(Exception):
    """The connection was lost, or what came was no HTTP; whether anything was done is unknown."""


@final
class Silent(Exception):
    """Nothing came in time."""


@final
class Answer:
    """What the server answers; the rest of it is read as it comes."""

    def __init__(self, response: HTTPResponse) -> None:
        self.status = response.status
        self._response = response

    def header(self, name: str) -> str | None:
        return self._response.getheader(name)

    def read(self) -> bytes:
        """Raises: Lost, Silent."""
        with _translated():
            return self._response.read()

    def lines(self) -> Iterator[str]:
        """Each line as soon as it is there. Raises: Lost, Silent."""
        while True:
            with _translated():
                line = self._response.readline()
            if not line:
                return
            yield line.decode("utf-8", "replace").rstrip("\r\n")


@contextmanager
def exchange(
    place: Place, request: Request, notice: Callable[[], None] | None = None
) -> Iterator[Answer]:
    """Send a request; what the answer begins with is there.

    Args:
        notice: called once if that takes long.

    Raises:
        Unreachable, Lost, Silent.
    """
    connection = place.connection()
    with closing(connection):
        try:
            connection.connect()
        except OSError as error:
            raise Unreachable(str(error)) from error
        with _translated():
            connection.sock.settimeout(request.answer_s)
            # A server that wants no more of a body closes, but what it answered is there.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request(
                    request.method,
                    f"{place.prefix}{request.path}",
                    request.body,
                    {**request.headers, "Connection": "close"},
                )
            if notice is not None and not _is_readable(connection.sock, NOTICE_S):
                notice()
            response = connection.getresponse()
        yield Answer(response)


def _is_readable(sock: socket.socket, within_s: float) -> bool:
    return bool(select.select([sock], [], [], within_s)[0])


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise Silent from error
    except (OSError, HTTPException) as error:
        raise Lost(str(error) or type(error).__name__) from error
