"""Subscriptions to a task's ends, and what the deliveries tell of their messages."""

from actors import limits, suggestions
from actors.errors import Code, Rejected, invalid
from actors.task import commands as c
from actors.task.decide.context import Changes, Decision
from actors.task.events import (
    DeliveryFailed,
    MessageDelivered,
    SubscriptionRemoved,
    SubscriptionSet,
)


def subscribe(changes: Changes, command: c.Subscribe) -> Decision:
    """New, or a known one changed; a known one keeps its cursor and what is due to it."""
    context, state = changes.context, changes.state
    subscription_id = command.id or context.new_subscription_id
    if context.around.task_of_subscription(subscription_id) not in (None, changes.task_id):
        raise invalid(
            "/subscription_id",
            f"the subscription {subscription_id} belongs to another task, and stays with it",
            "choose another id, or leave it out to have one made",
        )
    known = state.subscription(subscription_id)
    if known is None and len(state.subscriptions) >= limits.SUBSCRIPTIONS_MAX:
        raise Rejected(
            Code.SUBSCRIPTION_LIMIT,
            f"{state.id} has {limits.SUBSCRIPTIONS_MAX} subscriptions, and no task has more",
            "delete one that is not needed",
            evidence={"task_id": state.id, "limit": limits.SUBSCRIPTIONS_MAX},
        )
    changes.add(
        SubscriptionSet(
            subscription_id=subscription_id,
            bridge_id=command.bridge_id,
            target=command.target,
            by=context.caller.actor,
            since_seq=context.next_seq,
        )
    )
    return changes.decided(subscription_id=subscription_id)


def unsubscribe(changes: Changes, command: c.Unsubscribe) -> Decision:
    if changes.state.subscription(command.subscription_id) is None:
        raise subscription_not_found(changes.task_id, command.subscription_id)
    changes.add(SubscriptionRemoved(command.subscription_id))
    return changes.decided()


def subscription_not_found(task_id: str, subscription_id: str) -> Rejected:
    return Rejected(
        Code.SUBSCRIPTION_NOT_FOUND,
        f"{task_id} has no subscription {subscription_id[:128]}",
        f"look at the ids of GET /api/tasks/{task_id}/notifications/bridges",
        command=suggestions.list_subscriptions(task_id),
        evidence={"task_id": task_id, "subscription_id": subscription_id[:128]},
    )


def note_delivery(changes: Changes, command: c.NoteDelivery) -> Decision:
    """Told twice it is noted once: what is due no more has been noted, or is wanted no more."""
    if _is_due(changes, command.subscription_id, command.seq):
        changes.add(MessageDelivered(command.subscription_id, command.seq))
    return changes.decided()


def note_failed_delivery(changes: Changes, command: c.NoteFailedDelivery) -> Decision:
    """Only what says something new is written: a bridge may be down for days."""
    known = changes.state.subscription(command.subscription_id)
    if (
        known is not None
        and known.cursor.error != command.error
        and _is_due(changes, command.subscription_id, command.seq)
    ):
        changes.add(DeliveryFailed(command.subscription_id, command.error))
    return changes.decided()


def _is_due(changes: Changes, subscription_id: str, seq: int) -> bool:
    known = changes.state.subscription(subscription_id)
    return known is not None and seq in known.due
