"""What is expected of an answer, written down as the part of it that matters.

An object matches if it has all the members of the pattern, a list if it has as many items and each
matches. `ANY` matches whatever is there, `ABSENT` a member that is not, `NotBefore` a time that is
the same or later.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, final

from attrs import frozen

Pattern = Any


class Special(Enum):
    ANY = "any"
    ABSENT = "absent"


ANY: Final = Special.ANY
ABSENT: Final = Special.ABSENT


@final
@frozen
class NotBefore:
    """A time in RFC 3339, UTC, with as many digits after the second as it needs."""

    time: str

    def matches(self, found: Any) -> bool:
        return isinstance(found, str) and _moment(self.time) <= _moment(found)


def _moment(time: str) -> tuple[str, str]:
    seconds, _, fraction = time.removesuffix("Z").partition(".")
    return seconds, fraction  # digits without trailing zeros sort as the fractions do


def filled(pattern: Pattern, names: Mapping[str, str]) -> Pattern:
    """The pattern with what the names stand for in the place of `{name}`."""
    if isinstance(pattern, str):
        for name, value in names.items():
            pattern = pattern.replace(f"{{{name}}}", value)
        return pattern
    if isinstance(pattern, Mapping):
        return {filled(name, names): filled(value, names) for name, value in pattern.items()}
    if isinstance(pattern, list | tuple):
        return [filled(item, names) for item in pattern]
    return pattern


def mismatch(expected: Pattern, found: Any, where: str = "") -> str | None:
    """The first place in which what was found is not as expected; None if it matches."""
    if expected is ANY or (isinstance(expected, NotBefore) and expected.matches(found)):
        return None
    if isinstance(expected, Mapping):
        if not isinstance(found, Mapping):
            return f"{where}: expected an object, found {found!r}"
        for name, value in expected.items():
            below = f"{where}.{name}".lstrip(".")
            if value is ABSENT:
                if name in found:
                    return f"{below}: expected nothing, found {found[name]!r}"
                continue
            if name not in found:
                return f"{below}: is not there, in {found!r}"
            if difference := mismatch(value, found[name], below):
                return difference
        return None
    if isinstance(expected, list | tuple):
        if not isinstance(found, list) or len(found) != len(expected):
            return f"{where}: expected {len(expected)} items, found {found!r}"
        for number, (item, value) in enumerate(zip(expected, found, strict=True)):
            if difference := mismatch(item, value, f"{where}[{number}]"):
                return difference
        return None
    return None if expected == found else f"{where}: expected {expected!r}, found {found!r}"


def at(answer: Any, path: str) -> Any:
    """What is found at a path of members with dots; a number is an index."""
    for name in path.split("."):
        answer = answer[int(name) if name.isdecimal() else name]
    return answer
