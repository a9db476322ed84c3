"""What is expected of an answer, written down as the part of it that matters.

An object matches if it has all the members of the pattern, a list if it has as many items and each
matches. `ANY` matches whatever is there, `ABSENT` a member that is not.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

Pattern = Any


class Special(Enum):
    ANY = "any"
    ABSENT = "absent"


ANY: Final = Special.ANY
ABSENT: Final = Special.ABSENT


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
    if expected is ANY:
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
