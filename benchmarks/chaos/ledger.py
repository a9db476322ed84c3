"""What was acknowledged: to whom, and when. The server is held against it."""

from collections.abc import Callable
from datetime import datetime
from typing import final

import trio
from attrs import define, field


def wall_s(text: str) -> float:
    """Seconds since 1970 of a timestamp of the API."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


@final
class Change:
    """Lets others wait for something that moves on."""

    def __init__(self) -> None:
        self._moved = trio.Event()

    def notify(self) -> None:
        self._moved.set()
        self._moved = trio.Event()

    async def next(self) -> None:
        """Return after the next `notify`."""
        await self._moved.wait()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return once it holds; it is looked at after each `notify`."""
        while not condition():
            await self._moved.wait()


@final
@define(eq=False)
class Hold:
    """A claim that was acknowledged. Times are wall time, in seconds.

    It surely holds from `claimed_s` to `until_s`, which is the last known end of the lease, or the
    moment in which the agent asked to end it, whatever came first.
    """

    run_id: str
    task_id: str
    session_id: str
    claim_token_hash: str
    claimed_s: float
    lease_until_s: float
    asked_to_end_s: float | None = None

    @property
    def until_s(self) -> float:
        if self.asked_to_end_s is None:
            return self.lease_until_s
        return min(self.lease_until_s, self.asked_to_end_s)


@final
@define(eq=False)
class Ledger:
    """`completed`: run -> the result that was sent, once the server has answered 200."""

    created: list[str] = field(factory=list)
    holds: list[Hold] = field(factory=list)
    completed: dict[str, dict[str, str]] = field(factory=dict)
    tasks_done: set[str] = field(factory=set)
    lost_leases: int = 0  # an agent walked away, or its lease ran out
    change: Change = field(factory=Change)
