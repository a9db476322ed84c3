"""One run of the proof, from an empty journal to the last check."""

import random
import signal
import time
from collections.abc import Sequence
from enum import Enum
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final, final

import trio
from attrs import define, field, frozen

from benchmarks.chaos import checks
from benchmarks.chaos.agents import work
from benchmarks.chaos.client import Client
from benchmarks.chaos.follower import Follower
from benchmarks.chaos.ledger import Ledger
from benchmarks.chaos.plan import ROOT_ID, Step, create, random_plan
from benchmarks.cluster.nodes import Cluster, Node

BOOT_GRACE_S: Final = 2
CATCH_UP_S_MAX: Final = 60.0
NAMES: Final = ("one", "two", "three")


class Trouble(Enum):
    """What happens in a round."""

    CRASH = "the active node is killed"
    NODE = "a standby is killed"
    FREEZE = "the active node is frozen, and goes on"
    SWITCHOVER = "the active node steps down"


@final
@define
class Outages:
    """For how long no node was active, in seconds, by what had happened."""

    found: dict[Trouble, list[float]] = field(factory=dict)

    def add(self, trouble: Trouble, seconds: float) -> None:
        self.found.setdefault(trouble, []).append(seconds)

    def lines(self) -> list[str]:
        return [
            f"{trouble.value}: {len(found)} times, median {median(found):.2f} s, "
            f"longest {max(found):.2f} s"
            for trouble, found in self.found.items()
        ]


@final
@frozen
class Outcome:
    """What has happened; everything was checked."""

    tasks: int
    rounds: int
    claims: int
    runs_held_again: int  # by a second agent, after the lease of the first had ended
    lost_leases: int
    events: int
    stream_connections: int
    took_s: float
    outages: Outages


async def prove(
    directory: Path,
    journal: str,
    *,
    tasks: int,
    agents: int,
    rounds: int,
    seed: int,
    ttl_s: float,
    troubles: Sequence[Trouble] = tuple(Trouble),
    work_s: float = 0.1,
) -> Outcome:
    """Raises: AssertionError: something answered was lost, done twice, or never done.

    Args:
        journal: the address of an empty one.
        work_s: what an agent works on a run, on the average.
    """
    begun_s = time.monotonic()
    rng = random.Random(seed)
    steps = random_plan(rng, tasks)
    ledger, outages = Ledger(), Outages()
    options = (
        f"--journal-ttl-s={ttl_s:g}",
        f"--boot-grace-s={BOOT_GRACE_S}",
        "--checkpoint-s=0.5",
        "--lease-expiries-max=99",
    )
    directory = directory / "nodes"
    directory.mkdir()
    cluster = Cluster([Node.over(directory, name, journal, *options) for name in NAMES])
    urls = [node.url for node in cluster.nodes]
    follower = Follower(rng.choice(urls), ROOT_ID)
    operator = Client(rng.choice(urls))
    try:
        await cluster.start()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(follower.run)
            for number in range(agents):
                agent_rng = random.Random(rng.random())
                url = urls[number % len(urls)]
                nursery.start_soon(work, url, number, agent_rng, ledger, work_s)
            async with trio.open_nursery() as until_done:
                until_done.start_soon(_create_and_wait, operator, steps, ledger)
                for number in range(rounds):
                    share = tasks * 0.95 * (number + rng.random()) / rounds
                    await ledger.change.until(partial(_has_reached, ledger, share))
                    trouble = troubles[number % len(troubles)]
                    await _make(trouble, cluster, rng, ttl_s, outages)
            events_of = await checks.timelines(operator, steps)
            count = sum(len(events) for events in events_of.values())
            with trio.move_on_after(CATCH_UP_S_MAX):
                await follower.change.until(lambda: len(follower.received) >= count)
            nursery.cancel_scope.cancel()
        await checks.check_tasks(operator, steps, ledger)
        checks.check_events(events_of, ledger)
        held_again = checks.check_holds(ledger.holds)
        checks.check_stream(follower.seqs, events_of)
    finally:
        with trio.CancelScope(shield=True):
            await cluster.close()
            await operator.close()
    return Outcome(
        tasks=tasks,
        rounds=rounds,
        claims=len(ledger.holds),
        runs_held_again=held_again,
        lost_leases=ledger.lost_leases,
        events=len(follower.received),
        stream_connections=follower.connections,
        took_s=time.monotonic() - begun_s,
        outages=outages,
    )


async def _create_and_wait(operator: Client, steps: list[Step], ledger: Ledger) -> None:
    await create(operator, steps, ledger)
    await ledger.change.until(lambda: len(ledger.tasks_done) == len(steps))


def _has_reached(ledger: Ledger, due: float) -> bool:
    return len(ledger.tasks_done) >= due


async def _make(
    trouble: Trouble, cluster: Cluster, rng: random.Random, ttl_s: float, outages: Outages
) -> None:
    active = await cluster.active()
    begun_s = time.monotonic()
    match trouble:
        case Trouble.CRASH:
            active.kill()
            await cluster.active(than=active)
            outages.add(trouble, time.monotonic() - begun_s)
            await active.start()
        case Trouble.NODE:
            standby = rng.choice([node for node in cluster.nodes if node is not active])
            standby.kill()
            await trio.sleep(rng.uniform(0, ttl_s))
            await standby.start()
        case Trouble.FREEZE:
            active.signal(signal.SIGSTOP)
            await cluster.active(than=active)
            outages.add(trouble, time.monotonic() - begun_s)
            await trio.sleep(rng.uniform(0, ttl_s))
            active.signal(signal.SIGCONT)
        case Trouble.SWITCHOVER:
            await cluster.step_down(active)
            await cluster.active(than=active)
            outages.add(trouble, time.monotonic() - begun_s)
