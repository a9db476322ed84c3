"""Members of enums by what a caller wrote, trimmed and whatever its case."""

from enum import Enum
from typing import TypeVar

_E = TypeVar("_E", bound=Enum)


def chosen(cls: type[_E], text: str) -> _E | None:
    """The member of an enum of texts that `text` names."""
    wanted = text.strip().lower()
    return next((member for member in cls if member.value == wanted), None)


def listed(cls: type[Enum]) -> str:
    """What may be chosen, for a refusal."""
    return ", ".join(str(member.value) for member in cls)
