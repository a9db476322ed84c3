"""Parents, dependency edges, pauses, and which tasks are completed, canceled or open: the rules
that span several tasks.

The one owner of these facts. What a record means for others is asked first (`effects_of`), as it
is written with the record; the facts change as soon as the journal has taken it, before anything
else is decided, so that two racing requests never both pass a rule. A record that cannot be written
changes nothing, and a failed commit ends the process, so nothing has to be taken back.

No record has more than about `FAN_OUT_MAX` effects. What is for a whole tree goes from level to
level: a task tells its children, and the record of each child tells those below it. What is for
very many dependents goes to the first of them and to the blocker itself, whose next record goes on.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from typing import final

from attrs import define, field

from chargehand.actors.errors import Code, Rejected
from chargehand.actors.limits import EDGES_LOOKED_AT_MAX, FAN_OUT_MAX
from chargehand.actors.ordered import Ordered
from chargehand.actors.record import Record
from chargehand.actors.task import effects as f
from chargehand.actors.task import events as e
from chargehand.actors.task.decide.context import Parent
from chargehand.actors.task.state import Scope, TaskState, TaskStatus

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
_WITH_CHANGES = frozenset((e.DependencyAdded, e.DependencyRemoved, e.TaskCreated, e.TaskDeleted))

_ToDependents = f.BlockerCompleted | f.BlockerReopened | f.BlockerDeleted
_TreeCancel = e.TaskCanceled | e.TreeCancelRepeated | e.CancelPassedOn


@final
@define(eq=False)
class _Node:
    scope: Scope
    workspace_id: str | None
    parent_id: str | None
    children: dict[str, None] = field(factory=dict)
    blockers: dict[str, None] = field(factory=dict)
    dependents: dict[str, None] = field(factory=dict)
    completed: bool = False
    done: bool = False  # completed, and approved where that was required
    canceled: bool = False  # the task itself, not only its run
    open: bool = False  # has not ended
    open_below: int = 0  # descendants that have not ended
    paused: bool = False
    auto_enqueue: bool = False
    auto_enqueue_below: int = 0  # descendants that enqueue themselves


class Graph:
    """All tasks that are not deleted, and how they hang together."""

    def __init__(self) -> None:
        self._nodes: dict[str, _Node] = {}
        # Those that depend on a deleted task still, as they have not heard of its end.
        self._left_by: dict[str, dict[str, None]] = {}
        # Dependents once more, in the order of their ids, where they outgrew one record.
        self._in_order: dict[str, Ordered[str]] = {}
        self.paused_count = 0  # tasks with a pause of their own

    # --- questions ------------------------------------------------------------------------------

    def exists(self, task_id: str) -> bool:
        return task_id in self._nodes

    def is_done(self, task_id: str) -> bool:
        node = self._nodes.get(task_id)
        return node is not None and node.done

    def is_completed(self, task_id: str) -> bool:
        node = self._nodes.get(task_id)
        return node is not None and node.completed

    def canceled_by(self, task_id: str) -> str | None:
        """The nearest canceled task on the way up, itself first."""
        return self._nearest(task_id, lambda node: node.canceled)

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

    def parent_id(self, task_id: str) -> str | None:
        node = self._nodes.get(task_id)
        return None if node is None else node.parent_id

    def parent(self, task_id: str) -> Parent | None:
        """The task as a parent of a new child; None if there is no such task."""
        node = self._nodes.get(task_id)
        if node is None:
            return None
        depth = 1 + sum(1 for _ in self.ancestors(task_id))
        return Parent(node.scope, node.workspace_id, depth, len(node.children))

    def ancestors(self, task_id: str) -> Iterator[str]:
        """From the parent up to the root."""
        node = self._nodes.get(task_id)
        while node is not None and node.parent_id is not None:
            yield node.parent_id
            node = self._nodes.get(node.parent_id)

    def descendants(self, task_id: str) -> Iterator[tuple[str, int]]:
        """Everything below, breadth first, with its depth below `task_id` (1 for children)."""
        waiting = deque((child, 1) for child in self.children(task_id))
        while waiting:
            found, depth = waiting.popleft()
            yield found, depth
            waiting.extend((child, depth + 1) for child in self.children(found))

    def paused_by(self, task_id: str) -> str | None:
        """The nearest paused task on the way up, itself first."""
        return self._nearest(task_id, lambda node: node.paused)

    def _nearest(self, task_id: str, is_so: Callable[[_Node], bool]) -> str | None:
        node = self._nodes.get(task_id)
        while node is not None:
            if is_so(node):
                return task_id
            if node.parent_id is None:
                return None
            task_id = node.parent_id
            node = self._nodes.get(task_id)
        return None

    def reaches(self, start: str, goal: str) -> bool:
        """Whether `start` depends on `goal`, directly or through others.

        Searched from both ends in turn, as there are mostly few tasks at one of them: a task
        without dependents is reached by none, however many `start` depends on.

        Raises:
            Rejected: GRAPH_LIMIT; there are too many edges at both ends to tell.
        """
        behind, before = {start}, {goal}
        upwards = _walk(behind, start, self._blockers)
        downwards = _walk(before, goal, self._dependents)
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

    def effects_of(self, record: Record, state: TaskState) -> tuple[f.Effect, ...]:
        """What a record that is not applied yet means for other tasks. Changes nothing.

        Args:
            state: the task after it.
        """
        task_id = record.address
        found: list[f.Effect] = []
        node = self._nodes.get(task_id)
        if node is not None and node.done is not state.is_done and not state.deleted:
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
                    if self.paused_by(task_id) is None:
                        found += self._resumes(task_id, ancestor_id)
                case e.TaskCanceled(propagated_from_task_id=root_id):
                    found += self._cancels(task_id, root_id or task_id, event)
                case e.TreeCancelRepeated():
                    found += self._cancels(task_id, task_id, event)
                case e.CancelPassedOn(root_task_id=root_id):
                    found += self._cancels(task_id, root_id, event)
                case e.TaskDeleted():
                    lost = f.BlockerDeleted(task_id, undone=not self._nodes[task_id].done)
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
        node = self._nodes.get(blocker)
        if node is None or node.done != bool(event.run_id):
            return None
        return (
            f.BlockerCompleted(blocker, event.run_id) if node.done else f.BlockerReopened(blocker)
        )

    def _tell_dependents(
        self, blocker: str, command: _ToDependents, after: str = ""
    ) -> Iterator[f.Effect]:
        """In the order of their ids where it takes several records, so that the next one goes on
        behind `after`, whatever edges come and go meanwhile."""
        dependents = self._dependents(blocker)
        told: Iterable[str] = dependents
        if after or len(dependents) > FAN_OUT_MAX:
            in_order = self._in_order.get(blocker) or Ordered(dependents)
            told = list(islice(in_order.behind(after), FAN_OUT_MAX + 1))
            if len(told) > FAN_OUT_MAX:
                told.pop()
                yield f.Effect(blocker, _to_the_rest(command, told[-1]))
        for dependent in told:
            yield f.Effect(dependent, command)

    def _dependents(self, blocker: str) -> dict[str, None]:
        node = self._nodes.get(blocker)
        return self._left_by.get(blocker, {}) if node is None else node.dependents

    def _blockers(self, dependent: str) -> Iterable[str]:
        node = self._nodes.get(dependent)
        return () if node is None else node.blockers

    def _paused_above(self, task_id: str) -> str | None:
        parent_id = self.parent_id(task_id)
        return None if parent_id is None else self.paused_by(parent_id)

    def _resumes(self, task_id: str, ancestor_id: str) -> Iterator[f.Effect]:
        """Only those children are told that may have waited for it, or that lead to such, and that
        are not paused themselves."""
        for child in self._nodes[task_id].children:
            node = self._nodes[child]
            if not node.paused and (node.auto_enqueue or node.auto_enqueue_below):
                yield f.Effect(child, f.AncestorResumed(ancestor_id))

    def _cancels(self, task_id: str, root_id: str, event: _TreeCancel) -> Iterator[f.Effect]:
        """The children that are open, or that lead to open ones."""
        command = f.CancelPropagated(root_id, event.reason, event.metadata)
        for child in self._nodes[task_id].children:
            node = self._nodes[child]
            if node.open or node.open_below:
                yield f.Effect(child, command)

    # --- changes --------------------------------------------------------------------------------

    def restore(self, states: Collection[TaskState]) -> None:
        """Start from stored tasks."""
        stored = [state for state in states if not state.deleted]
        for state in stored:
            self._nodes[state.id] = _Node(
                state.scope,
                state.workspace_id,
                state.parent_task_id,
                blockers={edge.depends_on_task_id: None for edge in state.dependencies},
            )
        for state in stored:
            parent_id = state.parent_task_id
            if parent_id is not None and parent_id in self._nodes:
                self._nodes[parent_id].children[state.id] = None
            for blocker in self._nodes[state.id].blockers:
                self._depends(state.id, blocker)
            self._take_over(state)

    def apply(self, record: Record, state: TaskState) -> None:
        """Take in a task's record, once the journal has taken it.

        Args:
            state: the task after it.
        """
        task_id = record.address
        for event in record.events:
            if type(event) not in _WITH_CHANGES:
                continue
            match event:
                case e.TaskCreated():
                    self._created(task_id, event)
                case e.DependencyAdded(depends_on_task_id=blocker):
                    self._nodes[task_id].blockers[blocker] = None
                    self._depends(task_id, blocker)
                case e.DependencyRemoved(depends_on_task_id=blocker):
                    self._nodes[task_id].blockers.pop(blocker, None)
                    self._depends_no_more(task_id, blocker)
                case e.TaskDeleted():
                    self._deleted(task_id)
                case _:
                    pass
        if not state.deleted:
            self._take_over(state)

    def _take_over(self, state: TaskState) -> None:
        """What others may ask of a task, as it is now."""
        node = self._nodes[state.id]
        node.completed = state.status is TaskStatus.COMPLETED
        node.done = state.is_done
        node.canceled = state.canceled
        self._set_counted(
            state.id,
            paused=state.pause is not None,
            is_open=not state.has_ended,
            auto_enqueue=state.auto_enqueue_on_ready,
        )

    def _set_counted(
        self, task_id: str, *, paused: bool, is_open: bool, auto_enqueue: bool
    ) -> None:
        """Set what is counted, the latter two in all tasks above this one."""
        node = self._nodes[task_id]
        self.paused_count += paused - node.paused
        opened, enqueueing = is_open - node.open, auto_enqueue - node.auto_enqueue
        node.paused, node.open, node.auto_enqueue = paused, is_open, auto_enqueue
        if opened or enqueueing:
            for ancestor in self.ancestors(task_id):
                above = self._nodes.get(ancestor)
                if above is not None:
                    above.open_below += opened
                    above.auto_enqueue_below += enqueueing

    def _depends(self, task_id: str, blocker: str) -> None:
        node = self._nodes.get(blocker)
        dependents = self._left_by.setdefault(blocker, {}) if node is None else node.dependents
        if task_id in dependents:
            return
        dependents[task_id] = None
        in_order = self._in_order.get(blocker)
        if in_order is not None:
            in_order.add(task_id)
        elif len(dependents) > FAN_OUT_MAX:
            self._in_order[blocker] = Ordered(dependents)

    def _depends_no_more(self, task_id: str, blocker: str) -> None:
        dependents = self._dependents(blocker)
        if task_id not in dependents:
            return
        del dependents[task_id]
        in_order = self._in_order.get(blocker)
        if in_order is not None:
            in_order.remove(task_id)
        if not dependents:
            self._left_by.pop(blocker, None)
            self._in_order.pop(blocker, None)

    def _created(self, task_id: str, event: e.TaskCreated) -> None:
        self._nodes[task_id] = _Node(
            event.scope,
            event.workspace_id,
            event.parent_task_id,
        )
        if event.parent_task_id is not None:
            self._nodes[event.parent_task_id].children[task_id] = None

    def _deleted(self, task_id: str) -> None:
        self._set_counted(task_id, paused=False, is_open=False, auto_enqueue=False)
        node = self._nodes.pop(task_id)
        if node.dependents:
            self._left_by[task_id] = node.dependents
        if node.parent_id in self._nodes:
            self._nodes[node.parent_id].children.pop(task_id, None)
        for blocker in node.blockers:
            self._depends_no_more(task_id, blocker)


def _walk(seen: set[str], start: str, neighbours: Callable[[str], Iterable[str]]) -> Iterator[str]:
    """The far end of every edge reachable from `start`; these are added to `seen`."""
    waiting = [start]
    while waiting:
        for found in neighbours(waiting.pop()):
            if found not in seen:
                seen.add(found)
                waiting.append(found)
            yield found


def _to_the_rest(command: _ToDependents, after: str) -> f.DependentsLeft:
    match command:
        case f.BlockerCompleted(run_id=run_id):
            return f.DependentsLeft(after, run_id)
        case f.BlockerDeleted(undone=undone):
            return f.DependentsLeft(after, undone=undone)
        case f.BlockerReopened():
            return f.DependentsLeft(after)
