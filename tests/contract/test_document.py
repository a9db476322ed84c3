"""Our own description says what the published contract says, and a little more."""

import re
from typing import Any, final

import pytest
from attrs import evolve, frozen
from openapi_spec_validator import OpenAPIV31SpecValidator

from chargehand.actors import limits
from chargehand.web.headers import AGENT_HEADER, SESSION_HEADER, WORKSPACE_HEADER
from chargehand.web.identity import ANYBODYS
from chargehand.web.openapi.document import document
from chargehand.web.openapi.guide import OPERATIONS
from chargehand.web.openapi.table import DOCS
from chargehand.web.openapi.texts import FIELDS, OBJECTS
from chargehand.web.operations import (
    ALWAYS_ALLOWED,
    KEY_REUSED,
    MALFORMED,
    PRECONDITION_FAILED,
    Operation,
)
from chargehand.web.problems import EdgeCode
from tests.contract.schemas import Contract

CONTRACT = Contract().document
PUBLISHED = [
    operation
    for operation in Operation
    if operation.method.lower() in CONTRACT["paths"].get(operation.path, {})
]
OF_OUR_OWN = re.compile(
    r"/api/(sessions|workspaces)(/.*)?|/healthz|/readyz|/openapi\.json|/docs"
    r"|/api/tasks/\{id\}/notifications/undelivered(/resend)?"
    r"|/api/runs|/api/task-reviews|/api/tasks/\{id\}/dependents"
    r"|/api/tasks/bulk/(cancel|approve|pause|resume|archive)|/api/runs/bulk/(retry|cancel)"
    r"|/api/stream|/api/observe/history"
    r"|/api/tasks/batch|/api/agent/tasks/(claim|heartbeat|release|complete|fail)-batch"
)
MORE_PARAMETERS = {
    Operation.GET_BACKLOG: {"scope", "cursor"},
    Operation.LIST_TASKS: {"cursor", "order"},
    Operation.LIST_RUNS: {"cursor"},
    Operation.GET_INBOX: {"cursor"},
    Operation.GET_TIMELINE: {"cursor", "latest"},
    Operation.LIST_RUN_REVIEWS: {"cursor"},
    Operation.LIST_TASK_REVIEWS: {"cursor"},
    Operation.LIST_SUBSCRIPTIONS: {"cursor"},
}
# Optional members of answers that are left out always: what sessions cost is not known here, a run
# in short shows no channel, nobody is routed to a review, and there are no pages of ours to point
# to.
NEVER_SHOWN = re.compile(
    r"(.*/error)?/diagnostic/doc_url"
    r"|/inspect/diagnostics/\*/doc_url"
    r"|/inspect/bound_session/(failure_kind|stop_reason)"
    r"|/run/summary/(cost_currency|input_tokens|last_event_type|output_tokens"
    r"|tool_call_count|total_cost|total_tokens|turn_count)"
    r"|.*(/active_run|/timeline/run|/(timeline|items)/\*/run)/coordination_channel(/.*)?"
)
# Where `MORE_SHOWN` stands in answers.
MORE_PLACES = re.compile(
    r"/subscriptions?(/\*)?/(due|off_since|undelivered|undelivered_dropped)"
    r"|/claim/task/(description|metadata)(/.*)?"
    r"|/scheduler/drain(/.*)?"
)
# What an answer shows more beside what the contract has for the operation.
MORE_ANSWERED = {
    Operation.CLAIM_RUN: re.compile(r"/task(/.*)?"),
    Operation.DRAIN_SCHEDULER: re.compile(r"/(remaining_runs|scheduler/drain)(/.*)?"),
}
NEVER_NULL = {  # what is required and null is missing, whatever the contract says
    (Operation.SUBMIT_VERDICT, "/verdict/confidence"),
}
FENCED = (
    Operation.AGENT_HEARTBEAT,
    Operation.AGENT_RELEASE,
    Operation.AGENT_COMPLETE,
    Operation.AGENT_FAIL,
)
MORE_MEMBERS = {operation: {"/claim_token_hash"} for operation in FENCED}  # never required
# Here has a default what the contract requires.
MAY_BE_LEFT_OUT = {
    Operation.SET_PROFILE,
    Operation.REQUEST_REVIEW,
    Operation.CREATE_SUBSCRIPTION,
}
IDENTITY = {(name, "header") for name in (SESSION_HEADER, AGENT_HEADER, WORKSPACE_HEADER)}
NEVER_GIVEN = {"500"}  # of the contract's codes


def _ours(operation: Operation) -> dict[str, Any]:
    return document()["paths"][operation.path][operation.method.lower()]


def _theirs(operation: Operation) -> dict[str, Any]:
    return CONTRACT["paths"][operation.path][operation.method.lower()]


@final
@frozen
class Member:
    """A place of a schema: its type, its format, the values it is bound to, what it requires,
    and whether it may be null."""

    kind: str | None
    format: str | None
    values: frozenset[str]
    required: frozenset[str]
    nullable: bool


def _members(schema: Any, root: dict[str, Any], place: str = "") -> dict[str, Member]:
    """Each place of a schema, refs followed."""
    required = set(schema.get("required", ()))
    nullable = False
    while "$ref" in schema or "anyOf" in schema:
        if "$ref" in schema:
            schema = root["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        else:
            [schema, *null] = sorted(schema["anyOf"], key=lambda part: part.get("type") == "null")
            assert null == [{"type": "null"}], place
            nullable = True
        required |= set(schema.get("required", ()))
    kind = schema.get("type")
    assert not isinstance(kind, list), place
    values = frozenset(schema.get("enum", ()))
    found = {place: Member(kind, schema.get("format"), values, frozenset(required), nullable)}
    for name, member in schema.get("properties", {}).items():
        found |= _members(member, root, f"{place}/{name}")
    if kind == "array":
        found |= _members(schema["items"], root, f"{place}/*")
    return found


def _content(described: dict[str, Any]) -> dict[str, Any]:
    return {kind: content["schema"] for kind, content in described.get("content", {}).items()}


def _compared(
    ours: dict[str, Any], theirs: dict[str, Any]
) -> list[tuple[dict[str, Member], dict[str, Member]]]:
    """The members of both, for each kind of content."""
    assert ours.keys() == theirs.keys()
    pairs = [(_members(ours[kind], document()), _members(theirs[kind], CONTRACT)) for kind in ours]
    return [(_where_bound(told, published), published) for told, published in pairs]


def _where_bound(told: dict[str, Member], published: dict[str, Member]) -> dict[str, Member]:
    """Without what we say more of a place that the contract leaves open to any JSON."""
    anything = {place for place, member in published.items() if member.kind is None}
    return {
        place: published[place] if place in anything else member
        for place, member in told.items()
        if not any(place.startswith(f"{above}/") for above in anything)
    }


def test_the_document_is_valid_openapi():
    OpenAPIV31SpecValidator(document()).validate()


@pytest.mark.parametrize("operation", PUBLISHED, ids=lambda operation: operation.name)
def test_an_operation_has_the_id_of_the_contract(operation):
    assert _ours(operation)["operationId"] == _theirs(operation)["operationId"]


def test_no_two_operations_have_one_id():
    ids = [_ours(operation)["operationId"] for operation in Operation]
    assert len(set(ids)) == len(ids)


def test_the_operations_are_those_of_the_contract_and_a_few_of_our_own():
    def listed(described):
        paths = described["paths"].items()
        return {(method, path) for path, operations in paths for method in operations}

    ours, theirs = listed(document()), listed(CONTRACT)
    assert len(theirs) == 62
    assert theirs - ours == set()
    assert all(OF_OUR_OWN.fullmatch(path) for _, path in ours - theirs)


def test_every_operation_has_its_row_and_its_description():
    assert set(Operation) == set(DOCS), "add the operation to web/openapi/table.py"
    assert set(Operation) == set(OPERATIONS), "add the operation to web/openapi/guide.py"


def test_every_field_is_reported_by_its_text_or_by_the_object_that_it_is():
    untold = [
        (component, name)
        for component, schema in document()["components"]["schemas"].items()
        for name, member in schema["properties"].items()
        if "description" not in member and "$ref" not in str(member)
    ]
    assert untold == []


def test_every_text_of_a_field_is_of_one_that_there_is():
    schemas = document()["components"]["schemas"]
    there = {name for schema in schemas.values() for name in schema["properties"]}
    for component, schema in schemas.items():  # what is told too has the name of the class alone
        for of in (component, component.removesuffix("Request")):
            there |= {f"{of}.{name}" for name in schema["properties"]}
    assert (FIELDS.keys() | OBJECTS.keys()) - there == set()


@pytest.mark.parametrize("operation", Operation, ids=lambda operation: operation.name)
def test_every_parameter_is_reported(operation):
    assert all(p["description"] for p in _ours(operation).get("parameters", ()))


def test_the_backlog_has_its_own_limits():
    [limit] = [p for p in _ours(Operation.GET_BACKLOG)["parameters"] if p["name"] == "limit"]
    assert re.findall(r"\d+", limit["description"]) == [
        "0",
        str(limits.BACKLOG_DEFAULT),
        str(limits.BACKLOG_MAX),
    ]


@pytest.mark.parametrize("operation", PUBLISHED, ids=lambda operation: operation.name)
def test_parameters_are_those_of_the_contract(operation):
    def told(described):
        return {
            (p["name"], p["in"]): (
                p.get("required", False),
                p["schema"]["type"],
                frozenset(p["schema"].get("enum", ())),
            )
            for p in described.get("parameters", ())
        }

    ours = told(_ours(operation))
    more = {(name, "query") for name in MORE_PARAMETERS.get(operation, ())}
    assert more <= ours.keys()
    key = {("Idempotency-Key", "header")} if operation.is_write else set()
    key |= {("If-Match", "header")} if operation.is_conditional else set()
    key |= set() if operation in ANYBODYS else IDENTITY
    assert key <= ours.keys()
    assert {name: ours[name] for name in ours.keys() - more - key} == told(_theirs(operation))


@pytest.mark.parametrize("operation", PUBLISHED, ids=lambda operation: operation.name)
def test_requests_are_those_of_the_contract(operation):
    ours, theirs = (of(operation).get("requestBody", {}) for of in (_ours, _theirs))
    # An empty body is `{}` where nothing in it is required.
    assert ours.get("required", False) <= theirs.get("required", False)
    for told, published in _compared(_content(ours), _content(theirs)):
        more = MORE_MEMBERS.get(operation, set())
        assert told.keys() - more == published.keys()
        assert more <= told.keys()
        for place, member in told.items():
            if place in more:
                assert member.nullable, place
                continue
            other = published[place]
            nullable = other.nullable and (operation, place) not in NEVER_NULL
            assert member.nullable >= nullable, place
            required = other.required
            if operation in MAY_BE_LEFT_OUT:
                assert member.required <= required, place
                required = member.required
            assert member == evolve(other, nullable=member.nullable, required=required), place


@pytest.mark.parametrize("operation", PUBLISHED, ids=lambda operation: operation.name)
def test_answers_are_those_of_the_contract(operation):
    ours, theirs = _ours(operation)["responses"], _theirs(operation)["responses"]
    infrastructure = {str(status) for status in ALWAYS_ALLOWED}
    if operation.is_write:
        infrastructure.add(str(KEY_REUSED))
        if not operation.lists_invalid:
            infrastructure.add(str(MALFORMED))
    if operation.is_conditional:
        infrastructure.add(str(PRECONDITION_FAILED))
    if operation.is_write:
        infrastructure.add(str(EdgeCode.ENCODING_NOT_SUPPORTED.status))
    assert ours.keys() | infrastructure == (theirs.keys() - NEVER_GIVEN) | infrastructure
    for status in ours.keys() & theirs.keys():
        for told, published in _compared(_content(ours[status]), _content(theirs[status])):
            _hold(told, published, operation)


def _hold(told: dict[str, Member], published: dict[str, Member], operation: Operation) -> None:
    """An answer may promise more than the contract, never less or something else."""
    missing = published.keys() - told.keys()
    assert not [place for place in missing if not NEVER_SHOWN.fullmatch(place)]
    ours = MORE_ANSWERED.get(operation, MORE_PLACES)
    more = {place for place in told if ours.fullmatch(place)}
    assert told.keys() - more <= published.keys()
    for place in told.keys() - more:
        member = told[place]
        other = published[place]
        assert (member.kind, member.format) == (other.kind, other.format), place
        assert member.nullable <= other.nullable, place
        assert member.required >= other.required, place
        assert member.values == other.values or not other.values, place
