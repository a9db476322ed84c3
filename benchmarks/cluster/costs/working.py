"""The load: agents that claim and complete over HTTP, in a process of their own."""

import time
from collections.abc import Iterator, Sequence
from typing import Final, final

import trio
from attrs import frozen

from benchmarks.apart import apart
from benchmarks.compare.ours import OverHttp
from chargehand.web.bench.figures import quantile_ms
from chargehand.web.bench.loops import Agent, Claimed, Schedule, closed_loop, hand_in

_SIZE: Final = 1024  # bytes of a task's text
_LIMIT_S: Final = 1800.0

Span = tuple[float, float]
"""From when to when, in seconds of `time.perf_counter`, which all processes of Linux share."""


@final
@frozen
class Order:
    """Args:
    port: of a server on the loopback.
    cycles: tasks that are handed in first, and then claimed and completed.
    rate: claims in a second, of all agents together; None: each as soon as it has completed.
    """

    port: int
    agents: int
    cycles: int
    rate: float | None = None


@final
@frozen
class Worked:
    """Args:
    claims: from when to when each was under way.
    done: cycles.
    span: of all cycles.
    """

    claims: Sequence[Span]
    done: int
    span: Span

    @property
    def rate(self) -> float:
        """Cycles in a second."""
        begun, ended = self.span
        return self.done / (ended - begun)

    @property
    def claim_p50_ms(self) -> float:
        return quantile_ms(sorted(ended - begun for begun, ended in self.claims), 0.5)


async def work_off(order: Order) -> Worked:
    """Have it done, and wait. Raises: Broken: it was not done.

    If that is canceled, the servers are gone a moment later, and the process ends by itself.
    """
    return await trio.to_thread.run_sync(_apart, order, abandon_on_cancel=True)


def _apart(order: Order) -> Worked:
    return apart(_LIMIT_S, _work_off, order)


def _work_off(order: Order) -> Worked:
    """In the process of the agents."""
    return trio.run(_work, order)


async def _work(order: Order) -> Worked:
    async with OverHttp().staffed(str(order.port), order.agents, _SIZE) as staff:
        await hand_in(staff.givers, iter(range(order.cycles)))
        starts = None if order.rate is None else _starts(Schedule(order.rate, order.cycles))
        claims: list[Span] = []
        agents = [_Watched(agent, starts, claims) for agent in staff.agents]
        begun = time.perf_counter()
        measured = await closed_loop(agents, order.cycles, _LIMIT_S)
        return Worked(claims, measured.done, (begun, time.perf_counter()))


def _starts(schedule: Schedule) -> Iterator[float]:
    return (schedule.at(number) for number in range(schedule.count))


@final
class _Watched:
    """An agent that waits for its turn to claim, and whose claims are kept.

    Args:
        starts: when the next claim of any agent is due; None: at once.
    """

    def __init__(self, agent: Agent, starts: Iterator[float] | None, claims: list[Span]) -> None:
        self._agent = agent
        self._starts = starts
        self._claims = claims

    async def claim(self, wait: bool) -> Sequence[Claimed]:
        if self._starts is not None:
            due = next(self._starts, None)
            if due is None:
                return ()
            await trio.sleep(max(0.0, due - time.perf_counter()))
        begun = time.perf_counter()
        claimed = await self._agent.claim(wait)
        if claimed:
            self._claims.append((begun, time.perf_counter()))
        return claimed

    async def complete(self, claimed: Sequence[Claimed]) -> None:
        await self._agent.complete(claimed)
