"""A message to a subscriber: the event by which a task has ended, or the outcome of its review."""

from typing import Final, final

from chargehand.actors.frozen import frozen
from chargehand.actors.record import Record
from chargehand.actors.task.events import (
    ReviewCanceled,
    ReviewCircuitOpened,
    ReviewEvent,
    ReviewJudged,
    ReviewRequested,
    RunEvent,
    RunFailed,
    RunForcedFail,
    StatusChanged,
    TaskEvent,
)
from chargehand.actors.task.review import ReviewOutcome
from chargehand.actors.task.state import Scope, TaskState, TaskStatus
from chargehand.actors.task.subscription import Subscription

# Timelines do not show it: the end of the task, which cancels its reviews, stands there.
REVIEW_CANCELED_TYPE: Final = "task.run_review_canceled"


@final
@frozen
class ReviewPart:
    """The review that the policy required of a run that has ended.

    Args:
        outcome: None while it is open, and of one that was canceled.
        circuit_opened: it was rejected once too often, so no run follows.
        continuation_run_id: the run that goes on where it was rejected.
    """

    id: str
    is_open: bool
    outcome: ReviewOutcome | None = None
    reason: str | None = None
    circuit_opened: bool = False
    continuation_run_id: str | None = None


@final
@frozen
class Message:
    """About event `seq` of a task. `status` is what the task came to then, not what it is now.

    Args:
        review: None where no review was required.
    """

    subscription: Subscription
    task_id: str
    scope: Scope
    workspace_id: str | None
    seq: int
    event: TaskEvent
    status: TaskStatus
    review: ReviewPart | None = None

    @property
    def event_type(self) -> str:
        return REVIEW_CANCELED_TYPE if isinstance(self.event, ReviewCanceled) else self.event.type

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
    if ends:
        status = ends[-1]
    else:
        assert isinstance(event, ReviewEvent), f"the record at {record.seq} ends nothing"
        status = event.task_status
    return Message(
        subscription,
        task.id,
        task.scope,
        task.workspace_id,
        seq,
        event,
        status,
        _review_part(record, event),
    )


def _review_part(record: Record, event: TaskEvent) -> ReviewPart | None:
    """Its outcome, where the message is about that; else the one that the record requires."""
    match event:
        case ReviewJudged(review_id=review_id, verdict=verdict, continuation_run_id=run_id):
            return ReviewPart(
                review_id, False, verdict.outcome, verdict.reason, continuation_run_id=run_id
            )
        case ReviewCircuitOpened(review_id=review_id, reason=reason):
            return ReviewPart(review_id, False, ReviewOutcome.REJECTED, reason, circuit_opened=True)
        case ReviewCanceled(review_id=review_id):
            return ReviewPart(review_id, False)
        case _:
            required = [
                other.review_id
                for other in record.events
                if isinstance(other, ReviewRequested) and other.required
            ]
            return ReviewPart(required[0], True) if required else None
