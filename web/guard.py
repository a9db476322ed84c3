"""The bounds in front of the application, in one place for every listener.

A request is let through with its whole body in memory, or it is answered here. So the framework
never waits for a slow peer, and never holds more than was let in.
"""

import hmac
from collections.abc import Iterable, Sequence
from typing import Final, final

import trio
from attrs import define
from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    ASGISendEvent,
    HTTPScope,
    Scope,
)

from chargehand.actors.errors import Category, Severity
from chargehand.actors.frozen import frozen
from chargehand.actors.limits import BODY_BYTES_MAX
from chargehand.web.exchange import inlet_of
from chargehand.web.hosts import Hosts
from chargehand.web.problems import EdgeCode, Problem, edge_problem

BODIES_BYTES_MAX: Final = 256 * 1024 * 1024  # of all requests under way together
TARGET_BYTES_MAX: Final = 8192
PUBLIC_PATHS: Final = frozenset({"/healthz", "/readyz"})  # asked by probes that know no token

_NEEDED: Final = frozenset(
    {b"host", b"origin", b"authorization", b"content-length", b"transfer-encoding"}
)
_METHODS: Final = b"GET, POST, PUT, PATCH, DELETE, OPTIONS"
_REQUEST_HEADERS: Final = b"Content-Type, Last-Event-ID, Accept, Idempotency-Key, If-Match"
_Headers = Sequence[tuple[bytes, bytes]]


@final
@frozen
class Refusal:
    """An answer instead of the application's."""

    status: int
    problem: Problem
    headers: _Headers = ()


def _edge(code: EdgeCode, message: str, next_step: str) -> Refusal:
    return Refusal(code.status, edge_problem(code, message, next_step))


_TOO_LARGE: Final = _edge(
    EdgeCode.BODY_TOO_LARGE, f"the body has more than {BODY_BYTES_MAX} bytes", "send less of it"
)
_TOO_SLOW: Final = Refusal(
    400,
    Problem(
        "request_body_timeout",
        Severity.ERROR,
        Category.DAEMON,
        "Request body took too long",
        "the body did not arrive in time",
        "send it again",
    ),
)
_BAD_TARGET: Final = _edge(
    EdgeCode.MALFORMED,
    "the request target is not an absolute path",
    "send a path such as /api/tasks",
)
_LONG_TARGET: Final = _edge(
    EdgeCode.BODY_TOO_LARGE,
    f"the request target has more than {TARGET_BYTES_MAX} bytes",
    "ask for less at once",
)
_TWO_LENGTHS: Final = _edge(
    EdgeCode.MALFORMED,
    "Content-Length and Transfer-Encoding together leave open where the body ends",
    "send one of them",
)
_BAD_HOST: Final = _edge(
    EdgeCode.HOST_NOT_ALLOWED,
    "the Host header names none of the addresses that this server listens on",
    "use the address of the server, or add the name to allowed_hosts",
)
_BAD_ORIGIN: Final = _edge(
    EdgeCode.ORIGIN_NOT_ALLOWED,
    "pages of the site in the Origin header may not call this server",
    "add the origin to allowed_origins",
)
_NO_TOKEN: Final = Refusal(
    401,
    Problem(
        "token_required",
        Severity.ERROR,
        Category.DAEMON,
        "Token required",
        "the bearer token is missing or wrong",
        "send it as Authorization: Bearer",
    ),
    ((b"www-authenticate", b"Bearer"),),
)
_BODIES_FULL: Final = Refusal(
    EdgeCode.OVERLOADED.status,
    edge_problem(
        EdgeCode.OVERLOADED, "too many large requests are under way", "try again in a second"
    ),
    ((b"retry-after", b"1"),),
)


@final
@define
class Bodies:
    """The memory that the bodies of all requests under way share; one for all guards."""

    bytes_max: int = BODIES_BYTES_MAX
    held_bytes: int = 0


@final
@frozen
class Access:
    """Who may call over TCP.

    Args:
        token: the bearer token without which nothing but probes is answered.
    """

    hosts: Hosts
    token: bytes | None = None


@final
class Guard:
    """ASGI in, ASGI out.

    Args:
        access: None on the Unix socket, where the file's mode decides who may call.
        body_s: seconds in which a body must be there.
    """

    def __init__(
        self, app: ASGIFramework, access: Access | None, bodies: Bodies, body_s: float
    ) -> None:
        self._app = app
        self._access = access
        self._bodies = bodies
        self._body_s = body_s
        allowed = _REQUEST_HEADERS
        if access is not None and access.token is not None:
            allowed += b", Authorization"
        self._cors: _Headers = (
            (b"access-control-allow-headers", allowed),
            (b"access-control-allow-methods", _METHODS),
            (
                b"access-control-expose-headers",
                b"Content-Type, Last-Event-ID, Link, Retry-After, Chargehand-Ignored, ETag",
            ),
            (b"vary", b"Origin"),
        )

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = _needed(scope["headers"])
        has_body = b"transfer-encoding" in headers or (headers.get(b"content-length", b"0") != b"0")
        if not scope["path"].startswith("/"):
            await _refuse(send, _BAD_TARGET, has_body)
            return
        if len(scope["raw_path"]) + len(scope["query_string"]) > TARGET_BYTES_MAX:
            await _refuse(send, _LONG_TARGET, has_body)
            return
        if b"transfer-encoding" in headers and b"content-length" in headers:
            await _refuse(send, _TWO_LENGTHS, True)
            return
        if self._access is not None:
            refusal = self._refused(self._access, scope, headers)
            if refusal is not None:
                await _refuse(send, refusal, has_body)
                return
            origin = headers.get(b"origin")
            if origin:
                send = _with_headers(send, ((b"access-control-allow-origin", origin), *self._cors))
            if scope["method"] == "OPTIONS":
                await _answer_preflight(send, has_body)
                return
            if not _has_token(self._access, scope, headers):
                await _refuse(send, _NO_TOKEN, has_body)
                return
        if has_body:
            await self._with_body(scope, receive, send, headers)
        else:
            _give(scope, b"")
            await self._app(scope, receive, send)

    @staticmethod
    def _refused(access: Access, scope: HTTPScope, headers: dict[bytes, bytes]) -> Refusal | None:
        host = headers.get(b"host", b"")
        if not access.hosts.allows_host(host, scope["server"]):
            return _BAD_HOST
        origin = headers.get(b"origin")
        if origin and not access.hosts.allows_origin(origin, host):
            return _BAD_ORIGIN
        return None

    async def _with_body(
        self,
        scope: HTTPScope,
        receive: ASGIReceiveCallable,
        send: ASGISendCallable,
        headers: dict[bytes, bytes],
    ) -> None:
        """Call the application with the whole body, counted while it is held."""
        declared = headers.get(b"content-length")
        if declared is not None and int(declared) > BODY_BYTES_MAX:
            await _refuse(send, _TOO_LARGE, True)
            return
        body = _Incoming(self._bodies)
        try:
            inlet = inlet_of(scope)
            if inlet is not None:  # mostly all of it came with the headers, and needs no timer
                while not body.is_over and (message := inlet.get_nowait()) is not None:
                    body.add(message)
            if not body.is_over:
                with trio.move_on_after(self._body_s):
                    while not body.is_over:
                        body.add(await receive())
            if body.is_gone:
                return
            if body.refusal is not None:
                body.pieces.clear()
                await _refuse(send, body.refusal, True)
            else:
                whole = b"".join(body.pieces)
                _give(scope, whole)
                await self._app(scope, _replayed(whole, receive), send)
        finally:
            self._bodies.held_bytes -= body.held_bytes


@final
class _Incoming:
    """A body as it comes in, counted while it is held.

    Args of the parts:
        refusal: what to answer, as it stands now; None: the body is there.
    """

    def __init__(self, bodies: Bodies) -> None:
        self.pieces: list[bytes] = []
        self.held_bytes = 0
        self.refusal: Refusal | None = _TOO_SLOW
        self.is_over = False
        self.is_gone = False  # the peer
        self._bodies = bodies

    def add(self, message: ASGIReceiveEvent) -> None:
        """Take in what comes next; `is_over` says whether to go on."""
        if message["type"] != "http.request":
            self.is_over = self.is_gone = True
            return
        piece = message["body"]
        self.held_bytes += len(piece)
        self._bodies.held_bytes += len(piece)
        self.is_over = True
        if self.held_bytes > BODY_BYTES_MAX:
            self.refusal = _TOO_LARGE
        elif self._bodies.held_bytes > self._bodies.bytes_max:
            self.refusal = _BODIES_FULL
        else:
            self.pieces.append(piece)
            self.is_over = not message["more_body"]
            if self.is_over:
                self.refusal = None


def _needed(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The headers that the guard looks at. One that comes twice is joined, and so never matches."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _NEEDED:
            found[name] = value if name not in found else found[name] + b", " + value
    return found


def _has_token(access: Access, scope: HTTPScope, headers: dict[bytes, bytes]) -> bool:
    if access.token is None or scope["path"] in PUBLIC_PATHS:
        return True
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    return scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(), access.token)


def _give(scope: HTTPScope, body: bytes) -> None:
    """Let the application find the whole body without receiving it."""
    inlet = inlet_of(scope)
    if inlet is not None:
        inlet.body = body


def _replayed(body: bytes, receive: ASGIReceiveCallable) -> ASGIReceiveCallable:
    """Gives the body in one message, then whatever comes after it."""
    pending: list[ASGIReceiveEvent] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> ASGIReceiveEvent:
        return pending.pop() if pending else await receive()

    return replay


def _with_headers(send: ASGISendCallable, headers: _Headers) -> ASGISendCallable:
    async def send_with_headers(message: ASGISendEvent) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *headers]
        await send(message)

    return send_with_headers


async def _answer_preflight(send: ASGISendCallable, close: bool) -> None:
    await _send(send, 204, [(b"access-control-max-age", b"600")], b"", close)


async def _refuse(send: ASGISendCallable, refusal: Refusal, close: bool) -> None:
    body = refusal.problem.body()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        *refusal.headers,
    ]
    await _send(send, refusal.status, headers, body, close)


async def _send(
    send: ASGISendCallable,
    status: int,
    headers: list[tuple[bytes, bytes]],
    body: bytes,
    close: bool,
) -> None:
    """Answer; `close` says that a body is left unread, which ends the connection."""
    if close:
        headers.append((b"connection", b"close"))
    await send(
        {"type": "http.response.start", "status": status, "headers": headers, "trailers": False}
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})
