"""Events in lines: those of a timeline, and those of a stream as they come."""

from collections.abc import Mapping, Sequence
from typing import Final, final

from attrs import frozen
from rich.console import RenderableType
from rich.text import Text

from web.cli.shown import at, several, told

_CHANGES: Final = (
    ("previous_status", "status"),
    ("previous_approval_state", "approval_state"),
)
_WHY: Final = ("reason", "error", "diagnostic", "outcome")
_TYPE_CHARS: Final = 22  # most types are no longer; the others push the rest of their line


@final
@frozen
class Timeline:
    """A line for each event, the latest below."""

    def of(self, body: object) -> Sequence[RenderableType]:
        events = several(at(body, "timeline"))
        if not events:
            return [Text("no events", style="dim")]
        return [
            Text("\n".join(event_line(event) for event in events), overflow="ignore", no_wrap=True)
        ]


def event_line(event: object) -> str:
    """Number, time, type, run or else task, what changed, and by whom."""
    subject = at(event, "run.id") or at(event, "task.id")
    words = [
        f"{told(at(event, 'sequence')):>6}",
        told(at(event, "timestamp"))[11:19],
        f"{told(at(event, 'event_type')).removeprefix('task.'):<{_TYPE_CHARS}}",
        told(subject),
        _changed(at(event, "payload")),
        f"by {told(at(event, 'actor.ref'))}",
    ]
    return "  ".join(word for word in words if word)


def _changed(payload: object) -> str:
    if not isinstance(payload, Mapping):
        return ""
    words = [
        f"{told(payload[before])} → {told(payload[after])}"
        for before, after in _CHANGES
        if payload.get(before) and payload.get(after) and payload[before] != payload[after]
    ]
    words += [f"{name} {told(payload[name])!r}" for name in _WHY if payload.get(name)]
    return ", ".join(words)
