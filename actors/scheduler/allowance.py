"""How many runs a session may have at a time: those it holds, and those on their way to it."""

from typing import final

from actors.clock import Clock
from actors.scheduler.board import Board


@final
class Allowance:
    """Args: most: runs that one session may hold at a time, attached ones counted."""

    def __init__(self, board: Board, clock: Clock, most: int) -> None:
        self._board = board
        self._clock = clock
        self._most = most
        self._reserved: dict[str, int] = {}  # by session; never 0

    def has_room(self, session_id: str) -> bool:
        held = self._board.held_by(session_id, self._clock.steady_ns())
        return held + self._reserved.get(session_id, 0) < self._most

    def reserve(self, session_id: str) -> None:
        """Take a place for a run on its way; whoever takes one gives it back."""
        self._reserved[session_id] = self._reserved.get(session_id, 0) + 1

    def give_back(self, session_id: str) -> None:
        """The run has arrived, and the board counts it now; or it never will."""
        left = self._reserved[session_id] - 1
        if left:
            self._reserved[session_id] = left
        else:
            del self._reserved[session_id]

    def has_reserved(self, session_id: str) -> bool:
        return session_id in self._reserved
