"""Shapes to JSON: one converter, one pass, unset fields left out."""

from enum import Enum
from operator import attrgetter
from typing import Final, final

import orjson
from cattrs import Converter
from cattrs.fns import identity

from chargehand.actors.task.state import Json
from chargehand.actors.times import rfc3339 as rfc3339

UNSET_TIME: Final = "0001-01-01T00:00:00Z"  # a required time that is not set, as clients parse it


class Shape:
    """Base of all that is shown: attrs classes of texts, numbers, enums, fragments and shapes."""

    __slots__ = ()


@final
class Encoded(Shape):
    """Stands for a shape whose JSON is there already."""

    __slots__ = ("json",)

    def __init__(self, shape: Shape) -> None:
        self.json = orjson.Fragment(encode(shape))


_converter = Converter(omit_if_default=True, prefer_attrib_converters=False)
_converter.register_unstructure_hook(Enum, attrgetter("_value_"))  # orjson asks a property for it
_converter.register_unstructure_hook(Encoded, attrgetter("json"))
_AS_THEY_ARE: Final = {orjson.Fragment, *(kind | None for kind in (str, int, orjson.Fragment))}
_converter.register_unstructure_hook_func(_AS_THEY_ARE.__contains__, identity)  # without a call


def encode(shape: Shape) -> bytes:
    """The JSON text of a shape."""
    return orjson.dumps(_converter.unstructure(shape))


def optional_time(at_ns: int | None) -> str | None:
    """A time that is left out where unset."""
    return None if at_ns is None else rfc3339(at_ns)


def required_time(at_ns: int | None) -> str:
    """A time that clients always expect."""
    return UNSET_TIME if at_ns is None else rfc3339(at_ns)


def fragment(text: Json | None) -> orjson.Fragment | None:
    """JSON that a caller gave, as it stands."""
    return None if text is None else orjson.Fragment(text)
