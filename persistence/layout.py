"""What a data directory says of itself: whose it is, in which format, and how far it is folded."""

import time
from typing import Final

from chargehand.actors.ports import DamagedError, StorageError
from chargehand.persistence.epoch import Fence, epoch_of, take_over
from chargehand.persistence.numbers import decode_number, encode_number, stored_number
from chargehand.persistence.store import Put, Store, Table

# Of all tables together; a record has a version of its own besides. 2: values of the log end with a
# directory, and small values have checksums; what 1 has written is read as it is. 3: heads stand
# apart from bodies; what 1 and 2 have written is moved there as the data is opened (see `upgrade`).
FORMAT: Final = 3
FORMATS_READ: Final = (1, 2, 3)
APPLICATION: Final = b"chargehand"

_APPLICATION_KEY = b"application"
_FORMAT_KEY = b"format"
_CREATED_AT_KEY = b"created_at_ns"  # for people who look; nothing depends on it
_CHECKPOINT_KEY = b"checkpoint_seq"


def open_layout(store: Store) -> Fence:
    """Check what the store says of itself, and take it over; an empty one is made ours.

    Raises:
        StorageError: another program's, damaged, written by a newer version, or taken over by
            another process at the same time.
    """
    _check_mark(store)
    if store.get(Table.META, _APPLICATION_KEY) not in (None, APPLICATION):
        raise StorageError("the data directory belongs to another program")
    epoch = epoch_of(store)  # before all that is decided here, so that it is decided by one alone
    if store.get(Table.META, _APPLICATION_KEY) is None:
        return _make_ours(store, epoch)
    found = check_layout(store)
    checkpoint_seq(store)  # damaged, it is refused before anything is changed
    return take_over(store, epoch, [_number(_FORMAT_KEY, FORMAT)] if found < FORMAT else [])


def check_layout(store: Store) -> int:
    """The format of a store that is ours; changes nothing.

    Raises:
        StorageError: another program's, damaged, or written by a newer version.
    """
    _check_mark(store)
    if store.get(Table.META, _APPLICATION_KEY) != APPLICATION:
        raise StorageError("there is no data of Chargehand's")
    found = stored_number(store, _FORMAT_KEY)
    _check_format(found)
    return found


def _check_mark(store: Store) -> None:
    """Raises DamagedError: all but the name says that the store is ours."""
    if store.get(Table.META, _APPLICATION_KEY) == APPLICATION:
        return
    for ours in FORMATS_READ:
        if store.get(Table.META, _FORMAT_KEY) == encode_number(_FORMAT_KEY, ours):
            raise DamagedError("application is damaged, and the format is one of Chargehand's")


def created_at_ns(store: Store) -> int | None:
    """When the store was made. Raises DamagedError."""
    value = store.get(Table.META, _CREATED_AT_KEY)
    return None if value is None else decode_number(_CREATED_AT_KEY, value)


def checkpoint_seq(store: Store) -> int:
    """The last number that is folded into tables. Raises DamagedError."""
    return stored_number(store, _CHECKPOINT_KEY)


def checkpoint_moves(seq: int) -> Put:
    """The change that makes `seq` the last number that is folded."""
    return _number(_CHECKPOINT_KEY, seq)


def _make_ours(store: Store, epoch: int) -> Fence:
    for table in Table:
        if store.scan(table, b"", None, 1, len):
            raise StorageError("the data directory holds tables that are not Chargehand's")
    return take_over(store, epoch, first_rows())


def first_rows() -> list[Put]:
    """What an empty store says of itself."""
    return [
        Put(Table.META, _APPLICATION_KEY, APPLICATION),
        _number(_FORMAT_KEY, FORMAT),
        _number(_CREATED_AT_KEY, time.time_ns()),
        checkpoint_moves(0),
    ]


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


def _number(key: bytes, number: int) -> Put:
    return Put(Table.META, key, encode_number(key, number))
