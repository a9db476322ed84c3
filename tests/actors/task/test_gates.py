"""Publish, start, approve, reject and enqueue: when they make a run, and when they give one."""

import pytest

from chargehand.actors import actions
from chargehand.actors.errors import Code
from chargehand.actors.identity import Caller, OriginKind, origin
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import (
    ApprovalPolicy,
    ApprovalState,
    Json,
    RunStatus,
    TaskStatus,
)
from tests.actors.task.kit import MANUAL, OPERATOR, Bench, agent, keyed, types

MAKERS = [c.StartTask, c.PublishTask, c.ApproveTask, c.EnqueueRun]


# --- publish -------------------------------------------------------------------------------------


def test_publish_makes_a_draft_ready_and_enqueues():
    bench = Bench.created(draft=True)
    assert bench.task.status is TaskStatus.DRAFT
    decision = bench.do(c.PublishTask())
    assert types(decision) == ["task.published", "task.status_changed", "task.run_enqueued"]
    assert bench.task.status is TaskStatus.READY
    assert decision.answer.the_run == bench.latest
    assert bench.latest.idempotency_key is None


def test_publish_of_a_blocked_draft_is_refused():
    bench = Bench.created(draft=True)
    bench.block()
    refused = bench.refusal(c.PublishTask())
    assert refused.code is Code.TRANSITION
    assert "dependencies" in refused.next_step


def test_publish_of_an_unapproved_draft_names_the_approval():
    bench = Bench.created(draft=True, approval_policy=MANUAL)
    refused = bench.refusal(c.PublishTask())
    assert refused.code is Code.TRANSITION
    assert refused.action == actions.approve_task(bench.task.id)


def test_publish_of_an_approval_that_was_rejected_is_refused():
    bench = Bench.created(draft=True, approval_policy=MANUAL)
    bench.do(c.RejectTask())
    assert bench.code(c.PublishTask()) is Code.TRANSITION


def test_publish_of_what_is_no_draft_is_refused_and_names_start():
    bench = Bench.created()
    refused = bench.refusal(c.PublishTask())
    assert refused.action == actions.start_task(bench.task.id)


# --- start ---------------------------------------------------------------------------------------


def test_start_enqueues():
    bench = Bench.created()
    assert types(bench.do(c.StartTask())) == ["task.run_enqueued"]
    assert bench.latest.idempotency_key is None


def test_start_reopens_a_completed_task():
    bench = Bench.leased()
    bench.do(c.CompleteLease(bench.latest.id), agent("s1"))
    closed_at_ns = bench.task.closed_at_ns
    assert closed_at_ns == bench.now_ns
    bench.do(c.StartTask())
    assert (bench.task.status, bench.task.closed_at_ns) == (TaskStatus.READY, None)


@pytest.mark.parametrize(
    "bench",
    [
        Bench.created(draft=True),
        Bench.created(approval_policy=MANUAL),
    ],
)
def test_start_of_a_draft_or_a_blocked_task_is_refused(bench):
    assert bench.code(c.StartTask()) is Code.TRANSITION


def test_start_of_an_unapproved_task_says_that_it_waits_for_approval():
    bench = Bench.created(approval_policy=MANUAL)
    assert bench.refusal(c.StartTask()).message == "cannot start it: t waits for approval"
    bench.do(c.RejectTask())
    assert bench.refusal(c.StartTask()).message == "cannot start it: t was rejected"


def test_start_of_a_canceled_task_is_refused():
    bench = Bench.created()
    bench.do(c.CancelTask())
    assert bench.code(c.StartTask()) is Code.TRANSITION
    bench = Bench.with_run()
    bench.do(c.CancelRun(bench.latest.id))
    assert bench.code(c.StartTask()) is Code.TRANSITION


def test_start_of_a_blocked_task_gives_the_run_that_is_open_already():
    bench = Bench.with_run()
    bench.block()
    decision = bench.do(c.StartTask())
    assert decision.events == ()
    assert decision.answer.the_run == bench.latest
    assert bench.code(c.StartTask(keyed("new"))) is Code.TRANSITION


# --- the open run without a key, keys ------------------------------------------------------------


@pytest.mark.parametrize("command", [c.StartTask, c.PublishTask])
@pytest.mark.parametrize("bench", [Bench.with_run(), Bench.leased()])
def test_without_a_key_the_open_run_is_given(command, bench):
    decision = bench.do(command())
    assert decision.events == ()
    assert decision.answer.replayed
    assert decision.answer.run == bench.latest


@pytest.mark.parametrize("command", [c.StartTask, c.EnqueueRun])
def test_a_new_key_is_refused_while_a_run_is_open(command):
    bench = Bench.with_run()
    assert bench.code(command(keyed("k"))) is Code.TASK_HAS_OPEN_RUN


def test_enqueue_without_a_key_is_refused_while_a_run_is_open():
    assert Bench.with_run().code(c.EnqueueRun()) is Code.TASK_HAS_OPEN_RUN


@pytest.mark.parametrize("command", MAKERS)
def test_a_known_key_gives_its_run_whatever_became_of_it(command):
    bench = Bench.created()
    first = bench.do(c.EnqueueRun(keyed("k"))).answer.the_run
    assert first.idempotency_key == "k"
    bench.do(c.CancelRun(first.id))
    bench.do(c.EnqueueRun())
    decision = bench.do(command(keyed("k")))
    assert decision.events == ()
    assert decision.answer.the_run.id == first.id
    assert decision.answer.the_run.status is RunStatus.CANCELED
    assert decision.answer.replayed


@pytest.mark.parametrize("command", MAKERS)
def test_a_key_of_another_task_is_an_invalid_request(command):
    bench = Bench.created()
    bench.around.keys["k", OPERATOR.actor] = ("other", "run-other")
    refused = bench.refusal(command(keyed("k")))
    assert refused.code is Code.KEY_CONFLICT
    assert refused.pointer == "/idempotency_key"


def test_a_key_belongs_to_its_caller_by_whatever_way_it_comes():
    bench = Bench.created()
    first = bench.do(c.EnqueueRun(keyed("k"))).answer.the_run
    bench.do(c.CancelRun(first.id))
    elsewhere = Caller(OPERATOR.actor, origin(OriginKind.UDS, "tasks.start"))
    assert bench.do(c.StartTask(keyed("k")), elsewhere).answer.the_run.id == first.id


def test_the_same_key_of_another_caller_is_another_key():
    bench = Bench.created()
    first = bench.do(c.EnqueueRun(keyed("k"))).answer.the_run
    bench.do(c.CancelRun(first.id))
    assert bench.do(c.EnqueueRun(keyed("k")), agent("s1")).answer.the_run.id != first.id


# --- approve and reject --------------------------------------------------------------------------


def test_approve_unblocks_and_enqueues():
    bench = Bench.created(approval_policy=MANUAL)
    assert bench.task.status is TaskStatus.BLOCKED
    decision = bench.do(c.ApproveTask())
    assert types(decision) == ["task.approved", "task.status_changed", "task.run_enqueued"]
    assert bench.task.approval_state is ApprovalState.APPROVED
    assert bench.latest.idempotency_key is None


def test_approve_publishes_a_draft_in_the_same_record():
    bench = Bench.created(approval_policy=MANUAL, draft=True)
    decision = bench.do(c.ApproveTask())
    assert types(decision) == [
        "task.approved",
        "task.published",
        "task.status_changed",
        "task.run_enqueued",
    ]
    assert bench.task.status is TaskStatus.READY
    assert not bench.task.draft


@pytest.mark.parametrize("draft", [True, False])
def test_approve_with_open_dependencies_enqueues_a_run_that_waits(draft):
    bench = Bench.created(approval_policy=MANUAL, draft=draft)
    bench.block()
    bench.do(c.ApproveTask())
    assert bench.task.status is TaskStatus.BLOCKED
    assert bench.latest.status is RunStatus.QUEUED
    assert bench.code(c.ClaimRun(bench.latest.id)) is Code.TRANSITION


@pytest.mark.parametrize("key", [None, "k"])
def test_approve_stores_the_approval_and_gives_the_open_run(key):
    bench = Bench.with_run(approval_policy=MANUAL)
    run_id = bench.latest.id
    decision = bench.do(c.ApproveTask(c.Enqueueing(idempotency_key=key)))
    assert types(decision) == ["task.approved", "task.status_changed"]
    assert decision.answer.the_run.id == run_id
    assert bench.task.approval_state is ApprovalState.APPROVED


def test_approving_again_gives_the_open_run_else_is_refused():
    bench = Bench.created(approval_policy=MANUAL)
    first = bench.do(c.ApproveTask()).answer.the_run
    again = bench.do(c.ApproveTask())
    assert (again.events, again.answer.the_run.id) == ((), first.id)
    bench.do(c.CancelRun(first.id))
    assert bench.code(c.ApproveTask()) is Code.TRANSITION


@pytest.mark.parametrize("command", [c.ApproveTask, c.RejectTask])
def test_what_needs_no_approval_is_refused(command):
    assert Bench.created().code(command()) is Code.TRANSITION


@pytest.mark.parametrize("command", [c.ApproveTask, c.RejectTask])
def test_a_rejected_task_is_decided_anew_only_after_its_policy_was_set_again(command):
    bench = Bench.with_run(approval_policy=MANUAL)
    assert types(bench.do(c.RejectTask())) == ["task.rejected"]
    assert bench.latest.status is RunStatus.QUEUED
    assert bench.task.status is TaskStatus.BLOCKED
    assert bench.code(command()) is Code.TRANSITION
    bench.do(c.PatchTask(approval_policy=ApprovalPolicy.NONE))
    assert bench.task.approval_state is ApprovalState.NOT_REQUIRED
    bench.do(c.PatchTask(approval_policy=MANUAL))
    assert bench.task.approval_state is ApprovalState.PENDING
    bench.do(command())


@pytest.mark.parametrize("policy", ApprovalPolicy)
@pytest.mark.parametrize("command", [c.PublishTask, c.StartTask, c.ApproveTask, c.RejectTask])
def test_a_canceled_task_passes_no_gate_and_says_that_it_is_final(command, policy):
    bench = Bench.created(approval_policy=policy)
    bench.do(c.CancelTask())
    refused = bench.refusal(command())
    assert refused.code is Code.TRANSITION
    assert refused.action == actions.show_task(bench.task.id)
    assert "final" in refused.next_step


def test_approve_of_a_canceled_task_stores_nothing():
    bench = Bench.created(approval_policy=MANUAL)
    bench.do(c.CancelTask())
    assert bench.code(c.ApproveTask()) is Code.TRANSITION
    assert bench.task.approval_state is ApprovalState.PENDING


def test_approve_without_an_attempt_left_stores_nothing():
    bench = Bench.leased(max_attempts=1)
    bench.do(c.CompleteLease(bench.latest.id), agent("s1"))
    bench.do(c.PatchTask(approval_policy=MANUAL))
    assert bench.code(c.ApproveTask()) is Code.ATTEMPTS_EXHAUSTED
    assert bench.task.approval_state is ApprovalState.PENDING


# --- enqueue -------------------------------------------------------------------------------------


def test_a_run_is_born_with_what_was_asked():
    bench = Bench.created(network_channel="of-task")
    metadata = Json(b'{"a":1}')
    run = c.Enqueueing(
        network_channel="of-run",
        metadata=metadata,
        required_capabilities=("b", "a"),
        preferred_capabilities=("c",),
    )
    bench.do(c.EnqueueRun(run))
    new = bench.latest
    assert (new.attempt, new.status, new.origin) == (1, RunStatus.QUEUED, OPERATOR.origin)
    assert (new.network_channel, new.metadata) == ("of-run", metadata)
    assert (new.required_capabilities, new.preferred_capabilities) == (("a", "b"), ("c",))


def test_the_channel_of_a_run_defaults_to_the_one_of_its_task():
    assert Bench.with_run(network_channel="of-task").latest.network_channel == "of-task"


def test_a_blocked_task_may_get_a_run_that_waits():
    bench = Bench.created(approval_policy=MANUAL)
    bench.do(c.EnqueueRun())
    assert bench.task.status is TaskStatus.BLOCKED


def test_drafts_and_canceled_tasks_get_no_run():
    assert Bench.created(draft=True).code(c.EnqueueRun()) is Code.TRANSITION
    bench = Bench.created()
    bench.do(c.CancelTask())
    assert bench.code(c.EnqueueRun()) is Code.TRANSITION


@pytest.mark.parametrize("command", [c.EnqueueRun, c.StartTask])
def test_attempts_are_used_up_by_every_run(command):
    bench = Bench.created(max_attempts=2)
    for _ in range(2):
        bench.do(c.EnqueueRun())
        bench.lease()
        bench.do(c.CompleteLease(bench.latest.id), agent("s1"))
    assert bench.code(command()) is Code.ATTEMPTS_EXHAUSTED
    bench.do(c.PatchTask(max_attempts=3))
    assert bench.do(command()).answer.the_run.attempt == 3


def test_canceling_a_run_is_not_final_for_its_task():
    bench = Bench.with_run()
    bench.do(c.CancelRun(bench.latest.id))
    assert bench.task.status is TaskStatus.CANCELED
    assert bench.task.closed_at_ns is not None
    decision = bench.do(c.EnqueueRun())
    assert types(decision) == ["task.run_enqueued", "task.status_changed"]
    assert (bench.task.status, bench.task.closed_at_ns) == (TaskStatus.READY, None)
