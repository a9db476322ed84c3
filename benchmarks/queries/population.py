"""Tasks in a realistic mix, by number: the same ones each time."""

import random
from collections.abc import Iterator
from typing import Final, final

import trio
from attrs import define, field

from chargehand.actors.identity import LOCAL_USER, Caller, OriginKind, agent_actor, origin
from chargehand.actors.registry.commands import CreateWorkspace
from chargehand.actors.system import System
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import (
    ApprovalPolicy,
    Json,
    Owner,
    OwnerKind,
    Priority,
    Scope,
    TaskState,
    TriageAction,
)

WORKSPACES: Final = 20
CHANNELS: Final = tuple(f"channel-{number}" for number in range(10))
POOLS: Final = ("builder", "reviewer", "writer", "tester", "deployer")
SESSION: Final = "sess-7"  # one of those that own tasks
RARE_WORD: Final = "aardvark"  # in the title of every 5,000th task

_HUMANS: Final = 20
_SESSIONS: Final = 200
_FAMILY: Final = 16  # every so many tasks form a tree of one parent
_CREATORS: Final = 64
_WORDS: Final = (
    *("review", "deploy", "fix", "write", "test", "migrate", "measure", "index", "queue", "lease"),
    *("parser", "schema", "billing", "search", "login", "cache", "report", "invoice", "stream"),
)
_OPERATOR: Final = Caller(LOCAL_USER, origin(OriginKind.HTTP, "tasks.create"))
_RESULT: Final = Json(b'{"ok":true,"artifact":"build/1234"}')


def task_id(number: int) -> str:
    return f"task-{number:07}"


@final
@define
class Population:
    """Args:
    count: how many tasks to make.
    workspaces: ids, known once they are made.
    """

    system: System
    count: int
    workspaces: list[str] = field(factory=list)

    async def make(self) -> None:
        for number in range(WORKSPACES):
            command = CreateWorkspace(f"/srv/workspace-{number}")
            made = await self.system.registry.create_workspace(command)
            self.workspaces.append(made.id)
        for first in (True, False):  # parents before their children
            numbers = (n for n in range(self.count) if (n % _FAMILY == 0) is first)
            await self._with_all(numbers)

    async def _with_all(self, numbers: Iterator[int]) -> None:
        async def work() -> None:
            for number in numbers:
                await self._make_one(number)

        async with trio.open_nursery() as nursery:
            for _ in range(_CREATORS):
                nursery.start_soon(work)

    async def _make_one(self, number: int) -> None:
        rng = random.Random(number)
        caller = _OPERATOR
        if rng.random() < 0.3:
            caller = Caller(LOCAL_USER, origin(OriginKind.CLI, "tasks.create"))
        made = await self.system.create_task(self._described(number, rng), caller)
        owner = _owner(rng)
        await self._befalls(made.task, owner, rng)
        if owner is not None:  # at last, as operators do not work on what is others'
            await self.system.ask(made.task.id, c.PatchTask(owner=owner), _OPERATOR)

    def _described(self, number: int, rng: random.Random) -> c.CreateTask:
        family = number // _FAMILY
        workspace = family % (2 * WORKSPACES)  # every second family is global
        is_local = workspace < WORKSPACES
        words = " ".join(rng.choices(_WORDS, k=4))
        title = f"{words} {RARE_WORD}" if number % 5000 == 0 else words
        return c.CreateTask(
            scope=Scope.WORKSPACE if is_local else Scope.GLOBAL,
            workspace_id=self.workspaces[workspace] if is_local else None,
            id=task_id(number),
            title=f"{title} {number}",
            description="What to do, and how to know that it is done. " * 4,
            identifier=f"T-{number}" if rng.random() < 0.5 else None,
            parent_task_id=task_id(family * _FAMILY) if number % _FAMILY else None,
            network_channel=rng.choice((None, *CHANNELS)),
            priority=rng.choice(list(Priority)),
            draft=rng.random() < 0.05,
            approval_policy=rng.choices(list(ApprovalPolicy), (9, 1))[0],
        )

    async def _befalls(self, task: TaskState, owner: Owner | None, rng: random.Random) -> None:
        """What has happened to the task since."""
        fate = rng.random()
        if task.draft:
            return
        if rng.random() < 0.04:
            await self._depend(task)
        if fate < 0.2:
            return
        if fate < 0.25:
            if _number(task.id) % _FAMILY == 0:
                return  # no child of a canceled task is made
            await self.system.ask(task.id, c.CancelTask("no longer wanted"), _OPERATOR)
            return
        queued = await self.system.ask(task.id, c.EnqueueRun(), _OPERATOR)
        if fate >= 0.4 and not queued.task.is_gated:
            await self._work_on(queued.the_run.id, fate, _worker(owner))
        if fate > 0.9:
            action = rng.choice(list(TriageAction))
            await self.system.ask(task.id, c.TriageTask(action), _OPERATOR)

    async def _depend(self, task: TaskState) -> None:
        """On the parent of a family a while ago."""
        blocker = task_id(max(0, _number(task.id) // _FAMILY - 64) * _FAMILY)
        if blocker != task.id and self.system.views.get(blocker) is not None:
            await self.system.ask(task.id, c.AddDependency(blocker), _OPERATOR)

    async def _work_on(self, run_id: str, fate: float, caller: Caller) -> None:
        """Claimed, started, and mostly ended."""
        ask = self.system.ask_run
        await ask(c.ClaimRun(run_id, run_id), caller)
        if fate < 0.41:
            return
        await ask(c.StartRun(run_id, run_id), caller)
        if fate < 0.43:
            return
        if fate < 0.55:
            await ask(c.FailRun(run_id, "the build failed: exit code 1"), caller)
        else:
            await ask(c.CompleteRun(run_id, _RESULT), caller)


def _number(of: str) -> int:
    return int(of.removeprefix("task-"))


def _worker(owner: Owner | None) -> Caller:
    """The session that owns the task, or the operator."""
    if owner is None or owner.kind is not OwnerKind.AGENT_SESSION:
        return _OPERATOR
    return Caller(agent_actor(owner.ref), origin(OriginKind.AGENT_SESSION, "tasks.claim_run"))


def _owner(rng: random.Random) -> Owner | None:
    kind = rng.choices(
        (None, OwnerKind.POOL, OwnerKind.AGENT_SESSION, OwnerKind.HUMAN), (50, 30, 10, 10)
    )[0]
    match kind:
        case OwnerKind.POOL:
            return Owner(kind, rng.choice(POOLS))
        case OwnerKind.AGENT_SESSION:
            return Owner(kind, f"sess-{rng.randrange(_SESSIONS)}")
        case OwnerKind.HUMAN:
            name = rng.choice((LOCAL_USER.ref, f"person-{rng.randrange(_HUMANS)}"))
            return Owner(kind, name)
        case _:
            return None
