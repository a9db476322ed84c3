"""Examples of requests and answers, as they went over the wire; a test holds them up to date."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from chargehand.web.operations import Operation

FILE: Final = Path(__file__).with_name("examples.json")
ERROR: Final[Mapping[str, Any]] = {
    "error": "Invalid request: /title is required (next: add it to the body)",
    "diagnostic": {
        "id": "task.invalid_request",
        "code": "invalid_request",
        "severity": "error",
        "category": "task",
        "title": "Invalid request",
        "message": "/title is required",
        "data_freshness": "live",
        "evidence": {"pointer": "/title"},
    },
}


def examples() -> Mapping[Operation, Mapping[str, Any]]:
    """`request` and `answer` of each operation, where it has a body."""
    stored = json.loads(FILE.read_text(encoding="utf-8"))
    return {operation: stored.get(operation.name, {}) for operation in Operation}
