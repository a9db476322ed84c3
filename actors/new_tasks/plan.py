"""The order in which new tasks are made: whatever one needs comes before it.

Names become ids here. What is wrong with a name, or with how the items hang together, is found
before any task is decided on.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final, final

from attrs import define, field

from chargehand.actors.errors import Code, Rejected, invalid
from chargehand.actors.frozen import frozen, replace
from chargehand.actors.ids import valid_task_id
from chargehand.actors.new_tasks.item import NewDependency, NewTask
from chargehand.actors.task import commands as c
from chargehand.actors.task.decide.definition import task_not_found

_SHOWN_CHARS_MAX: Final = 128


@final
@frozen
class Need:
    """Another item that comes first: a parent, or a task that is waited for.

    Args:
        index: of that item.
        pointer: of the member that names it.
        by_ref: it is named as an item; otherwise as a task of that id, which may be there already.
    """

    index: int
    pointer: str
    by_ref: bool


@final
@define(eq=False)
class Planned:
    """An item with its names resolved.

    Args:
        command: whole; or what is wrong with the item.
    """

    command: c.CreateTask | Rejected
    needs: list[Need] = field(factory=list)


@final
@frozen
class Plan:
    """Args: order: the indexes of all items, each behind those that it needs."""

    items: Sequence[Planned]
    order: Sequence[int]


def plan_of(items: Sequence[NewTask], ids: Sequence[str]) -> Plan:
    """Args: ids: of the tasks that the items are to be, or are already."""
    names = _Names(items, ids)
    planned = [names.resolved(index, item) for index, item in enumerate(items)]
    return Plan(planned, _in_order(planned))


@final
class _Names:
    """Who is meant by a ref or an id."""

    def __init__(self, items: Sequence[NewTask], ids: Sequence[str]) -> None:
        self._ids = ids
        self._by_ref: dict[str, int] = {}
        self._by_id: dict[str, int] = {}
        for index, item in enumerate(items):
            if item.ties.ref is not None:
                self._by_ref.setdefault(item.ties.ref, index)
            self._by_id.setdefault(ids[index], index)

    def resolved(self, index: int, item: NewTask) -> Planned:
        if isinstance(item.command, Rejected):
            return Planned(item.command)
        planned = Planned(item.command)
        try:
            ref = item.ties.ref
            if ref is not None and self._by_ref[ref] != index:
                message = f"/ref is {ref}, as is that of item {self._by_ref[ref]}"
                raise invalid("/ref", message, "give each item a name of its own")
            planned.command = replace(
                item.command,
                id=self._ids[index],
                parent_task_id=self._parent(item, planned),
                depends_on=tuple(
                    c.AddDependency(self._blocker(edge, f"/depends_on/{n}", planned), edge.kind)
                    for n, edge in enumerate(item.ties.depends_on)
                ),
            )
        except Rejected as refusal:
            planned.command = refusal
        # One that needs itself as a parent is a cycle; as a blocker the task itself refuses it.
        planned.needs = [
            need
            for need in planned.needs
            if need.index != index or need.pointer.startswith("/parent")
        ]
        return planned

    def _parent(self, item: NewTask, planned: Planned) -> str | None:
        ties = item.ties
        if ties.parent_task_id is None:
            if ties.parent_ref is None:
                return None
            return self._named(ties.parent_ref, "/parent_ref", planned)
        if ties.parent_ref is not None:
            message = "parent_ref and parent_task_id contradict each other"
            raise invalid("/parent_ref", message, "send one of them")
        return self._known(ties.parent_task_id, "/parent_task_id", planned)

    def _blocker(self, edge: NewDependency, pointer: str, planned: Planned) -> str:
        if (edge.ref is None) == (edge.task_id is None):
            message = f"{pointer} must have either ref or task_id"
            raise invalid(pointer, message, "name an item by its ref, or a task by its id")
        if edge.ref is not None:
            return self._named(edge.ref.strip(), f"{pointer}/ref", planned)
        return self._known(edge.task_id or "", f"{pointer}/task_id", planned)

    def _named(self, ref: str, pointer: str, planned: Planned) -> str:
        """The id of an item."""
        index = self._by_ref.get(ref)
        if index is None:
            message = f"no item has the ref {ref[:_SHOWN_CHARS_MAX] or '(blank)'}"
            raise invalid(pointer, message, "name an item of this batch, or a task by its id")
        planned.needs.append(Need(index, pointer, by_ref=True))
        return self._ids[index]

    def _known(self, task_id: str, pointer: str, planned: Planned) -> str:
        """The id of a task, which an item may be about to make."""
        task_id = task_id.strip()
        if not valid_task_id(task_id):
            raise replace(task_not_found(task_id[:_SHOWN_CHARS_MAX]), pointer=pointer)
        index = self._by_id.get(task_id)
        if index is not None:
            planned.needs.append(Need(index, pointer, by_ref=False))
        return task_id


def _in_order(planned: Sequence[Planned]) -> list[int]:
    """All items. Those of a cycle are refused here; they stand where the cycle was cut."""
    waiting_for = [len(item.needs) for item in planned]
    needed_by: list[list[int]] = [[] for _ in planned]
    for index, item in enumerate(planned):
        for need in item.needs:
            needed_by[need.index].append(index)
    order: list[int] = []
    placed = [False] * len(planned)
    ready = deque(index for index, count in enumerate(waiting_for) if not count)
    first_left = 0
    while len(order) < len(planned):
        while ready:
            index = ready.popleft()
            if placed[index]:
                continue
            placed[index] = True
            order.append(index)
            for other in needed_by[index]:
                waiting_for[other] -= 1
                if not waiting_for[other]:
                    ready.append(other)
        while first_left < len(planned) and placed[first_left]:
            first_left += 1
        if first_left < len(planned):
            ready.extend(_refused_cycle(planned, placed, first_left))
    return order


def _refused_cycle(planned: Sequence[Planned], placed: Sequence[bool], start: int) -> list[int]:
    """The items of a cycle that `start` is in or needs. Each item that is left needs another one
    that is left, so whoever goes from need to need comes back."""
    steps: dict[int, Need] = {}
    index = start
    while index not in steps:
        steps[index] = next(need for need in planned[index].needs if not placed[need.index])
        index = steps[index].index
    cycle = [index]
    while (index := steps[index].index) != cycle[0]:
        cycle.append(index)
    path = " → ".join(map(str, [*cycle, cycle[0]]))
    for index in cycle:
        if not isinstance(planned[index].command, Rejected):
            planned[index].command = Rejected(
                Code.GRAPH_CYCLE,
                f"item {index} needs itself, directly or through others: {path}",
                "take one of these out",
                pointer=steps[index].pointer,
                evidence={"cycle": path},
            )
    return cycle
