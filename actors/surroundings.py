"""What a deciding task may ask of all others: the graph and the index behind one protocol."""

from typing import final

from chargehand.actors.faults import Faults
from chargehand.actors.graph.graph import Graph
from chargehand.actors.identity import Caller
from chargehand.actors.index import Index
from chargehand.actors.task.decide.context import Parent


@final
class SystemSurroundings:
    """Implements `actors.task.decide.context.Surroundings`.

    What a decision asks of a task that is set aside is refused with that.
    """

    def __init__(self, graph: Graph, index: Index, faults: Faults) -> None:
        self._graph = graph
        self._index = index
        self._faults = faults

    def exists(self, task_id: str) -> bool:
        self._faults.check(task_id)
        return self._graph.exists(task_id)

    def is_done(self, task_id: str) -> bool:
        return self._graph.is_done(task_id)

    def is_completed(self, task_id: str) -> bool:
        return self._graph.is_completed(task_id)

    def canceled_by(self, task_id: str) -> str | None:
        return self._graph.canceled_by(task_id)

    def open_below(self, task_id: str) -> int:
        return self._graph.open_below(task_id)

    def parent(self, task_id: str) -> Parent | None:
        self._faults.check(task_id)
        return self._graph.parent(task_id)

    def child_count(self, task_id: str) -> int:
        return self._graph.child_count(task_id)

    def paused_by(self, task_id: str) -> str | None:
        return self._graph.paused_by(task_id)

    def reaches(self, start: str, goal: str) -> bool:
        return self._graph.reaches(start, goal)

    def keyed_run(self, key: str, caller: Caller) -> tuple[str, str] | None:
        return self._index.keyed_run(key, caller)

    def task_of_subscription(self, subscription_id: str) -> str | None:
        return self._index.task_of_subscription(subscription_id)
