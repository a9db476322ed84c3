"""Every refusal as an answer: status and `{"error", "diagnostic"}`."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final, final

from chargehand.actors.actions import Action
from chargehand.actors.errors import Category, Code, Kind, Rejected, Severity
from chargehand.actors.frozen import frozen, replace
from chargehand.web.operations import KEY_REUSED, PRECONDITION_FAILED, Operation
from chargehand.web.redaction import redact
from chargehand.web.responses import HttpResponse
from chargehand.web.shapes.encoding import encode
from chargehand.web.shapes.problems import LIVE, Diagnostic, Error
from chargehand.web.wording import command_of, next_step_of

# What each kind is answered with: the first code that the operation lists, else the last.
_STATUSES: Final[Mapping[Kind, Sequence[int]]] = {
    Kind.INVALID: (422, 400),
    Kind.TOO_LARGE: (413,),
    Kind.UNPROCESSABLE: (422, 400),
    Kind.UNAUTHENTICATED: (401,),
    Kind.FORBIDDEN: (403,),
    Kind.NOT_FOUND: (404,),
    Kind.CONFLICT: (409, 422, 400),
    Kind.KEY_REUSED: (KEY_REUSED,),
    Kind.PRECONDITION: (PRECONDITION_FAILED,),
    Kind.RATE_LIMITED: (429,),
    Kind.UNAVAILABLE: (503,),
}
# What to do where the refusal itself does not say it.
_NEXT_STEPS: Final[Mapping[Kind, str]] = {
    Kind.INVALID: "correct it and send the request again",
    Kind.TOO_LARGE: "send less of it",
    Kind.UNPROCESSABLE: "correct it and send the request again",
    Kind.NOT_FOUND: "check the id",
    Kind.KEY_REUSED: "use another key",
    Kind.CONFLICT: "read it again and decide anew",
    Kind.RATE_LIMITED: "try again later",
    Kind.UNAVAILABLE: "try again in a moment",
}
_DEFAULT_AREA: Final = "task"  # of a refusal that names none
_AREAS: Final[Mapping[Category, str]] = {
    Category.DAEMON: "server",
    Category.SESSION: "session",
    Category.BRIDGE: "bridge",
}
_RETRY_AFTER_S: Final[Mapping[int, str]] = {429: "60", 503: "1"}
# It takes an operator to mend it.
_SET_ASIDE: Final = frozenset(
    code.code for code in (Code.TASK_SET_ASIDE, Code.SESSION_SET_ASIDE, Code.WORKSPACE_SET_ASIDE)
)
_SET_ASIDE_RETRY_AFTER_S: Final = "60"


class EdgeCode(Enum):
    """Codes of what never reaches the core: (code, status, severity, title)."""

    UNKNOWN_PATH = ("not_found", 404, Severity.ERROR, "Not found")
    METHOD_NOT_ALLOWED = ("method_not_allowed", 405, Severity.ERROR, "Method not allowed")
    TOKEN_REQUIRED = ("token_required", 401, Severity.ERROR, "Token missing or wrong")
    HOST_NOT_ALLOWED = ("host_not_allowed", 403, Severity.ERROR, "Host not allowed")
    ORIGIN_NOT_ALLOWED = ("origin_not_allowed", 403, Severity.ERROR, "Origin not allowed")
    BODY_TOO_LARGE = ("payload_too_large", 413, Severity.ERROR, "Payload too large")
    BODY_TOO_SLOW = ("request_body_timeout", 400, Severity.ERROR, "Request body took too long")
    ENCODING_NOT_SUPPORTED = (
        "content_encoding_not_supported",
        415,
        Severity.ERROR,
        "Content encoding not supported",
    )
    HEADERS_TOO_LARGE = ("headers_too_large", 400, Severity.ERROR, "Headers too large")
    MALFORMED = ("invalid_request", 400, Severity.ERROR, "Invalid request")
    OVERLOADED = ("overloaded", 503, Severity.WARN, "Overloaded")
    NO_ACTIVE_NODE = ("no_active_node", 503, Severity.WARN, "No active node")
    NODE_LOST = ("node_lost", 503, Severity.WARN, "The active node is gone")
    NOT_A_NODE = ("not_a_node", 403, Severity.ERROR, "Not a node of this cluster")
    NO_OTHER_NODE = ("no_other_node", 409, Severity.WARN, "No other node")
    NODES_NOT_KNOWN = ("nodes_not_known", 503, Severity.WARN, "The nodes are not known")
    NODE_SET_OTHERWISE = (
        "node_set_otherwise",
        503,
        Severity.ERROR,
        "This node is set otherwise than the active one",
    )
    INTERNAL = ("internal_error", 500, Severity.CRITICAL, "Internal error")

    def __init__(self, code: str, status: int, severity: Severity, title: str) -> None:
        self.code = code
        self.status = status
        self.severity = severity
        self.title = title


@final
@frozen
class Problem:
    """What an error answer says. `message` and `next_step` are sentences without a full stop.

    It is shown as it is: what a caller has sent is redacted by whoever puts it in, so that our own
    words about tokens stay whole.
    """

    code: str
    severity: Severity
    category: Category
    title: str
    message: str
    next_step: str = ""
    area: str = "server"
    command: str | None = None
    evidence: Mapping[str, str | int | bool] = {}

    @property
    def text(self) -> str:
        """All of it in a sentence, for people."""
        sentence = f"{self.title}: {self.message}"
        return f"{sentence} (next: {self.next_step})" if self.next_step else sentence

    @property
    def shown(self) -> Error:
        """As it is shown."""
        return Error(
            self.text,
            Diagnostic(
                id=f"{self.area}.{self.code}",
                code=self.code,
                severity=self.severity,
                category=self.category,
                title=self.title,
                message=self.message,
                data_freshness=LIVE,
                suggested_command=self.command,
                evidence=self.evidence,
            ),
        )

    def body(self) -> bytes:
        """The JSON text."""
        return encode(self.shown)


def edge_problem(code: EdgeCode, message: str, next_step: str = "") -> Problem:
    """A problem of the infrastructure itself."""
    return Problem(code.code, code.severity, Category.DAEMON, code.title, message, next_step)


def problem(refusal: Rejected) -> Problem:
    """What a refusal of the core says; ids and texts of callers stand in it, so it is redacted."""
    evidence = dict(refusal.evidence)
    if refusal.pointer:
        evidence["pointer"] = refusal.pointer
    code = refusal.code
    area = refusal.area
    if area == _DEFAULT_AREA:
        area = _AREAS.get(code.category, area)
    return Problem(
        code.code,
        code.severity,
        code.category,
        code.title,
        redact(refusal.message),
        redact(next_step_of(refusal.next_step, refusal.action)) or _NEXT_STEPS.get(code.kind, ""),
        area,
        runnable(refusal.action),
        {n: redact(value) if isinstance(value, str) else value for n, value in evidence.items()},
    )


def runnable(action: Action | None) -> str | None:
    """As a command that can be run; none where a caller's text in it cannot be shown as it is."""
    shown = "" if action is None else command_of(action)
    return shown if shown and shown.isprintable() and redact(shown) == shown else None


def status_of(kind: Kind, operation: Operation) -> int:
    """The code that `operation` answers a refusal of this kind with."""
    statuses = _STATUSES[kind]
    for status in statuses:
        if status in operation.refusals:
            return status
    return statuses[-1]


def refusal_response(refusal: Rejected, operation: Operation) -> HttpResponse:
    """The answer to a refused request."""
    return _response(status_of(refusal.code.kind, operation), problem(refusal))


def edge_response(
    code: EdgeCode, message: str, next_step: str = "", headers: Sequence[tuple[str, str]] = ()
) -> HttpResponse:
    """The answer to a request that never reached an operation."""
    response = _response(code.status, edge_problem(code, message, next_step))
    return replace(response, headers=(*response.headers, *headers))


def not_ready_response(reason: str) -> HttpResponse:
    """503: the server does not take writes any more, and why."""
    code = Code.STORAGE_FAILED
    shown = Problem(
        code.code, code.severity, code.category, code.title, reason, "restart the server"
    )
    return _response(503, shown)


def _response(status: int, shown: Problem) -> HttpResponse:
    wait = _SET_ASIDE_RETRY_AFTER_S if shown.code in _SET_ASIDE else _RETRY_AFTER_S.get(status)
    headers = () if wait is None else (("Retry-After", wait),)
    return HttpResponse(status, shown.body(), headers)
