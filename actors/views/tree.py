"""A task and all below it."""

from collections.abc import Iterator
from typing import Final, final

from chargehand.actors import limits
from chargehand.actors.frozen import frozen
from chargehand.actors.graph.graph import Graph
from chargehand.actors.task.state import TaskState
from chargehand.actors.views.catalog import Catalog

_PARENTS_STEP: Final = 8  # whose children, 64 each at most, are looked at in one go


@final
@frozen
class TreeEntry:
    """A node of a tree; `depth` is 0 at the task that was asked for."""

    task: TaskState
    depth: int
    child_count: int


def by_level(root: TaskState, graph: Graph, catalog: Catalog) -> Iterator[list[TreeEntry]]:
    """The root, then by depth and latest activity. In lists that take little time each, some of
    them empty; each task as it is when its level is reached."""
    yield [TreeEntry(root, 0, graph.child_count(root.id))]
    level, depth = [root.id], 0
    while level:
        depth += 1
        found: list[TreeEntry] = []
        for number, parent in enumerate(level):
            for child in graph.children(parent):
                state = catalog.get(child)
                if state is not None:
                    found.append(TreeEntry(state, depth, graph.child_count(child)))
            if number % _PARENTS_STEP == 0:
                yield []
        found.sort(key=lambda entry: -entry.task.latest_event_seq)
        for first in range(0, len(found), limits.SLICE_MAX):
            yield found[first : first + limits.SLICE_MAX]
        level = [entry.task.id for entry in found]
