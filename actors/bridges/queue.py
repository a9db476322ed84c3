"""The queue before one bridge: subscriptions to which something is due, each there once.

It holds names, not messages, so that it is no longer than there are subscriptions, however long
the bridge is down.
"""

import math
from collections.abc import Callable
from typing import NamedTuple, final

import trio

from chargehand.actors.bridges.retries import hold_s, retry_delay_s
from chargehand.actors.clock import Clock
from chargehand.actors.deadlines import Deadlines
from chargehand.actors.limits import NS


class Waiting(NamedTuple):
    """A subscription by its names."""

    task_id: str
    subscription_id: str


@final
class DeliveryQueue:
    """What was taken is nobody else's until it comes `again`, to `retry`, or may `leave`.

    Args:
        chance: a new number from 0 up to 1 with each call.
    """

    def __init__(self, clock: Clock, chance: Callable[[], float]) -> None:
        self._clock = clock
        self._chance = chance
        self._due: Deadlines[Waiting] = Deadlines()
        self._failures: dict[Waiting, int] = {}  # in a row
        self._failing_since_ns: dict[Waiting, int] = {}
        self._hurried: dict[Waiting, None] = {}  # of those that are due
        self._held_until_ns = 0
        self._taken: set[Waiting] = set()
        self._wanted: set[Waiting] = set()  # of those: in a hurry as soon as they come back
        self._alarm = trio.Event()

    def __len__(self) -> int:
        return len(self._due) + len(self._taken)

    def join(self, one: Waiting) -> None:
        """Something is due to it; one that waits already keeps its time."""
        if one not in self._due and one not in self._taken:
            self._set(one, self._clock.steady_ns())

    def hurry(self, one: Waiting) -> None:
        """Somebody wants it tried now: what failed before may succeed, also while all are held."""
        self._forget_failures(one)
        if one in self._taken:
            self._wanted.add(one)
        elif one in self._due:
            self._hurried[one] = None
            self._set(one, self._clock.steady_ns())

    def hold(self, retry_after_s: float) -> None:
        """The receiver wants nothing for so long: it is left alone, but for what is in a hurry."""
        hold_ns = int(hold_s(retry_after_s, self._chance()) * NS)
        self._held_until_ns = max(self._held_until_ns, self._clock.steady_ns() + hold_ns)

    async def take(self) -> Waiting:
        """The one whose time has come, as soon as there is one."""
        await trio.lowlevel.checkpoint()
        while (one := self._next()) is None:
            alarm, next_ns = self._alarm, self._due.next_at_ns()
            if next_ns is None:
                next_s = math.inf
            else:
                next_s = self._clock.trio_time(max(next_ns, self._held_until_ns))
            with trio.move_on_at(next_s):
                await alarm.wait()
        self._taken.add(one)
        return one

    def _next(self) -> Waiting | None:
        for one in self._hurried:
            del self._hurried[one]
            self._due.discard(one)
            return one
        now_ns = self._clock.steady_ns()
        if now_ns < self._held_until_ns:
            return None
        return next(iter(self._due.pop_due(now_ns, 1)), None)

    def again(self, one: Waiting) -> None:
        """It is done with something, and there is more."""
        self._forget_failures(one)
        self._back(one, 0.0)

    def retry(self, one: Waiting) -> None:
        """It was not delivered: send it again, the later the more failures there were in a row."""
        self._failures[one] = failures = self._failures.get(one, 0) + 1
        self._back(one, retry_delay_s(failures, self._chance()))

    def leave(self, one: Waiting) -> None:
        """Nothing is due to it any more, or nothing can be done about it."""
        self._forget_failures(one)
        self._taken.discard(one)
        self._wanted.discard(one)

    def tried_ns(self, one: Waiting, before_ns: int) -> int:
        """How long its attempts have failed, since the first failure in a row.

        Args:
            before_ns: how long it had been tried when that came.
        """
        now_ns = self._clock.steady_ns()
        return now_ns - self._failing_since_ns.setdefault(one, now_ns - before_ns)

    def _forget_failures(self, one: Waiting) -> None:
        self._failures.pop(one, None)
        self._failing_since_ns.pop(one, None)

    def _back(self, one: Waiting, delay_s: float) -> None:
        self._taken.discard(one)
        if one in self._wanted:
            self._wanted.discard(one)
            self._hurried[one] = None
            delay_s = 0.0
        self._set(one, self._clock.steady_ns() + int(delay_s * NS))

    def _set(self, one: Waiting, at_ns: int) -> None:
        self._due.set(one, at_ns)
        self._alarm.set()
        self._alarm = trio.Event()
