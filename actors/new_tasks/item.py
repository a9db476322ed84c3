"""One of many new tasks, and how it hangs together with the others."""

from typing import ClassVar, final

from attrs import field

from chargehand.actors import limits
from chargehand.actors.errors import Rejected
from chargehand.actors.frozen import frozen
from chargehand.actors.task import commands as c
from chargehand.actors.task import validation as valid
from chargehand.actors.task.state import DependencyKind


def _ref(value: str | None) -> str | None:
    return valid.optional_text("/ref", value, chars_max=limits.REF_CHARS_MAX)


def _parent_ref(value: str | None) -> str | None:
    return valid.optional_text("/parent_ref", value, chars_max=limits.REF_CHARS_MAX)


@final
@frozen
class NewDependency:
    """What a new task waits for: another item by its `ref`, or a task by its id; one of both."""

    EXAMPLE: ClassVar = '{"ref": "..."} or {"task_id": "..."}'  # for who writes something else

    ref: str | None = None
    task_id: str | None = None
    kind: DependencyKind = field(default=DependencyKind.BLOCKS, metadata={"blank_is_absent": True})


@final
@frozen
class Ties:
    """What an item has besides what a single new task has: how it hangs together with others of its
    batch and with tasks that are there, and whether its first run is queued with it.

    Args:
        ref: the name by which others of the batch refer to it.
        parent_ref, parent_task_id: its parent, an item or a task; one of both at most.
        enqueue: queue its first run, as `POST /api/tasks/{id}/runs` would: where the task has
            dependencies, or needs an approval, the run waits for them.
    """

    ref: str | None = field(default=None, converter=_ref)
    parent_ref: str | None = field(default=None, converter=_parent_ref)
    parent_task_id: str | None = None
    depends_on: tuple[NewDependency, ...] = ()
    enqueue: bool = False


@final
@frozen
class NewTask:
    """A task that is asked for.

    Args:
        command: all but its ties; or why that could not be read.
    """

    command: c.CreateTask | Rejected
    ties: Ties
