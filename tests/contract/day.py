"""One working day of the original's command line: its calls in their order, with their answers."""

import json
import re
from pathlib import Path
from typing import Any, Final, final

from attrs import frozen

from chargehand.web.operations import Operation

_DAY: Final = Path(__file__).with_name("day.jsonl")
WORKSPACE_ID: Final = "ws_1a481ba2f58e0097"
# What was there before the day began: session, its name, and its agent.
SESSIONS: Final = (
    ("sess-3960eec53b6a3a07", "sess-cli-a", "coder"),
    ("sess-3e82bcb8d6e8722a", "sess-cli-b", "reviewer"),
)


@final
@frozen
class Call:
    """One request of a command, as it was sent, and what it was answered."""

    number: int  # in the file, from 1
    command: str
    method: str
    target: str
    headers: dict[str, str]
    body: Any  # None: nothing was sent
    status: int
    answer: Any  # None: it had no body

    def __str__(self) -> str:
        return f"{self.number} {self.command}: {self.method} {self.target}"

    @property
    def operation(self) -> Operation:
        """What it asks for here."""
        path = self.target.split("?")[0]
        # Paths without parameters win over those with one in the same place.
        for known in sorted(Operation, key=lambda operation: operation.path.count("{")):
            pattern = re.sub(r"\{\w+\}", "[^/]+", known.path)
            if known.method == self.method and re.fullmatch(pattern, path):
                return known
        raise LookupError(f"nothing serves {self}")


def calls() -> list[Call]:
    lines = [json.loads(line) for line in _DAY.read_text().splitlines()]
    return [
        Call(
            number,
            line["cli"],
            line["method"],
            line["path"],
            line["headers"],
            line["body"],
            line["status"],
            line["answer"],
        )
        for number, line in enumerate(lines, 1)
    ]
