"""A running system with short verbs for tests, and a store that remembers every crash point."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import trio

from chargehand.actors.answers import Answer
from chargehand.actors.clock import TimeSource, VirtualTime
from chargehand.actors.identity import LOCAL_USER, Caller, OriginKind, agent_actor, origin
from chargehand.actors.lifecycle import run_system
from chargehand.actors.ports import StorageError
from chargehand.actors.registry.commands import RegisterSession
from chargehand.actors.scheduler.commands import ClaimNext
from chargehand.actors.settings import Settings
from chargehand.actors.system import System
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import Json, Run, RunStatus, Scope, TaskState
from chargehand.persistence.memory_store import MemoryStore
from chargehand.persistence.opening import memory_journal
from chargehand.persistence.store import Change, Given, Store, Table

T = TypeVar("T")

NOW_NS = 1_790_000_000_000_000_000
NS = 1_000_000_000
OPERATOR = Caller(LOCAL_USER, origin(OriginKind.HTTP, "tasks.update"))


def agent(session_id: str) -> Caller:
    return Caller(agent_actor(session_id), origin(OriginKind.HTTP, "agent.task.next"))


class Desk:
    """Creates, claims and completes; everything else is asked of `system` itself."""

    def __init__(self, system: System, store: Store) -> None:
        self.system = system
        self.store = store

    async def task(self, **changes) -> TaskState:
        command = c.CreateTask(**{"scope": Scope.GLOBAL, "title": "work", **changes})
        return (await self.system.create_task(command, OPERATOR)).task

    async def enqueue(self, task_id: str, **run) -> Run:
        answer = await self.system.ask(task_id, c.EnqueueRun(c.Enqueueing(**run)), OPERATOR)
        return answer.the_run

    async def queued(self, **changes) -> Run:
        """A new task's run."""
        return await self.enqueue((await self.task(**changes)).id)

    async def queued_with(self, **run) -> Run:
        """A new task's run, enqueued with options of its own."""
        return await self.enqueue((await self.task()).id, **run)

    async def many_queued(self, count: int, **changes) -> list[Run]:
        return [await self.queued(**changes) for _ in range(count)]

    async def register(self, session_id: str, agent_name: str = "bot", **changes) -> None:
        command = RegisterSession(agent_name=agent_name, id=session_id, **changes)
        await self.system.registry.register_session(command)

    async def claim(self, session_id: str, agent_name: str = "bot", **request) -> Answer | None:
        session = await self.system.identify(session_id, agent_name)
        return await self.system.claim_next(session, ClaimNext(**request), agent(session_id))

    async def ask(self, task_id: str, command: c.TaskCommand, caller: Caller = OPERATOR) -> Answer:
        return await self.system.ask(task_id, command, caller)

    async def ask_run(self, command: c.RunCommand, caller: Caller = OPERATOR) -> Answer:
        return await self.system.ask_run(command, caller)

    async def complete(self, session_id: str, run_id: str, result: bytes = b"{}") -> Answer:
        return await self.ask_run(c.CompleteLease(run_id, Json(result)), agent(session_id))

    async def do(self, session_id: str, run_id: str) -> None:
        """Claim whatever is best, which must be `run_id`, and complete it."""
        claimed = await self.claim(session_id)
        assert claimed is not None
        assert claimed.the_run.id == run_id
        await self.complete(session_id, run_id)

    async def run(self, run_id: str) -> Run:
        return (await self.system.run(run_id)).the_run

    async def status_of(self, run_id: str) -> RunStatus:
        return (await self.run(run_id)).status

    def events(self, task_id: str) -> list[str]:
        return [e.event.type for e in self.system.views.timelines.after(task_id, 0, 1000)]

    @property
    def parked(self) -> int:
        return self.system.scheduler._dispatch.parked_count


@asynccontextmanager
async def started(
    store: Store | None = None, time: TimeSource | None = None, **settings
) -> AsyncIterator[Desk]:
    """A system over `store`; what an earlier one left there is recovered. Unless a `time` says
    otherwise, the wall goes on between two of them as it does within one."""
    store = MemoryStore() if store is None else store
    journal = memory_journal(store)
    time = time or VirtualTime(NOW_NS + int(trio.current_time() * NS))
    async with run_system(journal, Settings(**settings), time=time) as system:
        yield Desk(system, store)


@asynccontextmanager
async def waiting(desk: Desk, *calls) -> AsyncIterator[trio.CancelScope]:
    """Calls that run meanwhile and have come to rest; what is left of them ends with the block."""
    async with trio.open_nursery() as nursery:
        for call in calls:
            nursery.start_soon(call)
        await trio.testing.wait_all_tasks_blocked()
        yield nursery.cancel_scope
        nursery.cancel_scope.cancel()


class CrashStore:
    """A store in memory that keeps a copy of itself as of each commit, and can be told to fail."""

    growths = 0

    def __init__(self, store: MemoryStore | None = None) -> None:
        self._store = store or MemoryStore()
        self.crash_points: list[MemoryStore] = []
        self.fails = False

    def commit(self, changes: Sequence[Change], given: Given | None = None) -> None:
        if self.fails:
            raise StorageError("no space left on device")
        self._store.commit(changes, given)
        self.crash_points.append(self._store.copy())

    def get(self, table: Table, key: bytes) -> bytes | None:
        return self._store.get(table, key)

    def get_many(self, wanted: Sequence[tuple[Table, bytes]]) -> list[bytes | None]:
        return self._store.get_many(wanted)

    def let_go(self) -> None:
        self._store.let_go()

    def scan(
        self,
        table: Table,
        start: bytes,
        stop: bytes | None,
        count: int,
        read: Callable[[memoryview], T],
        *,
        reverse: bool = False,
    ) -> list[tuple[bytes, T]]:
        return self._store.scan(table, start, stop, count, read, reverse=reverse)

    def page(self, table: Table, start: bytes, count: int) -> list[tuple[bytes, bytes]]:
        return self._store.page(table, start, count)

    def count(self, table: Table) -> int:
        return self._store.count(table)

    def close(self) -> None:
        self._store.close()

    def copy(self) -> MemoryStore:
        return self._store.copy()
