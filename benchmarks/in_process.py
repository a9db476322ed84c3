"""Durable claim -> complete cycles in the same process, by many agents and by one."""

import time
from pathlib import Path

import trio

from benchmarks.figures import Figures
from benchmarks.work import queue_runs
from chargehand.actors.identity import Caller, OriginKind, agent_actor, origin
from chargehand.actors.lifecycle import run_system
from chargehand.actors.scheduler.commands import ClaimNext
from chargehand.actors.settings import Settings
from chargehand.actors.system import System
from chargehand.actors.task.commands import CompleteLease
from chargehand.actors.task.state import Json
from chargehand.persistence.opening import open_journal

_RESULT = Json(b'{"ok":true,"artifact":"build/1234"}')


class Cycles:
    """Latencies of the claims and of whole cycles, in seconds."""

    def __init__(self) -> None:
        self.claims: list[float] = []
        self.cycles: list[float] = []


async def _agent(system: System, number: int, measured: Cycles) -> None:
    """Claim and complete until nothing is left."""
    session_id = f"sess-{number}"
    session = await system.identify(session_id, "bench")
    caller = Caller(agent_actor(session_id), origin(OriginKind.AGENT_SESSION, "agent.task.next"))
    request = ClaimNext()
    while True:
        started = time.perf_counter()
        claimed = await system.claim_next(session, request, caller)
        if claimed is None:
            return
        at = time.perf_counter()
        run = claimed.the_run
        await system.ask_run(CompleteLease(run.id, _RESULT, run.claim_token_hash), caller)
        measured.claims.append(at - started)
        measured.cycles.append(time.perf_counter() - started)


async def cycles(directory: Path, agents: int, count: int) -> tuple[Figures, Figures]:
    """Claims and whole cycles of `agents` agents over `count` queued runs."""
    measured = Cycles()
    journal = open_journal(directory)
    async with run_system(journal, Settings()) as system:
        await queue_runs(system, count)
        begun = time.perf_counter()
        async with trio.open_nursery() as nursery:
            for number in range(agents):
                nursery.start_soon(_agent, system, number, measured)
        elapsed = time.perf_counter() - begun
    name = f"in process, {agents} agent{'s' if agents > 1 else ''}"
    return (
        Figures.of(f"{name}: claim", measured.claims, elapsed),
        Figures.of(f"{name}: cycle", measured.cycles, elapsed),
    )
