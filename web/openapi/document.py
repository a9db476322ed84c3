"""The OpenAPI 3.1 document of all operations, made once."""

import re
from functools import cache
from typing import Any, Final

import orjson

from actors.errors import Category, Severity
from web.identity import AGENT_HEADER, SESSION_HEADER, WORKSPACE_HEADER
from web.openapi.examples import ERROR, REQUESTS
from web.openapi.guide import AREAS, OPERATIONS, PARAMETERS
from web.openapi.schemas import Schema, Schemas
from web.openapi.table import ROWS, Row
from web.operations import NO_CONTENT, OK, Operation
from web.paging import CURSOR

VERSION: Final = "0.1.0"
_ABOUT: Final = (
    "A scheduler for durable agent work. Agents say who they are by the headers "
    f"`{SESSION_HEADER}` and `{AGENT_HEADER}`, and may name their workspace by "
    f"`{WORKSPACE_HEADER}`; without them the caller is the local user. "
    "Members that are unset are left out of answers, unknown members of requests are ignored."
)
_REFUSALS: Final = {
    400: "The request is invalid.",
    401: "The caller is not known.",
    403: "The caller may not do this.",
    404: "What was asked for is not there.",
    405: "The path does not know this method.",
    409: "It does not fit what is now.",
    413: "The request is too large.",
    422: "The request is invalid.",
    429: "Too many requests; see Retry-After.",
    503: "The server cannot answer now; see Retry-After.",
}
_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_JSON: Final = "application/json"
_ERROR_REF: Final = {"$ref": "#/components/schemas/Error"}


@cache
def document_text() -> bytes:
    """The document as JSON."""
    return orjson.dumps(document())


@cache
def document() -> dict[str, Any]:
    """The document; shared, so nobody may change it."""
    components: dict[str, Schema] = {"Error": _error()}
    answers, requests = Schemas(components), Schemas(components, of_requests=True)
    paths: dict[str, dict[str, Any]] = {}
    for operation in Operation:
        row = ROWS.get(operation) or Row(operation.name)
        path = paths.setdefault(operation.path, {})
        path[operation.method.lower()] = _described(operation, row, answers, requests)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Chargehand", "version": VERSION, "description": _ABOUT},
        "tags": [{"name": name, "description": AREAS[name]} for name in _tags(paths)],
        "paths": paths,
        "components": {"schemas": dict(sorted(components.items()))},
    }


def _described(
    operation: Operation, row: Row, answers: Schemas, requests: Schemas
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": row.id or _camel_case(operation.name),
        "summary": row.summary,
        "description": OPERATIONS.get(operation, ""),
        "tags": [_tag(operation)],
    }
    parameters = _parameters(operation, row, answers)
    if parameters:
        described["parameters"] = parameters
    if row.request is not None:
        described["requestBody"] = _body(operation, row, requests, row.request)
    described["responses"] = _responses(operation, row, answers)
    return described


def _camel_case(name: str) -> str:
    head, *rest = name.lower().split("_")
    return head + "".join(word.capitalize() for word in rest)


def _tags(paths: dict[str, dict[str, Any]]) -> list[str]:
    """The areas of all operations, in their order."""
    described = [operation for path in paths.values() for operation in path.values()]
    return list(dict.fromkeys(operation["tags"][0] for operation in described))


def _tag(operation: Operation) -> str:
    parts = operation.path.split("/")
    return parts[2] if parts[1] == "api" else "server"


def _parameters(operation: Operation, row: Row, schemas: Schemas) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(operation.path)
    ]
    query = {**row.query, CURSOR: str} if row.is_list else row.query
    found.extend(
        {"name": name, "in": "query", "required": False, "schema": schemas.of(kind)}
        for name, kind in query.items()
    )
    for parameter in found:
        if parameter["name"] in PARAMETERS:
            parameter["description"] = PARAMETERS[parameter["name"]]
    return found


def _body(operation: Operation, row: Row, schemas: Schemas, request: type) -> dict[str, Any]:
    schema = schemas.of(request)
    if row.required:
        schema["required"] = list(row.required)
    content: dict[str, Any] = {"schema": schema}
    if operation in REQUESTS:
        content["example"] = REQUESTS[operation]
    component = schemas.component(request)
    required = bool(row.required) or "required" in component
    return {"required": required, "content": {_JSON: content}}


def _responses(operation: Operation, row: Row, schemas: Schemas) -> dict[str, Any]:
    success: dict[str, Any] = {"description": row.summary}
    if row.answer is not None:
        kind = "text/event-stream" if row.is_stream else _JSON
        success["content"] = {kind: {"schema": schemas.of(row.answer)}}
    elif operation.path == "/docs":
        success["content"] = {"text/html": {"schema": {"type": "string"}}}
    elif operation.success != NO_CONTENT:
        success["content"] = {_JSON: {"schema": {"type": "object"}}}
    if row.is_list:
        success["headers"] = {
            "Link": {
                "description": 'Leads to more rows, by rel="next".',
                "schema": {"type": "string"},
            }
        }
    responses = {str(operation.success): success}
    if row.may_be_there:
        responses[str(OK)] = {**success, "description": "It was there already."}
    if row.may_be_empty:
        responses[str(NO_CONTENT)] = {"description": "There is nothing."}
    for status in sorted(operation.refusals):
        content = {_JSON: {"schema": _ERROR_REF, "example": ERROR}}
        responses[str(status)] = {"description": _REFUSALS[status], "content": content}
    return responses


def _error() -> Schema:
    """Of `web.problems.Problem.body`."""
    text = {"type": "string"}
    diagnostic = {
        "type": "object",
        "required": [
            "id",
            "code",
            "severity",
            "category",
            "title",
            "message",
            "data_freshness",
        ],
        "properties": {
            "id": text,
            "code": {"type": "string", "description": "Stable, and for programs."},
            "severity": {"type": "string", "enum": [member.value for member in Severity]},
            "category": {"type": "string", "enum": [member.value for member in Category]},
            "title": text,
            "message": text,
            "data_freshness": text,
            "evidence": {"type": "object"},
        },
    }
    return {
        "type": "object",
        "required": ["error", "diagnostic"],
        "properties": {
            "error": {"type": "string", "description": "For people."},
            "diagnostic": diagnostic,
        },
    }
