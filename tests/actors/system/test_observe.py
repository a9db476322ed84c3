"""Thousands of random operations with restarts between: what is told of many tasks at once equals
what a count of the tasks one by one finds, at any moment."""

import itertools
import random

import pytest
import trio

from chargehand.actors.answers import Answer
from chargehand.actors.identity import LOCAL_USER, Caller, OriginKind, agent_actor, origin
from chargehand.actors.registry.commands import CreateWorkspace
from chargehand.actors.task import commands as c
from chargehand.actors.task.review import ReviewStatus
from chargehand.actors.task.state import (
    ApprovalState,
    FailureKind,
    Owner,
    OwnerKind,
    Priority,
    RunStatus,
    Scope,
    TaskState,
    TaskStatus,
    TriageAction,
)
from chargehand.actors.views import activity, stretches
from chargehand.actors.views.backlog import BacklogFilter
from chargehand.actors.views.catalog import TaskFilter
from chargehand.actors.views.choices import Lane, ListOrder
from chargehand.actors.views.groups import GroupFilter
from chargehand.actors.views.inbox import InboxFilter
from chargehand.actors.views.items import InTasks
from chargehand.actors.views.reviews import ReviewFilter
from chargehand.actors.views.runs import RunFilter
from tests.actors.system.desk import OPERATOR, Desk, agent, started
from tests.actors.system.random_work import Callers
from tests.actors.system.recount import (
    inbox_recounted,
    listed,
    numbers_of,
    queue,
    recounted,
    reviews_listed,
    runs_listed,
    shown_of,
)

OPERATIONS = 2500
CALLERS = 10
STEPS = 15  # of each caller between two looks
LOOKS = 10  # between two restarts

WORKSPACES = ("here", "there")
CHANNELS = (None, None, "alpha", "beta")
OWNERS = (
    None,
    None,
    Owner(OwnerKind.POOL, "bot"),
    Owner(OwnerKind.AGENT_SESSION, "s1"),
    Owner(OwnerKind.HUMAN, LOCAL_USER.ref),
    Owner(OwnerKind.POOL, "s1"),  # the reference of another kind of owner
)
ACTORS = (LOCAL_USER, *(agent_actor(f"s{number}") for number in range(3)))


class Townsfolk(Callers):
    """Callers whose tasks differ in all that filters look at, and who triage. They mostly know what
    there is, so that most of what they ask for is done."""

    task_count = 120

    @classmethod
    def operations(cls):
        replaced = (Callers.depend, Callers.create_many)  # there are to be many, not too many
        others = [each for each in super().operations() if each not in replaced]
        return [
            *others,
            cls.depend,
            *[cls.create] * 3,
            *[cls.triage] * 8,
            *[cls.move] * 2,
            *[cls.work_off] * 10,
            cls.reject,
        ]

    def described(self) -> c.CreateTask:
        rng, plain = self._rng, super().described()
        parent = self._desk.system.views.get(self._task_id()) if plain.parent_task_id else None
        workspace_id = rng.choice([None, None, *self._workspaces()])
        if parent is not None:
            workspace_id = parent.workspace_id
        return c.CreateTask(
            scope=Scope.GLOBAL if workspace_id is None else Scope.WORKSPACE,
            workspace_id=workspace_id,
            title=rng.choice(("Straße", "STRASSE", "a street", "work")),
            identifier=rng.choice((None, "T-1", "t-23")),
            network_channel=rng.choice(CHANNELS),
            parent_task_id=None if parent is None else parent.id,
            priority=plain.priority,
            max_attempts=plain.max_attempts,
            draft=plain.draft,
            auto_enqueue_on_ready=plain.auto_enqueue_on_ready,
            approval_policy=plain.approval_policy,
            owner=rng.choice(OWNERS),
        )

    def _task_id(self) -> str:
        known = [state.id for state in self._desk.system.views.catalog]
        return self._rng.choice(known) if known else "task-none"

    def _workspaces(self) -> list[str]:
        return [workspace.id for workspace in self._desk.system.roster.workspaces()]

    async def create(self) -> Answer:
        if len(self._desk.system.views.catalog) >= self.task_count:
            return await self._ask(c.DeleteTask())
        caller = self._rng.choice(
            (OPERATOR, Caller(LOCAL_USER, origin(OriginKind.CLI, "tasks.create")), agent("s2"))
        )
        return await self._desk.system.create_task(self.described(), caller)

    async def triage(self) -> Answer:
        caller = self._rng.choice((OPERATOR, agent("s1"), agent("s2")))
        command = c.TriageTask(self._rng.choice(list(TriageAction)))
        return await self._desk.ask(self._task_id(), command, caller)

    async def move(self) -> Answer:
        """To another owner or channel."""
        rng = self._rng
        return await self._ask(
            rng.choice(
                (
                    c.PatchTask(owner=rng.choice(OWNERS[2:])),
                    c.PatchTask(clear_owner=True),
                    c.PatchTask(network_channel=rng.choice(CHANNELS[2:])),
                )
            )
        )

    async def work_off(self) -> Answer | None:
        """An operator works on a queued run, or leaves it somewhere on the way."""
        tasks = [t for t in self._desk.system.views.catalog if t.status is TaskStatus.READY]
        queued = [task.open_run for task in tasks if task.open_run and not task.current_run]
        if not queued:
            return await self.enqueue()
        rng, run_id, answer = self._rng, self._rng.choice(queued).id, None
        for step in (c.ClaimRun(run_id), c.StartRun(run_id), c.CompleteRun(run_id)):
            if rng.random() < 0.15:
                break
            if rng.random() < 0.2:
                step = c.FailRun(run_id, "no luck")
            answer = await self._desk.ask_run(step)
            await trio.sleep(rng.choice((0, 0.5, 200)))
        return answer

    async def end_session(self) -> None:
        if self._rng.random() < 0.05:
            await self._desk.system.end_session(f"s{self._rng.randrange(4, 8)}")

    async def reject(self) -> Answer:
        return await self._ask(c.RejectTask())


@pytest.fixture
def small_stretches(monkeypatch):
    """So few tasks fill many, and thin them out."""
    monkeypatch.setattr(stretches, "STRETCH", 8)
    monkeypatch.setattr(activity, "_LOOK_EVERY", 1)


async def test_what_is_reported_equals_a_recount(small_stretches, autojump_clock):
    rng, acknowledged, store = random.Random(7), [], None
    while len(acknowledged) < OPERATIONS:
        async with started(store, lease_expiries_max=2, max_leases_per_session=3) as desk:
            if store is None:
                for name in WORKSPACES:
                    await desk.system.registry.create_workspace(CreateWorkspace(f"/{name}"))
            check_all(desk, rng)
            callers = Townsfolk(desk, rng, acknowledged)
            for _ in range(LOOKS):
                async with trio.open_nursery() as nursery:
                    for _ in range(CALLERS):
                        nursery.start_soon(callers.work, STEPS)
                check_all(desk, rng)
            store = desk.store.copy()


def check_all(desk: Desk, rng: random.Random) -> None:
    """All kinds of questions, each with some of its filters."""
    views = desk.system.views
    tasks = [views.whole(state.id) for state in views.catalog]
    workspaces = [None, *(each.id for each in desk.system.roster.workspaces())]
    check_dashboard(desk, tasks, workspaces, rng)
    check_inboxes(desk, tasks, workspaces, rng)
    check_lists(desk, tasks, workspaces, rng)
    check_runs(desk, tasks, workspaces, rng)
    check_reviews(desk, tasks, workspaces, rng)
    for scope, workspace_id, paused in itertools.product(
        (None, *Scope), (*workspaces, "none"), (True, False)
    ):
        which = BacklogFilter(workspace_id, scope, paused)
        found = views.backlog(which, None, 1000)
        wanted = queue(tasks, lambda task_id: views.paused_by(task_id) is not None, which)
        assert [run.run_id for run in found.runs] == wanted
        assert found.total == len(wanted)


def check_dashboard(desk, tasks: list[TaskState], workspaces, rng) -> None:
    now_ns, roster = desk.system.clock.now_ns(), desk.system.roster

    def is_live(session_id: str) -> bool:
        session = roster.find(session_id)
        return session is not None and session.is_active

    filters = [GroupFilter(), *(GroupFilter(scope) for scope in Scope)]
    filters += [
        GroupFilter(
            workspace_id=rng.choice((None, *workspaces)),
            owner_kind=rng.choice((None, *OwnerKind)),
            owner_ref=rng.choice((None, None, "s1", "bot", "nobody")),
            network_channel=rng.choice((None, None, "alpha", "beta")),
            origin_kind=rng.choice((None, None, OriginKind.CLI, OriginKind.HTTP)),
        )
        for _ in range(15)
    ]
    for which in filters:
        board = desk.system.views.dashboard(which, now_ns, is_live)
        assert numbers_of(board) == recounted(tasks, which, now_ns, is_live), which


def check_inboxes(desk, tasks: list[TaskState], workspaces, rng) -> None:
    for actor in ACTORS:
        filters = [InboxFilter(), InboxFilter(unread=True)]
        filters += [
            InboxFilter(
                scope=rng.choice((None, *Scope)),
                workspace_id=rng.choice((None, *workspaces)),
                owner_kind=rng.choice((None, None, *OwnerKind)),
                owner_ref=rng.choice((None, None, "s1")),
                query=rng.choice((None, None, "STRASSE", "t-2", "T1")),
                lane=rng.choice((None, *Lane)),
                unread=rng.random() < 0.3,
            )
            for _ in range(6)
        ]
        for which in filters:
            limit = rng.choice((1, 3, 1000))
            found = desk.system.views.inbox(actor, which, None, limit)
            assert shown_of(found) == inbox_recounted(tasks, actor, which, limit), which


def check_lists(desk, tasks: list[TaskState], workspaces, rng) -> None:
    for _ in range(15):
        which = TaskFilter(
            scope=rng.choice((None, None, *Scope)),
            workspace_id=rng.choice((None, None, *workspaces)),
            status=rng.choice((None, None, *TaskStatus)),
            priority=rng.choice((None, None, None, *Priority)),
            include_drafts=rng.random() < 0.5,
            approval_state=rng.choice((None, None, None, *ApprovalState)),
            owner_kind=rng.choice((None, None, None, *OwnerKind)),
            owner_ref=rng.choice((None, None, "s1", "bot")),
            parent_task_id=rng.choice((None, None, None, "t0", "t1", "t2")),
            network_channel=rng.choice((None, None, None, "alpha")),
            query=rng.choice((None, None, "straSSe", "t-1", "T2", "nothing like it")),
        )
        for order in ListOrder:
            seen, cursor, is_first = [], None, True
            while is_first or cursor is not None:
                *_, page = desk.system.views.page(which, order, cursor, rng.choice((1, 2, 50)))
                seen += [task.id for task in page.items]
                cursor, is_first = page.next_cursor, False
            assert seen == listed(tasks, which, order), which


def some_tasks(tasks: list[TaskState], workspaces, rng) -> InTasks:
    task_id = rng.choice(tasks).id if tasks and rng.random() < 0.2 else None
    return InTasks(
        task_id, rng.choice((None, None, *Scope)), rng.choice((None, None, None, *workspaces))
    )


def walked(look, which, rng) -> list[str]:
    """What all pages show."""
    seen, cursor, is_first = [], None, True
    while is_first or cursor is not None:
        *_, page = look(which, cursor, rng.choice((1, 3, 50)))
        seen += [item.id for _, item in page.items]
        cursor, is_first = page.next_cursor, False
    return seen


def check_runs(desk, tasks: list[TaskState], workspaces, rng) -> None:
    times = [task.last_activity_at_ns for task in tasks] or [0]
    for _ in range(15):
        which = RunFilter(
            where=some_tasks(tasks, workspaces, rng),
            statuses=frozenset(rng.sample([*RunStatus], rng.choice((0, 1, 2)))),
            session_id=rng.choice((None, None, None, "s1", "s2")),
            holders=rng.choice((None, None, None, frozenset({"s3", LOCAL_USER.ref}))),
            failure_kind=rng.choice((None, None, None, *FailureKind)),
            since_ns=rng.choice((None, None, *times)),
            until_ns=rng.choice((None, None, *times)),
        )
        assert walked(desk.system.views.runs, which, rng) == runs_listed(tasks, which), which


def check_reviews(desk, tasks: list[TaskState], workspaces, rng) -> None:
    for _ in range(6):
        statuses = frozenset(rng.sample([*ReviewStatus], rng.choice((0, 1, 2))))
        which = ReviewFilter(some_tasks(tasks, workspaces, rng), statuses)
        assert walked(desk.system.views.reviews, which, rng) == reviews_listed(tasks, which), which
