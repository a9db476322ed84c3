"""Claims while a checkpoint is under way, beside those of the same run that meet none.

The server does not say when it makes a checkpoint, but its database does: each slice of one raises
a number there. It is read every few milliseconds; from the first slice to the last one a checkpoint
is under way. What it does before its first slice is in the database, and behind the last one,
counts as well, as `_EDGE_S` on both sides.

A claim belongs to a checkpoint that it overlaps with. So a long one is a little more likely to,
also where the checkpoint has nothing to do with it: the ratio errs to the bad side.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Final, final

import trio
from attrs import define, field, frozen

from benchmarks.cluster.costs.rows import Row, Target
from benchmarks.cluster.costs.stage import Stage
from benchmarks.cluster.costs.working import Order, Span, work_off
from chargehand.persistence.postgres.address import JournalAddress
from chargehand.persistence.postgres.tables import PostgresTables
from chargehand.web.bench.figures import quantile_ms

_PART: Final = "checkpoints"
_TARGET: Final = Target(1.5)
_EVERY_S: Final = 2.0  # from the end of a checkpoint to the next one
_OPTIONS: Final = (f"--checkpoint-s={_EVERY_S:g}", "--checkpoint-records=1000000000")
_LOOK_S: Final = 0.005
_EDGE_S: Final = 0.05
_APART_S: Final = _EVERY_S / 2  # slices that are further apart are of two checkpoints
_ENOUGH_SHARE: Final = 4  # so many of each kind: a quarter of the cycles at a time
_LIMIT_S: Final = 1800.0  # of a round


@final
@frozen
class Claims:
    """Of one round, in seconds, those that took least first."""

    during: Sequence[float]
    without: Sequence[float]
    checkpoints: int

    @classmethod
    def of(cls, claims: Iterable[Span], checkpoints: Sequence[Span]) -> "Claims":
        during: list[float] = []
        without: list[float] = []
        for begun, ended in claims:
            meets = any(begun <= stop and start <= ended for start, stop in checkpoints)
            (during if meets else without).append(ended - begun)
        return cls(sorted(during), sorted(without), len(checkpoints))

    @property
    def fewest(self) -> int:
        return min(len(self.during), len(self.without))


@final
@define
class Slices:
    """When slices were made: for each, or for a few at once, the last look before and the one that
    has seen it."""

    seen: list[Span] = field(factory=list)

    def checkpoints(self) -> list[Span]:
        """From when to when each was under way."""
        found: list[Span] = []
        for before, seen in self.seen:
            if found and before - found[-1][1] < _APART_S:
                found[-1] = (found[-1][0], seen)
            else:
                found.append((before, seen))
        return [(begun - _EDGE_S, ended + _EDGE_S) for begun, ended in found]

    async def watch(
        self,
        address: JournalAddress,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Look until canceled; it has started once it has looked. Raises: LostError: the database
        is away."""
        tables = PostgresTables(address)
        try:
            before, former = time.perf_counter(), tables.slice_number()
            task_status.started()
            while True:
                await trio.sleep(_LOOK_S)
                asked = time.perf_counter()
                number = await trio.to_thread.run_sync(tables.slice_number)
                if number != former:
                    self.seen.append((before, time.perf_counter()))
                before, former = asked, number
        finally:
            tables.close()


async def checkpoints(stage: Stage) -> list[Row]:
    """Many agents on one node that often makes a checkpoint."""
    rounds = [await _round(stage) for _ in stage.rounds(_PART)]
    pairs = [(_p99_ms(one.during), _p99_ms(one.without)) for one in rounds]
    return [
        Row(
            _PART,
            "claim p99, replicated: during / without",
            [during / without for during, without in pairs],
            target=_TARGET,
            note=f"{stage.sizes.agents} agents",
        ),
        Row(_PART, "claim p99 during a checkpoint", [one for one, _ in pairs], "ms"),
        Row(_PART, "claim p99 without one", [one for _, one in pairs], "ms"),
        Row(_PART, "claims during a checkpoint", [len(one.during) for one in rounds], "count"),
        Row(_PART, "claims without one", [len(one.without) for one in rounds], "count"),
        Row(_PART, "checkpoints", [one.checkpoints for one in rounds], "count"),
    ]


async def _round(stage: Stage) -> Claims:
    """Load until there are enough claims of both kinds."""
    sizes = stage.sizes
    claims: list[Span] = []
    slices = Slices()
    with stage.journal() as address, trio.fail_after(_LIMIT_S):
        async with stage.nodes(address, "one", options=_OPTIONS) as cluster:
            order = Order(cluster.nodes[0].port, sizes.agents, sizes.cycles)
            async with trio.open_nursery() as nursery:
                await nursery.start(slices.watch, address)
                while True:
                    claims += (await work_off(order)).claims
                    await trio.sleep(_EDGE_S)
                    found = Claims.of(claims, slices.checkpoints())
                    if found.fewest * _ENOUGH_SHARE >= sizes.cycles:
                        break
                nursery.cancel_scope.cancel()
    return found


def _p99_ms(ordered_s: Sequence[float]) -> float:
    return quantile_ms(ordered_s, 0.99)
