"""What a claim takes, and how many cycles agents get done: of one agent alone, and of many."""

from typing import Final, final

import trio
from attrs import frozen

from benchmarks.cluster.costs.append import appends
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
    """Medians of one round."""

    embedded_ms: float
    append_ms: float
    replicated_ms: float


async def alone(stage: Stage) -> list[Row]:
    """One agent, beside one fenced append to the same database."""
    count = stage.sizes.lone_cycles

    async def embedded() -> float:
        return (await _embedded(stage, 1, count)).claim_p50_ms

    async def append() -> float:
        with stage.journal() as address:
            taken_s = await trio.to_thread.run_sync(appends, address, count)
            return quantile_ms(sorted(taken_s), 0.5)

    async def replicated() -> float:
        return (await _replicated(stage, 1, count)).claim_p50_ms

    rounds = [
        _Alone(*await in_turn(number, embedded, append, replicated))
        for number in stage.rounds(_ALONE)
    ]
    note = f"{count} claims and {count} appends in a round"
    return [
        Row(
            _ALONE,
            "claim p50, replicated / one fenced append",
            [one.replicated_ms / one.append_ms for one in rounds],
            target=_APPENDS,
            note=note,
        ),
        Row(
            _ALONE,
            "claim p50, replicated / LMDB",
            [one.replicated_ms / one.embedded_ms for one in rounds],
        ),
        Row(_ALONE, "claim p50, replicated", [one.replicated_ms for one in rounds], "ms"),
        Row(_ALONE, "claim p50, LMDB", [one.embedded_ms for one in rounds], "ms"),
        Row(_ALONE, "one fenced append, p50", [one.append_ms for one in rounds], "ms"),
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
