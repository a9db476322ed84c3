"""What a data directory says of itself: whose it is, in which format, and how far it is folded."""

import time
from typing import Final
from zlib import crc32

from actors.ports import DamagedError, StorageError
from persistence.store import Put, Store, Table

# Of all tables together; a record has a version of its own besides. 2: values of the log end with a
# directory, and small values have checksums. What 1 has written is read as it is.
FORMAT: Final = 2
FORMATS_READ: Final = (1, 2)
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
    found = check_layout(store)
    if found < FORMAT:
        store.commit([Put(Table.META, _FORMAT_KEY, _encode(_FORMAT_KEY, FORMAT))])
    return checkpoint_seq(store)


def check_layout(store: Store) -> int:
    """The format of a store that is ours; changes nothing.

    Raises:
        StorageError: another program's, damaged, or written by a newer version.
    """
    if store.get(Table.META, _APPLICATION_KEY) != APPLICATION:
        raise StorageError("there is no data of Chargehand's")
    found = _number(store, _FORMAT_KEY)
    _check_format(found)
    return found


def checkpoint_seq(store: Store) -> int:
    """The last number that is folded. Raises DamagedError."""
    return _number(store, _CHECKPOINT_KEY)


def checkpoint_moves(seq: int) -> Put:
    """The change that makes `seq` the last number that is folded."""
    return Put(Table.META, _CHECKPOINT_KEY, _encode(_CHECKPOINT_KEY, seq))


def _make_ours(store: Store) -> None:
    for table in Table:
        if store.scan(table, b"", None, 1, len):
            raise StorageError("the data directory holds tables that are not Chargehand's")
    store.commit(
        [
            Put(Table.META, _APPLICATION_KEY, APPLICATION),
            Put(Table.META, _FORMAT_KEY, _encode(_FORMAT_KEY, FORMAT)),
            Put(Table.META, _CREATED_AT_KEY, _encode(_CREATED_AT_KEY, time.time_ns())),
            checkpoint_moves(0),
        ]
    )


def _check_format(found: int) -> None:
    if found > FORMAT:
        raise StorageError(
            f"the data directory has format {found}, this version reads up to {FORMAT}: "
            "start the newer version that wrote it, or restore a copy made before the upgrade"
        )
    if found not in FORMATS_READ:
        raise StorageError(
            f"the data directory has format {found}, this version reads from {FORMATS_READ[0]} on: "
            "start an older version that can upgrade it"
        )


def _number(store: Store, key: bytes) -> int:
    """Eight bytes, and behind them their checksum; a former version left that out."""
    value = store.get(Table.META, key)
    if value is None:
        raise DamagedError(f"{key.decode()} is missing")
    number = int.from_bytes(value[:8])
    if len(value) != 8 and value != _encode(key, number):
        raise DamagedError(f"{key.decode()} fails its checksum")
    return number


def _encode(key: bytes, number: int) -> bytes:
    plain = number.to_bytes(8)
    return plain + crc32(key + plain).to_bytes(4)
