"""No new work below a canceled task, and none that waits for a canceled one."""

import pytest

from chargehand.actors.errors import Code
from chargehand.actors.task import commands as c
from chargehand.actors.task import effects as f
from chargehand.actors.task.decide.context import Parent
from chargehand.actors.task.events import TreeCancelRepeated
from chargehand.actors.task.review import (
    ReviewOutcome,
    ReviewPolicy,
    ReviewRules,
    ReviewStatus,
    Verdict,
)
from chargehand.actors.task.state import RunStatus, Scope, TaskStatus
from chargehand.web.wording import command_of
from tests.actors.task.kit import MANUAL, Bench, agent, keyed, types

S1 = agent("s1")
JUDGE = agent("judge")
PARENT = Parent(Scope.GLOBAL, None, 1, 0)


def child(leased: bool = False, **fields) -> Bench:
    """A task below `p`."""
    bench = Bench()
    bench.around.parents["p"] = PARENT
    bench.do(c.CreateTask(scope=Scope.GLOBAL, title="T", parent_task_id="p", **fields))
    if leased:
        bench.do(c.EnqueueRun())
        bench.lease()
    return bench


def cancel_above(bench: Bench) -> Bench:
    """`p` is canceled, and what that means for the task has not arrived or passed it by."""
    bench.around.canceled |= {"p": "p", bench.task_id: "p"}
    return bench


def completed() -> Bench:
    bench = child(leased=True)
    bench.do(c.CompleteLease(bench.latest.id), S1)
    return bench


def failed(**fields) -> Bench:
    bench = child(leased=True, **fields)
    bench.do(c.FailLease(bench.latest.id, "broken"), S1)
    return bench


def parked() -> Bench:
    bench = child()
    bench.do(c.EnqueueRun())
    bench.park()
    return bench


@pytest.mark.parametrize(
    ("bench", "command"),
    [
        (child(), c.StartTask()),
        (child(), c.EnqueueRun()),
        (child(draft=True), c.PublishTask()),
        (child(approval_policy=MANUAL), c.ApproveTask()),
        (child(approval_policy=MANUAL, draft=True), c.ApproveTask()),
        (completed(), c.StartTask()),
        (completed(), c.EnqueueRun(keyed("k"))),
        (parked(), c.StartTask()),
        (failed(max_attempts=1), c.PatchTask(max_attempts=2)),
    ],
)
def test_nothing_below_a_canceled_task_makes_new_work(bench, command):
    refusal = cancel_above(bench).refusal(command)
    assert refusal.code is Code.BELOW_CANCELED
    assert refusal.message.endswith(": p, above it, was canceled")
    assert refusal.evidence == {"task_id": "t", "canceled_task_id": "p"}
    assert refusal.next_step == "a canceled task is final; create the task outside of that tree"


@pytest.mark.parametrize(("bench", "command"), [(failed(), c.RetryRun), (parked(), c.RecoverRun)])
def test_no_run_below_a_canceled_task_is_tried_again(bench, command):
    cancel_above(bench)
    assert bench.code(command(bench.latest.id)) is Code.BELOW_CANCELED


@pytest.mark.parametrize(
    ("above", "told"),
    [("p", "p was canceled"), ("root", "root, above it, was canceled")],
)
def test_a_canceled_task_gets_no_child_nor_does_anything_below_it(above, told):
    bench = Bench()
    bench.around.parents["p"] = PARENT
    bench.around.canceled["p"] = above
    create = c.CreateTask(scope=Scope.GLOBAL, title="T", parent_task_id="p")
    refusal = bench.refusal(create)
    assert refusal.code is Code.BELOW_CANCELED
    assert refusal.message == f"no child of p can be created: {told}"


def test_what_was_made_before_the_cancel_is_given_again():
    bench = child()
    first = bench.do(c.EnqueueRun(keyed("k")))
    cancel_above(bench)
    for command in (c.EnqueueRun(keyed("k")), c.StartTask(keyed("k")), c.StartTask()):
        again = bench.do(command)
        assert (again.answer.the_run.id, again.events) == (first.answer.the_run.id, ())


def test_a_task_whose_run_was_canceled_holds_up_nobody():
    """It shows canceled, but that is not final."""
    bench = Bench.with_run()
    bench.do(c.CancelRun(bench.latest.id))
    assert bench.task.status is TaskStatus.CANCELED
    bench.do(c.RetryRun(bench.latest.id))
    assert bench.task.status is TaskStatus.READY


def test_a_patch_that_opens_nothing_is_taken():
    bench = cancel_above(failed(max_attempts=1))
    assert types(bench.do(c.PatchTask(title="U"))) == ["task.updated"]
    assert bench.task.status is TaskStatus.FAILED


def test_the_world_enqueues_nothing_below_a_canceled_task():
    bench = child(auto_enqueue_on_ready=True)
    bench.block("b")
    cancel_above(bench)
    bench.around.completed.add("b")
    bench.do(f.BlockerCompleted("b", "run-b"))
    assert (bench.task.status, bench.task.runs) == (TaskStatus.READY, ())
    bench.do(f.AncestorResumed("p"))
    bench.do(c.PatchTask(auto_enqueue_on_ready=False))
    bench.do(c.PatchTask(auto_enqueue_on_ready=True))
    assert bench.task.runs == ()


# --- reviews -------------------------------------------------------------------------------------


def rejection(bench: Bench) -> c.SubmitVerdict:
    review = bench.task.reviews[-1]
    verdict = Verdict(ReviewOutcome.REJECTED, 0.5, "poor", "d", ("tests",))
    return c.SubmitVerdict(review.id, review.run_id, verdict)


def reviewed(**fields) -> Bench:
    """Completed, and to be judged."""
    bench = child(leased=True, **fields)
    bench.review_rules = ReviewRules(policy=ReviewPolicy.ON_SUCCESS)
    bench.do(c.CompleteLease(bench.latest.id), S1)
    return bench


def test_a_rejection_below_a_canceled_task_is_kept_and_opens_the_circuit():
    bench = cancel_above(reviewed())
    bench.do(rejection(bench), JUDGE)
    (review,) = bench.task.reviews
    assert review.status is ReviewStatus.CIRCUIT_OPENED
    assert review.verdict.outcome is ReviewOutcome.REJECTED
    assert len(bench.task.runs) == 1


def test_a_rejection_waits_until_the_canceled_blocker_is_removed():
    bench = reviewed()
    bench.block("b")
    bench.around.canceled["b"] = "b"
    assert bench.code(rejection(bench), JUDGE) is Code.BLOCKER_CANCELED
    assert bench.task.open_reviews
    bench.do(c.RemoveDependency("b"))
    bench.do(rejection(bench), JUDGE)
    assert bench.latest.status is RunStatus.QUEUED


# --- dependencies --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("canceled", "told"), [("b", "which was canceled"), ("r", "and r, above it, was canceled")]
)
def test_nobody_can_depend_on_a_canceled_task(canceled, told):
    bench = Bench.created()
    bench.around.tasks.add("b")
    bench.around.canceled["b"] = canceled
    refusal = bench.refusal(c.AddDependency("b"))
    assert refusal.code is Code.BLOCKER_CANCELED
    assert refusal.message == f"t cannot depend on b, {told} and will never be completed"
    assert refusal.next_step == "depend on another task, or on none"


def test_what_was_completed_before_the_tree_was_canceled_can_be_depended_on():
    bench = Bench.created()
    bench.around.tasks.add("b")
    bench.around.completed.add("b")
    bench.around.canceled["b"] = "root"
    bench.do(c.AddDependency("b"))
    assert bench.task.status is TaskStatus.READY


@pytest.mark.parametrize(
    ("fields", "command"),
    [
        ({}, c.StartTask()),
        ({}, c.EnqueueRun()),
        ({"draft": True}, c.PublishTask()),
        ({"approval_policy": MANUAL}, c.ApproveTask()),
    ],
)
def test_no_run_is_queued_that_would_wait_for_a_canceled_task(fields, command):
    bench = Bench.created(**fields)
    bench.block("b")
    bench.around.canceled["b"] = "b"
    refusal = bench.refusal(command)
    assert refusal.code is Code.BLOCKER_CANCELED
    assert refusal.next_step == "remove the dependency:"
    assert command_of(refusal.action) == "chargehand task remove-dependency t b"
    bench.do(c.RemoveDependency("b"))
    bench.do(command)
    assert bench.latest.status is RunStatus.QUEUED


# --- the cancel of a task that has ended ---------------------------------------------------------


@pytest.mark.parametrize("bench", [completed(), failed(max_attempts=1)])
def test_canceling_an_ended_task_sweeps_what_is_open_below_and_changes_nothing_on_it(bench):
    status, closed_at_ns = bench.task.status, bench.task.closed_at_ns
    assert bench.code(c.CancelTask()) is Code.TRANSITION
    bench.around.open["t"] = 2
    decision = bench.do(c.CancelTask("enough"))
    assert decision.events == (TreeCancelRepeated("enough"),)
    assert types(decision) == []
    assert (bench.task.status, bench.task.closed_at_ns) == (status, closed_at_ns)
