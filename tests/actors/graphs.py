"""Graphs as a start makes them."""

from collections.abc import Iterable

from chargehand.actors.graph.graph import Graph
from chargehand.actors.task.head import standing_of
from chargehand.actors.task.state import TaskState


def restore_graph(graph: Graph, states: Iterable[TaskState]) -> None:
    for state in states:
        if not state.deleted:
            place = (standing_of(state), state.workspace_id, state.parent_task_id)
            graph.tasks.restore(state.id, *place, state.dependencies)
    graph.tasks.restored()
