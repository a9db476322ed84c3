"""What a claim takes, and how many cycles agents get done: of one agent alone, and of many."""

from collections.abc import Callable
from typing import Final, final

import trio
from attrs import frozen

from benchmarks.cluster.costs.append import appends
from benchmarks.cluster.costs.in_process import work_off_in_process
from benchmarks.cluster.costs.rows import Row, Target
from benchmarks.cluster.costs.stage import Stage, in_turn
from benchmarks.cluster.costs.working import Order, Worked, work_off
from chargehand.web.bench.figures import quantile_ms

_ALONE: Final = "alone"
_MANY: Final = "agents"
_APPENDS: Final = Target(1.8)
_CYCLES: Final = Target(0.6, is_least=True)
_CLAIMS: Final = Target(1.3)


@final
@frozen
class _Alone:
    """Medians of one round, in milliseconds."""

    append: float
    embedded: float
    embedded_in_process: float
    replicated: float
    replicated_in_process: float


async def alone(stage: Stage) -> list[Row]:
    """One agent, in process and over HTTP, beside one fenced append to the same database."""
    count = stage.sizes.lone_cycles

    async def append() -> float:
        with stage.journal() as address:
            taken_s = await trio.to_thread.run_sync(appends, address, count)
            return quantile_ms(sorted(taken_s), 0.5)

    async def embedded() -> float:
        return (await _embedded(stage, 1, count)).claim_p50_ms

    async def embedded_in_process() -> float:
        return (await work_off_in_process(stage.made(), None, count)).claim_p50_ms

    async def replicated() -> float:
        return (await _replicated(stage, 1, count)).claim_p50_ms

    async def replicated_in_process() -> float:
        with stage.journal() as address:
            return (await work_off_in_process(stage.made(), address, count)).claim_p50_ms

    measures = (append, embedded, embedded_in_process, replicated, replicated_in_process)
    rounds = [_Alone(*await in_turn(number, *measures)) for number in stage.rounds(_ALONE)]

    def row(what: str, ratio: Callable[[_Alone], float], target: Target | None = None) -> Row:
        return Row(_ALONE, what, [*map(ratio, rounds)], target=target, note=note)

    def in_ms(what: str, median: Callable[[_Alone], float]) -> Row:
        return Row(_ALONE, what, [*map(median, rounds)], "ms")

    note = f"{count} claims and {count} appends in a round"
    return [
        row(
            "claim p50 in process, replicated / one fenced append",
            lambda one: one.replicated_in_process / one.append,
            _APPENDS,
        ),
        row(
            "claim p50 over HTTP, replicated / one fenced append",
            lambda one: one.replicated / one.append,
        ),
        row(
            "claim p50 in process, replicated / LMDB",
            lambda one: one.replicated_in_process / one.embedded_in_process,
        ),
        row("claim p50 over HTTP, replicated / LMDB", lambda one: one.replicated / one.embedded),
        in_ms("one fenced append, p50", lambda one: one.append),
        in_ms("claim p50 in process, replicated", lambda one: one.replicated_in_process),
        in_ms("claim p50 in process, LMDB", lambda one: one.embedded_in_process),
        in_ms("claim p50 over HTTP, replicated", lambda one: one.replicated),
        in_ms("claim p50 over HTTP, LMDB", lambda one: one.embedded),
    ]


async def many(stage: Stage) -> list[Row]:
    """Many agents, each of which begins its next cycle when its last one is done."""
    agents, cycles = stage.sizes.agents, stage.sizes.cycles

    async def embedded() -> Worked:
        return await _embedded(stage, agents, cycles)

    async def replicated() -> Worked:
        return await _replicated(stage, agents, cycles)

    rounds = [await in_turn(number, embedded, replicated) for number in stage.rounds(_MANY)]
    return [
        Row(
            _MANY,
            "cycles, replicated / LMDB",
            [far.rate / near.rate for near, far in rounds],
            target=_CYCLES,
            note=f"{agents} agents, {cycles} cycles in a round",
        ),
        Row(
            _MANY,
            "claim p50, replicated / LMDB",
            [far.claim_p50_ms / near.claim_p50_ms for near, far in rounds],
            target=_CLAIMS,
        ),
        Row(_MANY, "cycles, replicated", [far.rate for _, far in rounds], "/s"),
        Row(_MANY, "cycles, LMDB", [near.rate for near, _ in rounds], "/s"),
        Row(_MANY, "claim p50, replicated", [far.claim_p50_ms for _, far in rounds], "ms"),
        Row(_MANY, "claim p50, LMDB", [near.claim_p50_ms for near, _ in rounds], "ms"),
    ]


async def _embedded(stage: Stage, agents: int, cycles: int) -> Worked:
    with stage.embedded() as served:
        return await work_off(Order(served.port, agents, cycles))


async def _replicated(stage: Stage, agents: int, cycles: int) -> Worked:
    """One node alone: what standbys take of the machine is another part's."""
    with stage.journal() as address:
        async with stage.nodes(address, "one") as cluster:
            return await work_off(Order(cluster.nodes[0].port, agents, cycles))
