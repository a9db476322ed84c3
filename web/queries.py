"""Query parameters: text by name, read as numbers, flags and choices."""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Final, TypeVar

from chargehand.actors import limits
from chargehand.actors.errors import invalid
from chargehand.web.choices import chosen, listed

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False"})

_E = TypeVar("_E", bound=Enum)

Query = Mapping[str, str]  # the first value of each parameter


def text(query: Query, name: str) -> str | None:
    """A parameter trimmed; None where absent or blank."""
    value = query.get(name)
    return None if value is None else value.strip() or None


def integer(query: Query, name: str) -> int:
    """A parameter as an integer of base 10; 0 where absent."""
    value = text(query, name)
    return 0 if value is None else _integer(value, f"?{name}", f"the parameter {name}")


def natural(query: Query, name: str) -> int:
    """An integer that is not negative; 0 where absent."""
    value = text(query, name)
    return 0 if value is None else natural_of(value, f"?{name}", f"the parameter {name}")


def natural_of(value: str, pointer: str, called: str) -> int:
    """An integer that is not negative.

    Args:
        pointer: where it stands in the request.
        called: what it is, for people.
    """
    number = _integer(value, pointer, called)
    if number < 0:
        raise invalid(pointer, f"{called} must not be negative", "send 0 or more")
    return number


def within(query: Query, name: str, least: int, most: int, default: int) -> int:
    """An integer between two others; `default` where absent."""
    value = text(query, name)
    if value is None:
        return default
    number = _integer(value, f"?{name}", f"the parameter {name}")
    if not least <= number <= most:
        fault = f"the parameter {name} must be between {least} and {most}"
        raise invalid(f"?{name}", fault, f"send {least} to {most}")
    return number


def _integer(value: str, pointer: str, called: str) -> int:
    if not _INTEGER.fullmatch(value):
        raise invalid(pointer, f"{called} must be an integer", "send digits alone")
    return int(value)


def flag(query: Query, name: str) -> bool:
    """A parameter as a flag; False where absent."""
    value = text(query, name)
    if value is None or value in _FALSE:
        return False
    if value not in _TRUE:
        raise invalid(f"?{name}", f"the parameter {name} must be true or false", "send one of them")
    return True


def choice(query: Query, name: str, cls: type[_E]) -> _E | None:
    """A parameter as a member of `cls`, whatever its case; None where absent or blank."""
    value = text(query, name)
    if value is None:
        return None
    member = chosen(cls, value)
    if member is None:
        raise invalid(
            f"?{name}", f"the parameter {name} must be one of {listed(cls)}", "send one of them"
        )
    return member


def choices(query: Query, name: str, *classes: type[Enum]) -> list[Enum]:
    """A parameter as members of these classes, with commas between; none where absent or blank."""
    found: list[Enum] = []
    for word in (text(query, name) or "").split(","):
        if not word.strip():
            continue
        member = next((one for cls in classes if (one := chosen(cls, word)) is not None), None)
        if member is None:
            known = ", ".join(map(listed, classes))
            raise invalid(
                f"?{name}",
                f"the parameter {name} must be one or several of {known}",
                "send them with commas between",
            )
        found.append(member)
    return found


def limit(query: Query, default: int = limits.LIST_DEFAULT, most: int = limits.LIST_MAX) -> int:
    """How many rows to give: `default` where absent or 0, never more than `most`."""
    return min(natural(query, "limit") or default, most)
