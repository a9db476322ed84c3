"""Subscriptions to a task's ends, and the messages that could not be delivered."""

import re
from hashlib import blake2b
from typing import Final

from chargehand.actors.errors import invalid
from chargehand.actors.task import commands as c
from chargehand.actors.task.decide.subscriptions import message_not_found, subscription_not_found
from chargehand.actors.task.state import Scope, TaskState
from chargehand.actors.task.subscription import Subscription, Target, parsed_delivery_id
from chargehand.actors.views.pages import bad_cursor, sequence_of
from chargehand.web import queries
from chargehand.web.addresses import known_task, task_id_of
from chargehand.web.call import Call, Routes
from chargehand.web.identity import identify
from chargehand.web.operations import Operation
from chargehand.web.paging import cursor_of, next_link
from chargehand.web.requests.subscriptions import CreateSubscriptionRequest, ResendRequest
from chargehand.web.responses import EMPTY, HttpResponse, shown
from chargehand.web.shapes.subscriptions import (
    SubscriptionResponse,
    SubscriptionsResponse,
    UndeliveredResponse,
    subscription_of,
    undelivered_of,
)

_SHOWN: Final = "shown"  # a cursor of the list begins with it
_MARK_BYTES: Final = 6
_MARK: Final = re.compile(rf"[0-9a-f]{{{2 * _MARK_BYTES}}}")


async def subscribe(call: Call) -> HttpResponse:
    """A new one, or a known one changed."""
    caller = identify(call)
    task = known_task(call)
    body = call.decode(CreateSubscriptionRequest)
    _check_place(task, body)
    target = Target(body.delivery_mode, body.peer_id, body.thread_id, body.group_id)
    command = c.Subscribe(body.bridge_instance_id, target, body.subscription_id)
    answer = await call.system.subscribe(task.id, command, caller)
    assert answer.subscription is not None, f"{answer.task.id} was not subscribed to"
    made = subscription_of(answer.task, answer.subscription)
    return shown(201, SubscriptionResponse(made))


def _check_place(task: TaskState, body: CreateSubscriptionRequest) -> None:
    """A place that is named must be the task's; none needs to be."""
    if body.scope is None:
        return
    if body.scope is not task.scope:
        raise invalid(
            "/scope", f"the scope of {task.id} is {task.scope.value}", "send that, or leave it out"
        )
    if body.scope is Scope.WORKSPACE and body.workspace_id != task.workspace_id:
        raise invalid(
            "/workspace_id",
            f"{task.id} is of the workspace {task.workspace_id}",
            "send its id, or leave the scope out",
        )


async def list_of_task(call: Call) -> HttpResponse:
    """Those changed last come first."""
    identify(call)
    task, query = known_task(call), call.query
    bridge_id = queries.text(query, "bridge_instance_id")
    scope = queries.choice(query, "scope", Scope)
    workspace_id = queries.text(query, "workspace_id")
    is_here = scope in (None, task.scope) and workspace_id in (None, task.workspace_id)
    matching = [
        subscription
        for subscription in sorted(task.subscriptions, key=_order)
        if is_here and bridge_id in (None, subscription.bridge_id)
    ]
    page, more = _page(matching, cursor_of(query), queries.limit(query))
    shapes = [subscription_of(task, subscription) for subscription in page]
    return shown(200, SubscriptionsResponse(shapes), next_link(call.path, query, more))


def _order(subscription: Subscription) -> tuple[int, str]:
    return -subscription.updated_at_ns, subscription.id


def _page(
    matching: list[Subscription], cursor: str | None, limit: int
) -> tuple[list[Subscription], str | None]:
    """The first of those that were not shown yet, and the cursor behind them. A task has so few
    that the cursor names all that were shown, so they may move as they like."""
    known = _shown(matching, cursor)
    left = [subscription for subscription in matching if _mark(subscription) not in known]
    if len(left) <= limit:
        return left, None
    marks = [mark for mark in map(_mark, matching) if mark in known]
    return left[:limit], ".".join((_SHOWN, *marks, *map(_mark, left[:limit])))


def _mark(subscription: Subscription) -> str:
    return blake2b(subscription.id.encode(), digest_size=_MARK_BYTES).hexdigest()


def _shown(matching: list[Subscription], cursor: str | None) -> set[str]:
    """The marks of those that were shown up to a cursor."""
    if cursor is None:
        return set()
    first, *marks = cursor.split(".")
    if first == _SHOWN:
        if not all(map(_MARK.fullmatch, marks)):
            raise bad_cursor()
        return set(marks)
    behind = _position(cursor)  # as former versions gave it
    return {_mark(subscription) for subscription in matching if _order(subscription) <= behind}


def _position(cursor: str) -> tuple[int, str]:
    updated_at, _, subscription_id = cursor.partition(".")
    return -(sequence_of(updated_at) or 0), subscription_id


async def get(call: Call) -> HttpResponse:
    identify(call)
    task, subscription_id = known_task(call), _subscription_id_of(call)
    subscription = task.subscription(subscription_id)
    if subscription is None:
        raise subscription_not_found(task.id, subscription_id)
    return shown(200, SubscriptionResponse(subscription_of(task, subscription)))


async def unsubscribe(call: Call) -> HttpResponse:
    command = c.Unsubscribe(_subscription_id_of(call))
    await call.system.ask(task_id_of(call), command, identify(call))
    return EMPTY


async def list_undelivered(call: Call) -> HttpResponse:
    """In the order of their numbers; those of one number by subscription."""
    identify(call)
    task, query = known_task(call), call.query
    named = queries.text(query, "subscription_id")
    bridge_id = queries.text(query, "bridge_instance_id")
    limit = queries.limit(query)
    behind = _message_position(cursor_of(query))
    if named is not None and task.subscription(named) is None:
        raise subscription_not_found(task.id, named)
    chosen = [
        subscription
        for subscription in task.subscriptions
        if named in (None, subscription.id) and bridge_id in (None, subscription.bridge_id)
    ]
    rows = sorted(
        (
            (message.seq, subscription.id, undelivered_of(subscription, message))
            for subscription in chosen
            for message in subscription.undelivered
            if (message.seq, subscription.id) > behind
        ),
        key=lambda row: row[:2],
    )
    page = rows[:limit]
    more = f"{page[-1][0]}.{page[-1][1]}" if len(rows) > limit else None
    dropped = sum(subscription.undelivered_dropped for subscription in chosen)
    shape = UndeliveredResponse([row[2] for row in page], dropped)
    return shown(200, shape, next_link(call.path, query, more))


def _message_position(cursor: str | None) -> tuple[int, str]:
    """Number and subscription of the message that the last page ended with."""
    seq, _, subscription_id = ("0." if cursor is None else cursor).partition(".")
    return sequence_of(seq) or 0, subscription_id


async def resend(call: Call) -> HttpResponse:
    """Shows the subscriptions that were asked about, as they are then."""
    caller = identify(call)
    task = known_task(call)
    body = call.decode(ResendRequest)
    command = c.SendAgain(body.subscription_id)
    if body.delivery_id is not None:
        command = _of_one(task.id, body.delivery_id, body.subscription_id)
    answer = await call.system.ask(task.id, command, caller)
    shapes = [
        subscription_of(answer.task, subscription)
        for subscription in sorted(answer.task.subscriptions, key=_order)
        if command.subscription_id in (None, subscription.id)
    ]
    return shown(200, SubscriptionsResponse(shapes))


def _of_one(task_id: str, delivery_id: str, subscription_id: str | None) -> c.SendAgain:
    parsed = parsed_delivery_id(delivery_id)
    if parsed is None:
        raise message_not_found(task_id, delivery_id)
    if subscription_id not in (None, parsed[0]):
        raise invalid(
            "/subscription_id",
            f"{delivery_id[:256]} is a message of another subscription",
            "leave the subscription out: the message names its own",
        )
    return c.SendAgain(*parsed)


def _subscription_id_of(call: Call) -> str:
    return call.ids["subscription_id"].strip()


ROUTES: Routes = {
    Operation.CREATE_SUBSCRIPTION: subscribe,
    Operation.LIST_SUBSCRIPTIONS: list_of_task,
    Operation.GET_SUBSCRIPTION: get,
    Operation.DELETE_SUBSCRIPTION: unsubscribe,
    Operation.LIST_UNDELIVERED: list_undelivered,
    Operation.RESEND_UNDELIVERED: resend,
}
