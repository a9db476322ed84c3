"""How long a node with nothing needs until it could take over, beside the start of a server that
has the same tasks in a journal of its own."""

import shutil
import time
from typing import Final

import httpx
import trio

from benchmarks.cluster.costs.rows import Row, Target
from benchmarks.cluster.costs.stage import Stage, in_turn
from benchmarks.cluster.costs.stored import tasks_of
from benchmarks.serving import server

_PART: Final = "ready"
_TARGET: Final = Target(3.0)
_LOOK_S: Final = 0.02
_LIMIT_S: Final = 1800.0


async def ready(stage: Stage) -> list[Row]:
    """From the start of the process until `/readyz` says so; of a node, that it lacks nothing.

    The active node is there, and idle."""
    stored = stage.stored

    async def embedded() -> float:
        begun = time.perf_counter()
        with server(stored.directory) as served:
            async with httpx.AsyncClient(trust_env=False, verify=False) as client:
                url = f"http://127.0.0.1:{served.port}/readyz"
                while (await client.get(url)).status_code != httpx.codes.OK:  # noqa: ASYNC110 - a process cannot wake it
                    await trio.sleep(_LOOK_S)
            return time.perf_counter() - begun

    async def empty() -> float:
        directory = stage.made()
        # Another node each time: one that comes back at another address looks whether it is gone.
        node = stage.node(directory, stored.address, f"empty-{directory.name}")
        begun = time.perf_counter()
        try:
            await node.start()
            async with httpx.AsyncClient(trust_env=False, verify=False) as client:
                while not await node.lacks_nothing(client):  # noqa: ASYNC110 - as above
                    await trio.sleep(_LOOK_S)
            return time.perf_counter() - begun
        finally:
            node.kill()
            shutil.rmtree(directory)

    with trio.fail_after(_LIMIT_S * stage.sizes.rounds):
        async with stage.nodes(stored.address, "active") as cluster:
            tasks = await tasks_of(cluster.nodes[0].url)
            await embedded()  # so that the system has its pages, as it has those of the database
            rounds = [await in_turn(number, embedded, empty) for number in stage.rounds(_PART)]
    return [
        Row(
            _PART,
            "an empty node / a server with LMDB",
            [node_s / server_s for server_s, node_s in rounds],
            target=_TARGET,
            note=f"{tasks:,} tasks",
        ),
        Row(_PART, "an empty node until it is ready", [one for _, one in rounds], "s"),
        Row(_PART, "a server with LMDB until it is ready", [one for one, _ in rounds], "s"),
    ]
