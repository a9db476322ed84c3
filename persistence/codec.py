"""Records and effects as JSON and back: one converter, one place that knows the format.

The body of a record is an array, as its parts are always there:

    [id, at_ns, [actor kind, actor ref, origin kind, origin ref], [[tag, fields], …]]

followed, only where the record has them, by its effects `[[target, tag, fields], …]`, its cause
`[seq, n]` or null, and the fields of what was done under a key. A tag is the name of an event's or
command's class, and `fields` an object without the fields that have their default value. So the
names of those classes and of their fields, their defaults and the values of enums are the format: a
field may be added if it has a default; anything else needs a new `framing.VERSION` and a reader for
the old one.

`Json` is kept as a string: it comes back byte for byte as it was given, numbers of any size
included, and is never parsed here.
"""

import struct
from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from operator import attrgetter
from types import UnionType
from typing import Final, Generic, TypeVar, get_args

import orjson
from cattrs import Converter
from cattrs.fns import identity

from chargehand.actors.idempotency.once import Done
from chargehand.actors.identity import Actor, ActorKind, Caller, Origin, OriginKind
from chargehand.actors.ports import DamagedError, UnwritableError
from chargehand.actors.record import AnyEvent, Cause, OutstandingEffect, Record
from chargehand.actors.task.effects import Effect, EffectCommand
from chargehand.actors.task.state import Json
from chargehand.persistence.framing import Frame, address_bytes, encode_frame

T = TypeVar("T")

_value: Final = attrgetter("_value_")  # of an enum's member: `value` is looked up in Python

CALLERS_CACHED: Final = 16_384  # distinct callers whose objects are shared when read


def make_converter() -> Converter:
    """A converter between attrs classes and what `orjson` writes and reads.

    Enums become their values here: `orjson` writes them too, but asks each in Python.
    """
    converter = Converter(omit_if_default=True, detailed_validation=False)
    converter.register_unstructure_hook_func(_is_enum, _value)
    converter.register_structure_hook_factory(_is_enum, _enum_reader)
    converter.register_unstructure_hook(Json, _json_text)
    converter.register_structure_hook(Json, lambda text, _: Json(text.encode()))
    # As JSON has them. cattrs would call a function for each `None` and each that may be.
    converter.register_unstructure_hook_func(_is_plain, identity)
    converter.register_unstructure_hook_func(_is_texts, identity)
    converter.register_structure_hook_func(_is_texts, lambda texts, _: tuple(texts))
    return converter


def _is_enum(cls: object) -> bool:
    return isinstance(cls, type) and issubclass(cls, Enum)


_PLAIN: Final = frozenset({str | None, int | None, bool | None})


def _is_plain(cls: object) -> bool:
    return isinstance(cls, UnionType) and cls in _PLAIN


def _is_texts(cls: object) -> bool:
    return cls == tuple[str, ...]


def _enum_reader(cls: type[Enum]) -> Callable[[str, object], Enum]:
    members = {member.value: member for member in cls}
    return lambda value, _: members[value]


def _json_text(value: Json) -> str:
    return value.decode()


CONVERTER: Final = make_converter()


class TaggedUnion(Generic[T]):
    """Writes and reads the members of a union of attrs classes as a tag with an object."""

    def __init__(self, members: tuple[type[T], ...]) -> None:
        self._writers = {
            cls: (cls.__name__, CONVERTER.get_unstructure_hook(cls)) for cls in members
        }
        self._readers = {cls.__name__: (CONVERTER.get_structure_hook(cls), cls) for cls in members}

    def write(self, member: T) -> tuple[str, dict[str, object]]:
        tag, writer = self._writers[type(member)]
        return tag, writer(member)

    def read(self, tag: str, fields: dict[str, object]) -> T:
        reader, cls = self._readers[tag]
        member: T = reader(fields, cls)
        return member


EVENTS: Final[TaggedUnion[AnyEvent]] = TaggedUnion(get_args(AnyEvent))
EFFECT_COMMANDS: Final[TaggedUnion[EffectCommand]] = TaggedUnion(get_args(EffectCommand))


def encode_record(record: Record) -> bytes:
    """The frame of a record.

    Raises:
        UnwritableError: the record holds what JSON or the frame cannot.
    """
    try:
        address = address_bytes(record.address)
        if address is None:
            raise UnwritableError(f"{record.address!r} cannot be an address")
        body: list[object] = [
            record.id,
            record.at_ns,
            _write_caller(record.caller),
            [EVENTS.write(event) for event in record.events],
        ]
        cause, done = record.cause, record.done
        if record.effects or cause is not None or done is not None:
            body.append([_write_effect(effect) for effect in record.effects])
        if cause is not None or done is not None:
            body.append(None if cause is None else (cause.seq, cause.n))
        if done is not None:
            body.append(CONVERTER.unstructure(done))
        return encode_frame(record.seq, len(record.events), address, orjson.dumps(body))
    except (TypeError, ValueError, KeyError, struct.error) as error:
        raise UnwritableError(f"record {record.id} cannot be written: {error!r}") from error


def decode_record(frame: Frame) -> Record:
    """The record of a verified frame.

    Raises:
        StorageError: the body is none that this version knows.
    """
    try:
        record_id, at_ns, caller, events, *rest = orjson.loads(frame.body)
        return Record(
            seq=frame.seq,
            id=record_id,
            at_ns=at_ns,
            address=frame.address,
            caller=_read_caller(*caller),
            events=tuple([EVENTS.read(tag, fields) for tag, fields in events]),
            effects=tuple([_read_effect(*effect) for effect in rest[0]]) if rest else (),
            cause=Cause(*rest[1]) if len(rest) > 1 and rest[1] is not None else None,
            done=CONVERTER.structure(rest[2], Done) if len(rest) > 2 else None,
        )
    except (TypeError, ValueError, KeyError) as error:
        raise DamagedError(f"the record at number {frame.seq} is unreadable: {error!r}") from error


def encode_outstanding(effect: OutstandingEffect) -> bytes:
    """An effect that was outstanding at a checkpoint: `[seq, n, at_ns, caller, effect]`."""
    cause = effect.cause
    caller = _write_caller(effect.caller)
    return orjson.dumps((cause.seq, cause.n, effect.at_ns, caller, _write_effect(effect.effect)))


def decode_outstanding(text: bytes | memoryview) -> OutstandingEffect:
    """Raises DamagedError if `text` is none that this version knows."""
    try:
        seq, n, at_ns, caller, effect = orjson.loads(text)
        return OutstandingEffect(Cause(seq, n), at_ns, _read_caller(*caller), _read_effect(*effect))
    except (TypeError, ValueError, KeyError) as error:
        raise DamagedError(f"an outstanding effect is unreadable: {error!r}") from error


def _write_caller(caller: Caller) -> tuple[object, ...]:
    actor, origin = caller.actor, caller.origin
    return _value(actor.kind), actor.ref, _value(origin.kind), origin.ref


@lru_cache(maxsize=CALLERS_CACHED)
def _read_caller(actor_kind: str, actor_ref: str, origin_kind: str, origin_ref: str) -> Caller:
    return Caller(
        Actor(ActorKind(actor_kind), actor_ref), Origin(OriginKind(origin_kind), origin_ref)
    )


def _write_effect(effect: Effect) -> tuple[object, ...]:
    return effect.target, *EFFECT_COMMANDS.write(effect.command)


def _read_effect(target: str, tag: str, fields: dict[str, object]) -> Effect:
    return Effect(target, EFFECT_COMMANDS.read(tag, fields))
