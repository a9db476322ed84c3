"""Rows of lists. Lists are read again and again, and most of what they show has not changed: so
rows are kept, each with the state that it shows."""

from collections.abc import Callable
from typing import Final, final

from chargehand.actors.task.state import TaskState
from chargehand.web.shapes.encoding import Encoded, Shape

KEPT_MAX: Final = 8192  # of a kind; some 2 KB each


@final
class KeptRows:
    """One kind of rows, of all systems in this process: a state is of one of them alone, and the
    same object says the same for ever."""

    def __init__(self) -> None:
        self._kept: dict[object, tuple[TaskState, object, Encoded]] = {}

    def row(
        self, key: object, task: TaskState, besides: object, make: Callable[[], Shape]
    ) -> Encoded:
        """The row of a task.

        Args:
            key: by which one row at a time is kept.
            besides: what the row shows that is no part of the task.
            make: makes the row, of these two alone.
        """
        kept = self._kept.get(key)
        if kept is not None and kept[0] is task and kept[1] == besides:
            return kept[2]
        row = Encoded(make())
        self._kept.pop(key, None)
        self._kept[key] = (task, besides, row)
        if len(self._kept) > KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        return row


def stands_alone(task: TaskState) -> bool:
    """Whether a row shows nothing of other tasks' states, and of no lease: its end is shown by the
    wall as it is now."""
    run = task.open_run
    return not task.dependencies and (run is None or not run.status.is_active)
