"""Requests under a key: which are under way, and which have been done before."""

from typing import final

import trio
from attrs import define, field

from actors.answers import Answer
from actors.clock import Clock
from actors.errors import Code, Rejected
from actors.limits import NS
from actors.mailbox import Reply
from actors.once import Earlier, Once, earlier_of
from actors.ports import ONCE_TABLE, Journal


@final
@define(eq=False)
class _UnderWay:
    request: str
    ended: trio.Event = field(factory=trio.Event)


@final
class KeyedReply:
    """The reply of a request under a key; its key is given back once it is answered, whether or
    not its caller still waits."""

    def __init__(self, keys: "Keys", once: Once, reply: Reply[Answer]) -> None:
        self._keys = keys
        self._once = once
        self._reply = reply

    @property
    def abandoned(self) -> bool:
        return self._reply.abandoned

    def settle(self, value: Answer) -> None:
        self._keys.end(self._once)
        self._reply.settle(value)

    def fail(self, error: Exception) -> None:
        self._keys.end(self._once)
        self._reply.fail(error)


@final
class Keys:
    """Lets one request under a key try at a time. Its effect and the fact that it was done are one
    record, so what is not found here has not been done.

    Args:
        lifetime_s: how long a request that was done is known.
    """

    def __init__(self, journal: Journal, clock: Clock, lifetime_s: float) -> None:
        self._journal = journal
        self._clock = clock
        self._lifetime_ns = int(lifetime_s * NS)
        self._under_way: dict[str, _UnderWay] = {}

    @property
    def forgets_before_ns(self) -> int:
        """What was done before this moment is known no more."""
        return self._clock.now_ns() - self._lifetime_ns

    async def begin(self, once: Once) -> Earlier | None:
        """What an equal request has done before; waits for one that is under way.

        None: none has. Then the key is the caller's until `end`, which must follow.

        Raises:
            Rejected: KEY_REUSED for another request under the key.
        """
        while (other := self._under_way.get(once.key)) is not None:
            _check_equal(once, other.request)
            await other.ended.wait()
        earlier = self.find(once)
        if earlier is None:
            self._under_way[once.key] = _UnderWay(once.request)
        return earlier

    def end(self, once: Once) -> None:
        """The request was answered, or will not be sent."""
        under_way = self._under_way.pop(once.key, None)
        if under_way is not None:
            under_way.ended.set()

    def find(self, once: Once) -> Earlier | None:
        """What an equal request has done, on disk or about to be.

        Raises:
            Rejected: KEY_REUSED for another request under the key.
        """
        row = self._journal.get(ONCE_TABLE, once.key)
        earlier = None if row is None else earlier_of(row)
        if earlier is None or earlier.at_ns < self.forgets_before_ns:
            return None
        _check_equal(once, earlier.request)
        return earlier


def _check_equal(once: Once, request: str) -> None:
    if once.request != request:
        raise Rejected(
            Code.KEY_REUSED,
            "the idempotency key was sent before, with another operation or body",
            "send the request of then, or another key",
        )
