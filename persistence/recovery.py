"""Reading back at start-up: the log behind the checkpoint, and the heads of all snapshots.

Both are read in pages, each in a read transaction of its own; the heads by `heads`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, final

from chargehand.actors.ports import Damage, DamagedError, StorageError
from chargehand.actors.record import Entry, IndexRow, OutstandingEffect, Record
from chargehand.persistence.aside import Kept, read_aside
from chargehand.persistence.codec import decode_outstanding, decode_record, encode_record
from chargehand.persistence.framing import BadFrame, Frame, address_bytes, log_frames, sequence_key
from chargehand.persistence.heads import StoredHeads
from chargehand.persistence.seal import unseal
from chargehand.persistence.store import Store, Table
from chargehand.persistence.tail import Tail

LOG_VALUES_READ_MAX: Final = 16
EFFECTS_READ_MAX: Final = 256


@final
class StoreRecovery:
    """Implements `actors.ports.Recovery`: reads the store, and fills the tail.

    Args:
        heads: reads those of the store.
    """

    def __init__(self, store: Store, tail: Tail, heads: Callable[[], StoredHeads]) -> None:
        self._store = store
        self._tail = tail
        self._heads = heads

    def kept_aside(self) -> Sequence[Damage]:
        return read_aside(self._store)

    def heads(self) -> StoredHeads:
        return self._heads()

    def finished(self) -> None:
        self._store.let_go()

    def replay(self) -> Iterator[Record | Damage]:
        return read_log(self._store, self._tail.checkpoint_seq)

    def outstanding(self) -> Sequence[OutstandingEffect | Damage]:
        return list(read_outstanding(self._store))

    def restore(self, entry: Entry) -> None:
        """Give back a replayed record with its state; once for each, in order.

        Raises:
            StorageError: it is not the next one.
        """
        self._check_due(entry.record.seq, "restored")
        self._tail.append(entry, encode_record(entry.record))
        self._tail.commit([entry])

    def restore_aside(self, found: Record | Damage, rows: Iterable[IndexRow]) -> None:
        """Give back what must not be folded, in its place among the others.

        Raises:
            StorageError: it is of the log, and not the next one.
        """
        if found.seq:
            self._check_due(found.seq, "kept")
        raw = found.found if isinstance(found, Damage) else encode_record(found)
        self._tail.keep_aside(Kept(found.address, found.seq, raw), found.last_seq, rows)

    def _check_due(self, seq: int, done: str) -> None:
        if seq != self._tail.next_seq:
            raise StorageError(f"number {seq} is {done} where {self._tail.next_seq} is due")


def read_log(store: Store, after_seq: int) -> Iterator[Record | Damage]:
    """The records of the log behind `after_seq`, in order, each verified or named as damaged.

    A commit reaches the disk whole or not at all, so there is no half-written end to forgive.
    The log is read from its beginning, as a damaged key may have moved its end there; what was
    folded and not trimmed yet is no more than one checkpoint left.

    Raises:
        DamagedError: a number is missing, a value stands under another, or it cannot be known whose
            records are damaged.
    """
    expected = after_seq + 1
    start, unread = b"", store.count(Table.LOG)
    while unread > 0 and (page := store.page(Table.LOG, start, LOG_VALUES_READ_MAX)):
        unread -= len(page)
        for key, value in page:
            found = int.from_bytes(key)
            if found <= after_seq:
                misplaced = seq_behind(after_seq, found, value)
                if misplaced is not None:
                    raise DamagedError(f"the log holds number {misplaced} in place of {found}")
                continue
            if key != sequence_key(expected):
                raise DamagedError(f"the log goes on at number {found} instead of {expected}")
            for frame in log_frames(expected, value):
                if frame.seq != expected:
                    raise DamagedError(f"the log holds number {frame.seq} in place of {expected}")
                expected = frame.last_seq + 1
                yield _record_or_damage(store, frame)
        start = page[-1][0] + b"\0"
    if unread:  # the order of the keys is what they are found by
        raise DamagedError("the keys of the log are out of order")


def seq_behind(checkpoint_seq: int, key_seq: int, value: bytes) -> int | None:
    """The number of a record behind the checkpoint in a value that should have been folded."""
    try:
        frames = [*log_frames(key_seq, value)]
    except DamagedError:
        return None  # nothing says that it is not what it should be
    return next((frame.seq for frame in frames if frame.last_seq > checkpoint_seq), None)


def _record_or_damage(store: Store, frame: Frame | BadFrame) -> Record | Damage:
    if isinstance(frame, BadFrame):
        cause = f"its record at number {frame.seq} of the log fails its checksum"
        if not frame.certain and not _is_known(store, frame.address):
            raise DamagedError(f"record {frame.seq} is damaged, and does not say whose it is")
        return Damage(frame.address, cause, frame.seq, frame.last_seq, frame.raw)
    try:
        return decode_record(frame)
    except DamagedError as error:
        raw = bytes(frame.body)
        return Damage(frame.address, str(error), frame.seq, frame.last_seq, raw)


def _is_known(store: Store, address: str) -> bool:
    key = address_bytes(address)
    return key is not None and store.get(Table.HEADS, key) is not None


def log_last_seq(store: Store) -> int:
    """The last number that the log holds; 0 if it is empty."""
    for key, value in store.scan(Table.LOG, b"", None, 1, bytes, reverse=True):
        return max(frame.last_seq for frame in log_frames(int.from_bytes(key), value))
    return 0


def read_outstanding(store: Store) -> Iterator[OutstandingEffect | Damage]:
    """The effects that were outstanding at the last checkpoint; or that one is damaged."""
    start = b""
    while page := store.page(Table.EFFECTS, start, EFFECTS_READ_MAX):
        for key, value in page:
            try:
                yield decode_outstanding(unseal(Table.EFFECTS, key, value))
            except DamagedError as error:
                number = int.from_bytes(key[:8])
                address = f"@effect/{number}-{int.from_bytes(key[8:])}"
                yield Damage(address, f"an effect of record {number}: {error}", found=value)
        start = page[-1][0] + b"\0"
