"""One run of the crash proof, from an empty directory to the last check."""

import random
import time
from collections.abc import Sized
from functools import partial
from pathlib import Path
from typing import Final, final

import trio
from attrs import frozen

from benchmarks.chaos import checks
from benchmarks.chaos.agents import work
from benchmarks.chaos.client import Client
from benchmarks.chaos.follower import Follower
from benchmarks.chaos.ledger import Ledger
from benchmarks.chaos.plan import ROOT_ID, Step, create, random_plan
from benchmarks.chaos.server import ServerProcess

BOOT_GRACE_S: Final = 2
CATCH_UP_S_MAX: Final = 20.0
KILLS_WHILE_CREATING: Final = 0.2  # of all kills


@final
@frozen
class Outcome:
    """What has happened; everything was checked."""

    tasks: int
    kills: int
    claims: int
    runs_held_again: int  # by a second agent, after the lease of the first had ended
    lost_leases: int
    events: int
    stream_connections: int
    slowest_start_s: float
    took_s: float


async def prove(
    directory: Path, *, tasks: int, agents: int, kills: int, seed: int, work_s: float = 0.1
) -> Outcome:
    """Raises: AssertionError: something acknowledged was lost, done twice, or never done.

    Args:
        work_s: what an agent works on a run, on the average.
    """
    begun_s = time.monotonic()
    rng = random.Random(seed)
    steps = random_plan(rng, tasks)
    ledger = Ledger()
    server = ServerProcess(
        directory, f"--boot-grace-s={BOOT_GRACE_S}", "--checkpoint-s=0.5", "--lease-expiries-max=99"
    )
    follower = Follower(server.url, ROOT_ID)
    operator = Client(server.url)
    try:
        await server.start()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(follower.run)
            for number in range(agents):
                agent_rng = random.Random(rng.random())
                nursery.start_soon(work, server.url, number, agent_rng, ledger, work_s)
            async with trio.open_nursery() as until_done:
                until_done.start_soon(_kill_at_random, server, ledger, rng, tasks, kills)
                until_done.start_soon(_create_and_wait, operator, steps, ledger)
            events_of = await checks.timelines(operator, steps)
            await _catch_up(follower, events_of)
            nursery.cancel_scope.cancel()
        await checks.check_tasks(operator, steps, ledger)
        checks.check_events(events_of, ledger)
        held_again = checks.check_holds(ledger.holds)
        checks.check_stream(follower.seqs, events_of)
        if server.kills != kills:
            raise AssertionError(f"the server was killed {server.kills} times, not {kills}")
        server.stop()
    finally:
        server.close()
        with trio.CancelScope(shield=True):
            await operator.close()
    return Outcome(
        tasks=tasks,
        kills=kills,
        claims=len(ledger.holds),
        runs_held_again=held_again,
        lost_leases=ledger.lost_leases,
        events=len(follower.received),
        stream_connections=follower.connections,
        slowest_start_s=max(server.start_s),
        took_s=time.monotonic() - begun_s,
    )


async def _create_and_wait(operator: Client, steps: list[Step], ledger: Ledger) -> None:
    await create(operator, steps, ledger)
    await ledger.change.until(lambda: len(ledger.tasks_done) == len(steps))


async def _kill_at_random(
    server: ServerProcess, ledger: Ledger, rng: random.Random, tasks: int, kills: int
) -> None:
    """Spread over the progress of the work, so that each kill meets work under way."""
    early = round(kills * KILLS_WHILE_CREATING)
    for number in range(kills):
        if number < early:
            due = tasks * (number + rng.random()) / early
            progress: Sized = ledger.created
        else:
            share = (number - early + rng.random()) / max(kills - early, 1)
            due = tasks * 0.95 * share
            progress = ledger.tasks_done
        await ledger.change.until(partial(_has_reached, progress, due))
        await trio.sleep(rng.uniform(0, 0.1))
        server.kill()
        await trio.sleep(rng.uniform(0, 0.2))
        await server.start()


def _has_reached(progress: Sized, due: float) -> bool:
    return len(progress) >= due


async def _catch_up(follower: Follower, events_of: dict[str, list[checks.Event]]) -> None:
    count = sum(len(events) for events in events_of.values())
    with trio.move_on_after(CATCH_UP_S_MAX):
        await follower.change.until(lambda: len(follower.received) >= count)
