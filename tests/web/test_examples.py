"""The description's examples are what the server answers."""

import json

import pytest
from jsonschema import Draft202012Validator

from chargehand.web.openapi.document import document
from chargehand.web.openapi.examples import FILE
from chargehand.web.operations import Operation
from tests.contract.schemas import closed
from tests.web.story import examples

THE_DESCRIPTION = {Operation.OPENAPI, Operation.DOCS}
TOLD = [operation for operation in Operation if operation not in THE_DESCRIPTION]


async def test_the_examples_are_what_is_answered_now(autojump_clock):
    told = json.loads(FILE.read_text(encoding="utf-8"))
    assert told == await examples(), "look whether it is right, then: python -m tests.web.story"


@pytest.mark.parametrize("operation", TOLD, ids=lambda operation: operation.name)
def test_every_body_has_an_example_that_is_described_in_full(operation):
    described = document()["paths"][operation.path][operation.method.lower()]
    success = described["responses"][str(operation.success)]
    for body in (described.get("requestBody", {}), success):
        for content in body.get("content", {}).values():
            schema = closed({**content["schema"], "components": document()["components"]})
            assert "example" in content, "tell of it in tests/web/story.py"
            Draft202012Validator(schema).validate(content["example"])
