"""Who is to be told of a task's ends, through which bridge, and how far that has come."""

from enum import Enum
from typing import Final, final

from attrs import frozen

from actors.identity import Actor

DELIVERY_PREFIX: Final = "notif:"


class DeliveryMode(Enum):
    DIRECT_SEND = "direct-send"
    REPLY = "reply"


@final
@frozen
class Target:
    """Whom the bridge shall reach; it makes of these names what it likes."""

    mode: DeliveryMode
    peer_id: str | None = None
    thread_id: str | None = None
    group_id: str | None = None


@final
@frozen
class Cursor:
    """How far a subscriber was told. `last_seq` only rises.

    It begins at the subscription's own number, so nothing before that is ever told.
    """

    last_seq: int
    delivered_at_ns: int | None = None  # of the last message; None: there was none yet
    error: str | None = None  # why the last attempt failed; None again after a delivery
    updated_at_ns: int | None = None


@final
@frozen
class Subscription:
    """One subscriber. `due` are the numbers of the events it has still to be told of, in order."""

    id: str
    bridge_id: str
    target: Target
    created_by: Actor
    created_at_ns: int
    updated_at_ns: int
    cursor: Cursor
    due: tuple[int, ...] = ()

    def delivery_id(self, seq: int) -> str:
        """Names the message about event `seq`: the same however often it is sent."""
        return f"{DELIVERY_PREFIX}{self.id}:{seq}"

    @property
    def last_delivery_id(self) -> str | None:
        if self.cursor.delivered_at_ns is None:
            return None
        return self.delivery_id(self.cursor.last_seq)
