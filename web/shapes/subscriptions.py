"""Subscriptions to a task's ends, each with its cursor, and the messages that they missed."""

from typing import Final, final

from attrs import define

from chargehand.actors.task import subscription as core
from chargehand.actors.task.state import Scope, TaskState
from chargehand.actors.task.subscription import DeliveryMode
from chargehand.web.shapes.encoding import Shape, optional_time, rfc3339
from chargehand.web.shapes.principals import Actor, actor_of

_CONSUMER_PREFIX: Final = "bridge_task_subscription:"
_STREAM: Final = "task_events"


@final
@define(eq=False)
class DeliveryCursor(Shape):
    consumer_id: str
    stream_name: str
    subject_id: str
    last_sequence: int
    last_delivery_id: str | None = None
    last_delivered_at: str | None = None
    last_error: str | None = None
    updated_at: str | None = None


@final
@define(eq=False)
class Subscription(Shape):
    subscription_id: str
    task_id: str
    bridge_instance_id: str
    scope: Scope
    delivery_mode: DeliveryMode
    cursor: DeliveryCursor
    created_by: Actor
    created_at: str
    updated_at: str
    workspace_id: str | None = None
    peer_id: str | None = None
    thread_id: str | None = None
    group_id: str | None = None
    off_since: str | None = None
    due: int | None = None
    undelivered: int | None = None
    undelivered_dropped: int | None = None


@final
@define(eq=False)
class SubscriptionResponse(Shape):
    subscription: Subscription


@final
@define(eq=False)
class SubscriptionsResponse(Shape):
    subscriptions: list[Subscription]


@final
@define(eq=False)
class UndeliveredMessage(Shape):
    delivery_id: str
    subscription_id: str
    bridge_instance_id: str
    sequence: int
    error: str
    undelivered_at: str


@final
@define(eq=False)
class UndeliveredResponse(Shape):
    messages: list[UndeliveredMessage]
    dropped: int


def subscription_of(task: TaskState, subscription: core.Subscription) -> Subscription:
    target, cursor = subscription.target, subscription.cursor
    return Subscription(
        subscription_id=subscription.id,
        task_id=task.id,
        bridge_instance_id=subscription.bridge_id,
        scope=task.scope,
        workspace_id=task.workspace_id,
        peer_id=target.peer_id,
        thread_id=target.thread_id,
        group_id=target.group_id,
        delivery_mode=target.mode,
        cursor=DeliveryCursor(
            consumer_id=_CONSUMER_PREFIX + subscription.id,
            stream_name=_STREAM,
            subject_id=task.id,
            last_sequence=cursor.last_seq,
            last_delivery_id=subscription.last_delivery_id,
            last_delivered_at=optional_time(cursor.delivered_at_ns),
            last_error=cursor.error,
            updated_at=optional_time(cursor.updated_at_ns),
        ),
        created_by=actor_of(subscription.created_by),
        created_at=rfc3339(subscription.created_at_ns),
        updated_at=rfc3339(subscription.updated_at_ns),
        off_since=optional_time(subscription.off_at_ns),
        due=len(subscription.due) or None,
        undelivered=len(subscription.undelivered) or None,
        undelivered_dropped=subscription.undelivered_dropped or None,
    )


def undelivered_of(
    subscription: core.Subscription, message: core.UndeliveredMessage
) -> UndeliveredMessage:
    return UndeliveredMessage(
        delivery_id=subscription.delivery_id(message.seq),
        subscription_id=subscription.id,
        bridge_instance_id=subscription.bridge_id,
        sequence=message.seq,
        error=message.error,
        undelivered_at=rfc3339(message.at_ns),
    )
