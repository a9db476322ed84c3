"""A claim with a handler at work on it."""

from enum import Enum, auto
from typing import Final, final

import trio

from chargehand.web.agents.claims import Claim


class Outcome(Enum):
    """How a run has ended for its pool."""

    COMPLETED = auto()
    FAILED = auto()
    RELEASED = auto()
    LOST = auto()


_LAST_S: Final = 5.0  # to report how a run ended, or give it back, when there is no more time


def last_moments() -> trio.CancelScope:
    """For what must still be sent after a cancellation: 5 s that nothing cancels."""
    return trio.CancelScope(deadline=trio.current_time() + _LAST_S, shield=True)


@final
class Work:
    """Attributes:
    scope: around the handler; canceled when the work is to stop.
    reporting: around the report to the scheduler of how it ended.
    is_ending: the handler has returned, and that is being reported.
    is_lost: the run was taken from us, so that there is nothing to report.
    outcome: as far as it is known.
    """

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.scope = trio.CancelScope()
        self.reporting = trio.CancelScope()
        self.is_ending = False
        self.is_lost = False
        self.outcome = Outcome.LOST

    def report_by(self, at_s: float) -> None:
        """Give up the report a few seconds after that time, in Trio's."""
        self.reporting.deadline = min(self.reporting.deadline, at_s + _LAST_S)

    def stop(self, why: str) -> None:
        """Cancel the handler, if it is still at work, and say why: a thread has to look."""
        if not self.is_ending:
            self.claim.lost = self.claim.lost or why
            self.scope.cancel()

    def lose(self, why: str) -> None:
        """The run is not ours any more: cancel the handler."""
        if not self.is_ending:
            self.is_lost = True
            self.stop(why)
