"""Bytes to a request: what a parser is, and what all of them hold to.

One parser reads one request; what came behind it is given to the next one. Whoever answers sees a
`RequestHead` and the pieces of the body, and not which parser has read them: `h11_parser` or
`lane.parser`.
"""

from collections.abc import Callable
from enum import Enum
from typing import Final, Protocol, final

from chargehand.actors.frozen import frozen
from chargehand.web.problems import EdgeCode
from chargehand.web.refusal import RawHeaders, Refusal

HEADER_BYTES_MAX: Final = 65_536  # of the request line and all headers
HEADERS_MAX: Final = 256  # each takes time to read, however short it is

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

NOT_HTTP: Final = Refusal.of(
    EdgeCode.MALFORMED,
    "the request is not well-formed HTTP/1.1",
    "send it with an HTTP/1.1 client",
)
_CHUNKS_TOO_EARLY: Final = Refusal.of(
    EdgeCode.MALFORMED,
    "HTTP/1.0 knows no Transfer-Encoding, so it is in doubt where the body ends",
    "send it with Content-Length, or with HTTP/1.1",
)
_TWO_LENGTHS: Final = Refusal.of(
    EdgeCode.MALFORMED,
    "Content-Length and Transfer-Encoding together leave open where the body ends",
    "send one of them",
)


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
    if is_chunked and not is_1_1:
        raise MalformedRequest(_CHUNKS_TOO_EARLY)
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
