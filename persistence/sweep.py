"""Forgets what may be forgotten, a part of each table at each checkpoint: what was done under keys
long ago, the index rows of deleted tasks, and in the end the ids of these.

A table is gone through key by key, and from its beginning again. Rows come in behind a task's
snapshot, and none come in once it is deleted. So a round through an index that began with a number
behind that of a task's last event has met all its rows; once that is so of every index, nothing
refers to the id any more. Whether a round has ended is known as long as the process lives.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, final

from chargehand.actors.frozen import frozen, replace
from chargehand.actors.idempotency.once import earlier_of
from chargehand.actors.ports import DamagedError, Forgetting, Forgotten, TaskHead
from chargehand.actors.task.head import DELETED, Summary, summary_of
from chargehand.persistence.framing import address_bytes
from chargehand.persistence.seal import unseal
from chargehand.persistence.snapshots import decode_head
from chargehand.persistence.store import Delete, Store, Table

SWEEP_ROWS_MAX: Final = 256  # looked at in one slice, a millisecond at most
ROWS_FOR_EACH_NEW: Final = 4  # so that what is stale stays below a third of what is not
ROWS_FOR_EACH_DELETED: Final = 8  # the same, where a task has had two runs
HEADS_MAX: Final = 2048  # looked at by a checkpoint, to find ids that are free again

Rows = Sequence[tuple[bytes, bytes]]


@final
@frozen
class New:
    """What came in since the last turn. The more, the further this one goes.

    Args:
        seq: the last number that the checkpoint covers.
        keys: rows of what was done under keys.
        deleted: tasks that were deleted, or are.
    """

    seq: int
    keys: int = 0
    deleted: int = 0


@final
class Sweep:
    """Used on the writer's thread alone, but for `forgotten`, which others may read at any time: a
    frozen object, replaced as a whole."""

    def __init__(self) -> None:
        self.forgotten = Forgotten()
        self._keys = _Rounds(Table.ONCE)
        self._indexes = [_Rounds(table) for table in (Table.RUNS, Table.REVIEWS, Table.KEYS)]
        self._subscriptions = _Rounds(Table.SUBSCRIPTIONS)
        self._heads = _Rounds(Table.HEADS)
        self._deleted_seq: int | None = None  # no row of a deleted task has come in after this

    def parts(self, store: Store, forgetting: Forgetting, new: New) -> Iterator[list[Delete]]:
        """What may go, as far as this turn gets; an empty part where rows were looked at in vain.
        Each part must be removed before the next is asked for."""
        if new.deleted or self._deleted_seq is None:
            self._deleted_seq = new.seq
        most = ROWS_FOR_EACH_NEW * new.keys
        for part in self._keys.parts(store, most, new.seq, _older(forgetting.keys_before_ns)):
            yield part
            self.forgotten = replace(self.forgotten, keys=self.forgotten.keys + len(part))
        most = ROWS_FOR_EACH_DELETED * new.deleted
        for index in self._indexes:
            if index.done_from_seq < self._deleted_seq:
                for part in index.parts(store, most, new.seq, _of_deleted(store, index.table)):
                    yield part
                    self._forgot_rows(part)
        if forgetting.ids_before_ns:
            yield from self._ids(store, forgetting.ids_before_ns, new.seq, most)

    def _ids(self, store: Store, before_ns: int, seq: int, most: int) -> Iterator[list[Delete]]:
        """Ids of tasks deleted before `before_ns`. The id of a subscription stays with its task for
        as long as that of the task itself."""
        of_old = _of_deleted(store, Table.SUBSCRIPTIONS, before_ns)
        for part in self._subscriptions.parts(store, most, seq, of_old, before_ns):
            yield part
            self._forgot_rows(part)
        done = (*self._indexes, self._subscriptions)
        before_seq = min(index.done_from_seq for index in done)
        before_ns = min(before_ns, self._subscriptions.done_before_ns)
        free = _free_again(before_seq, before_ns)
        for part in self._heads.parts(store, max(most, HEADS_MAX), seq, free):
            yield part
            self.forgotten = replace(self.forgotten, ids=self.forgotten.ids + len(part))

    def _forgot_rows(self, part: Sequence[Delete]) -> None:
        self.forgotten = replace(self.forgotten, rows=self.forgotten.rows + len(part))


@final
class _Rounds:
    """Goes round a table, in the order of its keys.

    Attributes:
        done_from_seq: with this number the last round began that has come to its end.
        done_before_ns: the moment that was given with it.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self.done_from_seq = self.done_before_ns = 0
        self._begun = (0, 0)
        self._next = b""

    def parts(
        self,
        store: Store,
        most: int,
        seq: int,
        stale: Callable[[Rows], list[bytes]],
        before_ns: int = 0,
    ) -> Iterator[list[Delete]]:
        """What is stale of the next `most` rows, or a few more; up to the end of the table. A part
        is what was found among SWEEP_ROWS_MAX rows, however little: records wait for it."""
        left = max(SWEEP_ROWS_MAX, most)
        while left > 0:
            if not self._next:
                self._begun = (seq, before_ns)
            rows = store.page(self.table, self._next, SWEEP_ROWS_MAX)
            self._next = rows[-1][0] + b"\0" if len(rows) == SWEEP_ROWS_MAX else b""
            yield [Delete(self.table, key) for key in stale(rows)]
            if not self._next:
                self.done_from_seq, self.done_before_ns = self._begun
                return
            left -= len(rows)


# What is damaged stays where it is: it is evidence.


def _older(before_ns: int) -> Callable[[Rows], list[bytes]]:
    """What was done under a key before a moment."""

    def is_older(key: bytes, row: bytes) -> bool:
        try:
            return earlier_of(unseal(Table.ONCE, key, row).decode()).at_ns < before_ns
        except (DamagedError, ValueError):
            return False

    return lambda rows: [key for key, row in rows if is_older(key, row)]


def _of_deleted(
    store: Store, table: Table, before_ns: int | None = None
) -> Callable[[Rows], list[bytes]]:
    """Rows that name a task which is deleted, or was before a moment."""

    def stale(rows: Rows) -> list[bytes]:
        owners = [(key, address) for key, row in rows if (address := _owner(table, key, row))]
        heads = store.get_many([(Table.HEADS, address) for _, address in owners])
        found: list[bytes] = []
        for (key, address), head in zip(owners, heads, strict=True):
            gone = None if head is None else _tombstone(address, head)
            if gone and (before_ns is None or gone.last_activity_at_ns < before_ns):
                found.append(key)
        return found

    return stale


def _owner(table: Table, key: bytes, row: bytes) -> bytes | None:
    try:
        task_id, _, _ = unseal(table, key, row).decode().partition(" ")
    except (DamagedError, UnicodeDecodeError):
        return None
    return address_bytes(task_id)


def _free_again(before_seq: int, before_ns: int) -> Callable[[Rows], list[bytes]]:
    """Deleted tasks that nothing refers to any more, and that were deleted before a moment."""

    def is_free(key: bytes, head: bytes) -> bool:
        gone = _tombstone(key, head)
        return (
            gone is not None
            and gone.last_seq <= before_seq
            and gone.last_activity_at_ns < before_ns
        )

    return lambda rows: [key for key, head in rows if is_free(key, head)]


def _tombstone(key: bytes, value: bytes) -> Summary | None:
    """What the head of a deleted task says; None: it is not that."""
    try:
        found = decode_head(key, value)
    except DamagedError:
        return None
    if not isinstance(found, TaskHead):
        return None
    summary = summary_of(found.head)
    return summary if summary.standing & DELETED else None
