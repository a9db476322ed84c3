"""Bodies of subscriptions to a task's ends, and of sending again what they missed."""

from typing import final

from attrs import field

from chargehand.actors.frozen import frozen
from chargehand.actors.task.state import Scope
from chargehand.actors.task.subscription import DeliveryMode
from chargehand.web.bodies import BLANK_IS_ABSENT


@final
@frozen
class CreateSubscriptionRequest:
    """Without a scope that of the task counts, and no workspace is looked at."""

    bridge_instance_id: str
    delivery_mode: DeliveryMode
    scope: Scope | None = field(default=None, metadata=BLANK_IS_ABSENT)
    workspace_id: str | None = None
    peer_id: str | None = None
    thread_id: str | None = None
    group_id: str | None = None
    subscription_id: str | None = None


@final
@frozen
class ResendRequest:
    """One message, those of a subscription, or with neither all of the task."""

    delivery_id: str | None = field(default=None, metadata=BLANK_IS_ABSENT)
    subscription_id: str | None = field(default=None, metadata=BLANK_IS_ABSENT)
