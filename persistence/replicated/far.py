"""What a node needs of the database, whichever that is: `persistence.postgres` has it, and tests
have it in memory."""

from collections.abc import Sequence
from typing import Protocol, final

from chargehand.actors.frozen import frozen
from chargehand.actors.ports import StorageError
from chargehand.persistence.replicated.shard import Answer, Request
from chargehand.persistence.store import Change, Table


class LostError(StorageError):
    """Raised when no answer came: what was asked may have happened, or may happen yet."""


class FencedError(StorageError):
    """Raised when the tables belong to a later epoch, or another slice is due. Nothing was
    changed."""


@final
@frozen
class LogValue:
    """Records that were appended together, as the log of a store has them.

    Args:
        first_seq, last_seq: the numbers that they take.
    """

    first_seq: int
    last_seq: int
    value: bytes


class Link(Protocol):
    """The row that fences. Used by one thread, but for `interrupt` and `end_hung`."""

    def ask(self, request: Request) -> Answer:
        """What the database answers, which takes as long as it takes."""

    def interrupt(self) -> None:
        """From another thread: end the wait for an answer, which is `Unknown` then."""

    def end_hung(self, seconds: float) -> None:
        """From another thread: `interrupt` a wait that has taken longer."""

    def drop(self) -> None:
        """Let go of the connection; the next request makes another one."""


class FarTables(Protocol):
    """The log and the tables. Used by one thread, but for `interrupt` and `end_hung`.

    All but these and `close` raise `LostError`.
    """

    def journal(self) -> str:
        """What tells this journal from all others."""

    def log_after(self, seq: int, count: int) -> list[LogValue]:
        """Up to `count` values of the log that begin above `seq`, in order."""

    def slice_number(self) -> int:
        """How many slices there were."""

    def slices_after(self, number: int, count: int) -> list[tuple[int, bytes, int]]:
        """Up to `count` slices behind that one that are kept, in order: number, changes, and the
        epoch that each was made in."""

    def slice_epoch(self, number: int) -> int | None:
        """The epoch that this slice was made in; None: it is not kept."""

    def page(self, table: Table, after: bytes, count: int) -> list[tuple[bytes, bytes]]:
        """Up to `count` keys of a table behind `after`, with their values."""

    def fold(
        self, epoch: int, number: int, changes: Sequence[Change], trim_to: int | None = None
    ) -> None:
        """Make the slice that follows `number`, all of it or nothing.

        Args:
            trim_to: the checkpoint that counts from now on: the log up to it goes.

        Raises:
            FencedError: of another epoch, or another slice follows.
        """

    def interrupt(self) -> None:
        """From another thread: end the wait for an answer, which is lost then."""

    def end_hung(self, seconds: float) -> None:
        """From another thread: `interrupt` a wait that has taken longer."""

    def close(self) -> None:
        """Let go of the connection. Harmless if repeated."""
