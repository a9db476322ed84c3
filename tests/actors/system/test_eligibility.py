"""Who may claim what, asked of the whole system. Each rule has a test that fails without it."""

import pytest

from chargehand.actors.identity import Actor, ActorKind, Caller
from chargehand.actors.registry.commands import CreateWorkspace
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import ApprovalPolicy, Owner, OwnerKind, Priority, Scope
from tests.actors.system.desk import OPERATOR


async def workspace(desk, root_dir):
    return (await desk.system.registry.create_workspace(CreateWorkspace(root_dir))).id


async def test_a_session_of_a_workspace_claims_only_there(desk):
    here, there = await workspace(desk, "/here"), await workspace(desk, "/there")
    run = await desk.queued(scope=Scope.WORKSPACE, workspace_id=here)
    await desk.register("global")
    await desk.register("there", workspace_id=there)
    await desk.register("here", workspace_id=here)
    assert await desk.claim("global") is None
    assert await desk.claim("there") is None
    assert (await desk.claim("here")).the_run.id == run.id


async def test_a_session_of_a_workspace_claims_no_global_task(desk):
    here = await workspace(desk, "/here")
    await desk.queued()
    await desk.register("here", workspace_id=here)
    assert await desk.claim("here") is None
    assert await desk.claim("global") is not None


async def test_a_session_with_a_channel_claims_only_its_runs(desk):
    here = await workspace(desk, "/here")
    run = await desk.queued(scope=Scope.WORKSPACE, workspace_id=here, network_channel="build")
    await desk.register("review", workspace_id=here, channel="review")
    await desk.register("build", workspace_id=here, channel="build")
    assert await desk.claim("review") is None
    assert (await desk.claim("build")).the_run.id == run.id


async def test_a_session_without_a_channel_sees_every_run_of_its_scope(desk):
    here = await workspace(desk, "/here")
    await desk.queued(scope=Scope.WORKSPACE, workspace_id=here, network_channel="build")
    await desk.register("any", workspace_id=here)
    assert await desk.claim("any") is not None


@pytest.mark.parametrize(
    "kind",
    [OwnerKind.HUMAN, OwnerKind.AUTOMATION, OwnerKind.EXTENSION, OwnerKind.NETWORK_PEER],
)
async def test_what_no_agent_owns_is_claimed_by_no_agent(desk, kind):
    run = await desk.queued(owner=Owner(kind, "bot"))
    await desk.queued()
    assert (await desk.claim("s1")).the_run.id != run.id
    assert await desk.claim("s2") is None


async def test_a_pool_owns_for_all_sessions_of_its_agent(desk):
    run = await desk.queued(owner=Owner(OwnerKind.POOL, "coder"))
    assert await desk.claim("s1", "writer") is None
    assert (await desk.claim("s2", "coder")).the_run.id == run.id


async def test_a_session_owns_alone(desk):
    run = await desk.queued(owner=Owner(OwnerKind.AGENT_SESSION, "s2"))
    assert await desk.claim("s1") is None
    assert (await desk.claim("s2")).the_run.id == run.id


async def test_all_required_capabilities_are_needed(desk):
    run = await desk.queued_with(required_capabilities=("gpu", "rust"))
    assert await desk.claim("s1", capabilities=("gpu",)) is None
    assert (await desk.claim("s1", capabilities=("rust", "gpu"))).the_run.id == run.id


async def test_capabilities_of_the_session_and_of_the_call_add_up(desk):
    await desk.queued_with(required_capabilities=("gpu", "rust"))
    await desk.register("s1", capabilities=("gpu",))
    assert await desk.claim("s1") is None
    assert await desk.claim("s1", capabilities=("rust",)) is not None


async def test_priority_min_is_the_smallest_weight_wanted(desk):
    await desk.queued(priority=Priority.MEDIUM)
    assert await desk.claim("s1", priority_min=21) is None
    assert await desk.claim("s1", priority_min=20) is not None


async def test_a_paused_task_is_not_claimed(desk):
    run = await desk.queued()
    task_id = (await desk.system.run(run.id)).task.id
    await desk.ask(task_id, c.PauseTask("later"))
    assert await desk.claim("s1") is None
    await desk.ask(task_id, c.ResumeTask())
    assert (await desk.claim("s1")).the_run.id == run.id


async def test_what_lies_below_a_paused_task_is_not_claimed(desk):
    root = await desk.task()
    middle = await desk.task(parent_task_id=root.id)
    run = await desk.queued(parent_task_id=middle.id)
    await desk.ask(root.id, c.PauseTask("later"))
    assert await desk.claim("s1") is None
    late = await desk.queued(parent_task_id=middle.id)
    assert await desk.claim("s1") is None
    await desk.ask(root.id, c.ResumeTask())
    claimed = {(await desk.claim(session_id)).the_run.id for session_id in ("s1", "s2")}
    assert claimed == {run.id, late.id}


async def test_nothing_is_claimed_while_the_scheduler_is_paused(desk):
    run = await desk.queued()
    await desk.system.scheduler.pause("stop", OPERATOR)
    assert await desk.claim("s1") is None
    await desk.system.scheduler.resume(OPERATOR)
    assert (await desk.claim("s1")).the_run.id == run.id


async def test_a_blocked_task_is_not_claimed(desk):
    blocker = await desk.task()
    task = await desk.task()
    await desk.ask(task.id, c.AddDependency(blocker.id))
    run = await desk.enqueue(task.id)
    assert await desk.claim("s1") is None
    await desk.ask(task.id, c.RemoveDependency(blocker.id))
    assert (await desk.claim("s1")).the_run.id == run.id


async def test_a_dependency_added_later_takes_the_run_back(desk):
    blocker = await desk.task()
    task = await desk.task()
    await desk.enqueue(task.id)
    await desk.ask(task.id, c.AddDependency(blocker.id))
    assert await desk.claim("s1") is None


async def test_an_unapproved_task_is_not_claimed(desk):
    task = await desk.task(approval_policy=ApprovalPolicy.MANUAL)
    run = await desk.enqueue(task.id)
    assert await desk.claim("s1") is None
    await desk.ask(task.id, c.ApproveTask())
    assert (await desk.claim("s1")).the_run.id == run.id


async def test_a_draft_has_nothing_to_claim_until_it_is_published(desk):
    task = await desk.task(draft=True)
    assert await desk.claim("s1") is None
    run = (await desk.ask(task.id, c.PublishTask())).the_run
    assert (await desk.claim("s1")).the_run.id == run.id


async def test_a_canceled_task_is_not_claimed(desk):
    task = await desk.task()
    await desk.enqueue(task.id)
    await desk.ask(task.id, c.CancelTask())
    assert await desk.claim("s1") is None


async def test_a_canceled_run_is_not_claimed_but_the_next_one_is(desk):
    run = await desk.queued()
    task_id = (await desk.system.run(run.id)).task.id
    await desk.ask_run(c.CancelRun(run.id))
    assert await desk.claim("s1") is None
    again = await desk.enqueue(task_id)
    assert (await desk.claim("s1")).the_run.id == again.id


async def test_a_changed_owner_or_priority_counts_at_once(desk):
    first, second = await desk.task(), await desk.task()
    for task in (first, second):
        await desk.enqueue(task.id)
    await desk.ask(second.id, c.PatchTask(priority=Priority.URGENT))
    assert (await desk.claim("s1")).task.id == second.id
    await desk.ask(first.id, c.PatchTask(owner=Owner(OwnerKind.POOL, "coder")))
    assert await desk.claim("s2", "writer") is None
    await desk.ask(first.id, c.PatchTask(clear_owner=True))
    assert (await desk.claim("s2", "writer")).task.id == first.id


async def test_an_operator_may_claim_what_is_paused(desk):
    run = await desk.queued()
    task_id = (await desk.system.run(run.id)).task.id
    await desk.ask(task_id, c.PauseTask("later"))
    automation = Caller(Actor(ActorKind.AUTOMATION, "cron"), OPERATOR.origin)
    assert (await desk.ask_run(c.ClaimRun(run.id), automation)).the_run.claimed_by == (
        automation.actor
    )
