"""Who runs the pipeline: a thread of its own, or a task on Trio's thread.

No timer gathers records: while one commit runs, the next batch gathers by itself.
"""

import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from queue import SimpleQueue
from typing import Final, Protocol, final

import trio

from chargehand.persistence.checkpoint import Slice
from chargehand.persistence.delivery import Delivery
from chargehand.persistence.epoch import Fence
from chargehand.persistence.pipeline import Pipeline, Report

SWITCH_INTERVAL_S: Final = 0.001


class Writer(Protocol):
    """Called on Trio's thread only."""

    @property
    def commits(self) -> int:
        """How many there were."""

    def write(self, frame: bytes) -> None:
        """Take a frame; before `run` it waits. Never blocks."""

    def write_together(self, frames: Sequence[bytes]) -> None:
        """The same for frames that are of one commit."""

    def fold(self, slices: Iterator[Slice]) -> None:
        """Take a checkpoint; the one before must be over."""

    def finish(self) -> None:
        """Let `run` end once nothing waits."""

    async def run(self, report: Callable[[Report], None]) -> None:
        """Write until finished. `report` is called with each commit, in order.

        Cancelled, it ends after the commit that is under way, and `report` hears nothing more.

        Raises:
            StorageError: a commit failed; nothing is written after that.
            Exception: whatever `report` raised.
        """


@final
class ThreadWriter:
    """Implements `Writer` with one thread, so that a slow disk holds nobody up.

    LMDB gives the interpreter's lock up around each call and must get it back. With a Trio thread
    that never stops computing that takes the switch interval each time: a commit took 5.6 ms at
    Python's default of 5 ms, 0.6 ms at 0.1 ms. A shorter interval also takes the lock away from
    the Trio thread more often: under real load 1 ms was the best (see docs/adr/0003).
    """

    def __init__(self, fence: Fence) -> None:
        self._pipeline = Pipeline(fence)
        # Tokens that wake the thread. Made in C: a condition variable took 20 µs for each wake.
        self._wakes: SimpleQueue[None] = SimpleQueue()
        self._idle = False
        self._finishing = False
        self._delivery: Delivery | None = None

    @property
    def commits(self) -> int:
        return self._pipeline.commits

    def write(self, frame: bytes) -> None:
        self._pipeline.write(frame)
        self._wake()

    def write_together(self, frames: Sequence[bytes]) -> None:
        self._pipeline.write_together(frames)
        self._wake()

    def fold(self, slices: Iterator[Slice]) -> None:
        self._pipeline.fold(slices)
        self._wake()

    def finish(self) -> None:
        self._finishing = True
        self._wake()

    async def run(self, report: Callable[[Report], None]) -> None:
        delivery = self._delivery = Delivery(report)
        async with writing(delivery, [self._loop], self._wake):
            await delivery.wait()

    def _wake(self) -> None:
        # The thread sets `_idle` before it looks for work a last time, so one of us sees the
        # other. A token too many is one more look.
        if self._idle:
            self._idle = False
            self._wakes.put(None)

    def _loop(self) -> None:
        assert self._delivery is not None, "it runs"
        error: BaseException | None = None
        try:
            while self._has_work():
                self._delivery.put(self._pipeline.step().parts())
        except BaseException as caught:
            error = caught
        self._delivery.finish(error)

    @property
    def _is_abandoned(self) -> bool:
        return self._delivery is not None and self._delivery.is_abandoned

    def _has_work(self) -> bool:
        """Wait for work. False when the thread shall end."""
        while self._has_nothing():
            self._idle = True
            if self._has_nothing():
                self._wakes.get()
            self._idle = False
        return self._pipeline.waits and not self._is_abandoned

    def _has_nothing(self) -> bool:
        return not (self._pipeline.waits or self._finishing or self._is_abandoned)


@asynccontextmanager
async def writing(
    delivery: Delivery, loops: Sequence[Callable[[], None]], abandon: Callable[[], None]
) -> AsyncIterator[None]:
    """Run each loop on a thread of its own while what is inside goes on.

    Args:
        abandon: called once the delivery is abandoned, so that loops that wait see it.
    """
    threads = [threading.Thread(target=loop, name="journal-writer", daemon=True) for loop in loops]
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        delivery.is_abandoned = True
        abandon()
        with trio.CancelScope(shield=True):
            for thread in threads:
                await trio.to_thread.run_sync(thread.join)
        sys.setswitchinterval(interval_s)


@final
class InlineWriter:
    """Implements `Writer` without a thread. A mock clock jumps while a thread works, so tests
    under one need this; commits hold everybody up."""

    def __init__(self, fence: Fence) -> None:
        self._pipeline = Pipeline(fence)
        self._changed = trio.Event()
        self._finishing = False

    @property
    def commits(self) -> int:
        return self._pipeline.commits

    def write(self, frame: bytes) -> None:
        self._pipeline.write(frame)
        self._changed.set()

    def write_together(self, frames: Sequence[bytes]) -> None:
        self._pipeline.write_together(frames)
        self._changed.set()

    def fold(self, slices: Iterator[Slice]) -> None:
        self._pipeline.fold(slices)
        self._changed.set()

    def finish(self) -> None:
        self._finishing = True
        self._changed.set()

    async def run(self, report: Callable[[Report], None]) -> None:
        while True:
            await self._changed.wait()
            self._changed = trio.Event()
            while self._pipeline.waits:
                for part in self._pipeline.step().parts():
                    report(part)
                    await trio.lowlevel.checkpoint()
            if self._finishing:
                return
