"""A task as others name it."""

from typing import Protocol, TypeVar, final

import orjson
from attrs import define

from chargehand.actors.task.state import Owner, Priority, Run, Scope, TaskState, TaskStatus
from chargehand.web.shapes.encoding import Shape, fragment


class Lookup(Protocol):
    """What shapes ask of the read models."""

    def get(self, task_id: str) -> TaskState | None:
        """The task as last committed, possibly slim."""

    def lease_until_ns(self, run: Run) -> int | None:
        """When the run's lease ends, as it is shown."""

    def child_count(self, task_id: str) -> int:
        """How many children it has, drafts too."""

    def paused_by(self, task_id: str) -> str | None:
        """The nearest paused task upwards, itself first."""


@define(eq=False)
class TaskReference(Shape):
    id: str
    title: str
    status: TaskStatus
    scope: Scope
    latest_event_seq: int
    priority: Priority
    identifier: str | None = None
    owner: Owner | None = None
    workspace_id: str | None = None
    paused: bool = False
    effective_paused: bool = False
    paused_by_task_id: str | None = None


@final
@define(eq=False)
class ClaimedTask(TaskReference):
    """The task of a claim, with all that is needed to work on it."""

    description: str | None = None
    metadata: orjson.Fragment | None = None


_Reference = TypeVar("_Reference", bound=TaskReference)


def pausing_task(task: TaskState, lookup: Lookup) -> str | None:
    """The nearest paused task from `task` upwards, by its own state first."""
    if task.pause is not None:
        return task.id
    return None if task.parent_task_id is None else lookup.paused_by(task.parent_task_id)


def reference_of(task: TaskState, lookup: Lookup) -> TaskReference:
    return _named(TaskReference, task, lookup)


def claimed_task_of(task: TaskState, lookup: Lookup) -> ClaimedTask:
    """`task` is whole: a slim one has neither description nor metadata."""
    claimed = _named(ClaimedTask, task, lookup)
    claimed.description = task.description
    claimed.metadata = fragment(task.metadata)
    return claimed


def _named(shape: type[_Reference], task: TaskState, lookup: Lookup) -> _Reference:
    paused_by = pausing_task(task, lookup)
    return shape(
        task.id,
        task.title,
        task.status,
        task.scope,
        task.latest_event_seq,
        task.priority,
        task.identifier,
        task.owner,
        task.workspace_id,
        task.pause is not None,
        paused_by is not None,
        paused_by,
    )
