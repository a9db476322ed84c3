"""What a subscriber is told: the event by which a task has ended."""

from typing import final

from attrs import frozen

from actors.record import Record
from actors.task.events import RunEvent, RunFailed, RunForcedFail, StatusChanged, TaskEvent
from actors.task.state import Scope, TaskState, TaskStatus
from actors.task.subscription import Subscription


@final
@frozen
class Message:
    """About event `seq` of a task. `status` is what the task came to then, not what it is now."""

    subscription: Subscription
    task_id: str
    scope: Scope
    workspace_id: str | None
    seq: int
    event: TaskEvent
    status: TaskStatus

    @property
    def delivery_id(self) -> str:
        return self.subscription.delivery_id(self.seq)

    @property
    def run_id(self) -> str | None:
        return self.event.run_id if isinstance(self.event, RunEvent) else None

    @property
    def error(self) -> str | None:
        """What the run failed with."""
        match self.event:
            case RunFailed(error=error) | RunForcedFail(reason=error):
                return error
            case _:
                return None


def message_of(task: TaskState, subscription: Subscription, record: Record, seq: int) -> Message:
    """The message about event `seq`, which is in `record`."""
    event = record.events[seq - record.seq]
    assert isinstance(event, TaskEvent), f"{record.address} has a record of another kind"
    ends = [
        other.status
        for other in record.events
        if isinstance(other, StatusChanged) and other.status.is_terminal
    ]
    assert ends, f"the record at {record.seq} ends nothing"
    return Message(subscription, task.id, task.scope, task.workspace_id, seq, event, ends[-1])
