"""What the original answered: its good answers to the operations that are served here."""

import json
from pathlib import Path
from typing import Any, Final, final

from attrs import frozen

from chargehand.web.operations import Operation

_ANSWERS: Final = Path(__file__).with_name("answers.jsonl")
_STREAM: Final = Path(__file__).with_name("stream.txt")


@final
@frozen
class Recorded:
    """A request and its answer, with the ids and times of the original."""

    operation: Operation
    path: str
    headers: dict[str, str]
    body: Any
    status: int
    answer: Any

    def __str__(self) -> str:
        return f"{self.operation.name}-{self.status}"

    @property
    def path_ids(self) -> dict[str, str]:
        """The parameters of the path, by name."""
        names = self.operation.path.split("/")
        return {
            name.strip("{}"): value
            for name, value in zip(names, self.path.split("?")[0].split("/"), strict=True)
            if name.startswith("{")
        }


def good_answers() -> list[Recorded]:
    """All of them, in the order of the file."""
    operations = {f"{known.method} {known.path}": known for known in Operation}
    lines = [json.loads(line) for line in _ANSWERS.read_text().splitlines()]
    return [
        Recorded(
            operations[line["operation"]],
            line["path"],
            line["headers"],
            line["body"],
            line["status"],
            line["answer"],
        )
        for line in lines
        if line["operation"] in operations and line["status"] < 300
    ]


def streamed_events() -> list[dict[str, str]]:
    """The frames of a stream, by field: a task and its child, from creation to completion."""
    frames = _STREAM.read_text().strip().split("\n\n")
    return [dict(line.split(": ", 1) for line in frame.splitlines()) for frame in frames]
