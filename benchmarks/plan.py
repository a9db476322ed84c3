"""How much is measured: in full, in minutes, or so little that it only shows that all runs."""

from collections.abc import Mapping
from typing import Final, final

from attrs import frozen

MANY: Final = 128  # agents that the targets are set for
CONNECTIONS: Final = 16  # of the target for HTTP


@final
@frozen
class Plan:
    """Times are in seconds.

    Args:
        name: what the results are kept under.
        rounds: each contender has its turn in each of them.
        tasks: of a closed loop, by the number of agents.
        batches: so many times as many, where they are claimed in batches.
        cell_s: that the cycles of one turn may take; what is left then is left.
        rates: tasks per second of the open loops.
        rate_s: how long they come.
        rate_agents: agents that wait for them.
        queued: runs in the queue, the smaller number first, and how many of them are claimed.
        waiters: claims that wait, and for how long their CPU time is watched.
        streams: that are open, and for how long each task has an event every second.
        starts: tasks stored, of a start after a kill.
        asked_tasks: tasks that questions are asked about, and how often each is asked.
    """

    name: str
    rounds: int
    commits: int
    tasks: Mapping[int, int]
    batches: int
    cell_s: float
    rates: tuple[float, ...]
    rate_s: float
    rate_agents: int
    queued: tuple[int, ...]
    queued_claims: int
    queued_rounds: int
    waiters: tuple[int, ...]
    waiters_s: float
    streams: tuple[int, ...]
    streams_s: float
    starts: tuple[int, ...]
    asked_tasks: int
    asked_times: int
    size: int = 1024  # bytes of a task's text


FULL: Final = Plan(
    name="full",
    rounds=2,
    commits=300,
    tasks={1: 1000, CONNECTIONS: 4000, MANY: 8000, 512: 8000},
    batches=4,
    cell_s=20.0,
    rates=(100.0, 500.0, 1000.0, 2000.0),
    rate_s=10.0,
    rate_agents=64,
    queued=(1000, 10_000, 100_000, 1_000_000),
    queued_claims=300,
    queued_rounds=3,
    waiters=(1, 100, 1000, 5000),
    waiters_s=10.0,
    streams=(1, 100, 500, 1000, 2000),
    streams_s=15.0,
    starts=(10_000, 100_000, 1_000_000),
    asked_tasks=100_000,
    asked_times=50,
)
QUICK: Final = Plan(
    name="quick",
    rounds=1,
    commits=200,
    tasks={1: 200, CONNECTIONS: 400, MANY: 1000},
    batches=4,
    cell_s=2.0,
    rates=(200.0,),
    rate_s=1.0,
    rate_agents=16,
    queued=(1000, 10_000),
    queued_claims=300,
    queued_rounds=1,
    waiters=(1, 500),
    waiters_s=2.0,
    streams=(1, 100),
    streams_s=3.0,
    starts=(1000,),
    asked_tasks=500,
    asked_times=5,
)
TINY: Final = Plan(
    name="tiny",
    rounds=1,
    commits=20,
    tasks={2: 10},
    batches=2,
    cell_s=5.0,
    rates=(50.0,),
    rate_s=0.2,
    rate_agents=2,
    queued=(20, 40),
    queued_claims=10,
    queued_rounds=1,
    waiters=(3,),
    waiters_s=0.3,
    streams=(3,),
    streams_s=1.0,
    starts=(500,),
    asked_tasks=50,
    asked_times=2,
)
