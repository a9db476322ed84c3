"""One task at a time, as of its last committed record."""

from typing import final

from chargehand.actors.faults import Faults
from chargehand.actors.ports import Journal
from chargehand.actors.task.decide.definition import task_not_found
from chargehand.actors.task.state import TaskState
from chargehand.actors.views.catalog import Catalog


@final
class CommittedTasks:
    """Each method raises Rejected with TASK_SET_ASIDE where the task is."""

    def __init__(self, catalog: Catalog, journal: Journal, faults: Faults) -> None:
        self._catalog = catalog
        self._journal = journal
        self._faults = faults

    def known(self, task_id: str) -> TaskState:
        """The task, slim or whole. Raises Rejected: TASK_NOT_FOUND."""
        self._faults.check(task_id)
        state = self._catalog.get(task_id)
        if state is None:
            raise task_not_found(task_id)
        return state

    def whole(self, task_id: str) -> TaskState | None:
        """The task with all its runs and texts; None where there is none, or not any more."""
        self._faults.check(task_id)
        if not self._catalog.has(task_id):
            return None
        held = self._catalog.whole(task_id)
        return self._stored(task_id) if held is None else held

    def known_whole(self, task_id: str) -> TaskState:
        """The same. Raises Rejected: TASK_NOT_FOUND."""
        state = self.whole(task_id)
        if state is None:
            raise task_not_found(task_id)
        return state

    def even_deleted(self, task_id: str) -> TaskState | None:
        """The whole task, deleted or not; None where there never was one."""
        return self.whole(task_id) or self._stored(task_id)

    def _stored(self, task_id: str) -> TaskState | None:
        with self._faults.reading(task_id):
            stored = self._journal.reads.committed_state(task_id)
        return stored if isinstance(stored, TaskState) else None
