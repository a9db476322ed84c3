"""`chargehand bridge`: who is told by webhook how a task ends."""

from typing import Final

from actors.task.state import Scope
from actors.task.subscription import DeliveryMode
from web.cli.members import CURSOR, ID, LIMIT, Field, Form, one_of
from web.cli.shown import Card, Column, Listing, Worth
from web.cli.verbs import Verb
from web.operations import Operation as Op

_CURSOR: Final = "cursor"
_SUBSCRIPTION: Final = (
    Card("subscription", without=(_CURSOR,)),
    Card(f"subscription.{_CURSOR}", "how far it was told"),
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
_SCOPE: Final = Field("scope", "that of the task, if it is given", one_of(Scope))
_WORKSPACE: Final = Field("workspace_id", "that of the task, if it is given", flag="workspace")

VERBS: Final = (
    Verb(
        name="subscribe",
        operation=Op.CREATE_SUBSCRIPTION,
        help="Have a bridge told how a task ends",
        example="chat --peer maria --mode direct-send",
        fields=(
            Field("bridge_instance_id", kind=ID, form=Form.ARGUMENT, flag="bridge"),
            Field("subscription_id", "its id; one is made otherwise", flag="id"),
            Field("peer_id", "who is told", flag="peer"),
            Field("group_id", "which group is told", flag="group"),
            Field("thread_id", "in which thread", flag="thread"),
            Field("delivery_mode", "how", one_of(DeliveryMode), flag="mode", required=True),
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
            Field("bridge_instance_id", "those of a bridge", flag="bridge"),
            Field("scope", "those of a scope", one_of(Scope)),
            Field("workspace_id", "those of a workspace", flag="workspace"),
            LIMIT,
            CURSOR,
        ),
        shows=(_SUBSCRIPTIONS,),
    ),
    Verb(
        name="show",
        operation=Op.GET_SUBSCRIPTION,
        help="A subscription, and how far it was told",
        shows=_SUBSCRIPTION,
    ),
    Verb(
        name="unsubscribe",
        operation=Op.DELETE_SUBSCRIPTION,
        help="Tell a bridge no more of a task",
    ),
    Verb(
        name="undelivered",
        operation=Op.LIST_UNDELIVERED,
        help="Messages of a task that could not be delivered",
        fields=(
            Field("subscription_id", "those of a subscription", flag="subscription"),
            Field("bridge_instance_id", "those of a bridge", flag="bridge"),
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
                none="all was delivered, or is still tried",
            ),
        ),
    ),
    Verb(
        name="resend",
        operation=Op.RESEND_UNDELIVERED,
        help="Send messages again that could not be delivered",
        note="Without an option, all of the task.",
        example="--message notif:bts-1:42",
        fields=(
            Field("delivery_id", "this message alone", flag="message"),
            Field("subscription_id", "those of a subscription", flag="subscription"),
        ),
        shows=(_SUBSCRIPTIONS,),
    ),
)
