"""The page as part of the application: its views, its files, and the session of a browser.

It is no part of the API that the description describes; it uses that.
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

import orjson
from quart import Quart, Response, request
from quart.routing import QuartRule

from chargehand.actors.errors import Rejected
from chargehand.web.asgi import WholeRequest
from chargehand.web.decoding import parsed
from chargehand.web.page.files import File, page_files
from chargehand.web.page.paths import FOLDER, SESSION_PATH, VIEWS
from chargehand.web.page.session import BrowserSessions
from chargehand.web.problems import EdgeCode, edge_response
from chargehand.web.responses import Headers, HttpResponse

_VIEW: Final = "page.view"
_FILE: Final = "page.file"
_READ_SESSION: Final = "page.read_session"
_OPEN_SESSION: Final = "page.open_session"
_CLOSE_SESSION: Final = "page.close_session"

_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "worker-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_DOCUMENT_HEADERS: Final[Headers] = (
    ("Content-Security-Policy", _POLICY),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "no-cache"),
)
_FILE_HEADERS: Final[Headers] = (
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "public, max-age=31536000, immutable"),
)
_NOT_KEPT: Final[Headers] = (("Cache-Control", "no-store"), ("Content-Type", "application/json"))

_Respond = Callable[[HttpResponse], Response]


def page_rules() -> list[QuartRule]:
    """Where the page is served; new ones, as each belongs to one map."""
    return [
        QuartRule("/", methods=["GET"], endpoint=_VIEW),
        *(QuartRule(f"/{view}", methods=["GET"], endpoint=_VIEW) for view in VIEWS),
        QuartRule(f"/{FOLDER}/<digest>/<path:name>", methods=["GET"], endpoint=_FILE),
        QuartRule(SESSION_PATH, methods=["GET"], endpoint=_READ_SESSION),
        QuartRule(SESSION_PATH, methods=["POST"], endpoint=_OPEN_SESSION),
        QuartRule(SESSION_PATH, methods=["DELETE"], endpoint=_CLOSE_SESSION),
    ]


def add_page(app: Quart, sessions: BrowserSessions | None, respond: _Respond) -> None:
    """Serve the page at its rules.

    Args:
        sessions: None: nobody is asked for a token.
        respond: makes the framework's response of ours.
    """
    page = _Page(sessions)

    def endpoint(name: str, answer: Callable[..., Awaitable[HttpResponse]]) -> None:
        async def view(**parts: str) -> Response:
            return respond(await answer(**parts))

        app.endpoint(name)(view)

    endpoint(_VIEW, page.view)
    endpoint(_FILE, page.file)
    endpoint(_READ_SESSION, page.read_session)
    endpoint(_OPEN_SESSION, page.open_session)
    endpoint(_CLOSE_SESSION, page.close_session)


class _Page:
    def __init__(self, sessions: BrowserSessions | None) -> None:
        self._sessions = sessions

    async def view(self) -> HttpResponse:
        view = request.path.strip("/")
        if view and request.path.endswith("/"):  # what is relative would be looked for below
            query = request.query_string.decode("ascii", "replace")
            there = f"../{view}?{query}" if query else f"../{view}"
            return HttpResponse(HTTPStatus.PERMANENT_REDIRECT, headers=(("Location", there),))
        asks_token = self._sessions is not None
        files = page_files(asks_token=asks_token)
        tag = f'"{files.digest}{"-token" if asks_token else ""}"'
        headers = (*_DOCUMENT_HEADERS, ("ETag", tag))
        if request.headers.get("If-None-Match") == tag:
            return HttpResponse(HTTPStatus.NOT_MODIFIED, headers=headers)
        return _sent(files.documents[view or VIEWS[0]], headers)

    async def file(self, digest: str, name: str) -> HttpResponse:
        files = page_files()
        file = files.by_name.get(name)
        if digest != files.digest or file is None:
            return edge_response(
                EdgeCode.UNKNOWN_PATH,
                "the page has no such file, or another version of it",
                "load the page again",
            )
        return _sent(file, _FILE_HEADERS)

    async def read_session(self) -> HttpResponse:
        """Whether a token is needed, and whether this browser has given it."""
        required = self._sessions is not None
        cookies = request.headers.get("Cookie", "").encode()
        is_open = self._sessions is None or self._sessions.is_open(cookies)
        return _json({"token_required": required, "open": is_open})

    async def open_session(self) -> HttpResponse:
        if self._sessions is None:
            return _json({"token_required": False, "open": True})
        if not self._sessions.accepts(_token_in(await _body())):
            return edge_response(
                EdgeCode.TOKEN_REQUIRED,
                "this is not the token of the server",
                "send the token that the server was started with",
            )
        secure = request.headers.get("Origin", "").startswith("https:")
        cookie = self._sessions.opened(secure=secure)
        return _json({"token_required": True, "open": True}, (("Set-Cookie", cookie),))

    async def close_session(self) -> HttpResponse:
        if self._sessions is None:
            return _json({"token_required": False, "open": True})
        cookie = self._sessions.closed()
        return _json({"token_required": True, "open": False}, (("Set-Cookie", cookie),))


async def _body() -> bytes:
    asked: object = request._get_current_object()  # type: ignore[attr-defined]
    assert isinstance(asked, WholeRequest), "the app has another request class"
    return await asked.whole_body()


def _token_in(body: bytes) -> str:
    try:
        value = parsed(body)
    except Rejected:
        return ""
    token = value.get("token") if isinstance(value, dict) else None
    return token if isinstance(token, str) else ""


def _json(value: dict[str, bool], headers: Headers = ()) -> HttpResponse:
    return HttpResponse(HTTPStatus.OK, orjson.dumps(value), (*_NOT_KEPT, *headers))


def _sent(file: File, headers: Headers) -> HttpResponse:
    headers = (*headers, ("Content-Type", file.content_type), ("Vary", "Accept-Encoding"))
    if request.accept_encodings.quality("gzip") > 0:
        return HttpResponse(
            HTTPStatus.OK, file.compressed, (*headers, ("Content-Encoding", "gzip"))
        )
    return HttpResponse(HTTPStatus.OK, file.plain, headers)
