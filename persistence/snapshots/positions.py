"""Objects as arrays of their fields, in the order in which their class has them.

So the order of the fields of a class is the format. A new field goes behind the others and has a
default, which is what it is read as from an array that was written before there was such a field.

The readers are made from the classes as attrs makes `__init__`: a million heads are read at
start-up, and a reader in the source would be the same list of fields once more.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from operator import attrgetter
from sys import intern
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Final, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

import attrs
import orjson

from chargehand.actors.identity import Actor, CallerKey, Origin
from chargehand.actors.task.profile import ExecutionProfile
from chargehand.actors.task.review import Continuation, Review
from chargehand.actors.task.state import Dependency, Json, Owner, Pause, Run, Triage
from chargehand.actors.task.subscription import Subscription
from chargehand.persistence.codec import CONVERTER
from chargehand.persistence.snapshots.shared import (
    by_value,
    shared_actor,
    shared_origin,
    shared_owner,
)

T = TypeVar("T", bound=attrs.AttrsInstance)

# Texts that many tasks have in common, by the names of their fields: one object for all of them.
_SHARED_TEXTS: Final = frozenset(
    {
        "workspace_id",
        "parent_task_id",
        "depends_on_task_id",
        "network_channel",
        "coordination_channel_id",
        "session_id",
        "lapsed_session_id",
        "closing_session_id",
        "required_capabilities",
        "preferred_capabilities",
    }
)
# Few tasks have them: objects with the names of their fields, without those that have the default.
_BY_NAME: Final = frozenset({ExecutionProfile, Review, Continuation, Subscription})
_SHARED_OBJECTS: Final = MappingProxyType(
    {Actor: shared_actor, Origin: shared_origin, Owner: shared_owner}
)


class Positions(Generic[T]):
    """How objects of `cls` stand in an array.

    Args:
        names: the fields that are in it, if not all of them. Those left out get the value None.
        own: how a field is read that stands there in another form than its type's.

    Attributes:
        write: the values of an object, for `orjson` with `plain`.
        read: an object from the values of an array, given one by one.
    """

    def __init__(
        self,
        cls: type[T],
        names: Sequence[str] | None = None,
        own: Mapping[str, Callable[[Any], object]] = MappingProxyType({}),
    ) -> None:
        fields = attrs.fields_dict(cls)
        self.names = tuple(names or fields)
        self.write: Callable[[T], tuple[object, ...]] = attrgetter(*self.names)
        hints = get_type_hints(cls)
        scope: dict[str, Any] = {"cls": cls, "intern": intern, "Json": Json}
        taken: list[str] = []
        given: list[str] = []
        # By position, as a name costs more the more there are.
        for name in sorted(fields, key=lambda name: fields[name].kw_only):
            if name not in self.names:
                read = "None"
            elif name in own:
                scope[f"read_{name}"] = own[name]
                read = f"read_{name}({name})"
            else:
                read = _reading(hints[name], name, name in _SHARED_TEXTS, scope)
            given.append(f"{name}={read}" if fields[name].kw_only else read)
        for name in reversed(self.names):
            default = fields[name].default
            if default is attrs.NOTHING or name in own:
                break
            scope[f"default_{name}"] = orjson.loads(orjson.dumps(default, default=plain))
            taken.insert(0, f"{name}=default_{name}")
        taken = [*self.names[: len(self.names) - len(taken)], *taken]
        source = f"def read({', '.join(taken)}):\n    return cls({', '.join(given)})"
        exec(compile(source, f"<positions of {cls.__name__}>", "exec"), scope)
        self.read: Callable[..., T] = scope["read"]


def _reading(kind: object, value: str, is_shared: bool, scope: dict[str, Any]) -> str:
    """The expression that makes a `kind` of what `orjson` read, which is in the variable `value`.

    What it calls is put into `scope`.
    """
    parts = get_args(kind)
    if get_origin(kind) in (UnionType, Union):
        (some,) = [part for part in parts if part is not NoneType]
        read = _reading(some, value, is_shared, scope)
        return value if read == value else f"None if {value} is None else {read}"
    if get_origin(kind) is tuple:
        read = _reading(parts[0], "item", is_shared, scope)
        return f"tuple({value})" if read == "item" else f"tuple([{read} for item in {value}])"
    if kind is Json:
        return f"Json({value}.encode())"
    if kind is str:
        return f"intern({value})" if is_shared else value
    if kind in (int, bool):
        return value
    if not isinstance(kind, type):
        raise TypeError(f"a snapshot cannot hold {kind}")
    name = kind.__name__
    if issubclass(kind, Enum):
        scope[name] = by_value(kind)
        return f"{name}[{value}]"
    if kind in _BY_NAME:
        scope[name] = lambda written: CONVERTER.structure(written, kind)
        return f"{name}({value})"
    scope[name] = _SHARED_OBJECTS[kind] if kind in _SHARED_OBJECTS else _POSITIONS[kind].read
    return f"{name}(*{value})"


def plain(value: object) -> object:
    """What `orjson` shall write for the values it does not know."""
    cls = type(value)
    if cls in _BY_NAME:
        return CONVERTER.unstructure(value)
    writer = _WRITERS.get(cls)
    if writer is None:
        raise TypeError(f"a snapshot cannot hold {cls.__name__}")
    return writer(value)


_WRITERS: Final[dict[type, Callable[[Any], object]]] = {
    bytes: bytes.decode,
    Actor: attrgetter("kind", "ref"),
    Origin: attrgetter("kind", "ref"),
    Owner: attrgetter("kind", "ref"),
}
_POSITIONS: Final[dict[type, Positions[Any]]] = {}
for _cls in (CallerKey, Pause, Dependency, Triage, Run):  # each after those that stand in it
    _POSITIONS[_cls] = Positions(_cls)
    _WRITERS[_cls] = _POSITIONS[_cls].write

RUN: Final[Positions[Run]] = _POSITIONS[Run]
