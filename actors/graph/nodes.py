"""What others may ask of tasks, and how tasks hang together: one node for each.

Tasks that stand alike and are tied to no others share one node. It never changes: a task that comes
to stand otherwise gets another one, and one that is tied to others its own.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from sys import intern
from types import MappingProxyType
from typing import Final, final

from attrs import define

from chargehand.actors.limits import FAN_OUT_MAX
from chargehand.actors.ordered import Ordered
from chargehand.actors.task.head import (
    AUTO_ENQUEUE,
    CANCELED,
    COMPLETED,
    DEPENDENT,
    DONE,
    OPEN,
    PAUSED,
    Stored,
    blockers_of,
    id_of,
    standing_in,
)

NOBODY: Final[Mapping[str, None]] = MappingProxyType({})
# What of a task's standing concerns others.
CONCERNING: Final = COMPLETED | DONE | CANCELED | OPEN | PAUSED | AUTO_ENQUEUE


@final
@define(eq=False)
class Node:
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
    children: Mapping[str, None] = NOBODY
    blockers: Mapping[str, None] = NOBODY
    dependents: Mapping[str, None] = NOBODY
    open_below: int = 0
    auto_enqueue_below: int = 0


@final
class Nodes:
    """Attributes, for others to read:
    by_id: the nodes of all tasks that are not deleted.
    in_order: dependents once more, in the order of their ids, where they outgrew one record.
    paused_count: tasks with a pause of their own.
    """

    def __init__(self) -> None:
        self.by_id: Final[dict[str, Node]] = {}
        self.in_order: Final[dict[str, Ordered[str]]] = {}
        self.paused_count = 0
        self._shared: dict[tuple[str | None, int], Node] = {}  # by workspace and standing
        # Those that depend on a deleted task still, as they have not heard of its end.
        self._left_by: dict[str, dict[str, None]] = {}

    # --- questions ------------------------------------------------------------------------------

    def stands(self, task_id: str, bit: int) -> bool:
        """Whether there is such a task, and its standing has that bit."""
        node = self.by_id.get(task_id)
        return node is not None and bool(node.standing & bit)

    def nearest(self, task_id: str, bit: int) -> str | None:
        """The nearest task whose standing has that bit on the way up, itself first."""
        node = self.by_id.get(task_id)
        while node is not None:
            if node.standing & bit:
                return task_id
            if node.parent_id is None:
                return None
            task_id = node.parent_id
            node = self.by_id.get(task_id)
        return None

    def ancestors(self, task_id: str) -> Iterator[str]:
        """From the parent up to the root."""
        node = self.by_id.get(task_id)
        while node is not None and node.parent_id is not None:
            yield node.parent_id
            node = self.by_id.get(node.parent_id)

    def dependents(self, blocker: str) -> Mapping[str, None]:
        """Those who depend on it, there or deleted."""
        node = self.by_id.get(blocker)
        return self._left_by.get(blocker, {}) if node is None else node.dependents

    def blockers(self, dependent: str) -> Iterable[str]:
        """Those that it depends on."""
        node = self.by_id.get(dependent)
        return () if node is None else node.blockers

    # --- changes --------------------------------------------------------------------------------

    def restore(self, stored: Sequence[Stored], read: Callable[[bytes], list[str]]) -> None:
        """Start from stored tasks, in any order.

        Args:
            read: the blockers of a task and its head.
        """
        shared = self._shared
        nodes: list[Node] = []
        tied: list[tuple[str, Node]] = []
        for task_id, held, standing, workspace_id, parent_id, _, _ in stored:
            concerning = standing & CONCERNING
            if parent_id is None and not standing & DEPENDENT:
                node = shared.get((workspace_id, concerning))
                nodes.append(node or self._alike(workspace_id, concerning))
                continue
            blockers = NOBODY
            if standing & DEPENDENT:
                ids = read(held) if isinstance(held, bytes) else blockers_of(held)
                blockers = dict.fromkeys(map(intern, ids))
            node = Node(workspace_id, concerning, False, parent_id, NOBODY, blockers)
            nodes.append(node)
            tied.append((task_id, node))
        self.by_id.update(zip(map(id_of, stored), nodes, strict=True))
        self._tie(tied)
        self.paused_count = sum(1 for standing in map(standing_in, stored) if standing & PAUSED)

    def _tie(self, tied: list[tuple[str, Node]]) -> None:
        """All stored tasks are there: tie these to others, and count what is counted above them."""
        families: dict[str, dict[str, None]] = {}
        for task_id, node in tied:
            if node.parent_id is not None:
                families.setdefault(node.parent_id, {})[task_id] = None
            for blocker in node.blockers:
                self._depends(task_id, blocker)
        for parent_id, children in families.items():
            if parent_id in self.by_id:
                self._own(parent_id).children = children
        for task_id, node in tied:
            standing = node.standing
            if standing & (OPEN | AUTO_ENQUEUE):
                opened, enqueueing = standing & OPEN > 0, standing & AUTO_ENQUEUE > 0
                self._count_above(task_id, int(opened), int(enqueueing))

    def create(self, task_id: str, workspace_id: str | None, parent_id: str | None) -> None:
        """A task is made; `stand` says how it stands."""
        if parent_id is None:
            self.by_id[task_id] = self._alike(workspace_id, 0)
            return
        self.by_id[task_id] = Node(workspace_id, 0, parent_id=parent_id)
        self._adopt(parent_id, task_id)

    def delete(self, task_id: str) -> None:
        """The task goes; those that depend on it still do."""
        self.stand(task_id, 0)
        node = self.by_id.pop(task_id)
        if isinstance(node.dependents, dict) and node.dependents:
            self._left_by[task_id] = node.dependents
        parent = self.by_id.get(node.parent_id) if node.parent_id is not None else None
        if parent is not None and isinstance(parent.children, dict):
            parent.children.pop(task_id, None)
        for blocker in node.blockers:
            self._depends_no_more(task_id, blocker)

    def add_blocker(self, task_id: str, blocker: str) -> None:
        """The task depends on that one from now on."""
        self._own_blockers(task_id)[blocker] = None
        self._depends(task_id, blocker)

    def remove_blocker(self, task_id: str, blocker: str) -> None:
        """The task depends on that one no more."""
        self._own_blockers(task_id).pop(blocker, None)
        self._depends_no_more(task_id, blocker)

    def stand(self, task_id: str, standing: int) -> None:
        """The task stands so from now on; in all above it is counted what is counted there.

        Args:
            standing: of which all bits but those that concern others are left out.
        """
        standing &= CONCERNING
        node = self.by_id[task_id]
        former = node.standing
        if former == standing:
            return
        if node.shared:
            self.by_id[task_id] = self._alike(node.workspace_id, standing)
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
                if ancestor in self.by_id:
                    above = self._own(ancestor)
                    above.open_below += opened
                    above.auto_enqueue_below += enqueueing

    def _alike(self, workspace_id: str | None, standing: int) -> Node:
        """The node of all tasks that are tied to no others and stand so."""
        node = self._shared.get((workspace_id, standing))
        if node is None:
            node = self._shared[workspace_id, standing] = Node(workspace_id, standing, shared=True)
        return node

    def _own(self, task_id: str) -> Node:
        """The task's node, which may be changed."""
        node = self.by_id[task_id]
        if node.shared:
            node = self.by_id[task_id] = Node(node.workspace_id, node.standing)
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
        in_order = self.in_order.get(blocker)
        if in_order is not None:
            in_order.add(task_id)
        elif len(dependents) > FAN_OUT_MAX:
            self.in_order[blocker] = Ordered(dependents)

    def _own_blockers(self, task_id: str) -> dict[str, None]:
        """Those that it depends on, to be changed."""
        node = self._own(task_id)
        if not isinstance(node.blockers, dict):
            node.blockers = {}
        return node.blockers

    def _own_dependents(self, blocker: str) -> dict[str, None]:
        """Those who depend on it, to be changed."""
        if blocker not in self.by_id:
            return self._left_by.setdefault(blocker, {})
        node = self._own(blocker)
        if not isinstance(node.dependents, dict):
            node.dependents = {}
        return node.dependents

    def _depends_no_more(self, task_id: str, blocker: str) -> None:
        if task_id not in self.dependents(blocker):
            return
        dependents = self._own_dependents(blocker)
        del dependents[task_id]
        in_order = self.in_order.get(blocker)
        if in_order is not None:
            in_order.remove(task_id)
        if not dependents:
            self._left_by.pop(blocker, None)
            self.in_order.pop(blocker, None)
