"""How long nobody answers when the active node steps down, or is killed, with many tasks stored."""

import time
from collections.abc import Awaitable, Callable
from typing import Final, final

import trio
from attrs import frozen

from benchmarks.chaos.client import Client
from benchmarks.cluster.costs.rows import Row, Target
from benchmarks.cluster.costs.stage import Stage
from benchmarks.cluster.costs.stored import tasks_of
from benchmarks.cluster.nodes import Cluster, Node
from chargehand.web.cluster.process import SHY_S

_PART: Final = "takeovers"
_NAMES: Final = ("one", "two", "three")
_STEP_DOWN: Final = Target(1.0, of_each=True)
_KILL_ADDS_S: Final = 1.0  # to the ttl
_TASK: Final = {"scope": "global", "title": "asked for meanwhile"}


@final
@frozen
class Outage:
    """Seconds until another node is active, and until a write is answered that a client has sent at
    once, and sends again where it is refused."""

    active_s: float
    write_s: float


async def takeovers(stage: Stage) -> list[Row]:
    """Three nodes; the others have all that there is whenever one goes."""
    sizes = stage.sizes
    async with stage.nodes(stage.stored.address, *_NAMES) as cluster:
        tasks = await tasks_of(cluster.nodes[0].url)
        down = [
            await _one(stage, cluster, f"step-down {number + 1}", number, cluster.step_down)
            for number in range(sizes.step_downs)
        ]
        killed = []
        for number in range(sizes.kills):
            former = await cluster.active()
            killed.append(await _one(stage, cluster, f"kill {number + 1}", number, _kill))
            await former.start()
    kill = Target(sizes.ttl_s + _KILL_ADDS_S, of_each=True)
    note = f"{tasks:,} tasks, --journal-ttl-s {sizes.ttl_s:g}"
    return [
        row
        for what, outages, target in (
            ("step-down", down, _STEP_DOWN),
            ("kill -9", killed, kill),
        )
        for row in (
            Row(
                _PART,
                f"{what}: until another node is active",
                [one.active_s for one in outages],
                "s",
                target,
                f"{len(outages)} times, {note}",
            ),
            Row(
                _PART,
                f"{what}: until a write is answered",
                [one.write_s for one in outages],
                "s",
                target,
            ),
        )
        if outages
    ]


async def _kill(node: Node) -> None:
    node.kill()


async def _one(
    stage: Stage,
    cluster: Cluster,
    what: str,
    number: int,
    go: Callable[[Node], Awaitable[None]],
) -> Outage:
    """Once all nodes have everything, and the last one that stepped down may take again."""
    stage.say(f"{_PART}: {what}")
    await trio.sleep(SHY_S)
    former = await cluster.settled()
    others = [node for node in cluster.nodes if node is not former]
    return await outage(cluster, former, others[number % len(others)], go)


async def outage(
    cluster: Cluster, former: Node, asked: Node, go: Callable[[Node], Awaitable[None]]
) -> Outage:
    """Have `former` go, and measure from then on. Args: asked: by the client that writes."""
    found: dict[str, float] = {}
    client = Client(asked.url)

    async def until_active() -> None:
        await cluster.active(than=former)
        found["active_s"] = time.perf_counter() - begun

    async def until_written() -> None:
        answer = await client.post("/api/tasks", _TASK)
        answer.raise_for_status()
        found["write_s"] = time.perf_counter() - begun

    try:
        await go(former)
        begun = time.perf_counter()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(until_active)
            nursery.start_soon(until_written)
    finally:
        await client.close()
    return Outage(**found)
