"""States made from heads: of those that were made last, so many are kept."""

from collections.abc import Callable
from typing import Final, final

from chargehand.actors.task.state import TaskState

KEPT_MAX: Final = 32_768  # some 40 MB


@final
class StateCache:
    """Args: read: the slim state of a task and its head; some 15 µs."""

    def __init__(self, read: Callable[[str, bytes], TaskState]) -> None:
        self._read = read
        self._kept: dict[str, tuple[bytes, TaskState]] = {}  # by task

    def state(self, task_id: str, head: bytes) -> TaskState:
        """The slim state of that head."""
        kept = self._kept.get(task_id)
        if kept is not None and kept[0] is head:
            return kept[1]
        state = self._read(task_id, head)
        self.keep(head, state)
        return state

    def look(self, task_id: str, head: bytes) -> TaskState:
        """The same; it is not kept if it was not yet."""
        kept = self._kept.get(task_id)
        return kept[1] if kept is not None and kept[0] is head else self._read(task_id, head)

    def keep(self, head: bytes, state: TaskState) -> None:
        """The slim state of that head is known."""
        self._kept.pop(state.id, None)
        self._kept[state.id] = (head, state)
        if len(self._kept) > KEPT_MAX:
            del self._kept[next(iter(self._kept))]
