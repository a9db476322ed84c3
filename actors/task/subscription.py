"""Subscriptions to a task's ends: through which bridge, and how far delivery has come."""

from typing import Final, final

from chargehand.actors.frozen import frozen
from chargehand.actors.identity import Actor
from chargehand.actors.task.choices import DeliveryMode as DeliveryMode

DELIVERY_PREFIX: Final = "notif:"


_SEQ_CHARS_MAX: Final = 19


def parsed_delivery_id(text: str) -> tuple[str, int] | None:
    """Subscription and event of a message, by its delivery id; None: it cannot be one."""
    subscription_id, _, seq = text.removeprefix(DELIVERY_PREFIX).rpartition(":")
    if not text.startswith(DELIVERY_PREFIX) or not subscription_id:
        return None
    if not (seq.isascii() and seq.isdigit()) or len(seq) > _SEQ_CHARS_MAX:
        return None
    return subscription_id, int(seq)


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
    """How far messages were delivered. `last_seq` only rises: it stays where one is sent again that
    was given up before.

    It begins at the subscription's own number, so nothing before that is ever sent.
    """

    last_seq: int
    delivered_at_ns: int | None = None  # of the last message; None: there was none yet
    error: str | None = None  # why the last attempt failed; None again after a delivery
    updated_at_ns: int | None = None


@final
@frozen
class UndeliveredMessage:
    """The message about event `seq`, which is not sent any more unless somebody asks for it.

    Args:
        error: why, in short.
        at_ns: since when.
    """

    seq: int
    error: str
    at_ns: int


@final
@frozen
class Subscription:
    """One subscriber.

    Args:
        due: the numbers of the events about which a message is still to be sent, in order.
        tried_ns: how long attempts at the first of these have failed, as last noted.
        off_at_ns: when its receiver wanted no more; None while it is on.
        undelivered: messages that were given up, in order; the newest ones alone.
        undelivered_dropped: how many older ones there were.
    """

    id: str
    bridge_id: str
    target: Target
    created_by: Actor
    created_at_ns: int
    updated_at_ns: int
    cursor: Cursor
    due: tuple[int, ...] = ()
    tried_ns: int = 0
    off_at_ns: int | None = None
    undelivered: tuple[UndeliveredMessage, ...] = ()
    undelivered_dropped: int = 0

    def undelivered_message(self, seq: int) -> UndeliveredMessage | None:
        for message in self.undelivered:
            if message.seq == seq:
                return message
        return None

    def delivery_id(self, seq: int) -> str:
        """Names the message about event `seq`: the same however often it is sent."""
        return f"{DELIVERY_PREFIX}{self.id}:{seq}"

    @property
    def last_delivery_id(self) -> str | None:
        if self.cursor.delivered_at_ns is None:
            return None
        return self.delivery_id(self.cursor.last_seq)
