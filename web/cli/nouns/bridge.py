"""`chargehand bridge`: who gets a webhook when a task ends."""

from typing import Final

from chargehand.actors.task.choices import DeliveryMode, Scope
from chargehand.web.cli.members import CURSOR, ID, LIMIT, Field, Form, one_of
from chargehand.web.cli.shown import Card, Column, Listing, Worth
from chargehand.web.cli.verbs import Verb
from chargehand.web.operations import Operation as Op

_CURSOR: Final = "cursor"
_SUBSCRIPTION: Final = (
    Card("subscription", without=(_CURSOR,)),
    Card(f"subscription.{_CURSOR}", "delivered so far"),
)
_SUBSCRIPTIONS: Final = Listing(
    "subscriptions",
    (
        Column("ID", "subscription_id", Worth.KEPT),
        Column("BRIDGE", "bridge_instance_id", Worth.KEPT),
        Column("MODE", "delivery_mode"),
        Column("PEER", "peer_id"),
        Column("GROUP", "group_id"),
        Column("TOLD UP TO", "cursor.last_sequence"),
        Column("DUE", "due"),
        Column("UNDELIVERED", "undelivered"),
        Column("OFF SINCE", "off_since"),
        Column("LAST ERROR", "cursor.last_error", Worth.CUT),
    ),
    none="no subscriptions",
)
_SCOPE: Final = Field("scope", "must be the task's, if given", one_of(Scope))
_WORKSPACE: Final = Field("workspace_id", "must be the task's, if given", flag="workspace")

VERBS: Final = (
    Verb(
        name="subscribe",
        operation=Op.CREATE_SUBSCRIPTION,
        help="Send a task's ends through a bridge",
        example="chat --peer maria --mode direct-send",
        fields=(
            Field("bridge_instance_id", kind=ID, form=Form.ARGUMENT, flag="bridge"),
            Field("subscription_id", "its id; one is made otherwise", flag="id"),
            Field("peer_id", "receiving person", flag="peer"),
            Field("group_id", "receiving group", flag="group"),
            Field("thread_id", "thread to post in", flag="thread"),
            Field(
                "delivery_mode", "way of delivery", one_of(DeliveryMode), flag="mode", required=True
            ),
            _SCOPE,
            _WORKSPACE,
        ),
        shows=_SUBSCRIPTION,
    ),
    Verb(
        name="list",
        operation=Op.LIST_SUBSCRIPTIONS,
        help="The subscriptions of a task",
        fields=(
            Field("bridge_instance_id", "only those of this bridge", flag="bridge"),
            Field("scope", "only those of this scope", one_of(Scope)),
            Field("workspace_id", "only those of this workspace", flag="workspace"),
            LIMIT,
            CURSOR,
        ),
        shows=(_SUBSCRIPTIONS,),
    ),
    Verb(
        name="show",
        operation=Op.GET_SUBSCRIPTION,
        help="A subscription, and how far delivery has come",
        shows=_SUBSCRIPTION,
    ),
    Verb(
        name="unsubscribe",
        operation=Op.DELETE_SUBSCRIPTION,
        help="Stop sending a task's ends through a bridge",
    ),
    Verb(
        name="undelivered",
        operation=Op.LIST_UNDELIVERED,
        help="The undelivered messages of a task",
        fields=(
            Field("subscription_id", "only those of this subscription", flag="subscription"),
            Field("bridge_instance_id", "only those of this bridge", flag="bridge"),
            LIMIT,
            CURSOR,
        ),
        shows=(
            Listing(
                "messages",
                (
                    Column("MESSAGE", "delivery_id", Worth.KEPT),
                    Column("BRIDGE", "bridge_instance_id", Worth.KEPT),
                    Column("SINCE", "undelivered_at"),
                    Column("ERROR", "error", Worth.CUT),
                ),
                none="nothing is undelivered; messages that are still being retried are not listed",
            ),
        ),
    ),
    Verb(
        name="resend",
        operation=Op.RESEND_UNDELIVERED,
        help="Send undelivered messages again",
        note="Without an option, all of the task.",
        example="--message notif:bts-1:42",
        fields=(
            Field("delivery_id", "only this message", flag="message"),
            Field("subscription_id", "only those of this subscription", flag="subscription"),
        ),
        shows=(_SUBSCRIPTIONS,),
    ),
)
