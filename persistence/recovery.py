"""Reading back at start-up: the log behind the checkpoint, and the heads of all snapshots.

Both are read in pages, each in a read transaction of its own.
"""

from collections.abc import Iterator
from typing import Final

from actors.ports import DamagedError
from actors.record import AnyState, Record
from persistence.codec import decode_record
from persistence.framing import frames, sequence_key
from persistence.snapshots import decode_head
from persistence.store import Store, Table

HEADS_READ_MAX: Final = 512
LOG_VALUES_READ_MAX: Final = 16


def read_log(store: Store, after_seq: int) -> Iterator[Record]:
    """The records of the log behind `after_seq`, in order.

    A commit reaches the disk whole or not at all, so there is no half-written end to forgive.

    Raises:
        DamagedError: a record fails its checksum, or a number is missing.
    """
    expected = after_seq + 1
    start = sequence_key(expected)
    while page := store.scan(Table.LOG, start, None, LOG_VALUES_READ_MAX, bytes):
        for key, value in page:
            if key != sequence_key(expected):
                found = int.from_bytes(key)
                raise DamagedError(f"the log goes on at number {found} instead of {expected}")
            for frame in frames(value):
                if frame.seq != expected:
                    raise DamagedError(f"the log holds number {frame.seq} in place of {expected}")
                expected = frame.last_seq + 1
                yield decode_record(frame)
        start = page[-1][0] + b"\0"


def log_last_seq(store: Store) -> int:
    """The last number that the log holds; 0 if it is empty."""
    for _, value in store.scan(Table.LOG, b"", None, 1, bytes, reverse=True):
        return max(frame.last_seq for frame in frames(value))
    return 0


def read_heads(store: Store) -> Iterator[AnyState]:
    """Every state with a snapshot, tasks slim, in order of address.

    Raises:
        DamagedError: a snapshot is damaged.
    """
    start = b""
    while page := store.scan(Table.SNAPSHOTS, start, None, HEADS_READ_MAX, decode_head):
        yield from (state for _, state in page)
        start = page[-1][0] + b"\0"
