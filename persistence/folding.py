"""The checkpoint that is under way: begun on Trio's thread, written by the writer in slices, and
forgotten by the tail once the tables hold it."""

from collections.abc import Sequence
from typing import final

import trio

from chargehand.actors.frozen import frozen
from chargehand.actors.ports import Forgetting, Forgotten
from chargehand.actors.record import OutstandingEffect
from chargehand.persistence.checkpoint import Fold, slices
from chargehand.persistence.pipeline import CheckpointProgress
from chargehand.persistence.store import Store
from chargehand.persistence.sweep import Sweep
from chargehand.persistence.tail import Tail, Unfolded
from chargehand.persistence.writer import Writer


@final
@frozen
class _Checkpoint:
    """A checkpoint up to number `seq`."""

    seq: int
    folded: Unfolded
    over: trio.Event


@final
class Folding:
    """Does one checkpoint at a time."""

    def __init__(self, store: Store, tail: Tail, writer: Writer) -> None:
        self.checkpoints = 0
        self._store = store
        self._tail = tail
        self._writer = writer
        self._sweep = Sweep()
        self._under_way: _Checkpoint | None = None

    async def fold(self, outstanding: Sequence[OutstandingEffect], forgetting: Forgetting) -> bool:
        """Fold all that is on disk now; or wait for what is under way, and fold nothing more.

        Not to be cancelled once begun. The writer must be running.

        Returns:
            False if the writer ended before what was begun here was over.
        """
        with trio.CancelScope(shield=True):
            if self._under_way is not None:
                await self._under_way.over.wait()
            elif self._tail.durable_seq > self._tail.checkpoint_seq:
                return await self._finish(self._begin(outstanding, forgetting))
        return True

    @property
    def forgotten(self) -> Forgotten:
        return self._sweep.forgotten

    def report(self, progress: CheckpointProgress) -> None:
        """A commit is on disk that did this."""
        if self._under_way is None:
            return
        if progress is CheckpointProgress.MOVED:
            self._tail.move(self._under_way.seq, self._under_way.folded)
        elif progress is CheckpointProgress.OVER:
            self._under_way.over.set()

    def end(self) -> None:
        """Nothing will be written any more."""
        if self._under_way is not None:
            self._under_way.over.set()

    def _begin(
        self, outstanding: Sequence[OutstandingEffect], forgetting: Forgetting
    ) -> _Checkpoint:
        seq, folded = self._tail.durable_seq, self._tail.take()
        self._under_way = _Checkpoint(seq, folded, trio.Event())
        fold = Fold(
            seq=seq,
            states=folded.states,
            rows=folded.rows,
            frames=lambda address: self._tail.frames_to(address, seq),
            outstanding=tuple(outstanding),
            sweep=self._sweep,
            forgetting=forgetting,
            aside=folded.aside,
        )
        self._writer.fold(slices(fold, self._store))
        return self._under_way

    async def _finish(self, begun: _Checkpoint) -> bool:
        await begun.over.wait()
        if self._tail.checkpoint_seq != begun.seq:
            return False
        for _ in self._tail.drop(begun.folded):
            await trio.lowlevel.checkpoint()
        self.checkpoints += 1
        self._under_way = None
        return True
