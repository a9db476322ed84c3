"""What it adds to a request that a standby is asked, and the active node answers."""

import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Final, final

import orjson
from attrs import frozen

from benchmarks.cluster.costs.rows import Row, Target
from benchmarks.cluster.costs.stage import Stage
from chargehand.web.bench.wire import Wire
from chargehand.web.bench.work import Unexpected, ask

_PART: Final = "forwarding"
_TARGET: Final = Target(2.0)
_WARM_UP: Final = 5
_TASK: Final = {"scope": "global", "title": "asked for"}


@final
@frozen
class _Round:
    """Medians, in ms."""

    read: float
    read_by_standby: float
    write: float
    write_by_standby: float


async def forwarding(stage: Stage) -> list[Row]:
    """One client that asks both nodes in turn."""
    count = stage.sizes.lone_cycles
    rounds = [await _round(stage, count) for _ in stage.rounds(_PART)]
    return [
        Row(
            _PART,
            "a read by way of a standby: added",
            [one.read_by_standby - one.read for one in rounds],
            "ms",
            _TARGET,
            f"medians of {count} each",
        ),
        Row(
            _PART,
            "a write by way of a standby: added",
            [one.write_by_standby - one.write for one in rounds],
            "ms",
            _TARGET,
        ),
        Row(_PART, "a read at the active node", [one.read for one in rounds], "ms"),
        Row(_PART, "a write at the active node", [one.write for one in rounds], "ms"),
    ]


async def _round(stage: Stage, count: int) -> _Round:
    with stage.journal() as address:
        async with stage.nodes(address, "one", "two") as cluster:
            active = await cluster.active()
            [standby] = (node for node in cluster.nodes if node is not active)
            async with Wire(active.port) as direct, Wire(standby.port) as forwarded:
                made = orjson.loads(await ask(direct, "/api/tasks", _TASK))
                path = f"/api/tasks/{made['task']['id']}"
                asks: list[Callable[[], Awaitable[None]]] = [
                    lambda: _read(direct, path),
                    lambda: _read(forwarded, path),
                    lambda: _write(direct),
                    lambda: _write(forwarded),
                ]
                taken: list[list[float]] = [[] for _ in asks]
                for number in range(-_WARM_UP, count):
                    for place, one in enumerate(asks):
                        begun = time.perf_counter()
                        await one()
                        if number >= 0:
                            taken[place].append((time.perf_counter() - begun) * 1000)
    return _Round(*map(median, taken))


async def _read(wire: Wire, path: str) -> None:
    status, answer = await wire.get(path)
    if status != 200:
        raise Unexpected(path, status, answer)


async def _write(wire: Wire) -> None:
    await ask(wire, "/api/tasks", _TASK)
