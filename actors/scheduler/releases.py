"""Runs of ended sessions on their way back into the queue, and who waits for that."""

from collections.abc import Callable, Iterator
from typing import final

from chargehand.actors.actor import Envelope
from chargehand.actors.identity import SESSION_REGISTRY
from chargehand.actors.mailbox import Reply
from chargehand.actors.scheduler.board import Board
from chargehand.actors.scheduler.outcome import Outcome
from chargehand.actors.task.commands import ReleaseOfEndedSession


@final
class Releases:
    """Which sessions still have runs on their way back.

    Args:
        send: puts a message into a task's mailbox past its bound.
        later: has something run as a later message of the scheduler's.
    """

    def __init__(
        self,
        board: Board,
        send: Callable[[str, Envelope], None],
        later: Callable[[Callable[[], None]], None],
    ) -> None:
        self._board = board
        self._send = send
        self._later = later
        self._under_way: dict[str, int] = {}  # by session; never 0
        self._waiting: dict[str, list[Reply[None]]] = {}

    def release(self, task_id: str, run_id: str, session_id: str) -> None:
        """Give back a run that an ended session holds."""

        # Behind the task's record in the mailbox: whoever waits finds the run in the queue.
        # Where it crashed as often as is tried at once, nobody waits for its next time.
        def ended(_: Exception | None = None) -> None:
            self._later(lambda: self._end(session_id))

        self._begin(session_id)
        command = ReleaseOfEndedSession(run_id, session_id, "session_ended")
        reply = Outcome(ended, ended)
        self._send(task_id, Envelope(command, SESSION_REGISTRY, reply, insists=True))

    def release_all(self, session_id: str) -> Iterator[None]:
        """Give back all that the session holds, a run with each step. Whoever waits for that from
        the first step on waits for the last."""
        self._begin(session_id)
        for task_id, run_id in self._board.runs_of(session_id):
            self.release(task_id, run_id, session_id)
            yield
        self._end(session_id)

    def _begin(self, session_id: str) -> None:
        self._under_way[session_id] = self._under_way.get(session_id, 0) + 1

    def _end(self, session_id: str) -> None:
        left = self._under_way[session_id] - 1
        if left:
            self._under_way[session_id] = left
            return
        del self._under_way[session_id]
        for reply in self._waiting.pop(session_id, ()):
            reply.settle(None)

    def wait_for(self, session_id: str, reply: Reply[None]) -> None:
        """Settle `reply` when nothing of the session is on its way any more."""
        if session_id in self._under_way:
            self._waiting.setdefault(session_id, []).append(reply)
        else:
            reply.settle(None)

    def fail_all(self, error: Exception) -> None:
        """Answer everyone who waits: nothing is written any more."""
        waiting, self._waiting = self._waiting, {}
        for replies in waiting.values():
            for reply in replies:
                reply.fail(error)
