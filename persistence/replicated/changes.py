"""The changes of a checkpoint's slice as bytes, for standbys to make them as well."""

import struct
from collections.abc import Iterator, Sequence
from typing import Final

from chargehand.actors.ports import DamagedError
from chargehand.persistence.store import Change, Delete, DeleteRange, Put, Table

_PUT, _DELETE, _RANGE, _REST = range(4)
_HEAD: Final = struct.Struct(">BBHI")  # kind, table, length of the key, length of what follows it
# Numbers that never change: a table that is new gets the next one.
_TABLES: Final = (
    Table.META,
    Table.LOG,
    Table.HEADS,
    Table.BODIES,
    Table.SNAPSHOTS,
    Table.TIMELINE,
    Table.RUNS,
    Table.REVIEWS,
    Table.KEYS,
    Table.ONCE,
    Table.SUBSCRIPTIONS,
    Table.EFFECTS,
    Table.ASIDE,
)
_NUMBERS: Final = {table: number for number, table in enumerate(_TABLES)}


def encode_changes(changes: Sequence[Change]) -> bytes:
    """As `decode_changes` reads them."""
    parts: list[bytes] = []
    for change in changes:
        number = _NUMBERS[change.table]
        match change:
            case Put(key=key, value=value):
                parts += (_HEAD.pack(_PUT, number, len(key), len(value)), key, value)
            case Delete(key=key):
                parts += (_HEAD.pack(_DELETE, number, len(key), 0), key)
            case DeleteRange(start=start, stop=stop):
                kind, end = (_REST, b"") if stop is None else (_RANGE, stop)
                parts += (_HEAD.pack(kind, number, len(start), len(end)), start, end)
    return b"".join(parts)


def decode_changes(data: bytes) -> Iterator[Change]:
    """Raises: DamagedError: these are no changes, or not all of them."""
    at = 0
    while at < len(data):
        if at + _HEAD.size > len(data):
            raise DamagedError("a slice of a checkpoint is cut")
        kind, number, key_length, value_length = _HEAD.unpack_from(data, at)
        key_at = at + _HEAD.size
        value_at = key_at + key_length
        at = value_at + value_length
        if at > len(data) or number >= len(_TABLES) or kind > _REST:
            raise DamagedError("a slice of a checkpoint is damaged")
        table, key, value = _TABLES[number], data[key_at:value_at], data[value_at:at]
        if kind == _PUT:
            yield Put(table, key, value)
        elif kind == _DELETE:
            yield Delete(table, key)
        else:
            yield DeleteRange(table, key, value if kind == _RANGE else None)
