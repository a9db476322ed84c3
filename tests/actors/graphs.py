"""Graphs as a start makes them."""

from collections.abc import Iterable

from chargehand.actors.graph.graph import Graph
from chargehand.actors.task.head import stored_state
from chargehand.actors.task.state import TaskState
from chargehand.persistence.snapshots import blockers_of as blockers_of_head


def restore_graph(graph: Graph, states: Iterable[TaskState]) -> None:
    stored = [stored_state(state) for state in states if not state.deleted]
    graph.tasks.restore(stored, blockers_of_head)
