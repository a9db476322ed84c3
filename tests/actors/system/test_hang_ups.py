"""Every public call of a system, canceled at every moment: done or not done, and nothing torn."""

import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import pytest
import trio
import trio.testing

from chargehand.actors.bridges.bridge import Bridge
from chargehand.actors.lifecycle import run_system
from chargehand.actors.new_tasks.item import NewDependency, NewTask, Ties
from chargehand.actors.registry.actor import Registry
from chargehand.actors.registry.commands import CreateWorkspace, RegisterSession
from chargehand.actors.scheduler.actor import Scheduler
from chargehand.actors.scheduler.commands import ClaimNext
from chargehand.actors.settings import Settings
from chargehand.actors.system import System
from chargehand.actors.task import commands as c
from chargehand.actors.task.review import ReviewOutcome, Verdict
from chargehand.actors.task.state import ApprovalPolicy, Scope
from chargehand.actors.task.subscription import DeliveryMode, Target
from chargehand.persistence.memory_store import MemoryStore
from chargehand.persistence.opening import memory_journal
from tests.actors.system.desk import NOW_NS, OPERATOR, Desk, agent
from tests.actors.system.hang_ups import (
    STEPS_MAX,
    Bystanders,
    Left,
    check_nothing_is_held,
    hung_up,
    picture,
)

Call = Callable[[], Awaitable[object]]
Setting = Callable[[Desk, Bystanders], Awaitable[Call]]

CALLS: Final[dict[str, Setting]] = {}
METHODS: Final[set[str]] = set()


def call(method: str) -> Callable[[Setting], Setting]:
    """What is there before, and then a call of the method."""

    def register(setting: Setting) -> Setting:
        CALLS[setting.__name__] = setting
        METHODS.add(method)
        return setting

    return register


# --- tasks --------------------------------------------------------------------------------------


@call("System.create_task")
async def create_task(desk: Desk, _: Bystanders) -> Call:
    return partial(desk.task, id="made", title="made")


@call("System.create_task")
async def create_child(desk: Desk, _: Bystanders) -> Call:
    await desk.task(id="parent")
    return partial(desk.task, id="made", title="made", parent_task_id="parent")


@call("System.create_tasks")
async def create_a_tree_below_a_task(desk: Desk, _: Bystanders) -> Call:
    await desk.task(id="parent")
    root = c.CreateTask(Scope.GLOBAL, "root", id="root")
    child = c.CreateTask(Scope.GLOBAL, "child", id="child")
    items = [
        NewTask(child, Ties(parent_ref="root", depends_on=(NewDependency(task_id="parent"),))),
        NewTask(root, Ties("root", parent_task_id="parent")),
    ]
    return partial(desk.system.create_tasks, items, OPERATOR, atomic=True)


@call("System.ask")
async def patch(desk: Desk, _: Bystanders) -> Call:
    await desk.task(id="t")
    return partial(desk.ask, "t", c.PatchTask(title="other"))


@call("System.ask")
async def delete_with_a_dependent(desk: Desk, _: Bystanders) -> Call:
    await desk.task(id="a")
    await desk.task(id="b")
    await desk.ask("b", c.AddDependency("a"))
    return partial(desk.ask, "a", c.DeleteTask())


@call("System.ask")
async def cancel_a_tree(desk: Desk, _: Bystanders) -> Call:
    await desk.task(id="root")
    for number in range(3):
        await desk.task(id=f"child-{number}", title=f"{number}", parent_task_id="root")
        await desk.enqueue(f"child-{number}")
    return partial(desk.ask, "root", c.CancelTask("over"))


@call("System.ask")
async def pause_a_tree(desk: Desk, _: Bystanders) -> Call:
    await desk.task(id="root")
    await desk.task(id="child", title="child", parent_task_id="root")
    await desk.enqueue("child")
    return partial(desk.ask, "root", c.PauseTask("hold"))


@call("System.ask")
async def resume_a_tree_for_which_a_caller_waits(desk: Desk, bystanders: Bystanders) -> Call:
    await desk.task(id="root")
    await desk.task(id="child", title="child", parent_task_id="root")
    await desk.enqueue("child")
    await desk.ask("root", c.PauseTask("hold"))
    await bystanders.wait(partial(desk.claim, "s1", wait=True))
    return partial(desk.ask, "root", c.ResumeTask())


@call("System.ask")
async def start_for_which_a_caller_waits(desk: Desk, bystanders: Bystanders) -> Call:
    await desk.task(id="t")
    await bystanders.wait(partial(desk.claim, "s1", wait=True))
    return partial(desk.ask, "t", c.StartTask())


@call("System.ask")
async def approve(desk: Desk, _: Bystanders) -> Call:
    await desk.task(id="t", approval_policy=ApprovalPolicy.MANUAL)
    return partial(desk.ask, "t", c.ApproveTask())


@call("System.try_out")
async def try_out_a_cancel(desk: Desk, _: Bystanders) -> Call:
    await desk.task(id="t")
    return partial(desk.system.try_out, "t", c.CancelTask(), OPERATOR)


@call("System.try_out_run")
async def try_out_a_cancel_of_a_run(desk: Desk, _: Bystanders) -> Call:
    run = await desk.queued(id="t")
    return partial(desk.system.try_out_run, c.CancelRun(run.id), OPERATOR)


@call("System.ask")
async def add_a_dependency(desk: Desk, _: Bystanders) -> Call:
    await desk.task(id="a")
    await desk.task(id="b", title="b")
    return partial(desk.ask, "b", c.AddDependency("a"))


@call("System.subscribe")
async def subscribe(desk: Desk, _: Bystanders) -> Call:
    await desk.task(id="t")
    command = c.Subscribe("bridge-1", Target(DeliveryMode.REPLY, peer_id="p"), id="sub")
    return partial(desk.system.subscribe, "t", command, OPERATOR)


@call("System.task")
async def read_a_task(desk: Desk, _: Bystanders) -> Call:
    await desk.task(id="t")
    return partial(desk.system.task, "t")


# --- runs ---------------------------------------------------------------------------------------


@call("System.ask_run")
async def complete_with_a_dependent_for_which_a_caller_waits(
    desk: Desk, bystanders: Bystanders
) -> Call:
    await desk.task(id="a", title="a")
    await desk.task(id="b", title="b", auto_enqueue_on_ready=True)
    await desk.ask("b", c.AddDependency("a"))
    run = await desk.enqueue("a")
    await desk.claim("s1")
    await bystanders.wait(partial(desk.claim, "s2", wait=True))
    return partial(desk.complete, "s1", run.id)


@call("System.ask_run")
async def heartbeat(desk: Desk, _: Bystanders) -> Call:
    run = await desk.queued()
    await desk.claim("s1")
    return partial(desk.ask_run, c.Heartbeat(run.id, 60), agent("s1"))


@call("System.ask_run")
async def release_for_which_a_caller_waits(desk: Desk, bystanders: Bystanders) -> Call:
    run = await desk.queued()
    await desk.claim("s1")
    await bystanders.wait(partial(desk.claim, "s2", wait=True))
    return partial(desk.ask_run, c.ReleaseRun(run.id, "no"), agent("s1"))


@call("System.ask_runs")
async def complete_one_and_one_that_is_not_there(desk: Desk, bystanders: Bystanders) -> Call:
    run = await desk.queued()
    await desk.claim("s1")
    await desk.queued(title="next")
    await bystanders.wait(partial(desk.claim, "s2", wait=True))
    commands = [c.CompleteLease("run-unknown"), c.CompleteLease(run.id)]
    return partial(desk.system.ask_runs, commands, agent("s1"))


@call("System.ask_run")
async def retry(desk: Desk, bystanders: Bystanders) -> Call:
    run = await desk.queued()
    await desk.ask_run(c.ForceFail(run.id, "no"))
    await bystanders.wait(partial(desk.claim, "s2", wait=True))
    return partial(desk.ask_run, c.RetryRun(run.id))


@call("System.run")
async def read_a_run(desk: Desk, _: Bystanders) -> Call:
    run = await desk.queued()
    return partial(desk.system.run, run.id)


@call("System.judge")
async def judge(desk: Desk, _: Bystanders) -> Call:
    run = await desk.queued()
    await desk.do("s1", run.id)
    asked = await desk.ask_run(c.RequestReview(run.id))
    verdict = Verdict(ReviewOutcome.REJECTED, 1.0, "no", "d-1", ("more",), "go on")
    command = c.SubmitVerdict(asked.the_review.id, run.id, verdict)
    return partial(desk.system.judge, command, agent("s2"))


@call("System.review")
async def read_a_review(desk: Desk, _: Bystanders) -> Call:
    run = await desk.queued()
    await desk.do("s1", run.id)
    asked = await desk.ask_run(c.RequestReview(run.id))
    return partial(desk.system.review, asked.the_review.id)


# --- claims and sessions ------------------------------------------------------------------------


@call("System.identify")
async def first_contact(desk: Desk, _: Bystanders) -> Call:
    return partial(desk.system.identify, "new", "bot")


@call("System.claim_next")
async def claim(desk: Desk, _: Bystanders) -> Call:
    await desk.queued()
    await desk.register("s1")
    return partial(desk.claim, "s1")


@call("System.claim_next")
async def claim_of_a_visitor(desk: Desk, _: Bystanders) -> Call:
    await desk.queued()
    session = await desk.system.identify("s1", "bot")
    return partial(desk.system.claim_next, session, ClaimNext(), agent("s1"))


@call("System.claim_next")
async def claim_with_a_key(desk: Desk, _: Bystanders) -> Call:
    await desk.queued()
    await desk.register("s1")
    return partial(desk.claim, "s1", idempotency_key="k")


@call("System.claim_next")
async def claim_that_waits(desk: Desk, _: Bystanders) -> Call:
    await desk.register("s1")
    return partial(desk.claim, "s1", wait=True)


@call("System.claim_batch")
async def claim_of_more_than_there_is_room_for(desk: Desk, _: Bystanders) -> Call:
    await desk.many_queued(2)
    await desk.register("s1")
    session = await desk.system.identify("s1", "bot")
    return partial(desk.system.claim_batch, session, ClaimNext(), 2, agent("s1"))


@call("System.claim_batch")
async def claim_of_many_that_waits(desk: Desk, _: Bystanders) -> Call:
    await desk.register("s1")
    session = await desk.system.identify("s1", "bot")
    return partial(desk.system.claim_batch, session, ClaimNext(wait=True), 2, agent("s1"))


@call("System.attach_session")
async def attach(desk: Desk, _: Bystanders) -> Call:
    run = await desk.queued()
    await desk.register("s1")
    await desk.ask_run(c.ClaimRun(run.id))
    return partial(desk.system.attach_session, run.id, "s1", OPERATOR)


@call("System.end_session")
async def end_a_session_for_whose_run_a_caller_waits(desk: Desk, bystanders: Bystanders) -> Call:
    await desk.queued()
    await desk.register("s1")
    await desk.claim("s1", lease_seconds=86_400)
    await bystanders.wait(partial(desk.claim, "s2", wait=True))
    return partial(desk.system.end_session, "s1")


@call("Registry.register_session")
async def register_session(desk: Desk, _: Bystanders) -> Call:
    command = RegisterSession(agent_name="bot", id="s1")
    return partial(desk.system.registry.register_session, command)


@call("Registry.create_workspace")
async def create_workspace(desk: Desk, _: Bystanders) -> Call:
    return partial(desk.system.registry.create_workspace, CreateWorkspace("/srv/shop"))


# --- the scheduler ------------------------------------------------------------------------------


@call("Scheduler.status")
async def status(desk: Desk, _: Bystanders) -> Call:
    return desk.system.scheduler.status


@call("Scheduler.waiting_claims")
async def waiting_claims(desk: Desk, _: Bystanders) -> Call:
    return desk.system.scheduler.waiting_claims


@call("Scheduler.pause")
async def pause(desk: Desk, _: Bystanders) -> Call:
    await desk.queued()
    return partial(desk.system.scheduler.pause, "hold", OPERATOR)


@call("Scheduler.resume")
async def resume_for_which_callers_wait(desk: Desk, bystanders: Bystanders) -> Call:
    await desk.many_queued(2)
    await desk.system.scheduler.pause("hold", OPERATOR)
    for session_id in ("s1", "s2"):
        await bystanders.wait(partial(desk.claim, session_id, wait=True))
    return partial(desk.system.scheduler.resume, OPERATOR)


@call("Scheduler.resume")
async def resume_for_which_a_drain_waits(desk: Desk, bystanders: Bystanders) -> Call:
    await desk.queued()
    await desk.claim("s1")
    await bystanders.wait(partial(desk.system.scheduler.drain, "stop", 3600, OPERATOR))
    return partial(desk.system.scheduler.resume, OPERATOR)


@call("Scheduler.drain")
async def drain_of_nothing(desk: Desk, _: Bystanders) -> Call:
    return partial(desk.system.scheduler.drain, "stop", None, OPERATOR)


@call("Scheduler.drain")
async def drain_that_waits(desk: Desk, _: Bystanders) -> Call:
    await desk.queued()
    await desk.claim("s1")
    return partial(desk.system.scheduler.drain, "stop", 1, OPERATOR)


# --- the trials ---------------------------------------------------------------------------------


async def nowhere(_: object) -> None:
    """Takes every message."""


async def trial(setting: Setting, steps: int | None) -> tuple[Left, tuple]:
    """Cancel the call after so many steps (None: never). What is left, and what was there."""
    settings = Settings(wait_s=5, starvation_s=10_000)
    bridges = [Bridge("bridge-1", Scope.GLOBAL, None, nowhere)]
    journal = memory_journal(MemoryStore())
    async with run_system(journal, settings, wall_ns=NOW_NS, bridges=bridges) as system:
        desk = Desk(system, journal._store)
        async with trio.open_nursery() as nursery:
            bystanders = Bystanders(nursery)
            make = await setting(desk, bystanders)
            await trio.testing.wait_all_tasks_blocked()
            before = picture(system)
            if steps is None:
                await make()
                answered = True
            else:
                answered = not await hung_up(make, steps)
            await trio.testing.wait_all_tasks_blocked()
            left = Left(answered, picture(system), len(bystanders.got))
            await trio.sleep(5.1)  # whoever waits for a run has given up, and every drain is over
            await trio.testing.wait_all_tasks_blocked()
            check_nothing_is_held(system)
            await check_work_goes_on(desk)
            nursery.cancel_scope.cancel()
    return left, before


async def check_work_goes_on(desk: Desk) -> None:
    """Everyone can be served: no session is refused for what it does not have."""
    await desk.system.scheduler.resume(OPERATOR)
    run = await desk.queued(title="one more")
    claimed = await desk.claim("one-more")
    while claimed is not None and claimed.the_run.id != run.id:
        await desk.complete("one-more", claimed.the_run.id)
        claimed = await desk.claim("one-more")
    assert claimed is not None


@pytest.mark.parametrize("setting", CALLS.values(), ids=CALLS.keys())
async def test_a_call_is_done_or_not_done_whenever_its_caller_goes(setting, autojump_clock):
    whole, before = await trial(setting, None)
    assert whole.answered
    for steps in range(STEPS_MAX):
        left, _ = await trial(setting, steps)
        assert left.picture in (before, whole.picture), f"torn after {steps} steps"
        if left.picture == whole.picture:
            assert left.got == whole.got, f"somebody waits in vain after {steps} steps"
        if left.answered:
            return
    raise AssertionError("the call never came to an end")


OF_THE_SYSTEM_ITSELF: Final = {
    "Scheduler.run": "part of a system's life",
    "Registry.run": "part of a system's life",
    "Scheduler.attach": "by System.attach_session",
    "Scheduler.wait_released": "by System.end_session",
    "Registry.end_session": "by System.end_session",
    "Registry.admit": "by System.identify",
}


def test_every_public_call_is_among_them():
    public = {
        f"{cls.__name__}.{name}"
        for cls in (System, Scheduler, Registry)
        for name, method in inspect.getmembers(cls, inspect.iscoroutinefunction)
        if not name.startswith("_")
    }
    assert METHODS | OF_THE_SYSTEM_ITSELF.keys() == public
    assert METHODS.isdisjoint(OF_THE_SYSTEM_ITSELF)
