"""Force release, force fail, retry and recover; and that a parked run is no dead end."""

import pytest

from chargehand.actors import actions, limits
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.task import commands as c
from chargehand.actors.task.events import RunReleased
from chargehand.actors.task.state import FailureKind, Json, RunStatus, TaskStatus
from tests.actors.task.kit import MANUAL, OPERATOR, Bench, agent, keyed, types

S1 = agent("s1")


def _parked(**fields):
    bench = Bench.with_run(**fields)
    bench.park()
    return bench


def _failed(**fields):
    bench = Bench.leased(**fields)
    bench.do(c.FailLease(bench.latest.id, "broken"), S1)
    return bench


# --- force release and force fail ----------------------------------------------------------------


def test_a_forced_release_tells_what_was_taken_and_by_whom():
    bench = Bench.leased()
    held = bench.latest
    (event,) = bench.do(c.ForceRelease(held.id, "stuck")).events
    assert isinstance(event, RunReleased)
    assert event.forced is not None
    assert event.forced.by == OPERATOR.actor
    assert event.forced.previous_claim_token_hash == held.claim_token_hash
    assert event.forced.previous_lease_until_ns == held.lease_until_ns
    assert (event.reason, event.session_id) == ("stuck", "s1")


def test_a_forced_failure_keeps_who_had_claimed_but_no_token():
    bench = Bench.leased(max_attempts=1)
    decision = bench.do(c.ForceFail(bench.latest.id, "stuck"))
    assert types(decision) == ["task.run_operator_forced_fail", "task.status_changed"]
    run = bench.latest
    assert (run.error, run.failure_kind) == ("stuck", FailureKind.OPERATOR_FORCED)
    assert (run.session_id, run.claimed_by) == ("s1", S1.actor)
    assert (run.claim_token_hash, run.lease_until_ns, run.heartbeat_at_ns) == (None, None, None)
    assert bench.task.status is TaskStatus.FAILED


@pytest.mark.parametrize("reason", [None, "", " \n "])
def test_a_forced_failure_and_a_pause_need_a_reason(reason):
    with pytest.raises(Rejected) as refused:
        c.ForceFail("run-1", reason)
    assert refused.value.code is Code.FORCE_OP_REQUIRES_REASON
    assert refused.value.action == actions.force_fail("run-1")
    bench = Bench.created()
    pause = bench.refusal(c.PauseTask(reason))
    assert pause.code is Code.FORCE_OP_REQUIRES_REASON
    assert pause.action == actions.pause_task(bench.task.id)


def test_an_id_that_no_run_can_have_is_suggested_to_nobody():
    with pytest.raises(Rejected) as refused:
        c.ForceFail("no run; rm", None)
    assert refused.value.action is None


# --- retry ---------------------------------------------------------------------------------------


def test_a_retry_is_a_new_attempt_that_names_its_source():
    bench = Bench.created(network_channel="of-task")
    run = c.Enqueueing(
        idempotency_key="k",
        network_channel="of-run",
        metadata=Json(b"1"),
        required_capabilities=("a",),
    )
    bench.do(c.EnqueueRun(run))
    source = bench.latest
    bench.do(c.CancelRun(source.id))
    bench.do(c.PatchTask(network_channel="changed"))
    decision = bench.do(c.RetryRun(source.id, Json(b"2")))
    assert types(decision) == ["task.run_operator_retry", "task.status_changed"]
    new = bench.latest
    assert decision.answer.the_run == new
    assert decision.answer.previous_run == bench.task.runs[0]
    assert (new.attempt, new.previous_run_id, new.origin) == (2, source.id, OPERATOR.origin)
    assert (new.network_channel, new.metadata) == ("of-run", Json(b"2"))
    assert (new.idempotency_key, new.required_capabilities) == (None, ())


def test_a_run_is_retried_once():
    bench = _failed()
    source_id = bench.latest.id
    bench.do(c.RetryRun(source_id))
    bench.do(c.CancelRun(bench.latest.id))
    assert bench.code(c.RetryRun(source_id)) is Code.RUN_ALREADY_RETRIED
    bench.do(c.RetryRun(bench.latest.id))


def test_a_retry_needs_an_attempt_and_no_other_open_run():
    bench = _failed(max_attempts=1)
    assert bench.code(c.RetryRun(bench.latest.id)) is Code.ATTEMPTS_EXHAUSTED
    bench.do(c.PatchTask(max_attempts=3))
    source_id = bench.latest.id
    bench.do(c.EnqueueRun())
    assert bench.code(c.RetryRun(source_id)) is Code.TASK_HAS_OPEN_RUN


def test_a_retry_on_a_canceled_task_is_refused_but_a_blocked_or_paused_one_may_wait():
    bench = Bench.with_run()
    bench.do(c.CancelTask())
    assert bench.code(c.RetryRun(bench.latest.id)) is Code.TRANSITION
    bench = _failed()
    bench.block()
    bench.do(c.PauseTask("wait"))
    bench.do(c.RetryRun(bench.latest.id))
    assert bench.task.status is TaskStatus.BLOCKED


def test_a_chain_of_retries_has_an_end(monkeypatch):
    monkeypatch.setattr(limits, "RETRY_CHAIN_MAX", 2)
    bench = _failed(max_attempts=10)
    for _ in range(2):
        bench.do(c.RetryRun(bench.latest.id))
        bench.do(c.ForceFail(bench.latest.id, "stuck"))
    assert bench.code(c.RetryRun(bench.latest.id)) is Code.RETRY_CHAIN_TOO_DEEP


# --- needs_attention is no dead end --------------------------------------------------------------


def test_recover_closes_the_parked_run_and_queues_a_new_one_in_one_record():
    bench = _parked()
    source = bench.latest
    decision = bench.do(c.RecoverRun(source.id, "looked at it", Json(b"1")))
    assert types(decision) == ["task.run_recovered_from_attention"]
    closed, new = bench.task.runs
    assert (closed.status, closed.failure_kind) == (RunStatus.FAILED, FailureKind.OPERATOR_FORCED)
    assert (closed.error, closed.ended_at_ns) == ("looked at it", bench.now_ns)
    assert (new.attempt, new.previous_run_id, new.metadata) == (2, source.id, Json(b"1"))
    assert new.expiries == 0


def test_recover_without_an_attempt_left_changes_nothing():
    bench = _parked(max_attempts=1)
    assert bench.code(c.RecoverRun(bench.latest.id)) is Code.ATTEMPTS_EXHAUSTED


@pytest.mark.parametrize("command", [c.EnqueueRun, c.StartTask])
@pytest.mark.parametrize("key", [None, "k"])
def test_a_new_run_closes_the_parked_one_as_recover_does(command, key):
    bench = _parked()
    diagnostic = bench.latest.error
    decision = bench.do(command(c.Enqueueing(idempotency_key=key)))
    assert types(decision) == ["task.run_enqueued"]
    closed, new = bench.task.runs
    assert (closed.status, closed.failure_kind) == (RunStatus.FAILED, FailureKind.OPERATOR_FORCED)
    assert closed.error == diagnostic
    assert closed.ended_at_ns == bench.now_ns
    assert new.status is RunStatus.QUEUED


def test_an_approval_closes_the_parked_run_too():
    bench = _parked()
    bench.do(c.PatchTask(approval_policy=MANUAL))
    assert bench.task.status is TaskStatus.BLOCKED
    bench.do(c.ApproveTask())
    assert [run.status for run in bench.task.runs] == [RunStatus.FAILED, RunStatus.QUEUED]


def test_a_retry_of_an_older_run_closes_the_parked_one():
    bench = _failed()
    source_id = bench.latest.id
    bench.do(c.EnqueueRun())
    bench.park()
    bench.do(c.RetryRun(source_id))
    assert [run.status for run in bench.task.runs] == [
        RunStatus.FAILED,
        RunStatus.FAILED,
        RunStatus.QUEUED,
    ]


def test_a_parked_run_can_be_canceled_and_force_failed():
    bench = _parked()
    bench.do(c.CancelRun(bench.latest.id))
    assert bench.task.status is TaskStatus.CANCELED
    bench = _parked()
    bench.do(c.ForceFail(bench.latest.id, "given up"))
    assert (bench.latest.status, bench.latest.error) == (RunStatus.FAILED, "given up")


def test_a_task_with_a_parked_run_can_be_canceled_and_deleted():
    bench = _parked()
    bench.do(c.CancelTask())
    assert bench.latest.status is RunStatus.CANCELED
    bench = _parked()
    bench.do(c.DeleteTask())
    assert bench.task.deleted


def test_without_an_attempt_left_the_parked_run_stays_open():
    bench = _parked(max_attempts=1)
    assert bench.code(c.EnqueueRun(keyed("k"))) is Code.ATTEMPTS_EXHAUSTED
    assert bench.latest.status is RunStatus.NEEDS_ATTENTION
