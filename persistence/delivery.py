"""Hands what writer threads report over to Trio's thread: in order, one report in a turn."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import final

import trio

from chargehand.persistence.pipeline import Report


@final
class Delivery:
    """Made and waited for on Trio's thread. `put` and `finish` are called on any other.

    Args:
        report: called with each report.
    """

    def __init__(self, report: Callable[[Report], None]) -> None:
        self.is_abandoned = False  # nobody hears what is reported from now on
        self._report = report
        self._token = trio.lowlevel.current_trio_token()
        self._reports: deque[Report] = deque()
        self._ended = trio.Event()
        self._error: BaseException | None = None

    def put(self, reports: Iterable[Report]) -> None:
        self._reports.extend(reports)
        self._token.run_sync_soon(self._deliver)

    def finish(self, error: BaseException | None) -> None:
        """No more reports come. Args: error: why, if that was no part of the plan."""
        self._token.run_sync_soon(self._finish, error)

    async def wait(self) -> None:
        """Return once all is delivered. Raises what `finish` was given, or what a report raised."""
        await self._ended.wait()
        if self._error is not None:
            raise self._error

    def _deliver(self) -> None:
        """The first report; the next one after a checkpoint of Trio."""
        if not self._reports:
            return
        done = self._reports.popleft()
        if self._reports:
            self._token.run_sync_soon(self._deliver, idempotent=True)
        # Trio takes whatever is raised here for a fault of its own.
        if self._error is None and not self.is_abandoned:
            try:
                self._report(done)
            except BaseException as error:
                self._end(error)

    def _finish(self, error: BaseException | None) -> None:
        """End once all reports are delivered."""
        if self._reports:
            self._token.run_sync_soon(self._finish, error)
        else:
            self._end(error)

    def _end(self, error: BaseException | None) -> None:
        if self._error is None:
            self._error = error
        self._ended.set()
