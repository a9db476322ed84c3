"""The forms that the value of a setting has, and how each is read from a text and from TOML."""

import math
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Final, final, get_args, get_origin

from chargehand.actors.task.review import ReviewPolicy


class LogLevel(Enum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@final
class ValueForm(Enum):
    """What a value is; the value of the member says it in words."""

    SWITCH = "true or false"
    WHOLE = "a whole number"
    NUMBER = "a number"
    TEXT = "a text that is not empty"
    PATH = "a path"
    TEXTS = "a list of texts"
    LEVEL = "one of debug, info, warning, error"
    POLICY = "one of none, on_success, on_failure, always"

    @property
    def expected(self) -> str:
        return self.value

    @classmethod
    def of(cls, kind: object) -> "ValueForm":
        """The form of a field of type `kind`, its None left aside."""
        if get_origin(kind) is UnionType:
            [kind] = set(get_args(kind)) - {NoneType}
        return _FORMS[kind]

    def from_text(self, text: str) -> object:
        """A value out of a flag or the environment; lists are separated by commas.

        Raises:
            ValueError: the text is none.
        """
        return _TEXT_READERS[self](text)

    def from_toml(self, value: object) -> object:
        """A value out of a file, where it must have the setting's own type.

        Raises:
            ValueError: it has another.
        """
        match self, value:
            case ValueForm.SWITCH, bool():
                return value
            case _, bool():  # Python's truth values are whole numbers; TOML's are not
                pass
            case ValueForm.WHOLE, int():
                return value
            case ValueForm.NUMBER, int() | float():
                return _finite(value)
            case ((ValueForm.TEXT | ValueForm.PATH | ValueForm.LEVEL | ValueForm.POLICY), str()):
                return self.from_text(value)
            case ValueForm.TEXTS, list() if all(isinstance(entry, str) for entry in value):
                return tuple(value)
            case _:
                pass
        raise ValueError("another type")


_FORMS: Final[Mapping[object, ValueForm]] = {
    bool: ValueForm.SWITCH,
    int: ValueForm.WHOLE,
    float: ValueForm.NUMBER,
    str: ValueForm.TEXT,
    Path: ValueForm.PATH,
    tuple[str, ...]: ValueForm.TEXTS,
    LogLevel: ValueForm.LEVEL,
    ReviewPolicy: ValueForm.POLICY,
}
_SWITCHES: Final = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


def _switch(text: str) -> bool:
    found = _SWITCHES.get(text.strip().lower())
    if found is None:
        raise ValueError("neither true nor false")
    return found


def _finite(value: float | str) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("not finite")
    return number


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("empty")
    return text


def _texts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


_TEXT_READERS: Final[Mapping[ValueForm, Callable[[str], object]]] = {
    ValueForm.SWITCH: _switch,
    ValueForm.WHOLE: int,
    ValueForm.NUMBER: _finite,
    ValueForm.TEXT: _filled,
    ValueForm.PATH: lambda text: Path(_filled(text)),
    ValueForm.TEXTS: _texts,
    ValueForm.LEVEL: LogLevel,
    ValueForm.POLICY: ReviewPolicy,
}
