"""A few tasks of each kind, made as users make them: with commands to a system, in virtual time."""

import random
from collections.abc import Sequence
from enum import Enum
from typing import Final, final

import trio
from attrs import define
from trio.testing import MockClock

from benchmarks.scale.clones import FIRST_CLONE_SEQ, Family, MarkedIds, Span, Stock, begin, others
from chargehand.actors.identity import LOCAL_USER, Caller, OriginKind, agent_actor, origin
from chargehand.actors.lifecycle import run_system
from chargehand.actors.limits import LEASE_S_MAX
from chargehand.actors.registry.commands import CreateWorkspace, RegisterSession
from chargehand.actors.scheduler.commands import ClaimNext
from chargehand.actors.settings import Settings
from chargehand.actors.system import System
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import (
    ApprovalPolicy,
    Json,
    Owner,
    OwnerKind,
    Priority,
    Run,
    Scope,
    TaskState,
)
from chargehand.persistence.layout import open_layout
from chargehand.persistence.memory_store import MemoryStore
from chargehand.persistence.opening import memory_journal
from chargehand.persistence.store import Change

MADE_AT_NS: Final = 1_700_000_000 * 10**9
CHILDREN: Final = 7  # of a tree
AGENT: Final = "builder"

_VARIANTS: Final = 8  # of each kind
_WORKSPACES: Final = _VARIANTS // 2  # the other half is global
_PAUSE_S: Final = 20.0  # between two things that befall a task, at most
_OPERATOR: Final = Caller(LOCAL_USER, origin(OriginKind.HTTP, "tasks.create"))
_AGENTS: Final = origin(OriginKind.AGENT_SESSION, "agent.task.next")
_RESULT: Final = Json(
    b'{"ok":true,"artifact":"build/1234","commit":"0f1e2d3c4b5a","files":["a.py","b.py"]}'
)
_METADATA: Final = Json(b'{"repository":"acme/billing","branch":"main","labels":["q3","infra"]}')
_VERBS: Final = ("Review", "Deploy", "Fix", "Write", "Test", "Migrate", "Measure", "Index")
_THINGS: Final = (
    *("the parser of invoices", "the schema of billing", "the search page", "login by mail"),
    *("the cache of reports", "the stream of events", "the nightly import", "the queue of mails"),
)
_DESCRIPTION: Final = "What to do, where to look, and how to know that it is done. "


class Kind(Enum):
    """Families of tasks by what has become of them."""

    COMPLETED = "completed"
    TREE = "a parent with children, most of them completed"
    CHAIN = "completed, and so is one that depends on it"
    FAILED = "failed"
    DRAFT = "draft"
    READY = "ready"
    BLOCKED = "ready, and one that depends on it"
    UNAPPROVED = "waiting for its approval"
    CANCELED = "canceled"
    ACTIVE = "at work under a lease"
    QUEUED = "queued"  # the last, as a claim takes what is queued


@final
@define
class Originals:
    """Args: others: what belongs to no task."""

    families: dict[Kind, list[Family]]
    others: list[Change]


def originals() -> Originals:
    """Make them, each with ids and numbers of its own."""
    return trio.run(_make, clock=MockClock(autojump_threshold=0))


async def _make() -> Originals:
    store, ids = MemoryStore(), MarkedIds()
    open_layout(store)
    begin(store)
    journal = memory_journal(store)
    spans: dict[Kind, list[Span]] = {}
    settings = Settings(checkpoint_s=1e6, starvation_s=1e6, max_leases_per_session=_VARIANTS)
    async with run_system(journal, settings, ids=ids, wall_ns=MADE_AT_NS) as system:
        maker = await _Maker.of(system)
        for kind in Kind:
            for variant in range(_VARIANTS):
                ids_before, seq_before = ids.count, journal.next_seq
                await maker.make(kind, variant)
                assert not system.outbox.outstanding(), "an answer waits for its effects"
                span = Span(ids_before + 1, ids.count + 1, seq_before, journal.next_seq)
                spans.setdefault(kind, []).append(span)
        assert journal.next_seq < FIRST_CLONE_SEQ, "the clones come behind them"
        await system.checkpointer.checkpoint()
    stock = Stock(store)
    families = {kind: [Family(stock, span) for span in of] for kind, of in spans.items()}
    return Originals(families, list(others(store)))


@final
@define
class _Maker:
    system: System
    workspaces: Sequence[str]
    rng: random.Random

    @classmethod
    async def of(cls, system: System) -> "_Maker":
        registry = system.registry
        made = [
            (await registry.create_workspace(CreateWorkspace(f"/srv/workspace-{number}"))).id
            for number in range(_WORKSPACES)
        ]
        for variant in range(_VARIANTS):
            workspace = made[variant] if variant < _WORKSPACES else None
            command = RegisterSession(AGENT, f"sess-{variant}", workspace_id=workspace)
            await registry.register_session(command)
        return cls(system, made, random.Random(7))

    async def make(self, kind: Kind, variant: int) -> None:
        """A family of that kind."""
        match kind:
            case Kind.COMPLETED:
                await self._complete(await self._create(variant), variant)
            case Kind.TREE:
                await self._tree(variant)
            case Kind.CHAIN:
                for task in await self._pair(variant):
                    await self._complete(task, variant)
            case Kind.FAILED:
                await self._fail(await self._create(variant, attempts=1), variant)
            case Kind.DRAFT:
                await self._create(variant, draft=True)
            case Kind.READY:
                await self._create(variant)
            case Kind.BLOCKED:
                await self._pair(variant)
            case Kind.UNAPPROVED:
                await self._create(variant, approval=ApprovalPolicy.MANUAL)
            case Kind.CANCELED:
                task = await self._create(variant)
                await self.system.ask(task.id, c.CancelTask("no longer wanted"), _OPERATOR)
            case Kind.ACTIVE:
                task = await self._queue(await self._create(variant))
                caller, run = await self._claim(task, variant)
                await self.system.ask_run(c.StartRun(run.id), caller)
            case Kind.QUEUED:
                await self._queue(await self._create(variant))

    async def _create(
        self,
        variant: int,
        parent: TaskState | None = None,
        *,
        attempts: int | None = None,
        draft: bool = False,
        approval: ApprovalPolicy = ApprovalPolicy.NONE,
    ) -> TaskState:
        workspace = self.workspaces[variant] if variant < _WORKSPACES else None
        words = f"{self.rng.choice(_VERBS)} {self.rng.choice(_THINGS)}"
        command = c.CreateTask(
            scope=Scope.GLOBAL if workspace is None else Scope.WORKSPACE,
            title=f"{words}, part {self.rng.randrange(100)} of the third quarter",
            workspace_id=workspace,
            parent_task_id=None if parent is None else parent.id,
            identifier=f"OPS-{self.rng.randrange(10_000)}" if variant % 2 else None,
            description=_DESCRIPTION * self.rng.randrange(1, 8),
            priority=self.rng.choice(list(Priority)),
            max_attempts=attempts,
            draft=draft,
            approval_policy=approval,
            metadata=_METADATA if variant % 4 else None,
            network_channel=f"channel-{variant}" if variant % 4 == 1 else None,
            owner=Owner(OwnerKind.POOL, AGENT) if variant % 3 == 0 else None,
        )
        made = await self.system.create_task(command, _OPERATOR)
        await self._wait()
        return made.task

    async def _tree(self, variant: int) -> None:
        parent = await self._create(variant)
        for number in range(CHILDREN):
            child = await self._create(variant, parent)
            if number < CHILDREN - 1:
                await self._complete(child, variant)

    async def _pair(self, variant: int) -> tuple[TaskState, TaskState]:
        """Two, the second of which depends on the first."""
        first, second = await self._create(variant), await self._create(variant)
        await self.system.ask(second.id, c.AddDependency(first.id), _OPERATOR)
        await self._wait()
        return first, second

    async def _queue(self, task: TaskState) -> TaskState:
        await self.system.ask(task.id, c.EnqueueRun(), _OPERATOR)
        await self._wait()
        return task

    async def _claim(self, task: TaskState, variant: int) -> tuple[Caller, Run]:
        """The holder and the run."""
        session_id = f"sess-{variant}"
        session = await self.system.identify(session_id, AGENT)
        caller = Caller(agent_actor(session_id), _AGENTS)
        found = await self.system.claim_next(session, ClaimNext(lease_seconds=LEASE_S_MAX), caller)
        assert found is not None, "nothing that it could claim is queued"
        assert found.task.id == task.id, "another task is queued"
        await self._wait()
        return caller, found.the_run

    async def _complete(self, task: TaskState, variant: int) -> None:
        caller, run = await self._claim(await self._queue(task), variant)
        done = c.CompleteLease(run.id, _RESULT, run.claim_token_hash)
        await self.system.ask_run(done, caller)
        await self._wait()

    async def _fail(self, task: TaskState, variant: int) -> None:
        caller, run = await self._claim(await self._queue(task), variant)
        failed = c.FailLease(run.id, "the build failed: exit code 1", None, run.claim_token_hash)
        await self.system.ask_run(failed, caller)

    async def _wait(self) -> None:
        """As time passes between two things that befall a task."""
        await trio.sleep(self.rng.uniform(1.0, _PAUSE_S))
