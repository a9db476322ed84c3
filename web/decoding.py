"""JSON bodies to requests and commands: strict, without coercion, every fault named by its pointer.

Absent and null are the same, unknown members are ignored (`web.ignored` names them), an empty body
is `{}`. Two marks on a field change that: `NULL_COUNTS` keeps an explicit null of a `Json` field,
`BLANK_IS_ABSENT` takes a blank text for none. What is decoded is a class of `requests`, or a
command of the core by the `Body` that says how it is written.
"""

import json
import re
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from types import MappingProxyType
from typing import Any, Final, TypeVar, get_args, get_origin

import attrs
import orjson
from cattrs import (
    AttributeValidationNote,
    ClassValidationError,
    Converter,
    IterableValidationError,
    IterableValidationNote,
)
from cattrs.gen import make_dict_structure_fn, override

from chargehand.actors import limits
from chargehand.actors.errors import Rejected, invalid
from chargehand.actors.task.state import Json
from chargehand.web.bodies import ITEMS, Body, Items
from chargehand.web.choices import chosen, listed

_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1  # what the JSON parser keeps exact
# As the parser says it, and as it said it before orjson 3.12.
_PARSER_TOO_DEEP: Final = ("depth limit exceeded", "array and object recursion depth exceeded")
_PARSER_TOO_LARGE: Final = "number is infinity when parsed as double"
_LONG_DIGITS = re.compile(rb"\d{19}")
_DIGITS_MAX = 20

_T = TypeVar("_T")


class Mismatch(ValueError):
    """Raised when a value is not of its field's type; says what it must be, and what to send."""

    def __init__(self, reason: str, next_step: str) -> None:
        super().__init__(reason)
        self.next_step = next_step


def decode(request: type[_T] | Body[_T], body: bytes, **given: object) -> _T:
    """A request, or a command, from a JSON text; see `structured`."""
    return structured(request, parsed(body), given)


def parsed(body: bytes) -> object:
    """The value of a JSON text; an empty object where there is none.

    Raises:
        Rejected: INVALID_REQUEST, naming the place where the text is not JSON.
    """
    if not body or body.isspace():
        return {}
    value = _parse(body)
    return {} if value is None else value


def structured(
    request: type[_T] | Body[_T], value: object, given: Mapping[str, object] = MappingProxyType({})
) -> _T:
    """A request, or a command, from a parsed body.

    Args:
        given: what the fields of `Body.given` are, as far as the command requires them.

    Raises:
        Rejected: INVALID_REQUEST, naming the field; or what a rule of the command says.
    """
    try:
        if isinstance(request, Body):
            command: _T = _reader(request)(value, given)
            return command
        return _converter.structure(value, request)
    except (ClassValidationError, Mismatch) as error:
        if isinstance(error, ClassValidationError) and isinstance(error.exceptions[0], Rejected):
            raise error.exceptions[0] from None
        pointer, reason, next_step = _first_fault(error, "")
        if isinstance(request, Body):
            pointer = _as_written(request, pointer)
        raise invalid(pointer, f"{pointer or 'the body'} {reason}", next_step) from None


def listed_items(items: Items[Any], value: object) -> list[object]:
    """What a body holds many of, as it stands there.

    Raises:
        Rejected: INVALID_REQUEST: there are none of them, or too many.
    """
    if not isinstance(value, dict):
        message = f"the body must be an object with {ITEMS}"
        raise invalid(f"/{ITEMS}", message, f'send {{"{ITEMS}": [...]}}')
    found = value.get(ITEMS)
    if not isinstance(found, list) or not found:
        message = f"/{ITEMS} must be a list that is not empty"
        raise invalid(f"/{ITEMS}", message, f"name {items.named}")
    if len(found) > items.most:
        message = f"/{ITEMS} has {len(found)} items, more than {items.most}"
        raise invalid(f"/{ITEMS}", message, "send them in several requests")
    return found


def structured_item(request: type[_T] | Body[_T], item: object, index: int) -> _T | Rejected:
    """One of many; or what is wrong with it."""
    try:
        return structured(request, item)
    except Rejected as refusal:
        return in_item(refusal, index)


def in_item(refusal: Rejected, index: int) -> Rejected:
    """The refusal of one of many, with its place in the body."""
    return attrs.evolve(refusal, pointer=f"/{ITEMS}/{index}{refusal.pointer or ''}")


def _as_written(body: Body[Any], pointer: str) -> str:
    """A pointer that begins with the name of a field, by the names of members."""
    _, _, place = pointer.partition("/")
    field, slash, rest = place.partition("/")
    return f"/{body.member(field)}{slash}{rest}" if place else pointer


def _parse(body: bytes) -> object:
    try:
        value: object = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if error.msg in _PARSER_TOO_DEEP:
            raise invalid("", "the body is nested too deep", "send it flatter") from None
        if error.msg == _PARSER_TOO_LARGE:
            message = f"a number is out of range at character {error.pos}"
            raise invalid("", message, "send it as a text") from None
        raise invalid("", f"the body is not JSON: {error}", "send one JSON object") from None
    if _LONG_DIGITS.search(body):
        _refuse_inexact_integers(body)
    return value


class _Inexact:
    """Stands for an integer that does not fit into 64 bits."""


def _refuse_inexact_integers(body: bytes) -> None:
    """Find the integer that the fast parser would have rounded, and name its place."""

    def number(digits: str) -> object:
        if len(digits.lstrip("-")) <= _DIGITS_MAX and _INT_MIN <= int(digits) <= _INT_MAX:
            return None
        return _Inexact()

    try:
        value = json.loads(body, parse_int=number)
    except RecursionError:
        raise _too_deep("") from None
    pending: list[tuple[str, object]] = [("", value)]
    while pending:
        pointer, item = pending.pop()
        if isinstance(item, _Inexact):
            raise invalid(
                pointer,
                f"{pointer or 'the body'} is out of range: it does not fit into 64 bits",
                "send a smaller number, or a text",
            )
        pending.extend((f"{pointer}/{escaped(name)}", child) for name, child in _members(item))


def _members(item: object) -> list[tuple[str, object]]:
    match item:
        case dict():
            return list(item.items())
        case list():
            return [(str(index), child) for index, child in enumerate(item)]
        case _:
            return []


def escaped(name: str) -> str:
    """A name as it stands in a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def _too_deep(pointer: str) -> Rejected:
    return invalid(
        pointer,
        f"{pointer or 'the body'} is nested deeper than {limits.JSON_DEPTH_MAX} levels",
        "send it flatter",
    )


def _first_fault(error: BaseException, pointer: str) -> tuple[str, str, str]:
    """The first field at fault, in the order of the class, what is wrong, and the next step."""
    if isinstance(error, ClassValidationError | IterableValidationError):
        first = error.exceptions[0]
        for note in getattr(first, "__notes__", ()):
            if isinstance(note, AttributeValidationNote):
                return _first_fault(first, f"{pointer}/{note.name}")
            if isinstance(note, IterableValidationNote):
                return _first_fault(first, f"{pointer}/{note.index}")
        return _first_fault(first, pointer)
    if isinstance(error, KeyError):
        return pointer, "is required", "add it to the body"
    if isinstance(error, Mismatch):
        return pointer, str(error), error.next_step
    return pointer, str(error), ""


# --- the types of fields -----------------------------------------------------------------------


def _text(value: object, _: object) -> str:
    if not isinstance(value, str):
        raise Mismatch("must be a string", "send it in quotes")
    return value.strip()


def _integer(value: object, _: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Mismatch("must be an integer", "send a number without quotes or a decimal point")
    return value


def _number(value: object, _: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Mismatch("must be a number", "send it without quotes")
    return float(value)


def _boolean(value: object, _: object) -> bool:
    if not isinstance(value, bool):
        raise Mismatch("must be true or false", "send one of them, without quotes")
    return value


def _member(value: object, cls: type[Enum]) -> Enum:
    if not isinstance(value, str):
        raise Mismatch("must be a string", "send it in quotes")
    found = chosen(cls, value)
    if found is None:
        raise Mismatch(f"must be one of {listed(cls)}", "send one of them")
    return found


def _texts(value: object, _: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise Mismatch("must be a list of strings", 'send it as ["a", "b"]')
    for index, item in enumerate(value):
        if not isinstance(item, str):
            raise _at(index, Mismatch("must be a string", "send it in quotes"))
    return tuple(value)


def _many(kind: object, converter: Converter) -> Callable[[object, Any], object]:
    """Structures a list of objects."""
    one = get_args(kind)[0]

    def structure(value: object, _: object) -> tuple[object, ...]:
        if not isinstance(value, list):
            raise Mismatch("must be a list of objects", "send it as [{...}, {...}]")
        found = []
        for index, item in enumerate(value):
            try:
                found.append(converter.structure(item, one))
            except (ClassValidationError, Mismatch) as fault:
                raise _at(index, fault) from None
        return tuple(found)

    return structure


def _is_many(kind: object) -> bool:
    return get_origin(kind) is tuple and attrs.has(get_args(kind)[0])


def _at(index: int, fault: ClassValidationError | Mismatch) -> IterableValidationError:
    fault.add_note(IterableValidationNote(f"item {index}", index, str))
    return IterableValidationError("a list", [fault], list)


def _json(value: object, _: object) -> Json:
    if _depth_exceeds(value, limits.JSON_DEPTH_MAX):
        raise Mismatch(f"is nested deeper than {limits.JSON_DEPTH_MAX} levels", "send it flatter")
    return Json(bytes(orjson.dumps(value)))


def _depth_exceeds(value: object, levels: int) -> bool:
    """Whether arrays and objects stand in each other more than `levels` times."""
    layer = [value]
    for _ in range(levels + 1):
        below: list[object] = []
        for item in layer:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        if not below:
            return False
        layer = below
    return True


def _object_hook(cls: type[Any], converter: Converter) -> Callable[[object, type[Any]], object]:
    """Structures an attrs class from an object."""
    structure = make_dict_structure_fn(cls, converter, _cattrs_detailed_validation=True)
    fields = attrs.fields_dict(cls)
    keeps_null = frozenset(n for n, f in fields.items() if "null_counts" in f.metadata)
    drops_blank = frozenset(n for n, f in fields.items() if "blank_is_absent" in f.metadata)
    example = getattr(cls, "EXAMPLE", "{...}")
    return lambda value, target: structure(
        _members_given(value, keeps_null, drops_blank, example), target
    )


@cache
def _reader(body: Body[_T]) -> Callable[[object, Mapping[str, object]], _T]:
    """Structures a command from an object and what is given besides."""
    command = body.command
    written: dict[str, Any] = {
        **{field: override(struct_hook=_as_it_is) for field in body.given},
        **{field: override(rename=member) for field, member in body.renamed.items()},
    }
    structure = make_dict_structure_fn(
        command, _converter, _cattrs_detailed_validation=True, **written
    )
    keeps_null = frozenset(map(body.member, body.null_counts))
    drops_blank = frozenset(map(body.member, body.blank_is_absent))
    not_members = body.given

    def read(value: object, given: Mapping[str, object]) -> _T:
        members = _members_given(value, keeps_null, drops_blank)
        for field in not_members:
            members.pop(field, None)
        members.update(given)
        return structure(members, command)

    return read


def _as_it_is(value: object, _: object) -> object:
    return value


def _members_given(
    value: object, keeps_null: frozenset[str], drops_blank: frozenset[str], example: str = "{...}"
) -> dict[str, object]:
    """The members of an object, without nulls and allowed blanks.

    Args:
        example: what is to be sent where it is no object.
    """
    if not isinstance(value, dict):
        raise Mismatch("must be an object", f"send {example}")
    given = {name: item for name, item in value.items() if item is not None or name in keeps_null}
    for name in drops_blank:
        item = given.get(name)
        if isinstance(item, str) and not item.strip():
            del given[name]
    return given


def _optional_json(value: object, _: object) -> Json | None:
    """An absent one never comes here, so null is a value."""
    return _json(value, Json)


def _made() -> Converter:
    converter = Converter(detailed_validation=True, prefer_attrib_converters=False)
    converter.register_structure_hook(str, _text)
    converter.register_structure_hook(int, _integer)
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook(bool, _boolean)
    converter.register_structure_hook(Enum, _member)
    converter.register_structure_hook_func(lambda t: t is Json, _json)
    converter.register_structure_hook_func(
        lambda t: Json in get_args(t) and type(None) in get_args(t), _optional_json
    )
    converter.register_structure_hook_func(lambda t: t == tuple[str, ...], _texts)
    converter.register_structure_hook_factory(attrs.has, _object_hook)
    converter.register_structure_hook_factory(_is_many, _many)
    return converter


_converter = _made()
