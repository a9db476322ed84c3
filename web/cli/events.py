"""Events in lines: those of a timeline, and those of a stream as they come."""

from collections.abc import Mapping, Sequence
from typing import Final, final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from chargehand.actors.frozen import frozen
from chargehand.web.cli.shown import at, several, told

_CHANGES: Final = (
    ("previous_status", "status"),
    ("previous_approval_state", "approval_state"),
)
_WHY: Final = ("reason", "error", "diagnostic", "outcome")
_NUMBER_CHARS: Final = 6
_TYPE_CHARS: Final = 28  # as the longest that there is


@final
@frozen
class Timeline:
    """A line for each event, the latest below."""

    def of(self, body: object) -> Sequence[RenderableType]:
        events = several(at(body, "timeline"))
        return [_lines_of(events)] if events else [Text("no events", style="dim")]


@final
@frozen
class EventLine:
    """The line of one event, in the columns of all others."""

    def of(self, body: object) -> Sequence[RenderableType]:
        return [_lines_of([body], _TYPE_CHARS)]


def _lines_of(events: Sequence[object], type_chars: int = 0) -> RenderableType:
    """Number, time, type, and what happened to what; where that is long it goes on below itself."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", no_wrap=True, min_width=_NUMBER_CHARS)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, min_width=type_chars)
    grid.add_column(overflow="fold")
    for event in events:
        words = (
            told(at(event, "sequence")),
            told(at(event, "timestamp"))[11:19],
            told(at(event, "event_type")).removeprefix("task."),
            _happened(event),
        )
        grid.add_row(*map(Text, words))
    return grid


def _happened(event: object) -> str:
    """Run or else task, what changed, and by whom."""
    subject = at(event, "run.id") or at(event, "task.id")
    words = [told(subject), _changed(at(event, "payload")), f"by {told(at(event, 'actor.ref'))}"]
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
