"""Writes to the database: the member's thread appends, and one more folds. Neither waits for the
other."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from typing import Final, final

from chargehand.actors.ports import EndedError
from chargehand.persistence.checkpoint import Slice
from chargehand.persistence.delivery import Delivery
from chargehand.persistence.framing import sequence_key
from chargehand.persistence.pipeline import CheckpointProgress, Report, progress_of
from chargehand.persistence.replicated.far import FarTables, FencedError, LostError
from chargehand.persistence.replicated.member import AGAIN_S, Member
from chargehand.persistence.replicated.node import Doubt
from chargehand.persistence.replicated.outage import Outage
from chargehand.persistence.replicated.shard import Batch
from chargehand.persistence.store import DeleteRange, Table
from chargehand.persistence.writer import writing

PAUSE_S_MAX: Final = 5.0
"""Between two attempts at a slice that fails: each takes an epoch."""

_log = logging.getLogger("chargehand")


@final
class ReplicatedWriter:
    """Implements `persistence.writer.Writer`, and `Writing` for its member.

    Args:
        member: active.
        tables: of this writer alone, with a connection of their own.
    """

    def __init__(self, member: Member, tables: FarTables) -> None:
        self._member = member
        self._tables = tables
        self._folds: SimpleQueue[Iterator[Slice] | None] = SimpleQueue()  # None: there is no more
        self._delivery: Delivery | None = None
        self._error: BaseException | None = None
        self._is_over = threading.Event()  # nobody waits for what is folded
        self._outage = Outage(
            "a checkpoint cannot be written to the database",
            "checkpoints are written to the database again",
        )
        self.commits = 0

    # --- on Trio's thread -----------------------------------------------------------------------

    def write(self, frame: bytes) -> None:
        self._member.waiting.add(frame)
        self._member.wake()

    def write_together(self, frames: Sequence[bytes]) -> None:
        self._member.waiting.add_together(frames)
        self._member.wake()

    def fold(self, slices: Iterator[Slice]) -> None:
        self._folds.put(slices)

    def finish(self) -> None:
        self._folds.put(None)

    async def run(self, report: Callable[[Report], None]) -> None:
        delivery = self._delivery = Delivery(report)
        try:
            async with writing(delivery, [self._fold_loop], self._abandon):
                self._member.begin_writing(self)
                await delivery.wait()
        finally:
            await self._member.stop()

    def _abandon(self) -> None:
        self._is_over.set()
        self._folds.put(None)
        self._tables.interrupt()

    # --- as the member calls it -----------------------------------------------------------------

    def ended(self, error: BaseException | None) -> None:
        assert self._delivery is not None, "it runs"
        self._delivery.finish(error or self._error)

    def end_hung(self, seconds: float) -> None:
        self._tables.end_hung(seconds)

    def acknowledged(self, batch: Batch) -> None:
        assert self._delivery is not None, "it runs"
        self.commits += 1
        self._delivery.put(Report(batch.records, CheckpointProgress.NONE).parts())

    # --- on the thread that folds ---------------------------------------------------------------

    def _fold_loop(self) -> None:
        assert self._delivery is not None, "it runs"
        try:
            while not self._delivery.is_abandoned and (slices := self._folds.get()) is not None:
                for part in slices:
                    self._make(part)
                    self._delivery.put([Report(0, progress_of(part))])
                self._delivery.put([Report(0, CheckpointProgress.OVER)])
        except EndedError:
            pass  # the member says why
        except BaseException as error:
            self._error = error
        finally:
            self._tables.close()
            self._member.finish()

    def _make(self, part: Slice) -> None:
        """Make the slice in the database, and then near."""
        assert self._delivery is not None, "it runs"
        if self._delivery.is_abandoned:
            raise EndedError("the journal ended before the checkpoint")
        near = self._member.near
        changes = list(part.changes)
        if part.moves_to is not None:  # who follows trims the log as the database does
            changes.append(DeleteRange(Table.LOG, b"", sequence_key(part.moves_to + 1)))
        number = near.slice
        made_in: int | None = None
        pause_s = AGAIN_S
        was_fenced = False
        while True:
            epoch = self._member.epoch
            try:
                self._tables.fold(epoch, number, changes, part.moves_to)
                made_in = epoch
                break
            except (LostError, FencedError) as error:
                # Once is in order: the epoch was raised since it was looked at.
                if isinstance(error, FencedError) and not was_fenced:
                    was_fenced = True
                    _log.debug("a checkpoint goes on in a later epoch: %s", error)
                else:
                    self._outage.goes_on(str(error))
                if self._member.epoch == epoch:
                    self._member.tell(Doubt())  # which takes an epoch
                self._member.wait_raised(epoch)
            if self._is_made(number):
                break
            self._is_over.wait(pause_s)
            pause_s = min(2 * pause_s, PAUSE_S_MAX)
        self._outage.is_over()
        near.make(number + 1, changes, made_in)
        self.commits += 1

    def _is_made(self, number: int) -> bool:
        """Whether the slice behind `number` happened after all."""
        assert self._delivery is not None, "it runs"
        while not self._delivery.is_abandoned:
            try:
                found = self._tables.slice_number()
            except LostError:
                time.sleep(AGAIN_S)
                continue
            if found not in (number, number + 1):
                raise EndedError(f"the database has {found} slices, and this node made {number}")
            return found == number + 1
        raise EndedError("the journal ended before the checkpoint")
