"""`python -m benchmarks.cluster.failover`: how long a failover of the database takes, and how much
longer nobody is answered by the nodes over it.

At each node a caller creates tasks, one after the other, and sends again what was not answered,
under the same key; and another one sends each of them once, without one. A probe writes rows into
the database itself. An outage is the longest time between two answers that one of them got.
"""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from enum import Enum
from pathlib import Path
from statistics import median
from typing import Final, final

import attrs
import click
import httpx
import trio

from benchmarks.chaos.client import Client
from benchmarks.cluster.example import LOOPBACK, MACHINES
from benchmarks.cluster.nodes import Cluster, Node
from benchmarks.cluster.outages import Caller, Probe
from benchmarks.cluster.patroni import PatroniCluster, missing, patroni
from benchmarks.cluster.postgres import a_directory
from chargehand.persistence.postgres.address import JournalAddress

_LOOKS_S: Final = 0.02


class Failover(Enum):
    """What happens to the primary."""

    POSTGRES = "its PostgreSQL is killed"
    SWITCHOVER = "another one is made the primary"
    MACHINE = "its PostgreSQL and Patroni are killed"


@final
@attrs.frozen
class Outage:
    """Of one failover, in seconds.

    Args:
        database_s: the probe's.
        nodes_s: the longest of a caller.
    """

    failover: Failover
    database_s: float
    nodes_s: float


@final
class Service:
    """Nodes over a database that fails over, and those who use it."""

    def __init__(
        self, database: PatroniCluster, nodes: list[Node], clients: list[Client], probe: Probe
    ) -> None:
        self.nodes: Final = nodes
        self._database = database
        self._clients = clients
        self._probe = probe
        self._callers = [
            Caller(client, has_keys=has_keys) for client in clients for has_keys in (True, False)
        ]

    async def fail_over(self, failover: Failover) -> Outage:
        """Return once it is over, and the database whole again."""
        await trio.to_thread.run_sync(self._database.wait_whole)
        stop = trio.Event()
        async with trio.open_nursery() as nursery:
            for caller in self._callers:
                nursery.start_soon(caller.run, stop)
            begun_s = time.monotonic()
            await self._answered_since(begun_s)
            begun_s = time.monotonic()
            await trio.to_thread.run_sync(self._make, failover)
            await _until(lambda: self._probe.failed_s > begun_s)
            await self._answered_since(self._probe.failed_s)
            await trio.to_thread.run_sync(self._restore)
            await self._answered_since(time.monotonic())
            stop.set()
        return Outage(
            failover,
            self._probe.answers.outage_s(begun_s),
            max(caller.answers.outage_s(begun_s) for caller in self._callers),
        )

    def _make(self, failover: Failover) -> None:
        match failover:
            case Failover.POSTGRES:
                self._database.primary().kill_postgres()
            case Failover.SWITCHOVER:
                self._database.switch()
            case Failover.MACHINE:
                self._database.primary().kill()

    def _restore(self) -> None:
        for machine in self._database.machines:
            if not machine.has_patroni:
                machine.start_patroni()
        self._database.wait_whole()

    async def _answered_since(self, since_s: float) -> None:
        """Return once the probe has been, and then everybody."""
        probe = self._probe
        await _until(lambda: probe.answers.last_s > max(since_s, probe.failed_s))
        since_s = probe.answers.last_s
        await _until(lambda: all(caller.answers.last_s > since_s for caller in self._callers))

    async def check(self) -> int:
        """How many tasks were created. Raises: AssertionError: one was lost, or is there twice."""
        created = sorted(row for caller in self._callers for row in caller.created.items())
        ours = {title for title, _ in created}
        for client in self._clients:
            found = sorted([row async for row in _all_tasks(client) if row[0] in ours])
            assert found == created, set(found) ^ set(created)
        return len(created)

    @property
    def unsure(self) -> int:
        """Of how many it is not known, as they were sent once, and were not answered."""
        return sum(len(caller.unsure) for caller in self._callers)

    def check_nodes(self) -> None:
        """Raises: AssertionError: one has ended, or has begun anew."""
        for node in self.nodes:
            assert not node.has_ended, node.log[-2000:]
            assert "beginning anew" not in node.log, node.log[-2000:]


async def _until(holds: Callable[[], bool]) -> None:
    while True:
        if holds():
            return
        await trio.sleep(_LOOKS_S)


async def _all_tasks(client: Client) -> AsyncIterator[tuple[str, str]]:
    query: dict[str, str] | None = {"order": "created", "limit": "200"}
    while query is not None:
        answered = await client.get("/api/tasks", **query)
        assert answered.is_success, answered.text
        for task in answered.json()["tasks"]:
            yield task["title"], task["id"]
        following = answered.links.get("next")
        query = None if following is None else dict(httpx.URL(following["url"]).params)


@asynccontextmanager
async def service(directory: Path, database: PatroniCluster) -> AsyncIterator[Service]:
    """Nodes as the example starts them, one for each machine."""
    example = database.example
    directory = directory / "nodes"
    directory.mkdir()
    nodes, clients = [], []
    for name in MACHINES:
        variables = example.environment("chargehand.env", name)
        example.place("/var/lib/chargehand/near", name)
        url = f"http://{LOOPBACK}:{example.port(name, '2123')}"
        command = example.command("chargehand.service", name)
        nodes.append(Node(directory, name, url, command, variables))
        token = variables["CHARGEHAND_TOKEN"]
        clients.append(Client(url, {"Authorization": f"Bearer {token}"}))
    cluster = Cluster(nodes)
    probe = Probe(JournalAddress.parse(database.journal()))
    try:
        await cluster.start()
        await cluster.active()
        with probe.running():
            yield Service(database, nodes, clients, probe)
    finally:
        with trio.CancelScope(shield=True):
            await cluster.close()
            for client in clients:
                await client.close()


async def measure(rounds: int) -> None:
    """Print what comes of each round, and of all of them."""
    with a_directory() as root, patroni(root) as database:
        async with service(root, database) as nodes:
            found: list[Outage] = []
            for failover in list(Failover) * rounds:
                found.append(await nodes.fail_over(failover))
                click.echo(_line(failover.value, [found[-1]]))
            tasks = await nodes.check()
            nodes.check_nodes()
    for failover in Failover:
        one = [outage for outage in found if outage.failover is failover]
        click.echo(_line(f"median of {len(one)}: {failover.value}", one))
    click.echo(
        f"{tasks} tasks were created: all are there, once; of {nodes.unsure} it is not known"
    )


def _line(what: str, outages: Sequence[Outage]) -> str:
    database_s = median(one.database_s for one in outages)
    nodes_s = median(one.nodes_s for one in outages)
    more_s = median(one.nodes_s - one.database_s for one in outages)
    return f"{what:55} database {database_s:5.2f} s, nodes {nodes_s:5.2f} s, more {more_s:5.2f} s"


@click.command()
@click.option("--rounds", default=3, help="of each kind of failover")
def main(rounds: int) -> None:
    """Fail the database over while callers write, and print for how long nobody was answered."""
    without = missing()
    if without is not None:
        raise click.ClickException(f"{without} is not installed")
    trio.run(measure, rounds)


if __name__ == "__main__":
    main()
