"""Shapes to JSON: one converter, one pass, unset fields left out."""

from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Final

import orjson
from cattrs import Converter

from actors.task.state import Json

UNSET_TIME: Final = "0001-01-01T00:00:00Z"  # a required time that is not set, as clients parse it
_NS: Final = 1_000_000_000


class Shape:
    """Base of all that is shown: attrs classes of texts, numbers, enums, fragments and shapes."""

    __slots__ = ()


_converter = Converter(omit_if_default=True, prefer_attrib_converters=False)
_converter.register_unstructure_hook(Enum, lambda member: member)  # orjson writes the value
_converter.register_unstructure_hook(orjson.Fragment, lambda fragment: fragment)


def encode(shape: Shape) -> bytes:
    """The JSON text of a shape."""
    return orjson.dumps(_converter.unstructure(shape))


@lru_cache(maxsize=512)
def _second(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def rfc3339(at_ns: int) -> str:
    """Nanoseconds since 1970 as RFC 3339 in UTC, trailing zeros of the fraction trimmed."""
    at_s, rest_ns = divmod(at_ns, _NS)
    if not rest_ns:
        return f"{_second(at_s)}Z"
    return f"{_second(at_s)}.{f'{rest_ns:09d}'.rstrip('0')}Z"


def optional_time(at_ns: int | None) -> str | None:
    """A time that is left out where unset."""
    return None if at_ns is None else rfc3339(at_ns)


def required_time(at_ns: int | None) -> str:
    """A time that clients always expect."""
    return UNSET_TIME if at_ns is None else rfc3339(at_ns)


def fragment(text: Json | None) -> orjson.Fragment | None:
    """JSON that a caller gave, as it stands."""
    return None if text is None else orjson.Fragment(text)
