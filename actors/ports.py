"""What the core needs from the outside. Implemented in `persistence/`."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol, final

import trio

from chargehand.actors.frozen import frozen
from chargehand.actors.record import (
    AnyState,
    Entry,
    IndexRow,
    IndexTable,
    OutstandingEffect,
    Record,
    Settlement,
)
from chargehand.actors.task.head import AtRest
from chargehand.actors.task.state import TaskState


class StorageError(Exception):
    """Raised when the store cannot be opened, read or written; the message names the cause."""


class EndedError(StorageError):
    """Raised when another process may write from now on, and this one may not: nothing is wrong
    with what is stored."""


class UnwritableError(StorageError):
    """Raised when a record holds what cannot be written: its own fault, not the store's."""


class DamagedError(StorageError):
    """Raised when what was written cannot be read again: no further attempt will help."""


class DamagedRowError(DamagedError):
    """Raised for an index row that fails its checksum. Args: found: what it says all the same."""

    def __init__(self, cause: str, found: bytes) -> None:
        super().__init__(cause)
        self.found = found


@final
@frozen
class Damage:
    """Something stored that fails its checksum, so it is never answered.

    Args:
        address: of what it belongs to.
        cause: what was found, in a sentence without a full stop.
        seq, last_seq: the numbers of a record of the log; else 0.
        found: the bytes, to be kept as they are.
    """

    address: str
    cause: str
    seq: int = 0
    last_seq: int = 0
    found: bytes = b""


@final
class TaskHead(NamedTuple):
    """A stored task at rest, see `actors.task.head`."""

    task_id: str
    head: bytes


@final
@frozen
class TaskHeads:
    """What a start has to know of many stored tasks.

    Args:
        awaited: those of them on which somebody acts in time, slim.
    """

    tasks: list[AtRest]
    awaited: list[TaskState]


@final
@frozen
class Forgetting:
    """What a checkpoint may forget; 0: nothing of it.

    Args:
        keys_before_ns: what was done under keys before this moment.
        ids_before_ns: the ids of tasks that were deleted before it.
    """

    keys_before_ns: int = 0
    ids_before_ns: int = 0


@final
@frozen
class Forgotten:
    """How much of it was forgotten since the journal was opened, and how many rows of deleted
    tasks went from the indexes."""

    keys: int = 0
    ids: int = 0
    rows: int = 0


class Reads(Protocol):
    """What is known of the past, on disk or not. All methods return at once: it is near, wherever
    commits go."""

    def get(self, table: IndexTable, key: str) -> str | None:
        """The value of an index row."""

    def state(self, address: str) -> AnyState | None:
        """The state of `address` after its last `append`, on disk or not; None if it has none.

        During start-up, until its records are given back, one that may lack the records of `tail`
        behind its `last_seq`.
        """

    def committed_state(self, address: str) -> AnyState | None:
        """The state of `address` after the last of its records that is on disk; None if it has
        none."""

    def heads(self, task_ids: Sequence[str]) -> list[bytes | None]:
        """The heads on disk of tasks, see `actors.task.head`; None where there is none."""

    def read_head(self, task_id: str, head: bytes) -> TaskState:
        """The slim task of a head, which was verified when it was read from the disk."""

    def blockers(self, head: bytes) -> list[str]:
        """The ids of those that the task of such a head depends on."""

    def tail(self, address: str, after_seq: int = 0) -> Sequence[Record]:
        """The records of `address` behind the last checkpoint that hold a number above `after_seq`,
        in order."""

    def is_folded(self, address: str, seq: int) -> bool:
        """Whether the snapshot of `address` on disk holds everything up to `seq`."""

    def timeline(self, address: str, after_seq: int, limit: int | None = None) -> list[Record]:
        """Committed records of `address` that hold a number above `after_seq`, in order.

        Args:
            limit: no more *records* than this, the first ones; None is all.
        """

    def timeline_latest(self, address: str, count: int) -> list[Record]:
        """The last `count` committed records of `address`, in order."""


class Recovery(Protocol):
    """What former processes left; all of it is read and given back before the journal runs."""

    def kept_aside(self) -> Sequence[Damage]:
        """What former starts found damaged in the log, or behind damage."""

    def heads(self) -> Iterator[TaskHeads | AnyState | Damage]:
        """Every stored state, in no order; of tasks their heads, many at a time."""

    def finished(self) -> None:
        """All has been read: give back what reading took of memory."""

    def replay(self) -> Iterator[Record | Damage]:
        """The records behind the last checkpoint, in order, verified."""

    def outstanding(self) -> Sequence[OutstandingEffect | Damage]:
        """Effects that were outstanding at the last checkpoint."""

    def restore(self, entry: Entry) -> None:
        """Give back a replayed record with its state; once for each, in order."""

    def restore_aside(self, found: Record | Damage, rows: Iterable[IndexRow]) -> None:
        """The same for what must not be folded: a damaged record, one behind it of the same
        address, or something damaged that is not of the log. It is kept apart as it is."""


class Journal(Protocol):
    """The log of everything, with what has been folded out of it.

    One process writes it: whoever opens it raises its epoch, and from then on no commit of an
    earlier epoch succeeds, wherever the data is.

    All methods but `run`, `checkpoint`, `wait_room` and `close` return at once. They are called
    from Trio's thread only.
    """

    @property
    def epoch(self) -> int:
        """How often the data had been opened for writing when this journal was, itself included."""

    @property
    def reads(self) -> Reads:
        """What was appended, with all that was before."""

    @property
    def recovery(self) -> Recovery:
        """For start-up, before `run`."""

    @property
    def next_seq(self) -> int:
        """The number that the next record must start with."""

    @property
    def durable_seq(self) -> int:
        """The last number that is on disk and was handed to `committed`."""

    def append(self, entry: Entry) -> None:
        """Take a record; it reaches the disk with all others that wait, in order.

        From here on `state`, `tail` and `get` of `reads` know of it.

        Raises:
            UnwritableError: the record, or a row of it, cannot be encoded. Nothing was taken.
            StorageError: after a failed commit, or after `close`. Nothing was taken.
        """

    def append_together(self, entries: Sequence[Entry]) -> None:
        """The same for records that follow one another: all of them reach the disk, in one commit,
        or none does."""

    def when_durable(self, settlement: Settlement) -> None:
        """Deliver an answer once all that was appended before is on disk and was handed to
        `committed`; at once if nothing waits. After a failed commit it fails at once."""

    async def wait_room(self) -> None:
        """Return as soon as fewer than `JOURNAL_PENDING_MAX` records wait for the disk."""

    async def run(
        self,
        committed: Callable[[Sequence[Entry]], None],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Write until closed. `committed` is called with each batch, in order, on Trio's thread.

        Raises:
            StorageError: a commit failed, or another process has taken the data over; the message
                names both epochs. It is not tried again: the caller must end the process.
        """

    def unwritten(self) -> Sequence[Entry]:
        """What was appended and is not known to be on disk, in order. After a failed commit that
        is final: each of these may or may not be there at the next start."""

    async def checkpoint(
        self,
        outstanding: Sequence[OutstandingEffect],
        forgetting: Forgetting = Forgetting(),  # noqa: B008 - it never changes
    ) -> None:
        """Fold all that is committed now into tables and trim the log, in slices between commits.

        Args:
            outstanding: the effects not applied as of `durable_seq`.
            forgetting: what may go. Each checkpoint looks through a part of it, and of the index
                rows of deleted tasks.
        """

    @property
    def forgotten(self) -> Forgotten:
        """What checkpoints have forgotten."""

    @property
    def tail_records(self) -> int:
        """How many records lie behind the last checkpoint."""

    async def close(self) -> None:
        """Write what waits, then end `run`."""
