"""The Quart-Trio app: one for each listener, as the transport shows in the origin of every deed."""

from collections.abc import Awaitable, Callable
from functools import cache
from typing import Final

from quart import Response, request
from quart.routing import QuartMap, QuartRule
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException

from chargehand.actors.identity import OriginKind
from chargehand.actors.limits import BODY_BYTES_MAX
from chargehand.actors.system import System
from chargehand.web.answering import JSON, answer_to, refuses_unknown
from chargehand.web.asgi import AnsweredByOneTask, WholeRequest
from chargehand.web.call import Call, Handler
from chargehand.web.headers import RequestHeaders
from chargehand.web.ignored import Ignored
from chargehand.web.operations import Operation
from chargehand.web.page.serving import add_page, page_rules
from chargehand.web.page.session import BrowserSessions
from chargehand.web.problems import EdgeCode, edge_response
from chargehand.web.redaction import redact
from chargehand.web.responses import AnyResponse, EventStreamResponse, Headers, HttpResponse
from chargehand.web.routes import ROUTES
from chargehand.web.routes.description import openapi_of
from chargehand.web.routes.health import readiness_of_node
from chargehand.web.shapes.health import Standing

SEND_S_MAX: Final = 60.0  # to take an answer that is no stream, from a server that sets no bound

_NEAR_MAX: Final = 6
_GROUPS: Final = tuple(  # /api/tasks, /api/scheduler, ...
    sorted({"/".join(operation.path.split("/")[:3]) for operation in ROUTES})
)


def create_app(
    system: System,
    transport: OriginKind,
    *,
    strict: bool = False,
    sessions: BrowserSessions | None = None,
    standing: Callable[[], Standing] | None = None,
) -> QuartTrio:
    """An app that serves `system`.

    Bodies are bounded here too, but a listener should refuse them earlier, and in time: the app
    waits for a body as long as its listener lets it.

    Args:
        transport: HTTP or UDS.
        strict: members and parameters that an operation does not know are refused.
        sessions: of browsers, where the listener lets in who sends its token alone; the description
            says so.
        standing: of the node, if it is one of several.
    """
    app = _App("web", static_folder=None)
    app.url_map = _url_map()
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES_MAX
    app.config["BODY_TIMEOUT"] = None
    app.config["RESPONSE_TIMEOUT"] = SEND_S_MAX
    routes = {
        **ROUTES,
        Operation.OPENAPI: openapi_of(asks_token=sessions is not None),
        Operation.READINESS: readiness_of_node(standing),
    }
    for operation, handler in routes.items():
        app.endpoint(operation.name)(_view(system, transport, operation, handler, strict))
    add_page(app, sessions, _quart_response)
    app.register_error_handler(HTTPException, _http_error)
    return app


class _App(QuartTrio):
    asgi_http_class = AnsweredByOneTask
    request_class = WholeRequest


@cache
def _url_map() -> QuartMap:
    """Which operation is served where. One for all apps: making it takes longer than the rest of
    a start does, as each rule prepares for building URLs, too."""
    rules = [
        QuartRule(
            operation.path.replace("{", "<").replace("}", ">"),
            methods=[operation.method],
            endpoint=operation.name,
        )
        for operation in ROUTES
    ]
    return QuartMap((*rules, *page_rules()), strict_slashes=False, merge_slashes=False)


def _view(
    system: System, transport: OriginKind, operation: Operation, handler: Handler, strict: bool
) -> Callable[..., Awaitable[Response]]:
    reads_body = operation.method != "GET"
    refuses = refuses_unknown(operation, strict)

    async def view(**ids: str) -> Response:
        # `request` itself looks for it again at each use.
        asked: object = request._get_current_object()  # type: ignore[attr-defined]
        assert isinstance(asked, WholeRequest), "the app has another request class"
        call = Call(
            system,
            operation,
            transport,
            asked.path,
            ids,
            asked.args.to_dict() if asked.query_string else {},
            RequestHeaders(asked.scope["headers"]),
            await asked.whole_body() if reads_body else b"",
            Ignored(operation, refuses),
            asked.method == "HEAD",
        )
        response = await answer_to(call, handler)
        return _quart_response(response, call.ignored.headers())

    return view


def _quart_response(ours: AnyResponse, more: Headers = ()) -> Response:
    if isinstance(ours, EventStreamResponse):
        response = Response(ours.chunks(), ours.status)
        response.timeout = None  # it goes on until one of both ends it
    else:
        response = Response(ours.body, ours.status, content_type=JSON)
        if not ours.body:
            del response.headers["Content-Type"]
    for name, value in (*ours.headers, *more):
        response.headers[name] = value
    return response


def _served_below(path: str) -> str:
    """What is served near a path that is not: the next step of whoever asked for it."""
    group = "/".join(path.split("/")[:3])
    near = sorted({operation.path for operation in ROUTES if operation.path.startswith(group)})
    if group in _GROUPS and len(near) <= _NEAR_MAX:
        return f"here are {', '.join(near)}"
    return f"all paths begin with one of {', '.join(_GROUPS)}; GET /docs describes them"


def _methods_named(path: str) -> str:
    """Of what is served by just this name; it matches `/{id}` too, but no id is a name."""
    methods = {operation.method for operation in ROUTES if operation.path == path}
    return ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))


def _not_allowed(allow: str) -> HttpResponse:
    """What is possible at a path, to who asks for that or for something else."""
    if request.method == "OPTIONS":
        return HttpResponse(204, headers=(("Allow", f"{allow}, OPTIONS"),))
    return edge_response(
        EdgeCode.METHOD_NOT_ALLOWED,
        f"{request.method} is not possible at {redact(request.path)}",
        f"use {allow}",
        (("Allow", allow),),
    )


async def _http_error(error: HTTPException) -> Response:
    """What Quart itself refuses, or an error of ours that it caught and logged."""
    match error.code:
        case 404:
            response = edge_response(
                EdgeCode.UNKNOWN_PATH,
                f"nothing is served at {redact(request.path)}",
                _served_below(request.path),
            )
        case 405:
            matched = dict(error.get_headers()).get("Allow", "")
            response = _not_allowed(_methods_named(request.path.rstrip("/")) or matched)
        case 413:
            response = edge_response(
                EdgeCode.BODY_TOO_LARGE,
                f"the body is longer than {BODY_BYTES_MAX} bytes",
                "send less",
            )
        case code if code is not None and code < 500:
            response = edge_response(
                EdgeCode.MALFORMED,
                error.description or "no such request",
                "correct it and send it again",
            )
        case _:
            response = edge_response(
                EdgeCode.INTERNAL, "something went wrong here", "look at the server's log"
            )
    return _quart_response(response)
