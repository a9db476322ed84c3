"""Subscriptions to a task's ends, and the outcome of deliveries."""

from chargehand.actors import actions, limits
from chargehand.actors.errors import Code, Rejected, invalid
from chargehand.actors.task import commands as c
from chargehand.actors.task.decide.context import Changes, Decision
from chargehand.actors.task.events import (
    DeliveryFailed,
    DeliveryGivenUp,
    MessageDelivered,
    MessagesDueAgain,
    SubscriptionRemoved,
    SubscriptionSet,
    SubscriptionTurnedOff,
)
from chargehand.actors.task.subscription import Subscription


def subscribe(changes: Changes, command: c.Subscribe) -> Decision:
    """New, or a known one changed; a known one is on again, with its cursor and what is due."""
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
    _named(changes, command.subscription_id)
    changes.add(SubscriptionRemoved(command.subscription_id))
    return changes.decided()


def subscription_not_found(task_id: str, subscription_id: str) -> Rejected:
    return Rejected(
        Code.SUBSCRIPTION_NOT_FOUND,
        f"{task_id} has no subscription {subscription_id[:128]}",
        "look at the subscriptions there are:",
        action=actions.list_subscriptions(task_id),
        evidence={"task_id": task_id, "subscription_id": subscription_id[:128]},
    )


def note_delivery(changes: Changes, command: c.NoteDelivery) -> Decision:
    """Told twice it is noted once: what is due no more has been noted, or is wanted no more."""
    if _is_due(changes, command.subscription_id, command.seq):
        changes.add(MessageDelivered(command.subscription_id, command.seq))
    return changes.decided()


def note_failed_delivery(changes: Changes, command: c.NoteFailedDelivery) -> Decision:
    """Only what says something new is written: a bridge may be down for days."""
    known = _attempted(changes, command)
    if known is not None and (
        known.cursor.error != command.error or known.tried_ns != command.tried_ns
    ):
        changes.add(DeliveryFailed(command.subscription_id, command.error, command.tried_ns))
    return changes.decided()


def give_up_delivery(changes: Changes, command: c.GiveUpDelivery) -> Decision:
    """The message is undelivered from here, and the subscription goes on with the next one."""
    if _attempted(changes, command) is not None:
        changes.add(DeliveryGivenUp(command.subscription_id, command.seq, command.error))
    return changes.decided()


def turn_off(changes: Changes, command: c.TurnOffSubscription) -> Decision:
    """What is due is undelivered, and so is what comes, until the subscription is set again."""
    if _attempted(changes, command) is not None:
        changes.add(SubscriptionTurnedOff(command.subscription_id, command.error))
    return changes.decided()


def send_again(changes: Changes, command: c.SendAgain) -> Decision:
    """Have undelivered messages sent; of all of a task those of subscriptions that are off stay.

    For a message that is due again already nothing is written.
    """
    named, seq = command.subscription_id, command.seq
    subscriptions = changes.state.subscriptions if named is None else (_named(changes, named),)
    if seq is not None:
        if seq in subscriptions[0].due:
            return changes.decided()
        if subscriptions[0].undelivered_message(seq) is None:
            raise message_not_found(changes.task_id, subscriptions[0].delivery_id(seq))
    concerned = [one for one in subscriptions if one.undelivered]
    able = [one for one in concerned if one.off_at_ns is None]
    if concerned and not able:
        raise _is_off(changes, concerned[0])
    for one in able:
        seqs = tuple([message.seq for message in one.undelivered]) if seq is None else (seq,)
        changes.add(MessagesDueAgain(one.id, seqs))
    return changes.decided()


def _named(changes: Changes, subscription_id: str) -> Subscription:
    known = changes.state.subscription(subscription_id)
    if known is None:
        raise subscription_not_found(changes.task_id, subscription_id)
    return known


def message_not_found(task_id: str, delivery_id: str) -> Rejected:
    return Rejected(
        Code.MESSAGE_NOT_FOUND,
        f"{task_id} has no undelivered message {delivery_id[:256]}",
        "look at the messages there are:",
        action=actions.list_undelivered(task_id),
        evidence={"task_id": task_id, "delivery_id": delivery_id[:256]},
    )


def _is_off(changes: Changes, subscription: Subscription) -> Rejected:
    target = subscription.target
    return Rejected(
        Code.SUBSCRIPTION_OFF,
        f"the subscription {subscription.id} is off: {subscription.cursor.error}",
        "turn it on first: set it again under the same subscription_id",
        action=actions.set_subscription_again(
            changes.task_id,
            subscription.bridge_id,
            subscription.id,
            target.mode.value,
            target.peer_id,
            target.group_id,
            target.thread_id,
        ),
        evidence={"task_id": changes.task_id, "subscription_id": subscription.id},
    )


def _attempted(
    changes: Changes, command: c.NoteFailedDelivery | c.GiveUpDelivery | c.TurnOffSubscription
) -> Subscription | None:
    """The subscription, if what an attempt has come to is still of interest to it."""
    known = changes.state.subscription(command.subscription_id)
    if known is None or known.updated_at_ns != command.set_at_ns or command.seq not in known.due:
        return None
    return known


def _is_due(changes: Changes, subscription_id: str, seq: int) -> bool:
    known = changes.state.subscription(subscription_id)
    return known is not None and seq in known.due
