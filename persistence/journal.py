"""The journal: takes records in on Trio's thread, and reports them once they are on disk."""

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, final

import trio

from chargehand.actors.errors import write_failed
from chargehand.actors.frozen import frozen
from chargehand.actors.limits import JOURNAL_PENDING_MAX
from chargehand.actors.ports import Forgetting, Forgotten, Recovery, StorageError
from chargehand.actors.record import Entry, OutstandingEffect, Settlement
from chargehand.persistence.codec import encode_record
from chargehand.persistence.folding import Folding
from chargehand.persistence.heads import StoredHeads, read_heads
from chargehand.persistence.index_rows import encode_row
from chargehand.persistence.layout import checkpoint_seq
from chargehand.persistence.pipeline import Report
from chargehand.persistence.reading import Reading
from chargehand.persistence.recovery import StoreRecovery, log_last_seq
from chargehand.persistence.store import Store
from chargehand.persistence.tail import Tail
from chargehand.persistence.writer import Writer


@final
@frozen
class JournalStatistics:
    """Counts since the journal was opened; `pending` is how many records wait for the disk now."""

    commits: int
    records: int
    checkpoints: int
    growths: int
    pending: int


@final
class StoreJournal:
    """Implements `actors.ports.Journal` on a store, which has been taken over.

    At start-up all of `recovery` comes before `run`.

    Args:
        store: what is read; closed by `close`.
        epoch: what the store was taken over with.
        writer: has written what it reports before the store is asked for it.
        heads: reads those of the store, where they are known already.
        checked: looks at what is read back before anybody believes it.

    Raises:
        DamagedError: the store does not say how far it is folded.
    """

    def __init__(
        self,
        store: Store,
        epoch: int,
        writer: Writer,
        heads: Callable[[], StoredHeads] | None = None,
        checked: Callable[[StoreRecovery], Recovery] | None = None,
    ) -> None:
        self.epoch: Final = epoch
        self._store = store
        self._tail = Tail(checkpoint_seq(store))
        self._writer = writer
        self._folding = Folding(store, self._tail, self._writer)
        self.reads: Final = Reading(store, self._tail)
        recovery = StoreRecovery(store, self._tail, heads or partial(read_heads, store))
        self.recovery: Final[Recovery] = recovery if checked is None else checked(recovery)
        self._pending: deque[Entry] = deque()
        self._room = trio.lowlevel.ParkingLot()
        self._committed: Callable[[Sequence[Entry]], None] | None = None
        self._ended = trio.Event()
        self._refusal: str | None = None
        self._failed: StorageError | None = None
        self._records = 0

    @property
    def next_seq(self) -> int:
        return self._tail.next_seq

    @property
    def durable_seq(self) -> int:
        return self._tail.durable_seq

    @property
    def tail_records(self) -> int:
        return self._tail.records

    @property
    def failed(self) -> StorageError | None:
        """Why nothing can be written any more, once a commit has failed."""
        return self._failed

    @property
    def forgotten(self) -> Forgotten:
        return self._folding.forgotten

    def statistics(self) -> JournalStatistics:
        return JournalStatistics(
            commits=self._writer.commits,
            records=self._records,
            checkpoints=self._folding.checkpoints,
            growths=self._store.growths,
            pending=len(self._pending),
        )

    # --- writing -----------------------------------------------------------------------------

    def append(self, entry: Entry) -> None:
        self._check_open()
        frame = _encoded(entry, self._tail.next_seq)
        self._tail.append(entry, frame)
        self._pending.append(entry)
        self._writer.write(frame)

    def append_together(self, entries: Sequence[Entry]) -> None:
        self._check_open()
        due_seq = self._tail.next_seq
        frames: list[bytes] = []
        for entry in entries:
            frames.append(_encoded(entry, due_seq))
            due_seq = entry.record.last_seq + 1
        for entry, frame in zip(entries, frames, strict=True):
            self._tail.append(entry, frame)
        self._pending.extend(entries)
        self._writer.write_together(frames)

    def when_durable(self, settlement: Settlement) -> None:
        if not self._pending:
            settlement.deliver()
            return
        if self._failed is not None:
            settlement.fail(write_failed(self._failed))
            return
        last = self._pending[-1]
        if last.gated is None:
            last.gated = [settlement]
        else:
            last.gated.append(settlement)

    async def wait_room(self) -> None:
        """Return as soon as fewer than `JOURNAL_PENDING_MAX` records wait for the disk.

        Not a checkpoint of Trio while there is room. Returns, too, when nothing can be written any
        more: `append` says why.
        """
        while len(self._pending) >= JOURNAL_PENDING_MAX and self._refusal is None:
            await self._room.park()

    async def run(
        self,
        committed: Callable[[Sequence[Entry]], None],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Write until closed. `committed` is called with each batch, in order, on Trio's thread.

        Cancelled, it ends after the commit that is under way; what waits is not written.

        Raises:
            StorageError: a commit failed, or the log was not replayed. Not to be tried again.
            Exception: whatever `committed` raised.
        """
        if log_last_seq(self._store) > self._tail.durable_seq:
            raise StorageError("the log holds records that were not replayed")
        self._committed = committed
        task_status.started()
        try:
            await self._writer.run(self._take_report)
        except StorageError as error:
            self._failed = error
            self._refusal = f"the journal has failed: {error}"
            raise
        finally:
            self._end_run()

    def unwritten(self) -> Sequence[Entry]:
        return tuple(self._pending)

    async def close(self) -> None:
        """Write what waits, then end `run` and close the store.

        Raises:
            StorageError: a commit failed before or now; what it held is not on disk.
        """
        self._refuse("the journal is closed")
        self._writer.finish()
        if self._committed is not None:
            await self._ended.wait()
        self._store.close()
        if self._failed is not None:
            raise StorageError(f"the journal has failed: {self._failed}") from self._failed

    async def checkpoint(
        self,
        outstanding: Sequence[OutstandingEffect],
        forgetting: Forgetting = Forgetting(),  # noqa: B008 - it never changes
    ) -> None:
        """Fold all that is committed now into tables and trim the log, in slices between commits.

        If one is under way already, waits for that one instead and folds nothing more. Once begun
        it is finished; a cancellation is seen after that. `run` must be running.

        Args:
            outstanding: the effects not applied as of `durable_seq` at the moment of the call.
            forgetting: what may be forgotten.

        Raises:
            StorageError: the journal is closed, or a commit failed.
        """
        self._check_open()
        if self._committed is None:
            raise StorageError("a checkpoint needs the journal to run")
        is_done = await self._folding.fold(outstanding, forgetting)
        # Whoever stops everything by cancelling hears of that, not of a failure.
        await trio.lowlevel.checkpoint()
        if not is_done:
            refusal = self._refusal or "the journal ended before the checkpoint"
            raise StorageError(refusal) from self._failed

    def _take_report(self, report: Report) -> None:
        """A commit is on disk. On Trio's thread, in order."""
        self._folding.report(report.progress)
        if report.records and self._committed is not None:
            entries = [self._pending.popleft() for _ in range(report.records)]
            self._records += len(entries)
            self._tail.commit(entries)
            if self._room and len(self._pending) < JOURNAL_PENDING_MAX:
                self._room.unpark_all()
            self._committed(entries)

    def _end_run(self) -> None:
        self._refuse("the journal has ended")
        self._ended.set()
        self._room.unpark_all()
        self._folding.end()

    def _refuse(self, reason: str) -> None:
        if self._refusal is None:
            self._refusal = reason

    def _check_open(self) -> None:
        if self._refusal is not None:
            raise StorageError(self._refusal) from self._failed


def _encoded(entry: Entry, due_seq: int) -> bytes:
    """The record, which must start with that number."""
    record = entry.record
    if record.seq != due_seq or not record.events:
        raise StorageError(
            f"record {record.id} starts at number {record.seq} with {len(record.events)} "
            f"events where number {due_seq} is due"
        )
    frame = encode_record(record)
    for row in entry.rows:
        encode_row(row)  # what cannot be written must not fail a checkpoint later
    return frame
