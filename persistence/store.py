"""What the journal needs of a place to keep bytes: ordered tables and atomic, durable commits.

A store may be read on one thread while it is written on another; it is written by one at a time.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar, final

from chargehand.actors.choice import Choice
from chargehand.actors.frozen import frozen
from chargehand.actors.ports import StorageError

T = TypeVar("T")


class Table(Choice):
    """Each is ordered by its keys' bytes. The values are the names on disk."""

    META = "meta"  # of the whole directory, see `layout`
    LOG = "log"  # first sequence of a batch, 8 bytes -> its records, see `framing`
    HEADS = "heads"  # address -> see `snapshots`
    BODIES = "bodies"  # the same
    SNAPSHOTS = "snapshots"  # head and body in one, of a former format; empty once it is upgraded
    TIMELINE = "timeline"  # address, 0, first sequence -> the frames of some of its records
    RUNS = "runs"  # see `index_rows`
    REVIEWS = "reviews"
    KEYS = "keys"
    ONCE = "once"
    SUBSCRIPTIONS = "subscriptions"
    EFFECTS = "effects"  # sequence and n of the cause -> effect outstanding at the checkpoint
    ASIDE = "aside"  # address, 0, first sequence -> what could not be folded, as it was found


@final
@frozen
class Put:
    """Set a value. With `append` the key must be behind all others of the table; that is cheap."""

    table: Table
    key: bytes
    value: bytes
    append: bool = False


@final
@frozen
class Delete:
    """Remove a key, if it is there."""

    table: Table
    key: bytes


@final
@frozen
class DeleteRange:
    """Remove all keys from `start` up to but not including `stop`; None is the end."""

    table: Table
    start: bytes
    stop: bytes | None


Change = Put | Delete | DeleteRange


@final
@frozen
class Given:
    """A condition of a commit: that a key has this value, or is not there if that is None."""

    table: Table
    key: bytes
    value: bytes | None


@final
class ConditionError(StorageError):
    """Raised when what was given for a commit is not so. Args: found: the value instead."""

    def __init__(self, given: Given, found: bytes | None) -> None:
        super().__init__(f"{given.key.decode()} of {given.table.value} is not as it was")
        self.found = found


class Store(Protocol):
    """Keys are not empty and have no more than 511 bytes."""

    def commit(self, changes: Sequence[Change], given: Given | None = None) -> None:
        """Make all changes, in order, or none. On return they are on disk.

        Args:
            given: looked at in the same transaction, so that nobody can change it meanwhile.

        Raises:
            ConditionError: it is not so; nothing was changed.
            StorageError: the commit failed; the store must not be written again.
        """

    def get(self, table: Table, key: bytes) -> bytes | None:
        """The value of a key."""

    def get_many(self, wanted: Sequence[tuple[Table, bytes]]) -> list[bytes | None]:
        """The values of some keys, all as of the same moment."""

    def scan(
        self,
        table: Table,
        start: bytes,
        stop: bytes | None,
        count: int,
        read: Callable[[memoryview], T],
        *,
        reverse: bool = False,
    ) -> list[tuple[bytes, T]]:
        """Up to `count` keys from `start` up to but not including `stop`, with what `read` makes
        of their values; from the end of the range if `reverse`.

        One short read transaction. The view that `read` gets is valid during its call only.
        """

    def page(self, table: Table, start: bytes, count: int) -> list[tuple[bytes, bytes]]:
        """Up to `count` keys from `start` on, with their values; the fastest way to read many."""

    def count(self, table: Table) -> int:
        """How many keys a table has."""

    @property
    def growths(self) -> int:
        """How often room had to be added."""

    def let_go(self) -> None:
        """Give back memory that is taken by what was read. Nobody may read or write meanwhile."""

    def close(self) -> None:
        """Let go of everything. Harmless if repeated."""
