"""What a data directory says of itself: whose it is, in which format, and how far it is folded."""

import time
from typing import Final

from actors.ports import DamagedError, StorageError
from persistence.store import Put, Store, Table

FORMAT: Final = 1  # of all tables together; a record has a version of its own besides
APPLICATION: Final = b"chargehand"

_APPLICATION_KEY = b"application"
_FORMAT_KEY = b"format"
_CREATED_AT_KEY = b"created_at_ns"  # for people who look; nothing depends on it
_CHECKPOINT_KEY = b"checkpoint_seq"


def open_layout(store: Store) -> int:
    """Check what the store says of itself; an empty one is made ours.

    Returns the last number that is folded into tables.

    Raises:
        StorageError: another program's, damaged, or written by a newer version.
    """
    if store.get(Table.META, _APPLICATION_KEY) is None:
        _make_ours(store)
    elif store.get(Table.META, _APPLICATION_KEY) != APPLICATION:
        raise StorageError("the data directory belongs to another program")
    _check_format(_number(store, _FORMAT_KEY))
    return _number(store, _CHECKPOINT_KEY)


def checkpoint_moves(seq: int) -> Put:
    """The change that makes `seq` the last number that is folded."""
    return Put(Table.META, _CHECKPOINT_KEY, _encode(seq))


def _make_ours(store: Store) -> None:
    for table in Table:
        if store.scan(table, b"", None, 1, len):
            raise StorageError("the data directory holds tables that are not Chargehand's")
    store.commit(
        [
            Put(Table.META, _APPLICATION_KEY, APPLICATION),
            Put(Table.META, _FORMAT_KEY, _encode(FORMAT)),
            Put(Table.META, _CREATED_AT_KEY, _encode(time.time_ns())),
            checkpoint_moves(0),
        ]
    )


def _check_format(found: int) -> None:
    if found > FORMAT:
        raise StorageError(
            f"the data directory has format {found}, this version reads up to {FORMAT}: "
            "start the newer version that wrote it, or restore a copy made before the upgrade"
        )
    if found < FORMAT:
        raise StorageError(
            f"the data directory has format {found}, this version reads from {FORMAT} on: "
            "start an older version that can upgrade it"
        )


def _number(store: Store, key: bytes) -> int:
    value = store.get(Table.META, key)
    if value is None or len(value) != 8:
        raise DamagedError(f"{key.decode()} is missing")
    return int.from_bytes(value)


def _encode(number: int) -> bytes:
    return number.to_bytes(8)
