"""The journal: takes records in on Trio's thread, and tells of them once they are on disk."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, final

import trio
from attrs import frozen

from actors.limits import JOURNAL_PENDING_MAX
from actors.ports import Damage, DamagedError, StorageError
from actors.record import AnyState, Entry, OutstandingEffect, Record, Settlement, address_of
from persistence.aside import Kept, read_aside
from persistence.checkpoint import Fold, slices
from persistence.codec import decode_record, encode_record
from persistence.framing import address_bytes, frames, span
from persistence.index_rows import Row, decode_row, encode_row, row_key, row_table
from persistence.layout import checkpoint_seq, open_layout
from persistence.pipeline import Progress, Report
from persistence.recovery import log_last_seq, read_heads, read_log, read_outstanding
from persistence.snapshots import decode_snapshot
from persistence.store import Store, Table
from persistence.sweep import Sweep
from persistence.tail import Tail, Unfolded
from persistence.timeline import Timelines
from persistence.writer import InlineWriter, ThreadWriter, Writer


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
@frozen
class _Checkpoint:
    """A checkpoint under way, up to number `seq`."""

    seq: int
    folded: Unfolded
    over: trio.Event


@final
class StoreJournal:
    """Implements `actors.ports.Journal` on a store, which it takes over.

    At start-up: `heads`, `outstanding`, then each record of `replay` back through `restore`; then
    `run`.

    Args:
        store: closed by `close`.
        threaded: commit on a thread of its own; without, on Trio's, for tests under a mock clock.

    Raises:
        StorageError: the store is not ours to write, see `layout`; or another process took it
            over at the same time.
    """

    def __init__(self, store: Store, *, threaded: bool = True) -> None:
        self._store = store
        fence = open_layout(store)
        folded_seq = checkpoint_seq(store)
        self.epoch: Final = fence.epoch
        self._tail = Tail(folded_seq)
        self._timelines = Timelines(store)
        self._writer: Writer = ThreadWriter(fence) if threaded else InlineWriter(fence)
        self._next_seq = folded_seq + 1
        self._durable_seq = folded_seq
        self._pending: deque[Entry] = deque()
        self._room = trio.lowlevel.ParkingLot()
        self._checkpoint: _Checkpoint | None = None
        self._sweep = Sweep()
        self._committed: Callable[[Sequence[Entry]], None] | None = None
        self._ended = trio.Event()
        self._refusal: str | None = None
        self._failed: StorageError | None = None
        self._records = 0
        self._checkpoints = 0

    @property
    def next_seq(self) -> int:
        return self._next_seq

    @property
    def durable_seq(self) -> int:
        return self._durable_seq

    @property
    def tail_records(self) -> int:
        return self._tail.records

    @property
    def failed(self) -> StorageError | None:
        """Why nothing can be written any more, once a commit has failed."""
        return self._failed

    def statistics(self) -> JournalStatistics:
        return JournalStatistics(
            commits=self._writer.commits,
            records=self._records,
            checkpoints=self._checkpoints,
            growths=self._store.growths,
            pending=len(self._pending),
        )

    # --- writing -----------------------------------------------------------------------------

    def append(self, entry: Entry) -> None:
        record = entry.record
        self._check_open()
        if record.seq != self._next_seq or not record.events:
            raise StorageError(
                f"record {record.id} starts at number {record.seq} with {len(record.events)} "
                f"events where number {self._next_seq} is due"
            )
        frame = encode_record(record)
        for row in entry.rows:
            encode_row(Row(*row))  # what cannot be written must not fail a checkpoint later
        self._tail.append(entry, frame)
        self._pending.append(entry)
        self._next_seq += len(record.events)
        self._writer.write(frame)

    def when_durable(self, settlement: Settlement) -> None:
        if self._pending:
            self._pending[-1].settlements.append(settlement)
        else:
            settlement.deliver()

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
        """Write until closed. `committed` is told of each batch, in order, on Trio's thread.

        Cancelled, it ends after the commit that is under way; what waits is not written.

        Raises:
            StorageError: a commit failed, or the log was not replayed. Not to be tried again.
            Exception: whatever `committed` raised.
        """
        if log_last_seq(self._store) > self._durable_seq:
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
        self, outstanding: Sequence[OutstandingEffect], forget_before_ns: int = 0
    ) -> None:
        """Fold all that is committed now into tables and trim the log, in slices between commits.

        If one is under way already, waits for that one instead and folds nothing more. Once begun
        it is finished; a cancellation is seen after that. `run` must be running.

        Args:
            outstanding: the effects not applied as of `durable_seq` at the moment of the call.
            forget_before_ns: what was done under a key before this moment may be forgotten.

        Raises:
            StorageError: the journal is closed, or a commit failed.
        """
        self._check_open()
        if self._checkpoint is not None:
            with trio.CancelScope(shield=True):
                await self._checkpoint.over.wait()
        elif self._durable_seq > self._tail.checkpoint_seq:
            await self._fold(self._begin_checkpoint(outstanding, forget_before_ns))
        await trio.lowlevel.checkpoint()

    def _begin_checkpoint(
        self, outstanding: Sequence[OutstandingEffect], forget_before_ns: int
    ) -> _Checkpoint:
        if self._committed is None:
            raise StorageError("a checkpoint needs the journal to run")
        seq, folded = self._durable_seq, self._tail.take()
        self._checkpoint = _Checkpoint(seq, folded, trio.Event())
        fold = Fold(
            seq=seq,
            states=folded.states,
            rows=folded.rows,
            frames=lambda address: self._tail.frames_to(address, seq),
            outstanding=tuple(outstanding),
            sweep=self._sweep,
            forget_before_ns=forget_before_ns,
            aside=folded.aside,
        )
        self._writer.fold(slices(fold, self._store))
        return self._checkpoint

    async def _fold(self, checkpoint: _Checkpoint) -> None:
        with trio.CancelScope(shield=True):
            await checkpoint.over.wait()
            if self._tail.checkpoint_seq == checkpoint.seq:
                for _ in self._tail.drop(checkpoint.folded):
                    await trio.lowlevel.checkpoint()
                self._checkpoints += 1
                self._checkpoint = None
                return
        # Whoever stops everything by cancelling hears of that, not of this.
        await trio.lowlevel.checkpoint()
        raise StorageError(self._refusal or "the journal ended before the checkpoint")

    def _take_report(self, report: Report) -> None:
        """A commit is on disk. On Trio's thread, in order."""
        checkpoint = self._checkpoint
        if report.progress is Progress.MOVED and checkpoint is not None:
            self._tail.move(checkpoint.seq, checkpoint.folded)
        if report.progress is Progress.OVER and checkpoint is not None:
            checkpoint.over.set()
        if report.records and self._committed is not None:
            entries = [self._pending.popleft() for _ in range(report.records)]
            self._durable_seq = entries[-1].record.last_seq
            self._records += len(entries)
            self._tail.commit(entries)
            if self._room and len(self._pending) < JOURNAL_PENDING_MAX:
                self._room.unpark_all()
            self._committed(entries)

    def _end_run(self) -> None:
        self._refuse("the journal has ended")
        self._ended.set()
        self._room.unpark_all()
        if self._checkpoint is not None:
            self._checkpoint.over.set()

    def _refuse(self, reason: str) -> None:
        if self._refusal is None:
            self._refusal = reason

    def _check_open(self) -> None:
        if self._refusal is not None:
            raise StorageError(self._refusal) from self._failed

    # --- reading -----------------------------------------------------------------------------

    def get(self, table: str, key: str) -> str | None:
        value = self._tail.row(table, key)
        if value is not None:
            return value
        stored = self._store.get(row_table(table), row_key(key))
        return None if stored is None else decode_row(table, key, stored)

    def state(self, address: str) -> AnyState | None:
        """The state of `address`: after its last append if it has records behind the checkpoint,
        else as the tables hold it; None if it has neither."""
        state = self._tail.state(address)
        if state is not None:
            return state
        key = address_bytes(address)
        value = None if key is None else self._store.get(Table.SNAPSHOTS, key)
        if value is None:
            return None
        found = decode_snapshot(value)
        if address_of(found) != address:
            raise DamagedError("the snapshot is that of another")
        return found

    def tail(self, address: str) -> Sequence[Record]:
        return [_decode(frame) for frame in self._tail.frames(address)]

    def is_folded(self, address: str, seq: int) -> bool:
        if seq <= self._tail.checkpoint_seq:
            return True
        behind = self._tail.frames(address)
        return not behind or span(behind[0])[0] > seq

    def timeline(self, address: str, after_seq: int, limit: int | None = None) -> list[Record]:
        records = self._timelines.after(address, after_seq, self._tail.checkpoint_seq, limit)
        for frame in self._committed_frames(address):
            if len(records) == limit:
                break
            if span(frame)[1] > after_seq:
                records.append(_decode(frame))
        return records

    def timeline_latest(self, address: str, count: int) -> list[Record]:
        if count <= 0:
            return []
        behind = [_decode(frame) for frame in self._committed_frames(address)[-count:]]
        folded_count = count - len(behind)
        return self._timelines.latest(address, folded_count, self._tail.checkpoint_seq) + behind

    def _committed_frames(self, address: str) -> Sequence[bytes]:
        return self._tail.frames_to(address, self._durable_seq)

    # --- starting up -------------------------------------------------------------------------

    def kept_aside(self) -> Sequence[Damage]:
        return read_aside(self._store)

    def heads(self) -> Iterator[AnyState | Damage]:
        return read_heads(self._store)

    def replay(self) -> Iterator[Record | Damage]:
        return read_log(self._store, self._tail.checkpoint_seq)

    def outstanding(self) -> Sequence[OutstandingEffect | Damage]:
        return list(read_outstanding(self._store))

    def restore(self, entry: Entry) -> None:
        """Give back a replayed record with its state; for start-up, once for each, in order.

        Raises:
            StorageError: it is not the next one.
        """
        record = entry.record
        if record.seq != self._next_seq:
            raise StorageError(f"number {record.seq} is restored where {self._next_seq} is due")
        self._tail.append(entry, encode_record(record))
        self._tail.commit([entry])
        self._next_seq = record.last_seq + 1
        self._durable_seq = record.last_seq

    def restore_aside(self, found: Record | Damage, rows: Iterable[tuple[str, str, str]]) -> None:
        """Give back what must not be folded; for start-up, in its place among the others.

        Raises:
            StorageError: it is of the log, and not the next one.
        """
        if found.seq and found.seq != self._next_seq:
            raise StorageError(f"number {found.seq} is kept where {self._next_seq} is due")
        raw = found.found if isinstance(found, Damage) else encode_record(found)
        self._tail.keep_aside(Kept(found.address, found.seq, raw), rows)
        if found.seq:
            self._next_seq = found.last_seq + 1
            self._durable_seq = found.last_seq


def _decode(frame: bytes) -> Record:
    return decode_record(next(frames(frame)))
