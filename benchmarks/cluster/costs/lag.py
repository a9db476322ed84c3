"""How long after the answer to a write a standby has it, and what following takes of the CPU, at
half of the cycles that there can be.

One process, with one clock, sends a small write to the active node now and then, notes when the
answer came, and looks at the standby's copy every two milliseconds. A lag is from that answer until
the first look that finds the write. So it is too long by as much as one look is behind the last
one, which is shown, and too short by what the answer took on its way here. The load comes from
another process.
"""

import random
import time
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, final

import orjson
import trio
from attrs import define, field, frozen

from benchmarks.cluster.costs.copy import Copy
from benchmarks.cluster.costs.rows import Row, Target
from benchmarks.cluster.costs.stage import Stage
from benchmarks.cluster.costs.working import Order, Span, Worked, work_off
from benchmarks.cluster.nodes import Node
from benchmarks.cpu import cpu_s
from chargehand.web.bench.figures import quantile_ms
from chargehand.web.bench.wire import Wire
from chargehand.web.bench.work import ask

_PART: Final = "lag"
_LAG: Final = Target(200.0)
_CPU: Final = Target(0.5)
_SHARE: Final = 0.5  # of the top rate
_OPTIONS: Final = ("--checkpoint-s=5",)  # some in each round, as standbys follow them, too
_LOOK_S: Final = 0.002
_WRITES_S: Final = (0.01, 0.05)  # between two writes, at random: looks of standbys are regular
_CPU_LOOK_S: Final = 0.1
_FOLLOWS_S: Final = 300.0  # at most, behind the last write
_WRITE: Final = {"scope": "global", "title": "watched"}


@final
@define
class Watched:
    """Moments of `time.perf_counter`, in order.

    Args:
        answered: when each write was, with its number in the log.
        looks: when the copy was looked at, and the last number that it had.
        used: CPU seconds that the active node and the standby had used.
    """

    answered: list[tuple[float, int]] = field(factory=list)
    looks: list[tuple[float, int]] = field(factory=list)
    used: list[tuple[float, float, float]] = field(factory=list)

    def lags(self, span: Span) -> list[float]:
        """Of each write that was answered within the span, in seconds. Some may be the time until
        the next look, where the standby had it before its answer came."""
        seen = [seq for _, seq in self.looks]
        return [
            max(0.0, self.looks[bisect_left(seen, seq)][0] - at)
            for at, seq in self.answered
            if span[0] <= at <= span[1]
        ]

    def look_gaps(self, span: Span) -> list[float]:
        """Seconds between two looks."""
        times = [at for at, _ in self.looks if span[0] <= at <= span[1]]
        return [after - before for before, after in pairwise(times)]

    def cpu(self, span: Span) -> tuple[float, float]:
        """What the active node and the standby have used within it."""
        inside = [one for one in self.used if span[0] <= one[0] <= span[1]]
        (_, active, standby), (_, active_then, standby_then) = inside[0], inside[-1]
        return active_then - active, standby_then - standby

    async def write(self, port: int) -> None:
        """Write to the active node, until canceled."""
        async with Wire(port) as wire:
            while True:
                made = orjson.loads(await ask(wire, "/api/tasks", _WRITE))
                self.answered.append((time.perf_counter(), made["task"]["latest_event_seq"]))
                await trio.sleep(random.uniform(*_WRITES_S))

    async def look(self, copy: Copy) -> None:
        """Look at the copy, until canceled."""
        while True:
            seq = copy.last_seq()
            self.looks.append((time.perf_counter(), seq))
            await trio.sleep(_LOOK_S)

    async def meter(self, active: Node, standby: Node) -> None:
        """Look how much CPU time both have used, until canceled."""
        while True:
            used = cpu_s(active.pid), cpu_s(standby.pid)
            if used[0] is not None and used[1] is not None:
                self.used.append((time.perf_counter(), used[0], used[1]))
            await trio.sleep(_CPU_LOOK_S)

    async def wait_followed(self) -> None:
        """Return once the copy has every write that was answered by now.

        Writing goes on meanwhile: what a checkpoint folds is not seen in the log of a standby that
        is behind it, but what follows is.
        """
        last_seq = self.answered[-1][1]
        with trio.fail_after(_FOLLOWS_S):
            while self.looks[-1][1] < last_seq:  # noqa: ASYNC110 - it is what looks show
                await trio.sleep(_LOOK_S)


@final
@frozen
class _Round:
    """Args: rate: of the cycles that were done, and `top` the most that there can be."""

    lags: Sequence[float]
    gaps: Sequence[float]
    active_s: float
    standby_s: float
    rate: float
    top: float


async def lag(stage: Stage) -> list[Row]:
    """An active node, and one standby."""
    rounds = [await _round(stage) for _ in stage.rounds(_PART)]
    lags = [sorted(one.lags) for one in rounds]
    gaps = [sorted(one.gaps) for one in rounds]
    writes = ", ".join(f"{len(one)}" for one in lags)
    return [
        Row(
            _PART,
            "lag of a standby, p99",
            [quantile_ms(one, 0.99) for one in lags],
            "ms",
            _LAG,
            f"{writes} writes",
        ),
        Row(_PART, "lag of a standby, p50", [quantile_ms(one, 0.5) for one in lags], "ms"),
        Row(
            _PART,
            "between two looks at its copy, p99",
            [quantile_ms(one, 0.99) for one in gaps],
            "ms",
        ),
        Row(
            _PART,
            "CPU of the standby / of the active node",
            [one.standby_s / one.active_s for one in rounds],
            target=_CPU,
        ),
        Row(_PART, "CPU of the active node", [one.active_s for one in rounds], "s"),
        Row(_PART, "CPU of the standby", [one.standby_s for one in rounds], "s"),
        Row(_PART, "cycles meanwhile", [one.rate for one in rounds], "/s"),
        Row(_PART, "cycles at most", [one.top for one in rounds], "/s"),
    ]


async def _round(stage: Stage) -> _Round:
    sizes = stage.sizes
    with stage.journal() as address:
        async with stage.nodes(address, "one", "two", options=_OPTIONS) as cluster:
            active = await cluster.active()
            [standby] = (node for node in cluster.nodes if node is not active)
            top = (await work_off(Order(active.port, sizes.agents, sizes.cycles))).rate
            rate = top * _SHARE
            count = max(1, round(rate * sizes.seconds))
            order = Order(active.port, sizes.agents, count, rate)
            watched, worked = await _watch(active, standby, order)
    active_s, standby_s = watched.cpu(worked.span)
    return _Round(
        watched.lags(worked.span),
        watched.look_gaps(worked.span),
        active_s,
        standby_s,
        worked.rate,
        top,
    )


async def _watch(active: Node, standby: Node, order: Order) -> tuple[Watched, Worked]:
    """Watch both while the order is carried out, and until the standby has followed."""
    watched = Watched()
    with Copy(standby.data) as copy:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watched.look, copy)
            nursery.start_soon(watched.meter, active, standby)
            nursery.start_soon(watched.write, active.port)
            worked = await work_off(order)
            await watched.wait_followed()
            nursery.cancel_scope.cancel()
    return watched, worked
