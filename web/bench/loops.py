"""The two ways to load a server, for agents of any kind.

Closed: each agent begins its next cycle when its last one is done, so the server sets the pace.
Open: tasks come at a fixed rate, whatever the server does, and a latency begins at the moment at
which the task was *meant* to come. A server that stands still is late for all that come meanwhile.

Nothing here knows whether Trio or asyncio runs it. Times are in seconds, on the clock of `now`.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple, Protocol, final

import anyio
from attrs import define, field

Now = Callable[[], float]

_LEAD_S: Final = 0.05  # until the first task of an open loop, so that all agents wait for it


@final
class Claimed(NamedTuple):
    """A run that an agent holds.

    Args:
        number: of its task, as it was handed in.
        handle: what completes it.
    """

    number: int
    handle: Any


class Agent(Protocol):
    """One who claims and completes, with a connection of its own."""

    async def claim(self, wait: bool) -> Sequence[Claimed]:
        """What it got: several in a batch. Nothing where there is nothing (in time)."""

    async def complete(self, claimed: Sequence[Claimed]) -> None:
        """Done, all of them."""


class Giver(Protocol):
    """One who hands tasks in."""

    async def put(self, number: int) -> None:
        """Hand the task of that number in. It is queued when this returns."""


@final
@define
class Measured:
    """Latencies in seconds, each of one operation: of a batch, where agents work in batches.

    Args:
        largest: the most runs that one claim was answered with.
    """

    puts: list[float] = field(factory=list)
    claims: list[float] = field(factory=list)
    cycles: list[float] = field(factory=list)
    done: int = 0
    elapsed_s: float = 0.0
    largest: int = 0


async def hand_in(
    givers: Sequence[Giver], numbers: Iterator[int], now: Now = time.perf_counter
) -> Measured:
    """Hand tasks in, as fast as they are taken."""
    measured = Measured()

    async def give(giver: Giver) -> None:
        for number in numbers:
            started = now()
            await giver.put(number)
            measured.puts.append(now() - started)

    begun = now()
    async with anyio.create_task_group() as group:
        for giver in givers:
            group.start_soon(give, giver)
    measured.elapsed_s = now() - begun
    measured.done = len(measured.puts)
    return measured


async def closed_loop(
    agents: Sequence[Agent], count: int, seconds_max: float, now: Now = time.perf_counter
) -> Measured:
    """Have `count` queued runs claimed and completed, or as many as that time allows."""
    measured = Measured()
    begun = now()
    until = begun + seconds_max

    async def work(agent: Agent) -> None:
        while measured.done < count and now() < until:
            started = now()
            claimed = await agent.claim(wait=False)
            if not claimed:
                return
            at = now()
            await agent.complete(claimed)
            measured.claims.append(at - started)
            measured.cycles.append(now() - started)
            measured.done += len(claimed)
            measured.largest = max(measured.largest, len(claimed))

    async with anyio.create_task_group() as group:
        for agent in agents:
            group.start_soon(work, agent)
    measured.elapsed_s = now() - begun
    return measured


@final
@define
class Schedule:
    """When each task is meant to come.

    Args:
        rate: of them, in a second.
        begun: when the first one is; a moment from now by default.
    """

    rate: float
    count: int
    now: Now = time.perf_counter
    begun: float = field()

    @begun.default
    def _soon(self) -> float:
        return self.now() + _LEAD_S

    def at(self, number: int) -> float:
        return self.begun + number / self.rate

    async def follow(self, givers: Sequence[Giver]) -> None:
        """Hand each one in at its time, or as soon as a giver is free."""
        numbers = iter(range(self.count))

        async def give(giver: Giver) -> None:
            for number in numbers:
                await anyio.sleep(max(0.0, self.at(number) - self.now()))
                await giver.put(number)

        async with anyio.create_task_group() as group:
            for giver in givers:
                group.start_soon(give, giver)


async def open_loop(
    givers: Sequence[Giver], agents: Sequence[Agent], schedule: Schedule, grace_s: float
) -> Measured:
    """Hand tasks in on schedule, to agents that wait for them.

    Latencies are from the intended time on: to the claim, and to the end of the cycle. What is not
    done `grace_s` after the last one was due is counted out.
    """
    measured = Measured()

    async def work(agent: Agent) -> None:
        while True:
            claimed = await agent.claim(wait=True)
            at = schedule.now()
            if not claimed:
                continue
            await agent.complete(claimed)
            done_at = schedule.now()
            for one in claimed:
                measured.claims.append(at - schedule.at(one.number))
                measured.cycles.append(done_at - schedule.at(one.number))
            measured.done += len(claimed)
            measured.largest = max(measured.largest, len(claimed))
            measured.elapsed_s = done_at - schedule.begun
            if measured.done >= schedule.count:
                group.cancel_scope.cancel()

    limit_s = schedule.at(schedule.count) - schedule.now() + grace_s
    with anyio.move_on_after(limit_s):
        async with anyio.create_task_group() as group:
            for agent in agents:
                group.start_soon(work, agent)
            group.start_soon(schedule.follow, givers)
    return measured
