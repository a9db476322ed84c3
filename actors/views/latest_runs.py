"""Latest runs that have ended, of tasks that are held slim: as many as an inbox may show again."""

from collections.abc import Callable
from typing import Final, final

from chargehand.actors.task.state import Run, TaskState

KEPT_MAX: Final = 4096  # some 4 MB


@final
class LatestRuns:
    """Args: read: the whole task; some 20 µs."""

    def __init__(self, read: Callable[[str], TaskState]) -> None:
        self._read = read
        self._kept: dict[str, tuple[int, Run]] = {}  # by task, as of a number

    def of(self, task: TaskState) -> Run:
        """The latest run of a slim task that has had one."""
        as_of, run = self._kept.get(task.id, (None, None))
        if run is None or as_of != task.last_seq:
            run = self._read(task.id).runs[-1]
            self._kept.pop(task.id, None)
            self._kept[task.id] = (task.last_seq, run)
            if len(self._kept) > KEPT_MAX:
                del self._kept[next(iter(self._kept))]
        return run
