"""Runs of ended sessions on their way back into the queue, and who waits for that."""

from collections.abc import Callable
from typing import final

from actors.answers import Answer
from actors.mailbox import Reply


@final
class Releases:
    """Which sessions still have runs on their way back."""

    def __init__(self) -> None:
        self._under_way: dict[str, int] = {}  # by session; never 0
        self._waiting: dict[str, list[Reply[None]]] = {}

    def begin(self, session_id: str) -> None:
        self._under_way[session_id] = self._under_way.get(session_id, 0) + 1

    def end(self, session_id: str) -> None:
        """One is on disk, or has failed and is tried again at the next start."""
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


@final
class ReleaseReply:
    """Where a task says that it has released a run. Args: ended: called once, however it ended."""

    abandoned = False

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended

    def settle(self, value: Answer) -> None:
        self._ended()

    def fail(self, error: Exception) -> None:
        self._ended()
