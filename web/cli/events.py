"""Events in lines: those of a timeline, and those of a stream as they come."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, final

from rich.cells import cell_len

from chargehand.web.cli.layout import GAP, Block, Line, Note, Span, folded, padded
from chargehand.web.cli.shown import at, several, text_of

_CHANGES: Final = (
    ("previous_status", "status"),
    ("previous_approval_state", "approval_state"),
)
_WHY: Final = ("reason", "error", "diagnostic", "outcome")
_NUMBER_CHARS: Final = 6
_TYPE_CHARS: Final = 16  # as most of them in a stream, where nobody knows what comes
_ROOM_MIN: Final = 30  # for what happened: an id and a little more
_BELOW: Final = " " * (_NUMBER_CHARS + GAP)  # what it goes on with where there is less


@final
class Timeline:
    """A line for each event, the latest below."""

    def of(self, body: object) -> Sequence[Block]:
        events = several(at(body, "timeline"))
        return [_Events(events)] if events else [Note("no events")]


@final
class EventLine:
    """The line of one event, in the columns of most others."""

    def of(self, body: object) -> Sequence[Block]:
        return [_Events([body], _TYPE_CHARS)]


@final
class _Events(NamedTuple):
    """Number, time, type, and what happened to what; where that is long it goes on below itself."""

    events: Sequence[object]
    type_chars: int = 0

    def lines(self, room: int | None) -> Iterable[Line]:
        types = [text_of(at(event, "event_type")).removeprefix("task.") for event in self.events]
        width = max(self.type_chars, *map(cell_len, types))
        for event, kind in zip(self.events, types, strict=True):
            number = text_of(at(event, "sequence")).rjust(_NUMBER_CHARS)
            columns = (number, text_of(at(event, "timestamp")), padded(kind, width), "")
            first, happened = (" " * GAP).join(columns), _happened(event)
            indent = cell_len(first)
            if room is not None and room - indent < _ROOM_MIN:
                yield (Span(first),)
                first, indent = _BELOW, len(_BELOW)
            for text in folded(happened, None if room is None else room - indent):
                yield (Span(first + text),)
                first = " " * indent


def _happened(event: object) -> str:
    """Run or else task, what changed, and by whom."""
    subject = at(event, "run.id") or at(event, "task.id")
    actor = text_of(at(event, "actor.ref"))
    words = [text_of(subject), _changed(at(event, "payload")), f"by {actor}"]
    return "  ".join(word for word in words if word)


def _changed(payload: object) -> str:
    if not isinstance(payload, Mapping):
        return ""
    words = [
        f"{text_of(payload[before])} → {text_of(payload[after])}"
        for before, after in _CHANGES
        if payload.get(before) and payload.get(after) and payload[before] != payload[after]
    ]
    words += [f"{name} {text_of(payload[name])!r}" for name in _WHY if payload.get(name)]
    return ", ".join(words)
