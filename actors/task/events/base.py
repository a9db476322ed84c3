"""What every event of a task is."""

from typing import ClassVar

from chargehand.actors.frozen import frozen
from chargehand.actors.task.state import (
    TaskStatus,
)


@frozen
class TaskEvent:
    """Base of all. `type` is the public name; empty for what only the system itself needs."""

    type: ClassVar[str] = ""


@frozen
class RunEvent(TaskEvent):
    """Base of what happened to one run."""

    run_id: str
    task_status: TaskStatus
