"""How the scheduler learns what came of a command of its own."""

from collections.abc import Callable
from typing import final

from chargehand.actors.answers import Answer


@final
class Outcome:
    """The reply of such a command. One of the two is called, once.

    Args:
        decided: the task has decided, and everything that this rests on is on disk.
        failed: called with why it has not.
    """

    abandoned = False

    def __init__(self, decided: Callable[[], None], failed: Callable[[Exception], None]) -> None:
        self._decided = decided
        self._failed = failed

    def settle(self, value: Answer) -> None:
        self._decided()

    def fail(self, error: Exception) -> None:
        self._failed(error)
