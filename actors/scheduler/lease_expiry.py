"""Leases that have come to their end, as far as is on disk: a renewal may be on its way there. So
their tasks decide, and whoever needs to know waits for that."""

from collections.abc import Callable
from typing import final

from chargehand.actors import limits
from chargehand.actors.actor import Envelope
from chargehand.actors.clock import Clock
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.identity import SCHEDULER
from chargehand.actors.scheduler.board import Board
from chargehand.actors.scheduler.outcome import Outcome
from chargehand.actors.task.commands import ExpireLease

Turn = Callable[[], None]
Fail = Callable[[Exception], None]


@final
class LeaseExpiry:
    """Args:
    send: puts a message into a task's mailbox past its bound.
    later: has something run as a later message of the scheduler's.
    """

    def __init__(
        self,
        board: Board,
        clock: Clock,
        send: Callable[[str, Envelope], None],
        later: Callable[[Turn], None],
    ) -> None:
        self._board = board
        self._clock = clock
        self._send = send
        self._later = later

    def send_due(self) -> None:
        """Have leases that are due expire: no more than `WOKEN_MAX` of them."""
        for due in self._board.leases.pop_due(self._clock.steady_ns(), limits.WOKEN_MAX):
            self.expire(*due)

    def expire(self, task_id: str, run_id: str, outcome: Outcome | None = None) -> None:
        self._send(task_id, Envelope(ExpireLease(run_id), SCHEDULER, outcome))

    def decide(self, task_id: str, run_id: str, then: Turn, failed: Fail) -> None:
        """Have a lease expire, or stay where it was renewed, and run `then` when the board has
        that."""

        def undecided(error: Exception) -> None:
            if isinstance(error, Rejected) and error.code is Code.TASK_SET_ASIDE:
                self._later(then)  # it has left the board
            else:
                self._later(lambda: failed(error))

        self.expire(task_id, run_id, Outcome(lambda: self._later(then), undecided))

    def makes_room(self, session_id: str, then: Turn, failed: Fail) -> bool:
        """Whether a lease of the session may be over; then `decide` that."""
        lapsed = self._board.lapsed_lease(session_id, self._clock.steady_ns())
        if lapsed is not None:
            self.decide(*lapsed, then, failed)
        return lapsed is not None
