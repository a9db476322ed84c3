"""Folds of what happens to a task's subscriptions."""

from collections.abc import Callable
from typing import Any

from chargehand.actors import limits
from chargehand.actors.frozen import replace
from chargehand.actors.task import events as e
from chargehand.actors.task.state import TaskState
from chargehand.actors.task.subscription import Cursor, Subscription, UndeliveredMessage


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
            known,
            bridge_id=event.bridge_id,
            target=event.target,
            updated_at_ns=at_ns,
            tried_ns=0,
            off_at_ns=None,
        )
    others = _without(state, event.subscription_id)
    return replace(state, subscriptions=(*others, subscription))


def _removed(state: TaskState, event: e.SubscriptionRemoved, at_ns: int) -> TaskState:
    return replace(state, subscriptions=_without(state, event.subscription_id))


def _due(state: TaskState, event: e.MessageDue, at_ns: int) -> TaskState:
    """To one that is off it is undelivered at once."""

    def fold(known: Subscription) -> Subscription:
        due = replace(known, due=tuple(sorted((*known.due, event.seq))))
        if known.off_at_ns is None:
            return due
        return _undelivered(due, due.due, known.cursor.error or "", at_ns)

    return replace(state, subscriptions=tuple([fold(known) for known in state.subscriptions]))


def _delivered(state: TaskState, event: e.MessageDelivered, at_ns: int) -> TaskState:
    def fold(known: Subscription) -> Subscription:
        cursor = replace(known.cursor, error=None, updated_at_ns=at_ns)
        if event.seq > cursor.last_seq:  # not one that was given up before and sent again
            cursor = Cursor(event.seq, delivered_at_ns=at_ns, updated_at_ns=at_ns)
        due = tuple([seq for seq in known.due if seq != event.seq])
        return replace(known, cursor=cursor, due=due, tried_ns=0)

    return _changed(state, event.subscription_id, fold)


def _failed(state: TaskState, event: e.DeliveryFailed, at_ns: int) -> TaskState:
    def fold(known: Subscription) -> Subscription:
        return replace(_with_error(known, event.error, at_ns), tried_ns=event.tried_ns)

    return _changed(state, event.subscription_id, fold)


def _given_up(state: TaskState, event: e.DeliveryGivenUp, at_ns: int) -> TaskState:
    def fold(known: Subscription) -> Subscription:
        failed = _with_error(known, event.error, at_ns)
        return _undelivered(failed, (event.seq,), event.error, at_ns)

    return _changed(state, event.subscription_id, fold)


def _turned_off(state: TaskState, event: e.SubscriptionTurnedOff, at_ns: int) -> TaskState:
    def fold(known: Subscription) -> Subscription:
        failed = replace(_with_error(known, event.error, at_ns), off_at_ns=at_ns)
        return _undelivered(failed, failed.due, event.error, at_ns)

    return _changed(state, event.subscription_id, fold)


def _due_again(state: TaskState, event: e.MessagesDueAgain, at_ns: int) -> TaskState:
    def fold(known: Subscription) -> Subscription:
        return replace(
            known,
            due=tuple(sorted({*known.due, *event.seqs})),
            tried_ns=0,
            undelivered=tuple([m for m in known.undelivered if m.seq not in event.seqs]),
        )

    return _changed(state, event.subscription_id, fold)


def _with_error(known: Subscription, error: str, at_ns: int) -> Subscription:
    return replace(known, cursor=replace(known.cursor, error=error, updated_at_ns=at_ns))


def _undelivered(
    known: Subscription, seqs: tuple[int, ...], error: str, at_ns: int
) -> Subscription:
    """These are due no more; of too many that are undelivered the oldest go."""
    short = error.encode()[: limits.SUMMARY_BYTES_MAX].decode(errors="ignore")
    given_up = [UndeliveredMessage(seq, short, at_ns) for seq in seqs]
    every = sorted((*known.undelivered, *given_up), key=lambda message: message.seq)
    kept = every[-limits.UNDELIVERED_MAX :]
    return replace(
        known,
        due=tuple([seq for seq in known.due if seq not in seqs]),
        tried_ns=0,
        undelivered=tuple(kept),
        undelivered_dropped=known.undelivered_dropped + len(every) - len(kept),
    )


def _changed(
    state: TaskState, subscription_id: str, change: Callable[[Subscription], Subscription]
) -> TaskState:
    return replace(
        state,
        subscriptions=tuple(
            [
                change(known) if known.id == subscription_id else known
                for known in state.subscriptions
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
    e.DeliveryGivenUp: _given_up,
    e.SubscriptionTurnedOff: _turned_off,
    e.MessagesDueAgain: _due_again,
}
