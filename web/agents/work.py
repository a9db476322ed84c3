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


LAST_S: Final = 5.0  # to tell how a run ended, or give it back, when there is no more time


@final
class Work:
    """Attributes:
    scope: around the handler; canceled when the work is to stop.
    telling: around telling the scheduler how it ended.
    is_ending: the handler is done, and that is being told.
    is_lost: the run was taken from us, so that there is nothing to tell.
    outcome: as far as it is known.
    """

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.scope = trio.CancelScope()
        self.telling = trio.CancelScope()
        self.is_ending = False
        self.is_lost = False
        self.outcome = Outcome.LOST

    def tell_by(self, at_s: float) -> None:
        """What is to be told after that time, in Trio's, is told soon, or not at all."""
        self.telling.deadline = min(self.telling.deadline, at_s + LAST_S)

    def stop(self, why: str) -> None:
        """Have the handler stop, if it is still at work, and say why: a thread has to look."""
        if not self.is_ending:
            self.claim.lost = self.claim.lost or why
            self.scope.cancel()

    def lose(self, why: str) -> None:
        """The run is not ours any more: have the handler stop."""
        if not self.is_ending:
            self.is_lost = True
            self.stop(why)
