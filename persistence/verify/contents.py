"""What is there, for whatever refers to it: in the tables, or in the tail of the log."""

from functools import lru_cache
from typing import Final, final

from attrs import define, field

from chargehand.actors.ports import DamagedError
from chargehand.actors.record import AnyState, IndexTable
from chargehand.actors.task.state import TaskState
from chargehand.persistence.index_rows import INDEX_TABLES, row_key
from chargehand.persistence.snapshots.former import decode_former
from chargehand.persistence.snapshots.rows import read_snapshot
from chargehand.persistence.store import Store, Table

_WITH_SNAPSHOTS: Final = (Table.HEADS, Table.SNAPSHOTS)
_STATES_CACHED: Final = 1024


@final
@define(eq=False)
class LogTail:
    """What stands in the log behind the checkpoint and so may be missing in the tables.

    Args:
        is_whole: the log was read to its end.
    """

    checkpoint_seq: int
    addresses: set[str] = field(factory=set)
    rows: set[tuple[IndexTable, str]] = field(factory=set)
    is_whole: bool = False


@final
class Contents:
    """Asked once the log was checked. What LMDB cannot read is taken to be there, and so is
    anything where it could not read the log."""

    def __init__(self, store: Store, tail: LogTail) -> None:
        self._store = store
        self._tail = tail
        self._states = lru_cache(_STATES_CACHED)(self._read_state)

    def is_there(self, address: str) -> bool:
        """Deleted or not, damaged or not."""
        if address in self._tail.addresses:
            return True
        return any(self.holds(table, address.encode()) for table in _WITH_SNAPSHOTS)

    def holds(self, table: Table, key: bytes) -> bool:
        """Whether a table has a key, the tail apart."""
        if not self._tail.is_whole:
            return True
        try:
            return self._store.get(table, key) is not None
        except DamagedError:
            return True

    def has_row(self, table: IndexTable, some_id: str) -> bool:
        """Whether an index has a row for an id."""
        return self.holds(INDEX_TABLES[table], row_key(some_id)) or (
            (table, some_id) in self._tail.rows
        )

    def has_timeline(self, address: str) -> bool:
        """Whether there is any of it, the tail apart."""
        start, stop = address.encode() + b"\0", address.encode() + b"\1"
        try:
            return bool(self._store.scan(Table.TIMELINE, start, stop, 1, len))
        except DamagedError:
            return True

    def is_folded(self, state: TaskState) -> bool:
        """Whether all records of a task lie before the checkpoint."""
        return state.last_seq <= self._tail.checkpoint_seq

    def state(self, address: str) -> AnyState | None:
        """As of the checkpoint. None: there is no sound snapshot."""
        return self._states(address)

    def _read_state(self, address: str) -> AnyState | None:
        try:
            key = address.encode()
            former = self._store.get(Table.SNAPSHOTS, key)
            return read_snapshot(self._store, key) if former is None else decode_former(former)
        except DamagedError:
            return None

    def has(self, address: str, table: IndexTable, some_id: str) -> bool:
        """Whether a task has what a row of an index is about."""
        state = self.state(address)
        if not isinstance(state, TaskState) or state.deleted:
            return True
        if table is IndexTable.REVIEWS:
            return state.review(some_id) is not None
        if table is IndexTable.SUBSCRIPTIONS:
            return True  # its id stays with its task even when it was deleted
        return state.run(some_id) is not None
