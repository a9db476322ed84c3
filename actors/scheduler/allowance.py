"""How many runs a session may have at a time: those it holds, and those on their way to it."""

from collections.abc import Callable
from typing import final

from chargehand.actors.scheduler.board import Board

Turn = Callable[[], None]


@final
class Allowance:
    """Args:
    most: runs that one session may hold at a time, attached ones counted.
    later: has something run as a later message of the scheduler's.
    """

    def __init__(self, board: Board, most: int, later: Callable[[Turn], None]) -> None:
        self._board = board
        self.most = most
        self._later = later
        self._reserved: dict[str, int] = {}  # by session; never 0
        self._waiting: dict[str, list[Turn]] = {}  # by session, which has something reserved

    def has_room(self, session_id: str) -> bool:
        held = self._board.held_by(session_id)
        return held + self._reserved.get(session_id, 0) < self.most

    def reserve(self, session_id: str) -> None:
        """Take a place for a run on its way; whoever takes one gives it back."""
        self._reserved[session_id] = self._reserved.get(session_id, 0) + 1

    def give_back(self, session_id: str) -> None:
        """The run has arrived, and the board counts it before the next message; or it never
        will."""
        left = self._reserved[session_id] - 1
        if left:
            self._reserved[session_id] = left
        else:
            del self._reserved[session_id]
        for turn in self._waiting.pop(session_id, ()):
            self._later(turn)

    def has_reserved(self, session_id: str) -> bool:
        return session_id in self._reserved

    def when_given_back(self, session_id: str, turn: Turn) -> None:
        """Have `turn` run once the next of the session's reserved places is given back."""
        assert session_id in self._reserved, "nothing is on its way to the session"
        self._waiting.setdefault(session_id, []).append(turn)
