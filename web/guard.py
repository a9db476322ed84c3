"""The bounds in front of whoever answers, in one place for every listener.

A request is let through with its whole body in memory, or it is answered here. So nothing behind
waits for a slow peer, and never more is held than was let in.
"""

import hmac
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final, final

import trio
from attrs import define

from chargehand.actors.frozen import frozen
from chargehand.actors.limits import BODY_BYTES_MAX
from chargehand.web.exchange import Answerer, BodyEnd, Exchange
from chargehand.web.hosts import Hosts
from chargehand.web.operations import ASKED_BY_PROBES, Operation
from chargehand.web.page.paths import PAGE_PATHS, PAGE_PREFIX, VIEWS
from chargehand.web.page.session import BrowserSessions
from chargehand.web.parsing import RequestHead
from chargehand.web.problems import EdgeCode
from chargehand.web.refusal import RawHeaders, Refusal

BODIES_BYTES_MAX: Final = 256 * 1024 * 1024  # of all requests under way, over all listeners
TARGET_BYTES_MAX: Final = 8192
PUBLIC_PATHS: Final = PAGE_PATHS | {operation.path.encode() for operation in ASKED_BY_PROBES}

_NEEDED: Final = frozenset(
    {b"host", b"origin", b"authorization", b"content-encoding", b"cookie", b"accept"}
)
_READS: Final = frozenset({"GET", "HEAD"})
_METHODS: Final = b"GET, POST, PUT, PATCH, DELETE, OPTIONS"
_REQUEST_HEADERS: Final = b"Content-Type, Last-Event-ID, Accept, Idempotency-Key, If-Match"
_PREFLIGHT: Final = ((b"access-control-max-age", b"600"),)
_DOCS: Final = Operation.DOCS.path.encode()
_SIGN_IN: Final = ((b"location", f"{VIEWS[0]}?then=docs".encode()), (b"cache-control", b"no-store"))
_PLAIN: Final = frozenset({b"", b"identity"})

_TOO_LARGE: Final = Refusal.of(
    EdgeCode.BODY_TOO_LARGE, f"the body has more than {BODY_BYTES_MAX} bytes", "send less of it"
)
_TOO_SLOW: Final = Refusal.of(
    EdgeCode.BODY_TOO_SLOW, "the body did not arrive in time", "send it again"
)
_BAD_TARGET: Final = Refusal.of(
    EdgeCode.MALFORMED,
    "the request target is not an absolute path",
    "send a path such as /api/tasks",
)
_LONG_TARGET: Final = Refusal.of(
    EdgeCode.BODY_TOO_LARGE,
    f"the request target has more than {TARGET_BYTES_MAX} bytes",
    "ask for less at once",
)
_ENCODED: Final = Refusal.of(
    EdgeCode.ENCODING_NOT_SUPPORTED,
    "the body has a Content-Encoding, and none is supported",
    "send it as it is",
    ((b"accept-encoding", b"identity"),),
)
_BAD_HOST: Final = Refusal.of(
    EdgeCode.HOST_NOT_ALLOWED,
    "the Host header names none of the addresses that this server listens on",
    "use the address of the server, or add the name to allowed_hosts",
)
_BAD_ORIGIN: Final = Refusal.of(
    EdgeCode.ORIGIN_NOT_ALLOWED,
    "pages of the site in the Origin header may not call this server",
    "add the origin to allowed_origins",
)
_NO_TOKEN: Final = Refusal.of(
    EdgeCode.TOKEN_REQUIRED,
    "the bearer token is missing or wrong",
    "send it as Authorization: Bearer",
    ((b"www-authenticate", b"Bearer"),),
)
_NO_ORIGIN: Final = Refusal.of(
    EdgeCode.ORIGIN_NOT_ALLOWED,
    "a browser's session changes something only from a page of this server, and no page is named",
    "send the token as Authorization: Bearer, or the Origin header that browsers send",
)
_BODIES_FULL: Final = Refusal.of(
    EdgeCode.OVERLOADED,
    "too many large requests are under way",
    "try again in a second",
    ((b"retry-after", b"1"),),
)


@final
@define
class Bodies:
    """The memory that the bodies of all requests under way at a guard share."""

    bytes_max: int = BODIES_BYTES_MAX
    held_bytes: int = 0


@final
@frozen
class Access:
    """Who may call over TCP.

    Args:
        token: the bearer token without which nothing but probes and the page's own files is
            answered.
        sessions: of browsers that have given it.
    """

    hosts: Hosts
    token: bytes | None = None
    sessions: BrowserSessions | None = None


@final
class Guard:
    """An `Answerer` in front of another one.

    Args:
        access: None on the Unix socket, where the file's mode decides who may call.
        body_s: seconds in which a body must be there.
    """

    def __init__(
        self, answer: Answerer, access: Access | None, bodies: Bodies, body_s: float
    ) -> None:
        self._answer = answer
        self._access = access
        self._bodies = bodies
        self._body_s = body_s
        allowed = _REQUEST_HEADERS
        if access is not None and access.token is not None:
            allowed += b", Authorization"
        self._cors: RawHeaders = (
            (b"access-control-allow-headers", allowed),
            (b"access-control-allow-methods", _METHODS),
            (
                b"access-control-expose-headers",
                b"Content-Type, Last-Event-ID, Link, Retry-After, Chargehand-Ignored, ETag",
            ),
            (b"vary", b"Origin"),
        )

    async def __call__(self, exchange: Exchange) -> None:
        head = exchange.head
        headers = _needed(head.headers)
        refusal = _refused_target(head.target)
        if refusal is None and self._access is not None:
            refusal = _refused_access(self._access, exchange, headers)
            if refusal is None and (origin := headers.get(b"origin")):
                exchange.add_headers(((b"access-control-allow-origin", origin), *self._cors))
                if head.method == "OPTIONS":
                    await exchange.answer(204, _PREFLIGHT)
                    return
            if refusal is None:
                refusal = _refused_identity(self._access, head, headers)
                if refusal is not None and _is_reader(head, headers):
                    await exchange.answer(HTTPStatus.SEE_OTHER, _SIGN_IN)
                    return
        if refusal is None and head.has_body:
            refusal = _refused_body(head, headers)
        if refusal is not None:
            await exchange.refuse(refusal)
        elif head.has_body:
            await self._with_body(exchange)
        else:
            exchange.body = b""
            await self._answer(exchange)

    async def _with_body(self, exchange: Exchange) -> None:
        """Go on with the whole body, counted while it is held."""
        body = _Incoming(self._bodies)
        try:
            # Mostly all of it came with the head, and needs no timer.
            while not body.is_over and (piece := exchange.receive_nowait()) is not None:
                body.add(piece)
            if not body.is_over:
                with trio.move_on_after(self._body_s):
                    while not body.is_over:
                        body.add(await exchange.receive())
            if body.is_cut_off:
                return
            if body.refusal is not None:
                body.data.clear()
                await exchange.refuse(body.refusal)
            else:
                exchange.body = bytes(body.data)
                body.data.clear()
                await self._answer(exchange)
        finally:
            self._bodies.held_bytes -= body.held_bytes


@final
class _Incoming:
    """A body as it comes in, counted while it is held.

    Args of the parts:
        refusal: what to answer, as it stands now; None: the body is there.
    """

    def __init__(self, bodies: Bodies) -> None:
        self.data = bytearray()  # a piece may be one byte, and an object many
        self.held_bytes = 0
        self.refusal: Refusal | None = _TOO_SLOW
        self.is_over = False
        self.is_cut_off = False
        self._bodies = bodies

    def add(self, piece: bytes | BodyEnd) -> None:
        """Take in what comes next; `is_over` says whether to go on."""
        if isinstance(piece, BodyEnd):
            self.is_over = True
            self.is_cut_off = piece is BodyEnd.CUT_OFF
            self.refusal = None
            return
        self.held_bytes += len(piece)
        self._bodies.held_bytes += len(piece)
        if self.held_bytes > BODY_BYTES_MAX:
            self.is_over, self.refusal = True, _TOO_LARGE
        elif self._bodies.held_bytes > self._bodies.bytes_max:
            self.is_over, self.refusal = True, _BODIES_FULL
        else:
            self.data += piece


def _needed(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The headers that the guard looks at. One that comes twice is joined, and so never matches."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _NEEDED:
            found[name] = value if name not in found else found[name] + b", " + value
    return found


def _refused_target(target: bytes) -> Refusal | None:
    if not target.startswith(b"/"):
        return _BAD_TARGET
    return _LONG_TARGET if len(target) > TARGET_BYTES_MAX else None


def _refused_access(
    access: Access, exchange: Exchange, headers: dict[bytes, bytes]
) -> Refusal | None:
    host = headers.get(b"host", b"")
    if not access.hosts.allows_host(host, exchange.server):
        return _BAD_HOST
    origin = headers.get(b"origin")
    if origin and not access.hosts.allows_origin(origin, host):
        return _BAD_ORIGIN
    return None


def _refused_body(head: RequestHead, headers: dict[bytes, bytes]) -> Refusal | None:
    if head.content_length is not None and head.content_length > BODY_BYTES_MAX:
        return _TOO_LARGE
    encoding = headers.get(b"content-encoding", b"identity")
    return None if encoding.strip().lower() in _PLAIN else _ENCODED


def _refused_identity(
    access: Access, head: RequestHead, headers: dict[bytes, bytes]
) -> Refusal | None:
    if access.token is None or _is_public(head.target.partition(b"?")[0]):
        return None
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(), access.token):
        return None
    if access.sessions is None or not access.sessions.is_open(headers.get(b"cookie", b"")):
        return _NO_TOKEN
    # A page of another port of this host is of the same site, so its requests carry the cookie.
    return None if head.method in _READS or b"origin" in headers else _NO_ORIGIN


def _is_reader(head: RequestHead, headers: dict[bytes, bytes]) -> bool:
    """Whether a person has opened the description in a browser, which the page lets sign in."""
    path = head.target.partition(b"?")[0]
    is_page = b"text/html" in headers.get(b"accept", b"")
    return head.method == "GET" and path == _DOCS and is_page


def _is_public(path: bytes) -> bool:
    return path in PUBLIC_PATHS or path.startswith(PAGE_PREFIX)
