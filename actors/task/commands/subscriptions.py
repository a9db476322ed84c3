"""Subscriptions to a task's ends, and the outcome of deliveries."""

from typing import final

from attrs import field

from chargehand.actors import limits
from chargehand.actors.errors import invalid
from chargehand.actors.frozen import frozen
from chargehand.actors.task import validation as valid
from chargehand.actors.task.subscription import Target


def _target(target: Target) -> Target:
    checked = Target(
        target.mode,
        valid.bridge_target("/peer_id", target.peer_id),
        valid.bridge_target("/thread_id", target.thread_id),
        valid.bridge_target("/group_id", target.group_id),
    )
    if checked.peer_id is None and checked.group_id is None:
        raise invalid(
            "/peer_id", "neither /peer_id nor /group_id names anybody", "send one of them"
        )
    return checked


def _bridge_id(value: str) -> str:
    return valid.required_text("/bridge_instance_id", value, chars_max=limits.BRIDGE_ID_CHARS_MAX)


@final
@frozen
class Subscribe:
    """Tell somebody of the task's ends. `id` is None for one to be made; a known one is changed."""

    bridge_id: str = field(converter=_bridge_id)
    target: Target = field(converter=_target)
    id: str | None = field(default=None, converter=valid.subscription_id)


@final
@frozen
class Unsubscribe:
    subscription_id: str


@final
@frozen
class NoteDelivery:
    """The bridge has taken the message about event `seq`."""

    subscription_id: str
    seq: int


@final
@frozen
class NoteFailedDelivery:
    """An attempt at the message about event `seq` has failed.

    Args:
        set_at_ns: when the subscription was last set, as of the attempt: of one that was set again
            meanwhile the attempt says nothing.
        tried_ns: how long the message has been tried.
    """

    subscription_id: str
    seq: int
    error: str = field(converter=valid.delivery_error)
    set_at_ns: int
    tried_ns: int = 0


@final
@frozen
class GiveUpDelivery:
    """The message about event `seq` was tried for long enough. Args as of `NoteFailedDelivery`."""

    subscription_id: str
    seq: int
    error: str = field(converter=valid.delivery_error)
    set_at_ns: int


@final
@frozen
class TurnOffSubscription:
    """The receiver has answered the message about event `seq` that it wants no more of them.

    Args as of `NoteFailedDelivery`.
    """

    subscription_id: str
    seq: int
    error: str = field(converter=valid.delivery_error)
    set_at_ns: int


@final
@frozen
class SendAgain:
    """Send what is undelivered: one message, those of a subscription, or all of the task.

    `seq` names a message of `subscription_id`, which must be there then.
    """

    subscription_id: str | None = None
    seq: int | None = None
