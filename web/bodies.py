"""What the body of an operation is decoded to, and which members it has.

Where a command of the core takes what its body says, it is the command's class that is decoded, and
a `Body` says how it is written: members, types and defaults are those of the command's fields, and
its rules refuse what they would refuse of any caller. Other bodies have a class of their own, in
`requests`.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar, final, get_args, get_type_hints

import attrs

from chargehand.actors import limits
from chargehand.actors.frozen import frozen

NULL_COUNTS: Final[Mapping[str, bool]] = MappingProxyType({"null_counts": True})
BLANK_IS_ABSENT: Final[Mapping[str, bool]] = MappingProxyType({"blank_is_absent": True})

T = TypeVar("T")


@final
@frozen(eq=False)
class Body(Generic[T]):
    """How a command is written.

    Args:
        command: the class that is decoded.
        schema: what the body is called in the description of the API.
        given: the fields that are no members: the path says them, or nobody.
        renamed: the members whose names are not those of their fields, by field.
        null_counts: the fields that keep an explicit null, see `decoding`.
        blank_is_absent: those for which a blank text is none.
        about: what the description says of it.
        beside: a class whose members stand in the same object, and are decoded by themselves.
    """

    command: type[T]
    schema: str
    given: tuple[str, ...] = ()
    renamed: Mapping[str, str] = MappingProxyType({})
    null_counts: tuple[str, ...] = ()
    blank_is_absent: tuple[str, ...] = ()
    about: str | None = None
    beside: type | None = None

    def __attrs_post_init__(self) -> None:
        marked = {*self.given, *self.renamed, *self.null_counts, *self.blank_is_absent}
        unknown = marked - set(attrs.fields_dict(_attrs_class(self.command)))
        if unknown:
            raise TypeError(f"{self.command.__name__} has no field {', '.join(sorted(unknown))}")

    def member(self, field: str) -> str:
        """The name of the member that a field is written as."""
        return self.renamed.get(field, field)


@final
@frozen(eq=False)
class Items(Generic[T]):
    """A body of many of another operation's, each with what stands in the path there.

    Args:
        of: how each is written.
        schema: what the body is called in the description of the API.
        most: how many there may be.
        named: what they name, for people.
        beside: a class of what may be said of all of them.
    """

    of: Body[T]
    schema: str
    most: int = limits.BATCH_RUNS_MAX
    named: str = "the runs"
    beside: type | None = None


ITEMS: Final = "items"

Request = type | Body[Any] | Items[Any]


@final
@frozen
class Member:
    name: str
    annotation: Any
    is_required: bool
    metadata: Mapping[Any, Any]


def members_of(request: Request) -> Iterator[Member]:
    """What may stand in a body, in the order of the fields. The annotation of `Items` is the body
    that each of them has."""
    if isinstance(request, Items):
        yield Member(ITEMS, request.of, is_required=True, metadata={})
        if request.beside is not None:
            yield from members_of(request.beside)
        return
    cls, body = (request.command, request) if isinstance(request, Body) else (request, None)
    hints = get_type_hints(cls)
    for field in attrs.fields(_attrs_class(cls)):
        if body is None or field.name not in body.given:
            yield Member(
                name=field.name if body is None else body.member(field.name),
                annotation=hints[field.name],
                is_required=field.default is attrs.NOTHING,
                metadata=field.metadata,
            )
    if body is not None and body.beside is not None:
        yield from members_of(body.beside)


@cache
def known_members(request: Request) -> Mapping[str, Request | None]:
    """The names of its members, and of which class those are that are objects, or many of them."""
    return {member.name: _object_class(member.annotation) for member in members_of(request)}


def _object_class(annotation: object) -> Request | None:
    if isinstance(annotation, Body):
        return annotation
    parts = get_args(annotation) or (annotation,)
    return next((part for part in parts if isinstance(part, type) and attrs.has(part)), None)


def _attrs_class(cls: type) -> type[attrs.AttrsInstance]:
    if not attrs.has(cls):
        raise TypeError(f"{cls.__name__} has no fields")
    return cls
