"""What happened to a task's subscriptions. None of these events is public."""

from typing import final

from chargehand.actors.frozen import frozen
from chargehand.actors.identity import Actor
from chargehand.actors.task.events.base import TaskEvent
from chargehand.actors.task.subscription import Target


@final
@frozen
class SubscriptionSet(TaskEvent):
    """New, or another bridge and target for a known one, which is on from here.

    `since_seq`, the event's own number, is where the cursor of a new one begins.
    """

    subscription_id: str
    bridge_id: str
    target: Target
    by: Actor
    since_seq: int


@final
@frozen
class SubscriptionRemoved(TaskEvent):
    subscription_id: str


@final
@frozen
class MessageDue(TaskEvent):
    """A message about event `seq` is due to all subscribers: the task has come to an end by it, or
    it is the outcome of a review that the policy required at one."""

    seq: int


@final
@frozen
class MessageDelivered(TaskEvent):
    subscription_id: str
    seq: int


@final
@frozen
class DeliveryFailed(TaskEvent):
    """An attempt failed; it will be repeated.

    Written where it failed in another way than the one before, and now and then to keep how long
    the message has been tried.
    """

    subscription_id: str
    error: str
    tried_ns: int = 0


@final
@frozen
class DeliveryGivenUp(TaskEvent):
    """The message about event `seq` was tried for long enough: it is not sent any more."""

    subscription_id: str
    seq: int
    error: str


@final
@frozen
class SubscriptionTurnedOff(TaskEvent):
    """The receiver wants no more. Until it is set again, nothing is sent to it."""

    subscription_id: str
    error: str


@final
@frozen
class MessagesDueAgain(TaskEvent):
    """Somebody has messages sent that were given up."""

    subscription_id: str
    seqs: tuple[int, ...]
