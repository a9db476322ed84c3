"""Data of former formats is upgraded in place, before anything is read of it.

The number of the format goes up first, so no former version opens what is half upgraded. Then
snapshots are moved to where they stand now, some of them in each commit, which leaves the others
where they were. So whenever it is interrupted, the next start goes on with what is left.

A damaged snapshot is moved as it is: it is damaged there, too, and what it belongs to is set aside.
"""

import logging
from collections.abc import Iterator, Sequence
from typing import Final

from chargehand.actors.ports import DamagedError
from chargehand.actors.record import address_of
from chargehand.persistence.epoch import Fence
from chargehand.persistence.snapshots.former import decode_former
from chargehand.persistence.snapshots.rows import snapshot_changes
from chargehand.persistence.store import Change, Delete, Put, Store, Table

_log = logging.getLogger("chargehand")

SNAPSHOTS_MOVED_MAX: Final = 512  # in a commit,
BYTES_MOVED_MAX: Final = 4 * 1024 * 1024  # or as many as hold so much
_TOLD_EVERY: Final = 100_000


def upgrade(store: Store, fence: Fence) -> None:
    """Move everything that stands where a former format had it.

    Raises:
        StorageError: it cannot be read or written; what was moved so far is moved.
    """
    left = total = store.count(Table.SNAPSHOTS)
    if left:
        _log.info("upgrading the data of a former version: %d snapshots", total)
    while page := store.page(Table.SNAPSHOTS, b"", SNAPSHOTS_MOVED_MAX):
        for part in _parts(page):
            fence.commit([change for key, value in part for change in _moved(key, value)])
        if left // _TOLD_EVERY != (left - len(page)) // _TOLD_EVERY:
            _log.info("upgrading: %d of %d snapshots are left", left - len(page), total)
        left -= len(page)
    if total:
        _log.info("the data is upgraded")


def _parts(page: Sequence[tuple[bytes, bytes]]) -> Iterator[list[tuple[bytes, bytes]]]:
    """The same in parts that are not too large for one commit."""
    part: list[tuple[bytes, bytes]] = []
    size = 0
    for row in page:
        part.append(row)
        size += len(row[1])
        if size >= BYTES_MOVED_MAX:
            yield part
            part, size = [], 0
    if part:
        yield part


def _moved(key: bytes, value: bytes) -> Iterator[Change]:
    try:
        state = decode_former(value)
        if address_of(state).encode() != key:
            raise DamagedError("the snapshot is that of another")
        yield from snapshot_changes(key, state)
    except DamagedError:
        yield Put(Table.HEADS, key, value)
    yield Delete(Table.SNAPSHOTS, key)
