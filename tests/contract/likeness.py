"""Whether an answer is like a recorded one, ids, times and sequence numbers aside."""

import re
from collections.abc import Iterator
from enum import Enum
from typing import Any, Final, final

from attrs import define, field, frozen

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_HASH: Final = re.compile(r"sha256:[0-9a-f]{64}")
_ID: Final = re.compile(r"\b(?:task|run|review|evt|sess|ws|bts)[-_][0-9a-z]{16,}")
_SEQUENCES: Final = frozenset({"latest_event_seq", "sequence"})


def renamed(text: str, names: dict[str, str]) -> str:
    """The text with recorded ids replaced by those that stand for them."""
    return _ID.sub(lambda found: names.get(found[0], found[0]), text)


class Kind(Enum):
    LEFT_OUT = "left out"  # by us
    ADDED = "added"
    CHANGED = "changed"


@final
@frozen
class Difference:
    """`path` names members with dots, `[]` any element, `[type]` an event of that type."""

    kind: Kind
    path: str


@final
@define
class Likeness:
    """Compares answers; `names` says which id of ours stands for which recorded one.

    An id that is met first is given a name; from then on it must be the same one.
    """

    names: dict[str, str] = field(factory=dict)

    def differences(self, recorded: Any, ours: Any, path: str = "") -> Iterator[Difference]:
        """Where ours lacks what was recorded, shows more, or shows something else."""
        if isinstance(recorded, dict) and isinstance(ours, dict):
            yield from self._of_objects(recorded, ours, path)
        elif isinstance(recorded, list) and isinstance(ours, list):
            yield from self._of_lists(recorded, ours, path)
        elif not self._is_alike(recorded, ours, path):
            yield Difference(Kind.CHANGED, path)

    def _of_objects(
        self, recorded: dict[str, Any], ours: dict[str, Any], path: str
    ) -> Iterator[Difference]:
        for name in {**recorded, **ours}:
            inner = f"{path}.{name}".removeprefix(".")
            if name in recorded and name in ours:
                yield from self.differences(recorded[name], ours[name], inner)
            else:
                yield Difference(Kind.LEFT_OUT if name in recorded else Kind.ADDED, inner)

    def _of_lists(self, recorded: list[Any], ours: list[Any], path: str) -> Iterator[Difference]:
        if any(isinstance(item, dict) and "event_type" in item for item in recorded):
            yield from self._of_events(recorded, ours, path)
        elif len(recorded) != len(ours):
            yield Difference(Kind.CHANGED, path)
        else:
            for one, other in zip(recorded, ours, strict=True):
                yield from self.differences(one, other, f"{path}[]")

    def _of_events(self, recorded: list[Any], ours: list[Any], path: str) -> Iterator[Difference]:
        """In the same order, but there may be others between them: each is a difference."""
        rest = iter(ours)
        for one in recorded:
            for other in rest:
                if other["event_type"] == one["event_type"]:
                    yield from self.differences(one, other, f"{path}[{one['event_type']}]")
                    break
                yield Difference(Kind.ADDED, f"{path}[{other['event_type']}]")
            else:
                yield Difference(Kind.LEFT_OUT, f"{path}[{one['event_type']}]")
        for other in rest:
            yield Difference(Kind.ADDED, f"{path}[{other['event_type']}]")

    def _is_alike(self, recorded: Any, ours: Any, path: str) -> bool:
        if type(recorded) is not type(ours):
            return False
        if isinstance(recorded, str):
            return self._is_like_text(recorded, ours)
        return path.rsplit(".", 1)[-1] in _SEQUENCES or recorded == ours

    def _is_like_text(self, recorded: str, ours: str) -> bool:
        for pattern in (_TIME, _HASH):
            if pattern.fullmatch(recorded):
                return pattern.fullmatch(ours) is not None
        theirs, own = _ID.findall(recorded), _ID.findall(ours)
        if len(theirs) != len(own):
            return False
        for one, other in zip(theirs, own, strict=True):
            is_of_its_kind = re.split("[-_]", one)[0] == re.split("[-_]", other)[0]
            if one not in self.names and other not in self.names.values() and is_of_its_kind:
                self.names[one] = other
        return renamed(recorded, self.names) == ours
