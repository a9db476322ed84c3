"""Parents, dependency edges, pauses, and which tasks are completed, canceled or open: the rules
that span several tasks.

The one owner of these facts. What a record means for others is asked first (`effects`), as it is
written with the record; the facts (`nodes`) change as soon as the journal has taken it, before
anything else is decided, so that two racing requests never both pass a rule. A record that cannot
be written changes nothing, and a failed commit ends the process, so nothing has to be taken back;
but for the tasks of a batch that is made whole or not at all, within one turn (`take_back`).
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import final

from chargehand.actors.errors import Code, Rejected
from chargehand.actors.graph.effects import Effects
from chargehand.actors.graph.nodes import Nodes
from chargehand.actors.limits import EDGES_LOOKED_AT_MAX
from chargehand.actors.record import Record
from chargehand.actors.task import events as e
from chargehand.actors.task.decide.context import Parent
from chargehand.actors.task.effects import Effect
from chargehand.actors.task.head import CANCELED, COMPLETED, DONE, PAUSED, standing_of
from chargehand.actors.task.state import Scope, TaskState

# Most events of the hot path mean nothing here: looked at by class before they are matched.
_WITH_CHANGES = frozenset((e.DependencyAdded, e.DependencyRemoved, e.TaskCreated, e.TaskDeleted))


@final
class Graph:
    """All tasks that are not deleted, and how they hang together."""

    def __init__(self) -> None:
        self.tasks = Nodes()  # to be changed by a start alone, otherwise by `apply`
        self._nodes = self.tasks.by_id
        self._effects = Effects(self.tasks)

    @property
    def paused_count(self) -> int:
        """Tasks with a pause of their own."""
        return self.tasks.paused_count

    def exists(self, task_id: str) -> bool:
        return task_id in self._nodes

    def is_done(self, task_id: str) -> bool:
        return self.tasks.stands(task_id, DONE)

    def is_completed(self, task_id: str) -> bool:
        return self.tasks.stands(task_id, COMPLETED)

    def canceled_by(self, task_id: str) -> str | None:
        """The nearest canceled task on the way up, itself first."""
        return self.tasks.nearest(task_id, CANCELED)

    def open_below(self, task_id: str) -> int:
        """How many of its descendants have not ended."""
        node = self._nodes.get(task_id)
        return 0 if node is None else node.open_below

    def child_count(self, task_id: str) -> int:
        node = self._nodes.get(task_id)
        return 0 if node is None else len(node.children)

    def children(self, task_id: str) -> list[str]:
        node = self._nodes.get(task_id)
        return [] if node is None else list(node.children)

    def dependents(self, task_id: str) -> list[str]:
        """The tasks that depend on it, ended or not."""
        return list(self.tasks.dependents(task_id))

    def parent_id(self, task_id: str) -> str | None:
        node = self._nodes.get(task_id)
        return None if node is None else node.parent_id

    def parent(self, task_id: str) -> Parent | None:
        """The task as a parent of a new child; None if there is no such task."""
        node = self._nodes.get(task_id)
        if node is None:
            return None
        depth = 1 + sum(1 for _ in self.ancestors(task_id))
        scope = Scope.GLOBAL if node.workspace_id is None else Scope.WORKSPACE
        return Parent(scope, node.workspace_id, depth, len(node.children))

    def ancestors(self, task_id: str) -> Iterator[str]:
        """From the parent up to the root."""
        return self.tasks.ancestors(task_id)

    def descendants(self, task_id: str) -> Iterator[tuple[str, int]]:
        """Everything below, breadth first, with its depth below `task_id` (1 for children)."""
        waiting = deque((child, 1) for child in self.children(task_id))
        while waiting:
            found, depth = waiting.popleft()
            yield found, depth
            waiting.extend((child, depth + 1) for child in self.children(found))

    def paused_by(self, task_id: str) -> str | None:
        """The nearest paused task on the way up, itself first."""
        return self.tasks.nearest(task_id, PAUSED)

    def reaches(self, start: str, goal: str) -> bool:
        """Whether `start` depends on `goal`, directly or through others.

        Searched from both ends in turn, as there are mostly few tasks at one of them: a task
        without dependents is reached by none, however many `start` depends on.

        Raises:
            Rejected: GRAPH_LIMIT; there are too many edges at both ends to tell.
        """
        behind, before = {start}, {goal}
        upwards = _walk(behind, start, self.tasks.blockers)
        downwards = _walk(before, goal, self.tasks.dependents)
        for _ in range(EDGES_LOOKED_AT_MAX // 2):
            for walk, others in ((upwards, before), (downwards, behind)):
                found = next(walk, None)
                if found is None:
                    return False
                if found in others:
                    return True
        raise Rejected(
            Code.GRAPH_LIMIT,
            f"too many tasks depend on {goal}, and {start} depends on too many others, directly or "
            "not, to tell whether this dependency would close a cycle",
            "remove dependencies on completed tasks, which hold nothing up, and try again",
            evidence={"task_id": goal, "depends_on_task_id": start, "limit": EDGES_LOOKED_AT_MAX},
        )

    def effects_of(self, record: Record, state: TaskState) -> tuple[Effect, ...]:
        """What a record that is not applied yet means for other tasks. Changes nothing.

        Args:
            state: the task after it.
        """
        return self._effects.of(record, state)

    def apply(self, record: Record, state: TaskState) -> None:
        """Take in a task's record, once the journal has taken it.

        Args:
            state: the task after it.
        """
        task_id, tasks = record.address, self.tasks
        for event in record.events:
            if type(event) not in _WITH_CHANGES:
                continue
            match event:
                case e.TaskCreated():
                    tasks.create(task_id, event.workspace_id, event.parent_task_id)
                case e.DependencyAdded(depends_on_task_id=blocker):
                    tasks.add_blocker(task_id, blocker)
                case e.DependencyRemoved(depends_on_task_id=blocker):
                    tasks.remove_blocker(task_id, blocker)
                case e.TaskDeleted():
                    tasks.delete(task_id)
                case _:
                    pass
        if not state.deleted:
            tasks.stand(task_id, standing_of(state))

    def take_back(self, task_ids: Iterable[str]) -> None:
        """Tasks that were made in this turn are not: their records will not be written.

        Args:
            task_ids: the last one first, so that nothing hangs on it.
        """
        for task_id in task_ids:
            if self.exists(task_id):
                self.tasks.delete(task_id)


def _walk(seen: set[str], start: str, neighbours: Callable[[str], Iterable[str]]) -> Iterator[str]:
    """The far end of every edge reachable from `start`; these are added to `seen`."""
    waiting = [start]
    while waiting:
        for found in neighbours(waiting.pop()):
            if found not in seen:
                seen.add(found)
                waiting.append(found)
            yield found
