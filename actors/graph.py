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
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Final, final

from attrs import define

from chargehand.actors.errors import Code, Rejected
from chargehand.actors.limits import EDGES_LOOKED_AT_MAX, FAN_OUT_MAX
from chargehand.actors.ordered import Ordered
from chargehand.actors.record import Record
from chargehand.actors.task import effects as f
from chargehand.actors.task import events as e
from chargehand.actors.task.decide.context import Parent
from chargehand.actors.task.head import (
    AUTO_ENQUEUE,
    CANCELED,
    COMPLETED,
    DONE,
    OPEN,
    PAUSED,
    standing_of,
)
from chargehand.actors.task.state import Dependency, Scope, TaskState

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


_NOBODY: Final[Mapping[str, None]] = MappingProxyType({})
# What of a task's standing concerns others.
_CONCERNING: Final = COMPLETED | DONE | CANCELED | OPEN | PAUSED | AUTO_ENQUEUE


@final
@define(eq=False)
class _Node:
    """What others may ask of a task.

    Args:
        standing: bits of `head`.
        shared: by all tasks that stand alike and are tied to no others; it never changes.
        open_below: descendants that have not ended.
        auto_enqueue_below: descendants that enqueue themselves.
    """

    workspace_id: str | None
    standing: int
    shared: bool = False
    parent_id: str | None = None
    children: Mapping[str, None] = _NOBODY
    blockers: Mapping[str, None] = _NOBODY
    dependents: Mapping[str, None] = _NOBODY
    open_below: int = 0
    auto_enqueue_below: int = 0


class Graph:
    """All tasks that are not deleted, and how they hang together."""

    def __init__(self) -> None:
        self._nodes: dict[str, _Node] = {}
        self._shared: dict[tuple[str | None, int], _Node] = {}  # by workspace and standing
        # Those that depend on a deleted task still, as they have not heard of its end.
        self._left_by: dict[str, dict[str, None]] = {}
        # Dependents once more, in the order of their ids, where they outgrew one record.
        self._in_order: dict[str, Ordered[str]] = {}
        self.paused_count = 0  # tasks with a pause of their own
        self._tied: list[str] = []  # stored tasks with a parent or blockers, until `restored`

    # --- questions ------------------------------------------------------------------------------

    def exists(self, task_id: str) -> bool:
        return task_id in self._nodes

    def is_done(self, task_id: str) -> bool:
        return self._stands(task_id, DONE)

    def is_completed(self, task_id: str) -> bool:
        return self._stands(task_id, COMPLETED)

    def _stands(self, task_id: str, bit: int) -> bool:
        node = self._nodes.get(task_id)
        return node is not None and bool(node.standing & bit)

    def canceled_by(self, task_id: str) -> str | None:
        """The nearest canceled task on the way up, itself first."""
        return self._nearest(task_id, CANCELED)

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
        scope = Scope.GLOBAL if node.workspace_id is None else Scope.WORKSPACE
        return Parent(scope, node.workspace_id, depth, len(node.children))

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
        return self._nearest(task_id, PAUSED)

    def _nearest(self, task_id: str, bit: int) -> str | None:
        node = self._nodes.get(task_id)
        while node is not None:
            if node.standing & bit:
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
                    if self.paused_by(task_id) is None:
                        found += self._resumes(task_id, ancestor_id)
                case e.TaskCanceled(propagated_from_task_id=root_id):
                    found += self._cancels(task_id, root_id or task_id, event)
                case e.TreeCancelRepeated():
                    found += self._cancels(task_id, task_id, event)
                case e.CancelPassedOn(root_task_id=root_id):
                    found += self._cancels(task_id, root_id, event)
                case e.TaskDeleted():
                    lost = f.BlockerDeleted(task_id, undone=not self._stands(task_id, DONE))
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
        is_done = self._stands(blocker, DONE)
        if blocker not in self._nodes or is_done != bool(event.run_id):
            return None
        return f.BlockerCompleted(blocker, event.run_id) if is_done else f.BlockerReopened(blocker)

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

    def _dependents(self, blocker: str) -> Mapping[str, None]:
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
            enqueues = node.standing & AUTO_ENQUEUE or node.auto_enqueue_below
            if enqueues and not node.standing & PAUSED:
                yield f.Effect(child, f.AncestorResumed(ancestor_id))

    def _cancels(self, task_id: str, root_id: str, event: _TreeCancel) -> Iterator[f.Effect]:
        """The children that are open, or that lead to open ones."""
        command = f.CancelPropagated(root_id, event.reason, event.metadata)
        for child in self._nodes[task_id].children:
            node = self._nodes[child]
            if node.standing & OPEN or node.open_below:
                yield f.Effect(child, command)

    # --- changes --------------------------------------------------------------------------------

    def restore(
        self,
        task_id: str,
        standing: int,
        workspace_id: str | None,
        parent_id: str | None,
        dependencies: Iterable[Dependency] = (),
    ) -> None:
        """Start from stored tasks: this one, in any order, and `restored` behind the last."""
        standing &= _CONCERNING
        if parent_id is None and not dependencies:
            self._nodes[task_id] = self._alike(workspace_id, standing)
            return
        blockers = {edge.depends_on_task_id: None for edge in dependencies}
        node = _Node(workspace_id, standing, parent_id=parent_id, blockers=blockers or _NOBODY)
        self._nodes[task_id] = node
        self._tied.append(task_id)

    def restored(self) -> None:
        """All stored tasks are there: tie them together, and count what is counted."""
        nodes, tied, self._tied = self._nodes, self._tied, []
        for task_id in tied:
            node = nodes[task_id]
            if node.parent_id is not None and node.parent_id in nodes:
                self._adopt(node.parent_id, task_id)
            for blocker in node.blockers:
                self._depends(task_id, blocker)
        for task_id in tied:
            standing = nodes[task_id].standing
            self._count_above(task_id, int(standing & OPEN > 0), int(standing & AUTO_ENQUEUE > 0))
        self.paused_count = sum(1 for node in nodes.values() if node.standing & PAUSED)

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
                    self._own_blockers(task_id)[blocker] = None
                    self._depends(task_id, blocker)
                case e.DependencyRemoved(depends_on_task_id=blocker):
                    self._own_blockers(task_id).pop(blocker, None)
                    self._depends_no_more(task_id, blocker)
                case e.TaskDeleted():
                    self._deleted(task_id)
                case _:
                    pass
        if not state.deleted:
            self._stand(task_id, standing_of(state) & _CONCERNING)

    def _stand(self, task_id: str, standing: int) -> None:
        """The task stands so from now on; in all above it is counted what is counted there."""
        node = self._nodes[task_id]
        former = node.standing
        if former == standing:
            return
        if node.shared:
            self._nodes[task_id] = self._alike(node.workspace_id, standing)
        else:
            node.standing = standing
        self.paused_count += (standing & PAUSED > 0) - (former & PAUSED > 0)
        if node.parent_id is not None:
            self._count_above(
                task_id,
                (standing & OPEN > 0) - (former & OPEN > 0),
                (standing & AUTO_ENQUEUE > 0) - (former & AUTO_ENQUEUE > 0),
            )

    def _count_above(self, task_id: str, opened: int, enqueueing: int) -> None:
        if opened or enqueueing:
            for ancestor in self.ancestors(task_id):
                if ancestor in self._nodes:
                    above = self._own(ancestor)
                    above.open_below += opened
                    above.auto_enqueue_below += enqueueing

    def _alike(self, workspace_id: str | None, standing: int) -> _Node:
        """The node of all tasks that are tied to no others and stand so."""
        node = self._shared.get((workspace_id, standing))
        if node is None:
            node = self._shared[workspace_id, standing] = _Node(workspace_id, standing, shared=True)
        return node

    def _own(self, task_id: str) -> _Node:
        """The task's node, which may be changed."""
        node = self._nodes[task_id]
        if node.shared:
            node = self._nodes[task_id] = _Node(node.workspace_id, node.standing)
        return node

    def _adopt(self, parent_id: str, child_id: str) -> None:
        parent = self._own(parent_id)
        if not isinstance(parent.children, dict):
            parent.children = {}
        parent.children[child_id] = None

    def _depends(self, task_id: str, blocker: str) -> None:
        dependents = self._own_dependents(blocker)
        if task_id in dependents:
            return
        dependents[task_id] = None
        in_order = self._in_order.get(blocker)
        if in_order is not None:
            in_order.add(task_id)
        elif len(dependents) > FAN_OUT_MAX:
            self._in_order[blocker] = Ordered(dependents)

    def _own_blockers(self, task_id: str) -> dict[str, None]:
        """Those that it depends on, to be changed."""
        node = self._own(task_id)
        if not isinstance(node.blockers, dict):
            node.blockers = {}
        return node.blockers

    def _own_dependents(self, blocker: str) -> dict[str, None]:
        """Those who depend on it, to be changed."""
        if blocker not in self._nodes:
            return self._left_by.setdefault(blocker, {})
        node = self._own(blocker)
        if not isinstance(node.dependents, dict):
            node.dependents = {}
        return node.dependents

    def _depends_no_more(self, task_id: str, blocker: str) -> None:
        if task_id not in self._dependents(blocker):
            return
        dependents = self._own_dependents(blocker)
        del dependents[task_id]
        in_order = self._in_order.get(blocker)
        if in_order is not None:
            in_order.remove(task_id)
        if not dependents:
            self._left_by.pop(blocker, None)
            self._in_order.pop(blocker, None)

    def _created(self, task_id: str, event: e.TaskCreated) -> None:
        if event.parent_task_id is None:
            self._nodes[task_id] = self._alike(event.workspace_id, 0)
            return
        self._nodes[task_id] = _Node(event.workspace_id, 0, parent_id=event.parent_task_id)
        self._adopt(event.parent_task_id, task_id)

    def _deleted(self, task_id: str) -> None:
        self._stand(task_id, 0)
        node = self._nodes.pop(task_id)
        if isinstance(node.dependents, dict) and node.dependents:
            self._left_by[task_id] = node.dependents
        parent = self._nodes.get(node.parent_id) if node.parent_id is not None else None
        if parent is not None and isinstance(parent.children, dict):
            parent.children.pop(task_id, None)
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
