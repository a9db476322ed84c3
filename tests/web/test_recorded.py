"""What clients of the original send is understood."""

import json
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from chargehand.web.bodies import Body, known_members
from chargehand.web.decoding import decode
from chargehand.web.openapi.table import DOCS
from chargehand.web.operations import BATCHES, BULK_RUNS, BULK_TASKS, Operation
from tests.web.client import CONTRACT

ANSWERS = Path(__file__).parent.parent / "contract" / "answers.jsonl"
BODIES = {op: doc.request for op, doc in DOCS.items() if doc.request is not None}
OWN = {
    Operation.CREATE_WORKSPACE,
    Operation.RESEND_UNDELIVERED,
    *(*BATCHES, *BULK_TASKS, *BULK_RUNS),
}  # the original has no such operation


def understood(operation: Operation) -> Iterator[dict[str, object]]:
    """Bodies that the original took for this operation."""
    for line in ANSWERS.read_text().splitlines():
        recorded = json.loads(line)
        is_of_it = recorded["operation"] == f"{operation.method} {operation.path}"
        if is_of_it and recorded["status"] < 300 and isinstance(recorded["body"], dict):
            yield recorded["body"]


@pytest.mark.parametrize("operation", BODIES.keys() - OWN, ids=lambda op: op.name)
def test_a_recorded_body_is_decoded(operation):
    bodies = list(understood(operation))
    assert bodies
    for body in bodies:
        written = BODIES[operation]
        given = written.given if isinstance(written, Body) else ()
        of_path = {name: "id" for name in given if name in ("run_id", "parent_task_id")}
        request = decode(written, json.dumps(body).encode(), **of_path)
        named = {
            written.member(name) if isinstance(written, Body) else name
            for name in attrs.fields_dict(type(request))
            if name not in given and getattr(request, name) not in (None, (), "")
        } & body.keys()
        assert named == {name for name, value in body.items() if value not in (None, [], "")}


@pytest.mark.parametrize("operation", Operation)
def test_a_request_class_has_the_members_of_the_contract(operation):
    listed = CONTRACT.operation(operation.method, operation.path)
    content = (listed or {}).get("requestBody", {}).get("content", {})
    if operation not in BODIES:
        assert not content
        return
    if listed is not None:
        name = content["application/json"]["schema"]["$ref"].rsplit("/", 1)[-1]
        schema = CONTRACT.document["components"]["schemas"][name]
        assert set(schema["properties"]) <= known_members(BODIES[operation]).keys()
