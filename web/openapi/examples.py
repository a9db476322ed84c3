"""A few examples, of the requests that everybody begins with."""

from collections.abc import Mapping
from typing import Any, Final

from web.operations import Operation

REQUESTS: Final[Mapping[Operation, Mapping[str, Any]]] = {
    Operation.CREATE_TASK: {"scope": "global", "title": "Ship it", "priority": "high"},
    Operation.CLAIM_NEXT: {"lease_seconds": 60, "wait": True, "idempotency_key": "call-1"},
    Operation.AGENT_COMPLETE: {"result": {"artifact": "build-1"}},
    Operation.AGENT_FAIL: {"error": "the tests are red"},
}

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
