"""The OpenAPI 3.1 document of all operations, made once."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, final

import orjson

from chargehand.actors import limits
from chargehand.actors.errors import LEASE_LOST
from chargehand.actors.frozen import frozen
from chargehand.web.bodies import Request
from chargehand.web.headers import (
    AGENT_HEADER,
    ETAG_HEADER,
    IDEMPOTENCY_HEADER,
    IF_MATCH_HEADER,
    IGNORED_HEADER,
    SESSION_HEADER,
    WORKSPACE_HEADER,
)
from chargehand.web.identity import AGENTS_ONLY, ANYBODYS
from chargehand.web.openapi.examples import ERROR, examples
from chargehand.web.openapi.guide import AREAS, IDS, OPERATIONS, PARAMETERS, PARAMETERS_OF
from chargehand.web.openapi.meanings import MEANINGS, AnyCode
from chargehand.web.openapi.refusals import refusals_of
from chargehand.web.openapi.schemas import Schema, Schemas
from chargehand.web.openapi.table import DOCS, OperationDoc
from chargehand.web.operations import ASKED_BY_PROBES, NO_CONTENT, OK, TAGGED, Operation
from chargehand.web.paging import CURSOR
from chargehand.web.shapes.problems import Error
from chargehand.web.version import program_version

_ABOUT: Final = (
    "A scheduler for durable agent work. Agents say who they are by the headers "
    f"`{SESSION_HEADER}` and `{AGENT_HEADER}`, and may name their workspace by "
    f"`{WORKSPACE_HEADER}`; without them the caller is the local user. A server with a token asks "
    "for it over TCP, as `Authorization: Bearer`. "
    "Members that are unset are left out of answers. Unknown members and query parameters of "
    f"requests are ignored, and named in the answer's header `{IGNORED_HEADER}`; a server that was "
    "started with `--strict-requests` refuses them. "
    "Each status of an operation lists the codes that `diagnostic.code` may hold with it: "
    "`x-codes` for programs; those in `x-lease-lost` say that the agent has its lease no more. "
    "What is no valid HTTP, or comes too slowly, is 400 at any path; what is served nowhere is "
    "404, `not_found`."
)
_IGNORED: Final = (
    "What of the request is not known and was ignored, separated by commas: members by their JSON "
    "pointers, query parameters with `?` in front, percent-encoded; `...` stands for more. Left "
    "out where nothing was ignored."
)
_KEY: Final = {
    "name": IDEMPOTENCY_HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": limits.ONCE_KEY_CHARS_MAX},
    "description": (
        "A key of the caller's own, such as a UUID. Sent again with the same key, the request has "
        "one effect, and its answer shows the same thing as it is by then; another operation or "
        "body under the key is 409, `idempotency_key_reused`. Keys are known for a day, unless "
        "the server is set otherwise."
    ),
}
_ETAG: Final = (
    "The number of the task's latest event, in quotes. Runs, reviews and the execution profile "
    "have that of their task."
)
_IF_MATCH: Final = {
    "name": IF_MATCH_HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": (
        "The ETag of what was read, or several, or `*`. If the task has changed since, nothing is "
        "done: 412, `precondition_failed`, with the `etag` of now."
    ),
}
_IDENTITY: Final = {
    SESSION_HEADER: "The session that calls; one that is new registers itself.",
    AGENT_HEADER: "The name of the agent whose session it is.",
}
_WORKSPACE: Final = (
    "The id of the workspace that the session is of. It places a session on its first contact; "
    "later on, another workspace than the session's is 403, `identity_unauthorized`."
)
_NEEDED: Final = "Needed: only agents call this."
_OPTIONAL: Final = (
    "Both of an agent are needed, or none: without them the caller is the local user."
)
_BEARER: Final = "bearer"
_SECURITY: Final = {
    _BEARER: {
        "type": "http",
        "scheme": "bearer",
        "description": (
            "The token of the server, if it has one: needed over TCP for all but `/healthz` and "
            "`/readyz`, never over the Unix socket."
        ),
    }
}
_REFUSALS: Final = {
    400: "The request is invalid.",
    401: "The caller is not known.",
    403: "The caller may not do this.",
    404: "What was asked for is not there.",
    405: "The path does not know this method.",
    409: "It does not fit what is now.",
    412: "The task is not as `If-Match` says any more.",
    413: "The request is too large.",
    415: "The body is encoded in a way that is not supported.",
    422: "The request is invalid.",
    429: "Too many requests; see Retry-After.",
    503: "The server cannot answer now; see Retry-After.",
}
_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_JSON: Final = "application/json"


@cache
def document_text(*, asks_token: bool = False) -> bytes:
    """The document as JSON."""
    return orjson.dumps(document(asks_token=asks_token))


@cache
def document(*, asks_token: bool = False) -> dict[str, Any]:
    """The document; shared, so nobody may change it.

    Args:
        asks_token: whether it is of a listener that asks for the server's token.
    """
    components: dict[str, Schema] = {}
    describer = _Describer(Schemas(components), Schemas(components, of_requests=True), examples())
    paths: dict[str, dict[str, Any]] = {}
    for operation in Operation:
        doc = DOCS.get(operation) or OperationDoc(operation.name)
        path = paths.setdefault(operation.path, {})
        path[operation.method.lower()] = describer.operation(operation, doc)
    components[Error.__name__]["examples"] = [ERROR]
    areas = dict.fromkeys(map(_area, Operation))
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "Chargehand", "version": program_version(), "description": _ABOUT},
        "tags": [{"name": name, "description": AREAS[name]} for name in areas],
        "paths": paths,
        "components": {"schemas": dict(sorted(components.items())), "securitySchemes": _SECURITY},
    }
    if asks_token:
        document["security"] = [{_BEARER: []}]
        for operation in ASKED_BY_PROBES:
            paths[operation.path][operation.method.lower()]["security"] = []
    return document


def _area(operation: Operation) -> str:
    parts = operation.path.split("/")
    return parts[2] if parts[1] == "api" else "server"


def _camel_case(name: str) -> str:
    head, *rest = name.lower().split("_")
    return head + "".join(word.capitalize() for word in rest)


def _refused(status: int, codes: Sequence[AnyCode]) -> dict[str, Any]:
    """A status with the codes that come with it."""
    listed = "".join(f"\n- `{code.code}`: {MEANINGS[code]}" for code in codes)
    lost = [code.code for code in codes if code in LEASE_LOST]
    return {
        "description": f"{_REFUSALS[status]}\n{listed}",
        "x-codes": [code.code for code in codes],
        **({"x-lease-lost": lost} if lost else {}),
    }


def _identity(is_needed: bool) -> Iterator[dict[str, Any]]:
    """The headers by which an agent says who it is."""
    when = _NEEDED if is_needed else _OPTIONAL
    for name, text in _IDENTITY.items():
        yield _header(name, f"{text} {when}", is_needed)
    yield _header(WORKSPACE_HEADER, _WORKSPACE, False)


def _header(name: str, text: str, is_needed: bool) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": is_needed,
        "schema": {"type": "string"},
        "description": text,
    }


@final
@frozen
class _Describer:
    """Describes operations, and collects the schemas that they need."""

    answers: Schemas
    requests: Schemas
    examples: Mapping[Operation, Mapping[str, Any]]

    def operation(self, operation: Operation, doc: OperationDoc) -> dict[str, Any]:
        described: dict[str, Any] = {
            "operationId": doc.id or _camel_case(operation.name),
            "summary": doc.summary,
            "description": OPERATIONS.get(operation, ""),
            "tags": [_area(operation)],
        }
        parameters = self._parameters(operation, doc)
        if parameters:
            described["parameters"] = parameters
        if doc.request is not None:
            described["requestBody"] = self._body(operation, doc, doc.request)
        success = self._success(operation, doc)
        responses = {str(operation.success): success}
        if doc.may_be_there:
            responses[str(OK)] = {**success, "description": "It was there already."}
        if doc.may_be_empty:
            responses[str(NO_CONTENT)] = {"description": "There is nothing."}
        for status, codes in refusals_of(operation).items():
            content = {_JSON: {"schema": self.answers.of(doc.refusal)}}
            responses[str(status)] = {**_refused(status, codes), "content": content}
        return {**described, "responses": responses}

    def _parameters(self, operation: Operation, doc: OperationDoc) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in _PARAMETER.findall(operation.path)
        ]
        query = {**doc.query, CURSOR: str} if doc.is_list else doc.query
        for name, kind in query.items():
            schema = self.answers.of(kind)
            found.append({"name": name, "in": "query", "required": False, "schema": schema})
            if schema.get("type") == "array":  # in one text, with commas between
                found[-1] |= {"style": "form", "explode": False}
        texts = {
            **PARAMETERS,
            "id": IDS.get(_area(operation)),
            **PARAMETERS_OF.get(operation, {}),
        }
        for parameter in found:
            parameter["description"] = texts[parameter["name"]]
        if operation not in ANYBODYS:
            found.extend(_identity(operation in AGENTS_ONLY))
        if operation.is_write:
            found.append(_KEY)
        if operation.is_conditional:
            found.append(_IF_MATCH)
        return found

    def _body(self, operation: Operation, doc: OperationDoc, request: Request) -> dict[str, Any]:
        schema = self.requests.reference(request)
        if doc.required:
            schema["required"] = list(doc.required)
        component = self.requests.component(request)
        required = bool(doc.required) or "required" in component
        content = self._content(operation, "request", schema)
        return {"required": required, "content": {_JSON: content}}

    def _success(self, operation: Operation, doc: OperationDoc) -> dict[str, Any]:
        success: dict[str, Any] = {"description": doc.summary}
        if doc.answer is not None:
            kind = "text/event-stream" if doc.is_stream else _JSON
            schema = self.answers.of(doc.answer)
            success["content"] = {kind: self._content(operation, "answer", schema)}
        elif operation is Operation.DOCS:
            success["content"] = {"text/html": {"schema": {"type": "string"}}}
        elif operation.success != NO_CONTENT:
            content = self._content(operation, "answer", {"type": "object"})
            success["content"] = {_JSON: content}
        headers = {IGNORED_HEADER: _IGNORED}
        if doc.is_list:
            headers["Link"] = 'Leads to more rows, by rel="next".'
        if operation in TAGGED:
            headers[ETAG_HEADER] = _ETAG
        success["headers"] = {
            name: {"description": text, "schema": {"type": "string"}}
            for name, text in headers.items()
        }
        return success

    def _content(self, operation: Operation, which: str, schema: Schema) -> dict[str, Any]:
        """A body, with its example if there is one."""
        example = self.examples[operation].get(which)
        return {"schema": schema} if example is None else {"schema": schema, "example": example}
