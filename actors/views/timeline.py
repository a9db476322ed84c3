"""A task's events one by one, with the task and run as they are now."""

from collections.abc import Iterator
from typing import final

from chargehand.actors.frozen import frozen
from chargehand.actors.record import Record
from chargehand.actors.task.events import RunEvent, TaskEvent
from chargehand.actors.task.state import Run, TaskState


@final
@frozen(weakref_slot=True)  # so that what is made of it can be kept as long as it is there
class TimelineEvent:
    """A public event. `task` and `run` are as of now, not as of then."""

    seq: int
    record: Record
    event: TaskEvent
    task: TaskState
    run: Run | None

    @property
    def event_id(self) -> str:
        return self.record.event_id(self.seq)


def public_events(record: Record, task: TaskState, after_seq: int = 0) -> Iterator[TimelineEvent]:
    """The events of a task's record that the public sees, numbered above `after_seq`."""
    for seq, event in enumerate(record.events, record.seq):
        if seq > after_seq and isinstance(event, TaskEvent) and event.type:
            run = task.run(event.run_id) if isinstance(event, RunEvent) else None
            yield TimelineEvent(seq, record, event, task, run)
