"""The published contract as data, and whether an answer holds against it."""

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any, Final, final

from jsonschema import Draft202012Validator, FormatChecker

ALWAYS_ALLOWED: Final = frozenset({401, 403, 405, 412, 413, 429, 503})
KEY_REUSED: Final = "idempotency_key_reused"  # 409 of any write; nobody meets it without the header
# Optional members of answers that the contract does not have, by its schema.
MORE_SHOWN: Final = {
    "DrainResponse": ("remaining_runs",),
    "SchedulerStatus": ("drain",),
    "Subscription": ("due", "off_since", "undelivered", "undelivered_dropped"),
}
# What a claim shows of its task beyond the reference that the contract has.
OF_CLAIMED_TASKS: Final = ("description", "metadata")
NEW_TASKS: Final = "/api/tasks/batch"  # of our own; its refusals tell of each item besides
# Of our own, and in the place of an id of theirs.
BULK: Final = re.compile(r"/api/tasks/bulk/\w+|/api/runs/bulk/(retry|cancel)")
CLAIM_OF_A_RUN: Final = "claimTaskRun"  # its answer holds the task beside the run
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z")

formats = FormatChecker(formats=())


@formats.checks("date-time")
def _is_time(value: object) -> bool:
    """RFC 3339 in UTC, without trailing zeros."""
    return not isinstance(value, str) or _TIME.fullmatch(value) is not None


def closed(schema: Any) -> Any:
    """The schema with every object closed, so that an unknown member is a fault, too."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: closed(value) for name, value in schema.items()}
    if found.get("type") == "object" and isinstance(found.get("properties"), dict):
        found.setdefault("additionalProperties", False)
    return found


@final
class Contract:
    def __init__(self) -> None:
        self.document = json.loads(Path(__file__).with_name("openapi.json").read_text())
        components = deepcopy(self.document["components"])
        for name, members in MORE_SHOWN.items():
            components["schemas"][name]["properties"] |= {member: {} for member in members}
        _extend_claims(components["schemas"])
        self._components = closed(components)
        self._validators: dict[str, Draft202012Validator] = {}
        # Paths without parameters first: they win over those with one in the same place.
        self._templates = [
            (template, re.compile(re.sub(r"\{\w+\}", "[^/]+", template)))
            for template in sorted(self.document["paths"], key=lambda text: text.count("{"))
        ]

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        """What the contract says of a request; None where it knows nothing of it."""
        for template, pattern in () if BULK.fullmatch(path) else self._templates:
            if pattern.fullmatch(path):
                found = self.document["paths"][template].get(method.lower())
                if found is not None:
                    return found
        return None

    def check(self, method: str, path: str, status: int, body: bytes) -> None:
        """Assert that an answer is one that the contract allows.

        Raises:
            AssertionError: its status is not listed, or its body is not of the schema.
        """
        value = json.loads(body) if body else None
        if status >= 400:
            rows = value.pop("results", []) if path == NEW_TASKS else []
            for error in (value, *(row["error"] for row in rows)):
                self.check_schema("Error", error)
            assert value["diagnostic"]["code"], f"{method} {path}: no code in {value}"
        operation = self.operation(method, path)
        if operation is None:
            return
        responses = operation["responses"]
        listed = str(status) in responses or status in ALWAYS_ALLOWED
        assert listed or (status == 409 and value["diagnostic"]["code"] == KEY_REUSED), (
            f"{method} {path} may not answer {status}: {value}"
        )
        if status < 400:
            content = responses[str(status)].get("content", {})
            if "application/json" in content:
                name = _name(content["application/json"]["schema"])
                if operation["operationId"] == CLAIM_OF_A_RUN:
                    name = f"Claimed{name}"
                self.check_schema(name, value)
            else:
                assert value is None, f"{method} {path} has a body with {status}: {value}"

    def check_schema(self, name: str, value: object) -> None:
        """Assert that a value is of a schema of the contract, with no member besides."""
        validator = self._validators.get(name)
        if validator is None:
            schema = {"$ref": f"#/components/schemas/{name}", "components": self._components}
            validator = Draft202012Validator(schema, format_checker=formats)
            self._validators[name] = validator
        faults = [
            f"{'/'.join(map(str, fault.absolute_path))}: {fault.message}"
            for fault in validator.iter_errors(value)
        ]
        assert not faults, f"not a {name}: {faults} in {value}"


def _extend_claims(schemas: dict[str, Any]) -> None:
    """Let claims hold more of their task than others do that name one."""
    task = schemas["ClaimedTask"] = deepcopy(schemas["TaskReference"])
    task["properties"] |= {member: {} for member in OF_CLAIMED_TASKS}
    shown = {"$ref": "#/components/schemas/ClaimedTask"}
    schemas["Claim"]["properties"]["task"] = shown
    run = schemas["ClaimedRunResponse"] = deepcopy(schemas["RunResponse"])
    run["properties"]["task"] = shown
    run["required"] = [*run["required"], "task"]


def _name(schema: dict[str, str]) -> str:
    return schema["$ref"].rsplit("/", 1)[-1]
