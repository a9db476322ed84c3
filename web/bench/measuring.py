"""One measurement of a server, from the outside."""

import signal
from typing import Final, final

import trio

from chargehand.actors.frozen import frozen
from chargehand.web.bench.figures import Figures
from chargehand.web.bench.loops import Measured, Schedule, closed_loop, hand_in, open_loop
from chargehand.web.bench.place import Place, place
from chargehand.web.bench.wire import Address

GRACE_S: Final = 10.0  # that an open loop may lag behind before what is missing is counted out


@final
@frozen
class Order:
    """What to measure.

    Args:
        agents: that claim and complete, each over a connection of its own.
        tasks: of a closed loop.
        rate: tasks a second; None: a closed loop.
        seconds: of an open loop; of a closed one at most.
        size: bytes of each task's description.
        batch: runs of one claim.
    """

    agents: int
    tasks: int
    rate: float | None
    seconds: float
    size: int
    batch: int


@final
@frozen
class Report:
    """What was found.

    Args:
        figures: latencies of claims and cycles; of an open loop from the intended time on.
        asked: tasks that were to be done.
        done: those that were.
        left: tasks that could not be deleted; -1: the server was gone before.
        order: what was to be measured.
        largest: the most runs that a claim was answered with.
        ended_by: the signal that has ended it early.
    """

    figures: list[Figures]
    asked: int
    done: int
    left: int
    order: Order
    largest: int
    ended_by: signal.Signals | None = None

    @property
    def claims_fell_short(self) -> bool:
        """Whether no claim was answered with as many runs as it asked for, and as there were."""
        return 0 < self.largest < min(self.order.batch, self.asked)


async def measure(address: Address, order: Order) -> Report:
    """Measure in a place of its own, and put everything away.

    Ctrl-C and SIGTERM end it early: it puts away what is there, too.

    Raises:
        Unexpected: an answer that no measuring can go on from.
        OSError: the server cannot be reached, or is gone.
    """
    figures: list[Figures] = []
    ended_by: signal.Signals | None = None
    done = largest = 0
    asked = order.tasks if order.rate is None else round(order.rate * order.seconds)

    async def end_early(scope: trio.CancelScope) -> None:
        nonlocal ended_by
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for number in signals:
                ended_by = signal.Signals(number)
                scope.cancel()
                return

    async with trio.open_nursery() as nursery:
        nursery.start_soon(end_early, nursery.cancel_scope)
        async with place(address) as made:
            await made.fill(order.agents, order.size, order.batch)
            if order.rate is None:
                measured = await _closed(made, order, figures)
            else:
                schedule = Schedule(order.rate, asked)
                measured = await open_loop(made.givers, made.agents, schedule, GRACE_S)
                figures += _figures(measured, order, " from its intended time")
            done, largest = measured.done, measured.largest
        nursery.cancel_scope.cancel()
    return Report(figures, asked, done, made.left, order, largest, ended_by)


async def _closed(made: Place, order: Order, figures: list[Figures]) -> Measured:
    handed_in = await hand_in(made.givers, iter(range(order.tasks)))
    figures.append(Figures.of("task in, and queued", handed_in.puts, handed_in.elapsed_s))
    measured = await closed_loop(made.agents, order.tasks, order.seconds)
    figures += _figures(measured, order)
    return measured


def _figures(measured: Measured, order: Order, note: str = "") -> list[Figures]:
    """Batches are named by the size that was had, which may be less than what was asked for."""
    runs = "run" if measured.largest == 1 else "runs"
    size = "" if order.batch == 1 else f" of up to {measured.largest} {runs}"
    return [
        Figures.of(f"{what}{size}{note}", latencies, measured.elapsed_s, measured.done)
        for what, latencies in (("claim", measured.claims), ("cycle", measured.cycles))
    ]
