"""Random operations by many callers at once, with everything that was acknowledged written down."""

import random
from collections.abc import Awaitable, Callable
from typing import Any

import trio

from chargehand.actors.answers import Answer
from chargehand.actors.errors import Rejected
from chargehand.actors.new_tasks.item import NewDependency, NewTask, Ties
from chargehand.actors.task import commands as c
from chargehand.actors.task.review import ReviewOutcome, Verdict
from chargehand.actors.task.state import ApprovalPolicy, Json, Owner, OwnerKind, Priority, Scope
from tests.actors.system.desk import OPERATOR, Desk, agent

TASKS = 30
SESSIONS = 8


class Callers:
    """Args:
    acknowledged: answers are added until `stop` is set; a crash is a copy of the store then.
    """

    task_count = TASKS

    def __init__(self, desk: Desk, rng: random.Random, acknowledged: list[Answer]) -> None:
        self._desk = desk
        self._operations = self.operations()
        self._rng = rng
        self._acknowledged = acknowledged
        self._stopped = False
        self._held: dict[str, str] = {}
        self.rejected: list[Rejected] = []

    def stop(self) -> None:
        self._stopped = True

    async def work(self, steps: int) -> None:
        """One caller: an operator and an agent by turns."""
        for _ in range(steps):
            operation = self._rng.choice(self._operations)
            try:
                answer = await operation(self)
            except Rejected as refusal:
                self.rejected.append(refusal)
                answer = None
            if self._stopped:
                return
            if answer is not None:
                self._acknowledged.append(answer)
            if self._rng.random() < 0.2:
                await trio.sleep(self._rng.choice([0, 0.01, 1, 3]))

    @classmethod
    def operations(cls) -> "list[Callable[[Any], Awaitable[Answer | None]]]":
        """What is done, the more often named the more often."""
        return list(_OPERATIONS)

    # --- picks ----------------------------------------------------------------------------------

    def _task_id(self) -> str:
        return f"t{self._rng.randrange(self.task_count)}"

    def _run_id(self) -> str:
        state = self._desk.system.views.get(self._task_id())
        run = None if state is None else state.open_run
        return "run-none" if run is None else run.id

    def _any_run_id(self) -> str:
        state = self._desk.system.views.whole(self._task_id())
        return self._rng.choice(state.runs).id if state and state.runs else "run-none"

    def _session_id(self) -> str:
        return f"s{self._rng.randrange(SESSIONS)}"

    async def _ask(self, command: c.TaskCommand) -> Answer:
        return await self._desk.ask(self._task_id(), command)

    # --- operations -----------------------------------------------------------------------------

    async def create(self) -> Answer:
        return await self._desk.system.create_task(self.described(), OPERATOR)

    def described(self) -> c.CreateTask:
        rng = self._rng
        number = rng.randrange(self.task_count)
        parent = f"t{rng.randrange(number)}" if number and rng.random() < 0.4 else None
        return c.CreateTask(
            scope=Scope.GLOBAL,
            id=f"t{number}",
            title="work",
            parent_task_id=parent,
            priority=rng.choice(list(Priority)),
            max_attempts=rng.choice([1, 3, 10]),
            draft=rng.random() < 0.1,
            auto_enqueue_on_ready=rng.random() < 0.6,
            approval_policy=rng.choice([*[ApprovalPolicy.NONE] * 5, ApprovalPolicy.MANUAL]),
            owner=rng.choice([None, None, None, Owner(OwnerKind.POOL, "bot")]),
        )

    async def create_many(self) -> None:
        rng = self._rng
        items: list[NewTask] = []
        for number in range(rng.randrange(1, 5)):
            command = self.described()
            edges = (NewDependency(task_id=self._task_id()), NewDependency(ref="0"))
            ties = Ties(
                str(number),
                parent_task_id=command.parent_task_id,
                depends_on=edges[: rng.randrange(3)] if number else (),
            )
            items.append(NewTask(command, ties))
        rng.shuffle(items)
        atomic = rng.random() < 0.5
        found = await self._desk.system.create_tasks(items, OPERATOR, atomic=atomic)
        answers = [one for one in found if isinstance(one, Answer)]
        assert len(answers) in (0, len(found)) or not atomic
        if not self._stopped:
            self._acknowledged += answers

    async def enqueue(self) -> Answer:
        key = self._rng.choice([None, None, f"k{self._rng.randrange(20)}"])
        return await self._ask(c.EnqueueRun(c.Enqueueing(key)))

    async def start_task(self) -> Answer:
        return await self._ask(c.StartTask())

    async def publish(self) -> Answer:
        return await self._ask(c.PublishTask())

    async def approve(self) -> Answer:
        return await self._ask(c.ApproveTask())

    async def patch(self) -> Answer:
        rng = self._rng
        return await self._ask(
            c.PatchTask(
                title=f"title {rng.randrange(100)}",
                priority=rng.choice(list(Priority)),
                auto_enqueue_on_ready=rng.choice([None, True, False]),
                max_attempts=rng.choice([None, 10]),
            )
        )

    async def depend(self) -> Answer:
        return await self._ask(c.AddDependency(self._task_id()))

    async def undepend(self) -> Answer:
        task_id = self._task_id()
        state = self._desk.system.views.get(task_id)
        if state is None or not state.dependencies:
            return await self.depend()
        edge = self._rng.choice(state.dependencies)
        return await self._desk.ask(task_id, c.RemoveDependency(edge.depends_on_task_id))

    async def pause(self) -> Answer:
        return await self._ask(c.PauseTask("later"))

    async def resume(self) -> Answer:
        return await self._ask(c.ResumeTask())

    async def cancel(self) -> Answer | None:
        return await self._ask(c.CancelTask()) if self._rng.random() < 0.15 else None

    async def delete(self) -> Answer | None:
        return await self._ask(c.DeleteTask()) if self._rng.random() < 0.2 else None

    async def claim(self) -> Answer | None:
        rng = self._rng
        session_id = self._session_id()
        answer = None
        with trio.move_on_after(rng.choice([0.001, 2, 30])):
            answer = await self._desk.claim(
                session_id,
                wait=rng.random() < 0.5,
                lease_seconds=rng.choice([1, 5, 60]),
                idempotency_key=rng.choice([None, None, f"c{rng.randrange(5)}"]),
            )
        if answer is not None:
            self._held[session_id] = answer.the_run.id
        return answer

    async def end_work(self) -> Answer:
        rng = self._rng
        session_id = self._session_id()
        run_id = self._held.get(session_id, "run-none")
        command = rng.choice(
            [
                c.CompleteLease(run_id, Json(b'{"n":%d}' % rng.randrange(10))),
                c.CompleteLease(run_id, Json(b'{"n":%d}' % rng.randrange(10))),
                c.CompleteLease(run_id),
                c.FailLease(run_id, "no luck"),
                c.ReleaseRun(run_id),
                c.Heartbeat(run_id, rng.choice([1, 30])),
                c.StartRun(run_id),
            ]
        )
        return await self._desk.ask_run(command, agent(session_id))

    async def operate(self) -> Answer:
        run_id = self._run_id()
        command = self._rng.choice(
            [
                c.ClaimRun(run_id),
                c.StartRun(run_id),
                c.CompleteRun(run_id, Json(b"{}")),
                c.FailRun(run_id, "no"),
                c.CancelRun(run_id),
                c.ForceRelease(run_id, "stuck"),
                c.ForceFail(run_id, "stuck"),
                c.RecoverRun(run_id, "again"),
            ]
        )
        return await self._desk.ask_run(command)

    async def retry(self) -> Answer:
        return await self._desk.ask_run(c.RetryRun(self._any_run_id()))

    async def request_review(self) -> Answer:
        attempt = self._rng.choice([1, 1, 2])
        command = c.RequestReview(self._any_run_id(), attempt=attempt)
        return await self._desk.ask_run(command)

    async def judge(self) -> Answer | None:
        state = self._desk.system.views.whole(self._task_id())
        if state is None or not state.reviews:
            return None
        review = self._rng.choice(state.reviews)
        outcome = self._rng.choice([ReviewOutcome.REJECTED, *ReviewOutcome])
        missing = ("more",) if outcome is ReviewOutcome.REJECTED else ()
        verdict = Verdict(outcome, 0.5, "looked", "d", missing)
        command = c.SubmitVerdict(review.id, review.run_id, verdict)
        return await self._desk.system.judge(command, OPERATOR)

    async def attach(self) -> Answer:
        return await self._desk.system.attach_session(self._run_id(), self._session_id(), OPERATOR)

    async def end_session(self) -> None:
        if self._rng.random() < 0.1:
            await self._desk.system.end_session(self._session_id())

    async def switch(self) -> None:
        if self._rng.random() < 0.3:
            await self._desk.system.scheduler.pause(None, OPERATOR)
            await trio.sleep(self._rng.choice([0, 1]))
        await self._desk.system.scheduler.resume(OPERATOR)

    async def drain(self) -> None:
        if self._rng.random() < 0.2:
            await self._desk.system.scheduler.drain(None, 1, OPERATOR)
            await self._desk.system.scheduler.resume(OPERATOR)

    async def checkpoint(self) -> None:
        await self._desk.system.checkpointer.checkpoint()
        self._desk.system.directory.passivate_idle(self._rng.choice([0, 60]))


_OPERATIONS: list[Callable[[Callers], Awaitable[Answer | None]]] = [
    *[Callers.create] * 4,
    *[Callers.create_many] * 2,
    *[Callers.enqueue] * 6,
    *[Callers.claim] * 10,
    *[Callers.end_work] * 14,
    *[Callers.depend] * 2,
    Callers.undepend,
    Callers.start_task,
    Callers.publish,
    Callers.approve,
    Callers.patch,
    Callers.pause,
    *[Callers.resume] * 3,
    Callers.cancel,
    Callers.delete,
    *[Callers.operate] * 3,
    Callers.retry,
    Callers.request_review,
    *[Callers.judge] * 3,
    Callers.attach,
    Callers.end_session,
    Callers.switch,
    Callers.drain,
    Callers.checkpoint,
]
