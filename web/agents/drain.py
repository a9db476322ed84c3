"""The drain of a pool: no more claims, and some time for the handlers that are at work."""

import logging
import math
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import final

import trio

_log = logging.getLogger("chargehand.agents")


@final
class Drain:
    """
    Args:
        seconds: how long handlers may go on, where `begin` is not given another time.
        on_begin: called each time that a drain begins, or is cut shorter.

    Attributes:
        has_begun: nothing more is to be claimed.
        deadline_s: when handlers must have ended, in Trio's time; infinite before a drain.
    """

    def __init__(self, seconds: float, on_begin: Callable[[], None]) -> None:
        self._seconds = seconds
        self._on_begin = on_begin
        self._patience = trio.CancelScope()  # with handlers; ends at the deadline
        self._canceled_by_it: set[trio.CancelScope] = set()
        self.has_begun = False
        self.deadline_s = math.inf

    def begin(self, seconds: float | None = None) -> None:
        """May be called again; the earlier deadline holds."""
        at_s = trio.current_time() + (self._seconds if seconds is None else seconds)
        self.has_begun = True
        self.deadline_s = min(self.deadline_s, at_s)
        self._patience.deadline = self.deadline_s
        for scope in self._canceled_by_it:
            scope.cancel()
        self._on_begin()

    @contextmanager
    def cancels(self) -> Iterator[None]:
        """What is within is canceled by a drain."""
        with trio.CancelScope() as scope:
            self._canceled_by_it.add(scope)
            if self.has_begun:
                scope.cancel()
            try:
                yield
            finally:
                self._canceled_by_it.discard(scope)

    async def wait_deadline(self) -> None:
        """Return when handlers must have ended. For one task."""
        with self._patience:
            await trio.sleep_forever()

    async def begin_on_signals(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """SIGTERM and SIGINT begin it, and a second one leaves handlers no more time. Runs until
        canceled, in the main thread only."""
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            task_status.started()
            async for caught in signals:
                _log.info("%s: draining", signal.Signals(caught).name)
                self.begin(0 if self.has_begun else None)
