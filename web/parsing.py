"""Bytes to a request. Nothing else knows which library reads them.

One parser reads one request; what came behind it is given to the next one. Whoever answers sees a
`RequestHead` and the pieces of the body, so another parser can stand in place of h11's.
"""

import re
from collections.abc import Callable
from enum import Enum
from typing import Final, Protocol, final

import h11

from chargehand.actors.frozen import frozen
from chargehand.web.problems import EdgeCode
from chargehand.web.refusal import RawHeaders, Refusal

HEADER_BYTES_MAX: Final = 65_536  # of the request line and all headers

_HEADERS_TOO_LARGE: Final = 431
_BLANK_LINE: Final = re.compile(rb"\n\r?\n")
_VERSIONS: Final = frozenset({b"1.0", b"1.1"})
_ABOUT_FRAMING: Final = frozenset(
    {b"content-length", b"transfer-encoding", b"connection", b"expect"}
)


@final
@frozen(eq=False)
class RequestHead:
    """All of a request but its body.

    Args:
        target: as it was sent.
        headers: names in lower case.
        content_length: of the body; None: there is none, or it comes in chunks.
        keeps_alive: the client may send another request behind it.
        expects_continue: the client sends the body when it is asked to.
    """

    method: str
    target: bytes
    version: str
    headers: RawHeaders
    content_length: int | None = None
    is_chunked: bool = False
    keeps_alive: bool = True
    expects_continue: bool = False

    @property
    def has_body(self) -> bool:
        return self.is_chunked or bool(self.content_length)


class Progress(Enum):
    """What a parser says where it has neither a head nor a piece."""

    NEEDS_DATA = "needs data"
    IS_WHOLE = "is whole"  # the request; what comes behind it is not looked at
    IS_OVER = "is over"  # the peer has closed, and no request had begun


class MalformedRequest(Exception):
    """Raised by a parser for what is no request, or one whose end is in doubt."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.problem.message)
        self.refusal = refusal


class RequestParser(Protocol):
    """Reads one request."""

    def feed(self, data: bytes) -> None:
        """Take in what came; nothing: the peer has closed."""

    def advance(self) -> RequestHead | bytes | Progress:
        """The head, then the pieces of the body.

        Raises:
            MalformedRequest: nothing more can be read.
        """

    def rest(self) -> bytes:
        """What came behind the request, once it is whole."""


ParserFactory = Callable[[], RequestParser]

_HEADERS_REFUSAL: Final = Refusal.of(
    EdgeCode.HEADERS_TOO_LARGE,
    f"the headers have more than {HEADER_BYTES_MAX} bytes",
    "send fewer or shorter ones",
)
NOT_HTTP: Final = Refusal.of(
    EdgeCode.MALFORMED,
    "the request is not well-formed HTTP/1.1",
    "send it with an HTTP/1.1 client",
)
_TWO_LENGTHS: Final = Refusal.of(
    EdgeCode.MALFORMED,
    "Content-Length and Transfer-Encoding together leave open where the body ends",
    "send one of them",
)


@final
class H11Parser:
    """h11, as far as it reads: a `RequestParser`.

    h11 takes a bare LF for the end of a line, and joins folded ones. Both are allowed, and what
    another server reads in another way; they are refused.
    """

    def __init__(self) -> None:
        self._connection = h11.Connection(h11.SERVER, max_incomplete_event_size=HEADER_BYTES_MAX)
        self._raw: bytearray | None = bytearray()  # until there is a head

    def feed(self, data: bytes) -> None:
        self._connection.receive_data(data)
        if self._raw is not None:
            self._raw += data

    def advance(self) -> RequestHead | bytes | Progress:
        try:
            event = self._connection.next_event()
        except h11.RemoteProtocolError as error:
            too_large = error.error_status_hint == _HEADERS_TOO_LARGE
            raise MalformedRequest(_HEADERS_REFUSAL if too_large else NOT_HTTP) from error
        match event:
            case h11.Request():
                self._check_lines()
                headers = [(name.lower(), value) for name, value in event.headers.raw_items()]
                return head_of(event.method, event.target, event.http_version, headers)
            case h11.Data(data=data):
                return bytes(data)
            case h11.EndOfMessage():
                return Progress.IS_WHOLE
            case h11.ConnectionClosed():
                return Progress.IS_OVER
            case _:
                return Progress.NEEDS_DATA

    def rest(self) -> bytes:
        return self._connection.trailing_data[0]

    def _check_lines(self) -> None:
        """Raises: MalformedRequest: a line of the head does not end as it should, or is folded."""
        assert self._raw is not None, "a request has one head"
        end = _BLANK_LINE.search(self._raw)
        head = self._raw if end is None else self._raw[: end.end()]
        self._raw = None
        if head.count(b"\n") != head.count(b"\r\n") or b"\n " in head or b"\n\t" in head:
            raise MalformedRequest(NOT_HTTP)


def head_of(method: bytes, target: bytes, version: bytes, headers: RawHeaders) -> RequestHead:
    """A head whose parts are well-formed.

    Args:
        headers: names in lower case; all lengths that they state are equal.

    Raises:
        MalformedRequest: where the body ends is in doubt, or the version is another one.
    """
    if version not in _VERSIONS:
        raise MalformedRequest(NOT_HTTP)
    length: int | None = None
    is_chunked = expects_continue = False
    is_1_1 = version == b"1.1"
    keeps_alive = is_1_1
    for name, value in headers:
        if name not in _ABOUT_FRAMING:
            continue
        if name == b"content-length":
            length = int(value.partition(b",")[0])
        elif name == b"transfer-encoding":
            is_chunked = True  # no parser of ours takes another
        elif name == b"expect":
            expects_continue = is_1_1 and value.lower() == b"100-continue"
        elif b"close" in value.lower():
            keeps_alive = False
    if is_chunked and length is not None:
        raise MalformedRequest(_TWO_LENGTHS)
    return RequestHead(
        method.decode("ascii").upper(),  # as the framework does
        target,
        version.decode("ascii"),
        headers,
        length,
        is_chunked,
        keeps_alive,
        expects_continue,
    )
