"""The process that loads a contender: hands tasks in, works them off, and reports how it went."""

import logging
import time
from typing import Final, final

import anyio
from attrs import evolve, frozen

from benchmarks.compare.contender import Agents, Running, Workers
from benchmarks.compare.everyone import contender_named
from benchmarks.cpu import Meter
from chargehand.web.bench.loops import Measured, Schedule, closed_loop, hand_in, open_loop
from chargehand.web.bench.work import number_of

_GRACE_S: Final = 5.0
_LOOK_S: Final = 0.002  # between two looks at how far a library's workers are


@final
@frozen
class Order:
    """Args:
    contender: its name.
    rate: tasks per second of an open loop; None: a closed one.
    seconds: that the cycles may take, or that tasks come.
    """

    contender: str
    running: Running
    agents: int
    tasks: int
    rate: float | None
    seconds: float
    size: int


@final
@frozen
class Outcome:
    """What one turn of a contender has brought; times and latencies in seconds.

    Args:
        put_s: what handing in took; 0 of an open loop.
        puts: of each task that was handed in before the cycles.
        claims, cycles: of each of them, or of each batch; a library does not show them.
        cpu_s: of both processes during the cycles, the server's and this one; None: not known.
        server_cpu_s: of the server alone; 0 where it is within this process.
    """

    asked: int
    done: int
    elapsed_s: float
    put_s: float
    puts: list[float]
    claims: list[float]
    cycles: list[float]
    cpu_s: float | None
    server_cpu_s: float | None

    @property
    def rate(self) -> float:
        return self.done / self.elapsed_s if self.elapsed_s > 0 else 0.0


def load(order: Order) -> Outcome:
    """Carry the order out, in this process."""
    logging.disable()  # peers say on stderr that they were canceled; what is wrong is raised
    return anyio.run(_load, order, backend=contender_named(order.contender).runtime)


async def _load(order: Order) -> Outcome:
    contender = contender_named(order.contender)
    async with contender.staffed(order.running.address, order.agents, order.size) as staff:
        if order.rate is not None:
            meter = Meter(order.running.pid)
            schedule = Schedule(order.rate, order.tasks)
            if isinstance(staff, Agents):
                measured = await open_loop(staff.givers, staff.agents, schedule, _GRACE_S)
            else:
                measured = await _on_schedule(staff, schedule)
            return _outcome(order, measured, Measured(), meter)
        handed_in = await hand_in(staff.givers, iter(range(order.tasks)))
        meter = Meter(order.running.pid)
        if isinstance(staff, Agents):
            measured = await closed_loop(staff.agents, order.tasks, order.seconds)
        else:
            measured = await _worked_off(staff, order.tasks, order.seconds)
        return _outcome(order, measured, handed_in, meter)


def _outcome(order: Order, measured: Measured, handed_in: Measured, meter: Meter) -> Outcome:
    ours_s, server_s = meter.ours_s, meter.server_s
    return Outcome(
        asked=order.tasks,
        done=measured.done,
        elapsed_s=measured.elapsed_s,
        put_s=handed_in.elapsed_s,
        puts=handed_in.puts,
        claims=measured.claims,
        cycles=measured.cycles,
        cpu_s=None if server_s is None else ours_s + server_s,
        server_cpu_s=server_s,
    )


async def _worked_off(workers: Workers, count: int, seconds: float) -> Measured:
    """What a library's workers do with what is there."""
    done_at: list[float] = []
    begun = time.perf_counter()
    async with workers.work(lambda _: done_at.append(time.perf_counter())):
        while len(done_at) < count and time.perf_counter() < begun + seconds:  # noqa: ASYNC110 - threads append
            await anyio.sleep(_LOOK_S)
    measured = Measured(done=len(done_at))
    measured.elapsed_s = max(done_at, default=begun) - begun
    return measured


async def _on_schedule(workers: Workers, schedule: Schedule) -> Measured:
    """Latencies from the intended time until a handler is called."""
    measured = Measured()
    done: list[tuple[float, str]] = []
    async with (
        workers.work(lambda text: done.append((time.perf_counter(), text))),
        anyio.create_task_group() as group,
    ):
        schedule = evolve(schedule, begun=time.perf_counter() + 0.2)  # the workers are there
        until = schedule.at(schedule.count) + _GRACE_S
        group.start_soon(schedule.follow, workers.givers)
        while len(done) < schedule.count and time.perf_counter() < until:  # noqa: ASYNC110 - threads append
            await anyio.sleep(_LOOK_S)
        group.cancel_scope.cancel()
    measured.done = len(done)
    measured.cycles = [at - schedule.at(number_of(text)) for at, text in done]
    measured.elapsed_s = max((at for at, _ in done), default=schedule.begun) - schedule.begun
    return measured
