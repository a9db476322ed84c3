"""Requests under a key: which are under way, and which have been done before."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import final

import trio
from attrs import define, field

from chargehand.actors.clock import Clock
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.faults import Faults
from chargehand.actors.idempotency.once import Earlier, Once, earlier_of
from chargehand.actors.limits import NS
from chargehand.actors.ports import DamagedRowError, Reads
from chargehand.actors.record import IndexTable


@final
@define(eq=False)
class _Request:
    request: str
    holds: int = 1
    ended: trio.Event = field(factory=trio.Event)


@final
class Keys:
    """What was done under a key, and one request at a time that tries.

    The effect of a request and the fact that it was done are one record, and are found from the
    moment on in which that is appended. So what is not found has not been done; what is found may
    not be on disk yet, and whoever answers from it waits until it is.

    An actor that decides and appends in one turn has only to look (`find`); where the decision is
    another actor's, the key is taken until the answer (`begin`, `end`). Equal requests that wait
    for one answer hold it together (`hold`, and `end` of each).

    Args:
        lifetime_s: how long a request that was done is known.
    """

    def __init__(self, reads: Reads, clock: Clock, lifetime_s: float, faults: Faults) -> None:
        self._reads = reads
        self._faults = faults
        self._clock = clock
        self._lifetime_ns = int(lifetime_s * NS)
        self._under_way: dict[str, _Request] = {}

    @property
    def forgets_before_ns(self) -> int:
        """What was done before this moment is known no more."""
        return self._clock.wall_ago_ns(self._lifetime_ns)

    def find(self, once: Once | None) -> Earlier | None:
        """What an equal request has done, on disk or about to be.

        Raises:
            Rejected: KEY_REUSED for another request under the key, also one under way;
                TASK_SET_ASIDE if the row of the key is damaged, so that nobody knows whether it
                was done.
        """
        if once is None:
            return None
        under_way = self._under_way.get(once.key)
        if under_way is not None:
            check_equal(once, under_way.request)
        try:
            row = self._reads.get(IndexTable.ONCE, once.key)
        except DamagedRowError as error:
            raise self._faults.damaged_row(IndexTable.ONCE, once.key, error) from error
        if row is None:
            return None
        earlier = earlier_of(row)
        if self._clock.age_ns(earlier.at_ns) > self._lifetime_ns:
            return None
        check_equal(once, earlier.request)
        return earlier

    async def begin(self, once: Once) -> Earlier | None:
        """What an equal request has done before; waits for one that is under way.

        None: none has. Then the key is the caller's until `end`, which must follow, also where the
        caller is canceled: its command was appended by then, and is found, or will be dropped.

        Raises:
            Rejected: KEY_REUSED for another request under the key.
        """
        while (other := self._under_way.get(once.key)) is not None:
            check_equal(once, other.request)
            await other.ended.wait()
        earlier = self.find(once)
        if earlier is None:
            self._under_way[once.key] = _Request(once.request)
        return earlier

    def hold(self, once: Once) -> None:
        """Take the key, beside equal requests that have it. `find` has found nothing; `end` must
        follow."""
        under_way = self._under_way.get(once.key)
        if under_way is None:
            self._under_way[once.key] = _Request(once.request)
        else:
            under_way.holds += 1

    def end(self, once: Once) -> None:
        """The request was answered, or nobody waits for its answer any more."""
        request = self._under_way[once.key]
        request.holds -= 1
        if not request.holds:
            del self._under_way[once.key]
            request.ended.set()

    @asynccontextmanager
    async def whole(self, once: Once | None) -> AsyncIterator[None]:
        """Do a request in parts, each of which is a request under a key of its own.

        Raises:
            Rejected: KEY_REUSED for another request under the key; TASK_SET_ASIDE if the row of
                the key is damaged, so that nobody knows whether it was done.
        """
        if once is None or await self.begin(once) is not None:
            yield
            return
        try:
            yield
        finally:
            self.end(once)


def check_equal(once: Once, request: str) -> None:
    """Raises: Rejected: KEY_REUSED unless it is this request that was sent under the key before."""
    if once.request != request:
        raise Rejected(
            Code.KEY_REUSED,
            "the idempotency key was sent before, with another operation or body",
            "repeat the original request, or use another key",
        )
