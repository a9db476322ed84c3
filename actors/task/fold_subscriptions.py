"""Folds of what happens to a task's subscriptions."""

from collections.abc import Callable
from typing import Any

from actors.frozen import replace
from actors.task import events as e
from actors.task.state import TaskState
from actors.task.subscription import Cursor, Subscription


def _set(state: TaskState, event: e.SubscriptionSet, at_ns: int) -> TaskState:
    """Behind all others, so that the last one is the one set last."""
    known = state.subscription(event.subscription_id)
    if known is None:
        subscription = Subscription(
            id=event.subscription_id,
            bridge_id=event.bridge_id,
            target=event.target,
            created_by=event.by,
            created_at_ns=at_ns,
            updated_at_ns=at_ns,
            cursor=Cursor(event.since_seq),
        )
    else:
        subscription = replace(
            known, bridge_id=event.bridge_id, target=event.target, updated_at_ns=at_ns
        )
    others = _without(state, event.subscription_id)
    return replace(state, subscriptions=(*others, subscription))


def _removed(state: TaskState, event: e.SubscriptionRemoved, at_ns: int) -> TaskState:
    return replace(state, subscriptions=_without(state, event.subscription_id))


def _due(state: TaskState, event: e.MessageDue, at_ns: int) -> TaskState:
    return replace(
        state,
        subscriptions=tuple([replace(s, due=(*s.due, event.seq)) for s in state.subscriptions]),
    )


def _delivered(state: TaskState, event: e.MessageDelivered, at_ns: int) -> TaskState:
    cursor = Cursor(event.seq, delivered_at_ns=at_ns, updated_at_ns=at_ns)
    return _moved(state, event.subscription_id, cursor)


def _failed(state: TaskState, event: e.DeliveryFailed, at_ns: int) -> TaskState:
    known = state.subscription(event.subscription_id)
    assert known is not None, f"{event.subscription_id} has failed but does not exist"
    cursor = replace(known.cursor, error=event.error, updated_at_ns=at_ns)
    return _moved(state, event.subscription_id, cursor)


def _moved(state: TaskState, subscription_id: str, cursor: Cursor) -> TaskState:
    """With the cursor of a subscription there, and nothing due up to it."""
    return replace(
        state,
        subscriptions=tuple(
            [
                replace(s, cursor=cursor, due=tuple([n for n in s.due if n > cursor.last_seq]))
                if s.id == subscription_id
                else s
                for s in state.subscriptions
            ]
        ),
    )


def _without(state: TaskState, subscription_id: str) -> tuple[Subscription, ...]:
    return tuple([known for known in state.subscriptions if known.id != subscription_id])


SUBSCRIPTION_FOLDS: dict[type[e.TaskEvent], Callable[[TaskState, Any, int], TaskState]] = {
    e.SubscriptionSet: _set,
    e.SubscriptionRemoved: _removed,
    e.MessageDue: _due,
    e.MessageDelivered: _delivered,
    e.DeliveryFailed: _failed,
}
