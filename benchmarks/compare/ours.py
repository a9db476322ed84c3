"""Chargehand itself: in process, over the Unix socket and over HTTP, one by one and in batches."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, final

from benchmarks.compare.contender import BATCHING_MAX, Agents, Contender, OnDisk, Running
from benchmarks.serving import server
from chargehand.actors.frozen import replace
from chargehand.actors.identity import LOCAL_USER, Caller, OriginKind, agent_actor, origin
from chargehand.actors.lifecycle import run_system
from chargehand.actors.registry.state import SessionState
from chargehand.actors.scheduler.commands import ClaimNext
from chargehand.actors.settings import Settings
from chargehand.actors.system import System
from chargehand.actors.task.commands import CompleteLease, CreateTask, EnqueueRun
from chargehand.actors.task.state import Json, Run, Scope
from chargehand.persistence.opening import open_journal
from chargehand.web.bench.loops import Claimed
from chargehand.web.bench.wire import Address, Wire, connect_all
from chargehand.web.bench.work import (
    RESULT,
    WireAgent,
    WireBatchAgent,
    WireGiver,
    agent_headers,
    number_of,
    payload,
)

BATCH: Final = 100
_GIVERS: Final = 64
_HTTP_GIVERS: Final = 16
_OPERATOR: Final = Caller(LOCAL_USER, origin(OriginKind.HTTP, "tasks.create"))
_AGENTS: Final = origin(OriginKind.AGENT_SESSION, "agent.task.next")
_RESULT: Final = Json(RESULT)
_CLAIM: Final = ClaimNext()


class _Ours(Contender):
    on_disk = OnDisk.YES

    def missing(self) -> str | None:
        return None


# --- in process -----------------------------------------------------------------------------------


@final
class Giving:
    """Hands tasks in to a system."""

    def __init__(self, system: System, size: int) -> None:
        self._system = system
        self._size = size

    async def put(self, number: int) -> None:
        task = CreateTask(
            scope=Scope.GLOBAL, title=f"piece {number}", description=payload(number, self._size)
        )
        made = await self._system.create_task(task, _OPERATOR)
        await self._system.ask(made.task.id, EnqueueRun(), _OPERATOR)


class _Agent:
    def __init__(self, system: System, session: SessionState, request: ClaimNext = _CLAIM) -> None:
        self.system = system
        self.session = session
        self.request = request
        self.waiting = replace(request, wait=True)
        self.caller = Caller(agent_actor(session.id), _AGENTS)


@final
class InProcessAgent(_Agent):
    """Claims one run at a time. Args: request: what it can do."""

    async def claim(self, wait: bool) -> Sequence[Claimed]:
        request = self.waiting if wait else self.request
        answer = await self.system.claim_next(self.session, request, self.caller)
        if answer is None:
            return ()
        return (Claimed(number_of(answer.task.description or ""), answer.the_run),)

    async def complete(self, claimed: Sequence[Claimed]) -> None:
        for _, run in claimed:
            await self.system.ask_run(_completion(run), self.caller)


def _completion(run: Run) -> CompleteLease:
    return CompleteLease(run.id, _RESULT, run.claim_token_hash)


@final
class _InBatches(_Agent):
    """The one place where batches are taken up in process."""

    async def claim(self, wait: bool) -> Sequence[Claimed]:
        request = self.waiting if wait else self.request
        answers = await self.system.claim_batch(self.session, request, BATCH, self.caller)
        return [Claimed(number_of(one.task.description or ""), one.the_run) for one in answers]

    async def complete(self, claimed: Sequence[Claimed]) -> None:
        commands = [_completion(run) for _, run in claimed]
        for answer in await self.system.ask_runs(commands, self.caller):
            if isinstance(answer, Exception):
                raise answer


@final
class InProcess(_Ours):
    """The scheduler within the program that works."""

    def __init__(self, batch: int = 1) -> None:
        self.batch = batch
        self.agents_max = 512 if batch == 1 else BATCHING_MAX
        self.name = "in process" if batch == 1 else f"in process, batches of {batch}"

    @contextmanager
    def running(self, directory: Path) -> Iterator[Running]:
        yield Running(str(directory), None)

    @asynccontextmanager
    async def staffed(self, address: str, agents: int, size: int) -> AsyncIterator[Agents]:
        kind = InProcessAgent if self.batch == 1 else _InBatches
        settings = Settings(max_leases_per_session=self.batch)
        async with run_system(open_journal(Path(address)), settings) as system:
            sessions = [await system.identify(f"sess-{n}", "bench") for n in range(agents)]
            yield Agents(
                [kind(system, session) for session in sessions],
                [Giving(system, size) for _ in range(_GIVERS)],
            )


# --- over a wire ----------------------------------------------------------------------------------


class _Served(_Ours):
    _is_socket: bool
    _givers: int

    @contextmanager
    def running(self, directory: Path) -> Iterator[Running]:
        flags = ("--max-leases-per-session", str(self.batch)) if self.batch > 1 else ()
        with server(directory, *flags) as served:
            address = str(served.socket if self._is_socket else served.port)
            yield Running(address, served.pid)

    @asynccontextmanager
    async def staffed(self, address: str, agents: int, size: int) -> AsyncIterator[Agents]:
        where = Address(socket=address) if self._is_socket else Address(port=int(address))
        wires = [Wire(where) for _ in range(agents + self._givers)]
        await connect_all(wires)
        staff = [
            WireAgent(wire, headers) if self.batch == 1 else WireBatchAgent(wire, headers, BATCH)
            for wire, headers in zip(wires, map(_headers, range(agents)), strict=False)
        ]
        givers = [WireGiver(wire, {"scope": "global"}, size) for wire in wires[agents:]]
        yield Agents(staff, givers)


def _headers(number: int) -> str:
    return agent_headers(f"sess-{number}", "bench")


@final
class OverSocket(_Served):
    """The Unix socket."""

    _is_socket = True
    _givers = _HTTP_GIVERS

    def __init__(self, batch: int = 1) -> None:
        self.batch = batch
        self.agents_max = 512 if batch == 1 else BATCHING_MAX
        self.name = "Unix socket" if batch == 1 else f"Unix socket, batches of {batch}"


@final
class OverHttp(_Served):
    """The TCP listener, through Quart-Trio and Hypercorn."""

    name = "HTTP"
    _is_socket = False
    _givers = _HTTP_GIVERS
