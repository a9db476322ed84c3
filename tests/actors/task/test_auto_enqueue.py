"""Enqueuing by itself: on each way in which the world makes a task ready, and on no other."""

import pytest

from chargehand.actors import limits
from chargehand.actors.identity import SCHEDULER
from chargehand.actors.record import event_id
from chargehand.actors.task import commands as c
from chargehand.actors.task.decide.context import Parent
from chargehand.actors.task.effects import (
    AncestorResumed,
    BlockerCompleted,
    BlockerDeleted,
    BlockerReopened,
)
from chargehand.actors.task.state import ApprovalPolicy, RunStatus, Scope, TaskStatus
from tests.actors.task.kit import MANUAL, Bench, agent, types


def _waiting(**fields):
    """A task that depends on `b` and wants to be enqueued."""
    bench = Bench.created(auto_enqueue_on_ready=True, **fields)
    bench.block("b")
    return bench


def _complete_b(bench, run_id="run-b1"):
    bench.around.completed.add("b")
    return bench.do(BlockerCompleted("b", run_id), agent("s9"))


def _key(bench, cause):
    return f"task.auto_enqueue.{bench.task_id}.{cause}"


def _under_a_parent():
    """A task below `p` that wants to be enqueued."""
    bench = Bench()
    bench.around.parents["p"] = Parent(Scope.GLOBAL, None, 1, 0)
    command = c.CreateTask(
        scope=Scope.GLOBAL, title="T", parent_task_id="p", auto_enqueue_on_ready=True
    )
    bench.do(command)
    return bench


def _fail(bench):
    """The latest, queued run is done and fails; the task is ready again."""
    bench.do(c.ForceFail(bench.latest.id, "broken"))
    assert bench.task.status is TaskStatus.READY


def _last_record(bench):
    return f"{bench.decided:024x}"


# --- it fires ------------------------------------------------------------------------------------


def test_a_completed_blocker_enqueues_with_the_blockers_run_as_its_cause():
    bench = _waiting()
    decision = _complete_b(bench)
    assert types(decision) == ["task.status_changed", "task.run_enqueued"]
    assert bench.latest.idempotency_key == _key(bench, "run-b1")
    assert bench.latest.origin == agent("s9").origin


def test_the_last_of_several_blockers_enqueues():
    bench = _waiting()
    bench.block("b2")
    assert types(_complete_b(bench)) == []
    bench.around.completed.add("b2")
    bench.do(BlockerCompleted("b2", "run-b2"))
    assert bench.latest.idempotency_key == _key(bench, "run-b2")


def test_a_removed_dependency_enqueues_with_the_event_as_its_cause():
    bench = _waiting()
    decision = bench.do(c.RemoveDependency("b"))
    assert types(decision) == [
        "task.dependency_removed",
        "task.status_changed",
        "task.run_enqueued",
    ]
    assert bench.latest.idempotency_key == _key(bench, event_id(_last_record(bench), 0))


def test_a_blocker_that_was_deleted_once_it_was_completed_enqueues():
    """Its completion is on the way still, and means nothing any more when it arrives."""
    bench = _waiting()
    bench.around.tasks.discard("b")
    bench.do(BlockerDeleted("b", undone=False))
    assert bench.latest.idempotency_key == _key(bench, event_id(_last_record(bench), 0))
    assert types(bench.do(BlockerCompleted("b", "run-b"))) == []
    assert len(bench.task.runs) == 1


def test_the_flag_switched_on_enqueues_a_ready_task():
    bench = Bench.created()
    decision = bench.do(c.PatchTask(auto_enqueue_on_ready=True))
    assert types(decision) == ["task.updated", "task.run_enqueued"]
    assert bench.latest.idempotency_key == _key(bench, event_id(_last_record(bench), 0))


def test_an_approval_enqueues_one_run():
    bench = Bench.created(auto_enqueue_on_ready=True, approval_policy=MANUAL)
    bench.do(c.ApproveTask())
    assert len(bench.task.runs) == 1


def test_an_approval_that_is_no_longer_asked_for_enqueues():
    bench = Bench.created(auto_enqueue_on_ready=True, approval_policy=MANUAL)
    decision = bench.do(c.PatchTask(approval_policy=ApprovalPolicy.NONE))
    assert types(decision) == ["task.updated", "task.status_changed", "task.run_enqueued"]


def test_publishing_enqueues_one_run():
    bench = Bench.created(auto_enqueue_on_ready=True, draft=True)
    bench.do(c.PublishTask())
    assert len(bench.task.runs) == 1


def test_a_resume_enqueues_what_was_paused_from_the_beginning():
    bench = Bench.created(auto_enqueue_on_ready=True)
    bench.do(c.PauseTask("wait"))
    decision = bench.do(c.ResumeTask())
    assert types(decision) == ["task.resumed", "task.run_enqueued"]
    assert bench.latest.idempotency_key == _key(bench, event_id(_last_record(bench), 0))


def test_a_task_with_a_failed_run_is_enqueued_when_a_blocker_completes_again():
    bench = _waiting()
    _complete_b(bench)
    bench.lease()
    bench.do(c.FailLease(bench.latest.id, "broken"), agent("s1"))
    bench.around.completed.discard("b")
    bench.do(BlockerReopened("b"))
    assert bench.task.status is TaskStatus.BLOCKED
    _complete_b(bench, "run-b2")
    assert bench.latest.attempt == 2


# --- it does not fire ----------------------------------------------------------------------------


def _lost(**fields):
    """`b` was deleted undone."""
    bench = _waiting(**fields)
    bench.do(BlockerDeleted("b", undone=True))
    assert (bench.task.status, bench.task.runs) == (TaskStatus.READY, ())
    return bench


def test_a_blocker_that_is_deleted_undone_enqueues_nothing_and_is_kept_in_mind():
    bench = _lost()
    assert (bench.task.lost_blockers, bench.task.dependencies) == (("b",), ())
    assert bench.task.waits_for_decision


def test_no_other_event_of_the_world_enqueues_what_has_lost_a_blocker():
    bench = _waiting()
    bench.block("b2")
    bench.do(BlockerDeleted("b", undone=True))
    assert bench.task.status is TaskStatus.BLOCKED
    bench.around.completed.add("b2")
    bench.do(BlockerCompleted("b2", "run-b2"))
    assert (bench.task.status, bench.task.runs) == (TaskStatus.READY, ())
    bench.do(AncestorResumed("p"))
    bench.do(c.PauseTask("wait"))
    bench.do(c.ResumeTask())
    assert bench.task.runs == ()


@pytest.mark.parametrize(
    "command", [c.StartTask(), c.EnqueueRun(), c.PatchTask(auto_enqueue_on_ready=True)]
)
def test_whoever_makes_a_run_of_what_has_lost_a_blocker_has_decided(command):
    bench = _lost()
    if isinstance(command, c.PatchTask):
        bench.do(c.PatchTask(auto_enqueue_on_ready=False))
    bench.do(command)
    assert (len(bench.task.runs), bench.task.lost_blockers) == (1, ())


def test_a_dependency_that_is_removed_by_hand_enqueues_what_has_lost_another():
    bench = _waiting()
    bench.block("b2")
    bench.do(BlockerDeleted("b", undone=True))
    bench.do(c.RemoveDependency("b2"))
    assert (len(bench.task.runs), bench.task.lost_blockers) == (1, ())


def test_what_was_removed_by_hand_in_a_pause_is_made_up_for_although_a_blocker_was_lost():
    bench = _waiting()
    bench.block("b2")
    bench.do(c.PauseTask("wait"))
    bench.do(BlockerDeleted("b", undone=True))
    bench.do(c.RemoveDependency("b2"))
    assert (bench.task.auto_enqueue_due, bench.task.runs) == (True, ())
    bench.do(c.ResumeTask())
    assert len(bench.task.runs) == 1


def test_a_blocker_that_is_lost_in_a_pause_is_not_made_up_for():
    bench = _waiting()
    bench.do(c.PauseTask("wait"))
    _complete_b(bench)
    assert bench.task.auto_enqueue_due
    bench.block("b2")
    bench.do(BlockerDeleted("b2", undone=True))
    bench.do(c.ResumeTask())
    assert bench.task.runs == ()


def test_a_run_that_was_queued_before_its_blocker_was_lost_can_be_claimed():
    bench = Bench.with_run()
    bench.block("b")
    bench.do(BlockerDeleted("b", undone=True))
    assert (bench.task.status, bench.task.lost_blockers) == (TaskStatus.READY, ("b",))
    assert not bench.task.waits_for_decision
    bench.lease()


def test_lost_blockers_are_forgotten_where_there_are_too_many():
    bench = Bench.created()
    for number in range(limits.DEPENDENCIES_MAX + 1):
        bench.block(f"b{number}")
        bench.do(BlockerDeleted(f"b{number}", undone=True))
    assert len(bench.task.lost_blockers) == limits.DEPENDENCIES_MAX
    assert bench.task.lost_blockers[0] == "b1"


def test_creation_enqueues_nothing():
    assert Bench.created(auto_enqueue_on_ready=True).task.runs == ()


@pytest.mark.parametrize(
    "end",
    [
        lambda run_id: c.FailLease(run_id, "broken"),
        c.CompleteLease,
        c.ReleaseRun,
    ],
)
def test_the_end_of_its_own_run_enqueues_nothing(end):
    bench = Bench.leased(auto_enqueue_on_ready=True)
    bench.do(end(bench.latest.id), agent("s1"))
    assert len(bench.task.runs) == 1


def test_a_resume_enqueues_nothing_after_its_own_run_ended():
    bench = Bench.leased(auto_enqueue_on_ready=True)
    bench.do(c.PauseTask("wait"))
    bench.do(c.FailLease(bench.latest.id, "broken"), agent("s1"))
    bench.do(c.ResumeTask())
    bench.do(AncestorResumed("p"))
    assert len(bench.task.runs) == 1


def test_more_attempts_enqueue_nothing_after_its_own_run_ended():
    bench = Bench.leased(auto_enqueue_on_ready=True, max_attempts=1)
    bench.do(c.FailLease(bench.latest.id, "broken"), agent("s1"))
    bench.do(c.PatchTask(max_attempts=2))
    assert bench.task.status is TaskStatus.READY
    assert len(bench.task.runs) == 1


def test_a_parked_run_is_left_to_people():
    bench = Bench.with_run(auto_enqueue_on_ready=True)
    bench.park()
    bench.block("b")
    _complete_b(bench)
    assert [run.status for run in bench.task.runs] == [RunStatus.NEEDS_ATTENTION]


def test_a_dependency_that_was_completed_already_does_not_matter_when_removed():
    bench = _waiting()
    _complete_b(bench)
    _fail(bench)
    bench.do(c.RemoveDependency("b"))
    assert len(bench.task.runs) == 1


def test_without_an_attempt_left_nothing_is_enqueued_and_nothing_refused():
    bench = Bench.leased(auto_enqueue_on_ready=True, max_attempts=1)
    bench.do(c.FailLease(bench.latest.id, "broken"), agent("s1"))
    bench.block("b")
    _complete_b(bench)
    assert len(bench.task.runs) == 1


@pytest.mark.parametrize("fields", [{"draft": True}, {"approval_policy": MANUAL}])
def test_a_draft_and_an_unapproved_task_wait_on(fields):
    bench = _waiting(**fields)
    _complete_b(bench)
    assert bench.task.runs == ()


def test_without_the_flag_nothing_is_enqueued():
    bench = Bench.created()
    bench.block("b")
    assert types(_complete_b(bench)) == ["task.status_changed"]


def test_one_cause_makes_one_run():
    bench = _waiting()
    _complete_b(bench, "run-b1")
    _fail(bench)
    bench.do(c.RemoveDependency("b"))
    bench.around.completed.discard("b")
    bench.do(c.AddDependency("b"))
    _complete_b(bench, "run-b1")
    assert bench.task.status is TaskStatus.READY
    assert len(bench.task.runs) == 1


# --- paused --------------------------------------------------------------------------------------


def test_a_pause_holds_it_back_and_resume_makes_up_for_it():
    bench = _waiting()
    bench.do(c.PauseTask("wait"))
    assert types(_complete_b(bench)) == ["task.status_changed"]
    assert bench.task.auto_enqueue_due
    bench.do(c.ResumeTask())
    assert not bench.task.auto_enqueue_due
    assert bench.latest.status is RunStatus.QUEUED
    bench.do(c.ResumeTask())
    assert len(bench.task.runs) == 1


def test_resume_makes_up_for_what_became_ready_again_after_an_earlier_run():
    bench = Bench.with_run(auto_enqueue_on_ready=True)
    _fail(bench)
    bench.block("b")
    bench.do(c.PauseTask("wait"))
    _complete_b(bench)
    assert len(bench.task.runs) == 1
    bench.do(c.ResumeTask())
    assert bench.latest.attempt == 2


def test_a_pause_from_above_holds_it_back_and_its_end_makes_up_for_it():
    bench = _under_a_parent()
    bench.around.paused["p"] = "p"
    bench.block("b")
    _complete_b(bench)
    assert bench.task.runs == ()
    bench.do(AncestorResumed("p"))
    assert bench.task.runs == ()
    bench.around.paused.clear()
    bench.do(AncestorResumed("p"))
    assert bench.latest.status is RunStatus.QUEUED


def test_its_own_resume_under_a_paused_parent_is_made_up_for_later():
    bench = _under_a_parent()
    bench.do(c.PauseTask("wait"))
    bench.around.paused["p"] = "p"
    bench.do(c.ResumeTask())
    assert bench.task.runs == ()
    bench.around.paused.clear()
    bench.do(AncestorResumed("p"))
    assert len(bench.task.runs) == 1


def test_what_became_blocked_again_while_paused_waits_for_its_blocker():
    bench = _waiting()
    bench.do(c.PauseTask("wait"))
    _complete_b(bench)
    bench.around.completed.discard("b")
    bench.do(BlockerReopened("b"))
    bench.do(c.ResumeTask())
    assert bench.task.runs == ()
    _complete_b(bench, "run-b2")
    assert len(bench.task.runs) == 1


def test_a_run_by_hand_while_paused_leaves_nothing_to_make_up_for():
    bench = _waiting()
    bench.do(c.PauseTask("wait"))
    _complete_b(bench)
    bench.do(c.StartTask())
    _fail(bench)
    bench.do(c.ResumeTask())
    assert len(bench.task.runs) == 1


def test_a_late_ancestors_resume_is_noted_and_changes_nothing():
    bench = Bench.created()
    before = bench.task
    bench.pass_s(5)
    decision = bench.do(AncestorResumed("p"), SCHEDULER)
    assert types(decision) == []
    assert len(decision.events) == 1
    assert bench.task.latest_event_seq == before.latest_event_seq
    assert bench.task.last_activity_at_ns == before.last_activity_at_ns
