"""What a record of one task means for others.

No record has more than about `FAN_OUT_MAX` effects. What is for a whole tree goes from level to
level: a task has effects on its children, and the record of each child on those below it. What is
for very many dependents goes to the first of them and to the blocker itself, whose next record goes
on.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import final

from chargehand.actors.graph.nodes import Nodes
from chargehand.actors.limits import FAN_OUT_MAX
from chargehand.actors.ordered import Ordered
from chargehand.actors.record import Record
from chargehand.actors.task import effects as f
from chargehand.actors.task import events as e
from chargehand.actors.task.head import AUTO_ENQUEUE, DONE, OPEN, PAUSED
from chargehand.actors.task.state import TaskState

# Most events of the hot path mean nothing here: looked at by class before they are matched.
_WITH_EFFECTS = frozenset(
    (
        e.CancelPassedOn,
        e.DependentsPassedOn,
        e.ResumePassedOn,
        e.TaskCanceled,
        e.TaskCreated,
        e.TaskDeleted,
        e.TaskResumed,
        e.TreeCancelRepeated,
    )
)
# By these a task is done; `run_id` is the run by which it is.
_DOING = (e.RunCompleted, e.ReviewApproved)

_ToDependents = f.BlockerCompleted | f.BlockerReopened | f.BlockerDeleted
_TreeCancel = e.TaskCanceled | e.TreeCancelRepeated | e.CancelPassedOn


@final
class Effects:
    """Reads the nodes, and changes nothing."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes

    def of(self, record: Record, state: TaskState) -> tuple[f.Effect, ...]:
        """What a record that is not applied yet means for other tasks. Changes nothing.

        Args:
            state: the task after it.
        """
        task_id = record.address
        found: list[f.Effect] = []
        node = self._nodes.by_id.get(task_id)
        if node is not None and not state.deleted and bool(node.standing & DONE) != state.is_done:
            found += self._done_changes(task_id, record, state)
        for event in record.events:
            if type(event) not in _WITH_EFFECTS:
                continue
            match event:
                case e.TaskCreated(parent_task_id=str(parent_id)):
                    command = f.ChildAdded(task_id, event.scope, event.workspace_id)
                    found.append(f.Effect(parent_id, command))
                case e.DependentsPassedOn(after=after):
                    became = self._what_became_of(task_id, event)
                    if became is not None:
                        found += self._tell_dependents(task_id, became, after)
                case e.TaskResumed():
                    if self._paused_above(task_id) is None:
                        found += self._resumes(task_id, task_id)
                case e.ResumePassedOn(ancestor_id=ancestor_id):
                    if self._nodes.nearest(task_id, PAUSED) is None:
                        found += self._resumes(task_id, ancestor_id)
                case e.TaskCanceled(propagated_from_task_id=root_id):
                    found += self._cancels(task_id, root_id or task_id, event)
                case e.TreeCancelRepeated():
                    found += self._cancels(task_id, task_id, event)
                case e.CancelPassedOn(root_task_id=root_id):
                    found += self._cancels(task_id, root_id, event)
                case e.TaskDeleted():
                    lost = f.BlockerDeleted(task_id, undone=not self._nodes.stands(task_id, DONE))
                    found += self._tell_dependents(task_id, lost)
                case _:
                    pass
        return tuple(found)

    def _done_changes(self, task_id: str, record: Record, state: TaskState) -> Iterator[f.Effect]:
        """The task is done by this record, or is done no more. The cause of the former is the run
        that this record completes or approves."""
        command: f.BlockerCompleted | f.BlockerReopened = f.BlockerReopened(task_id)
        if state.is_done:
            runs = (event.run_id for event in record.events if isinstance(event, _DOING))
            command = f.BlockerCompleted(task_id, next(runs, f"evt-{record.id}"))
        yield from self._tell_dependents(task_id, command)

    def _what_became_of(self, blocker: str, event: e.DependentsPassedOn) -> _ToDependents | None:
        """None if it has become something else since: the record of that has its own effects."""
        if event.undone is not None:
            return f.BlockerDeleted(blocker, event.undone)
        is_done = self._nodes.stands(blocker, DONE)
        if blocker not in self._nodes.by_id or is_done != bool(event.run_id):
            return None
        return f.BlockerCompleted(blocker, event.run_id) if is_done else f.BlockerReopened(blocker)

    def _tell_dependents(
        self, blocker: str, command: _ToDependents, after: str = ""
    ) -> Iterator[f.Effect]:
        """In the order of their ids where it takes several records, so that the next one goes on
        behind `after`, whatever edges come and go meanwhile."""
        dependents = self._nodes.dependents(blocker)
        reached: Iterable[str] = dependents
        if after or len(dependents) > FAN_OUT_MAX:
            in_order = self._nodes.in_order.get(blocker) or Ordered(dependents)
            reached = list(islice(in_order.behind(after), FAN_OUT_MAX + 1))
            if len(reached) > FAN_OUT_MAX:
                reached.pop()
                yield f.Effect(blocker, _to_the_rest(command, reached[-1]))
        for dependent in reached:
            yield f.Effect(dependent, command)

    def _paused_above(self, task_id: str) -> str | None:
        node = self._nodes.by_id.get(task_id)
        if node is None or node.parent_id is None:
            return None
        return self._nodes.nearest(node.parent_id, PAUSED)

    def _resumes(self, task_id: str, ancestor_id: str) -> Iterator[f.Effect]:
        """Only for those children that may have waited for it, or that lead to such, and that
        are not paused themselves."""
        for child in self._nodes.by_id[task_id].children:
            node = self._nodes.by_id[child]
            enqueues = node.standing & AUTO_ENQUEUE or node.auto_enqueue_below
            if enqueues and not node.standing & PAUSED:
                yield f.Effect(child, f.AncestorResumed(ancestor_id))

    def _cancels(self, task_id: str, root_id: str, event: _TreeCancel) -> Iterator[f.Effect]:
        """The children that are open, or that lead to open ones."""
        command = f.CancelPropagated(root_id, event.reason, event.metadata)
        for child in self._nodes.by_id[task_id].children:
            node = self._nodes.by_id[child]
            if node.standing & OPEN or node.open_below:
                yield f.Effect(child, command)


def _to_the_rest(command: _ToDependents, after: str) -> f.DependentsLeft:
    match command:
        case f.BlockerCompleted(run_id=run_id):
            return f.DependentsLeft(after, run_id)
        case f.BlockerDeleted(undone=undone):
            return f.DependentsLeft(after, undone=undone)
        case f.BlockerReopened():
            return f.DependentsLeft(after)
