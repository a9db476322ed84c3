"""The documentation says of each operation of the contract where the page has it, or why not."""

import re
from pathlib import Path

from chargehand.web.openapi.document import document
from chargehand.web.operations import Operation
from tests.web.client import CONTRACT

PAGE = Path(__file__).parents[2] / "docs" / "page.md"


def published() -> list[str]:
    paths = document()["paths"]
    return [
        paths[operation.path][operation.method.lower()]["operationId"]
        for operation in Operation
        if CONTRACT.operation(operation.method, operation.path) is not None
    ]


def test_each_of_the_62_stands_in_one_row():
    table = PAGE.read_text(encoding="utf-8").partition("## Where each operation is")[2]
    named = re.findall(r"^\| (`.*?`) \| \S", table, flags=re.MULTILINE)
    found = [name for row in named for name in re.findall(r"`(\w+)`", row)]
    assert sorted(found) == sorted(published())
    assert len(found) == 62
