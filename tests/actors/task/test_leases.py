"""Leases: how long they live, what ends them, and what a session is told afterwards."""

import pytest
from attrs import evolve

from chargehand.actors.errors import Code, Rejected
from chargehand.actors.identity import BOOT_RECOVERY, SCHEDULER
from chargehand.actors.limits import NS
from chargehand.actors.task import commands as c
from chargehand.actors.task.decide.context import Parent
from chargehand.actors.task.events import RunLeaseExpired, RunNeedsAttention, RunReleased
from chargehand.actors.task.state import FailureKind, Json, RunStatus, Scope, TaskStatus
from tests.actors.task.kit import Bench, agent, claimer, types

S1, S2 = agent("s1"), agent("s2")


def test_a_claim_gives_the_run_to_the_session_for_the_time_asked():
    bench = Bench.with_run()
    decision = bench.lease("s1", seconds=60, claim_key="k")
    run = bench.latest
    assert types(decision) == ["task.run_claimed"]
    assert (run.status, run.session_id, run.claimed_by) == (RunStatus.CLAIMED, "s1", S1.actor)
    assert run.lease_until_ns == bench.now_ns + 60 * NS
    assert (run.lease_seconds, run.claim_key) == (60, "k")
    assert run.heartbeat_at_ns == run.claimed_at_ns == bench.now_ns
    assert bench.task.status is TaskStatus.READY


def test_a_claim_of_an_operator_has_no_lease():
    bench = Bench.with_run()
    bench.do(c.ClaimRun(bench.latest.id))
    run = bench.latest
    assert not run.is_leased
    assert (run.session_id, run.claim_token_hash, run.lease_until_ns) == (None, None, None)
    assert (run.heartbeat_at_ns, run.claimed_at_ns) == (None, bench.now_ns)


@pytest.mark.parametrize("seconds", [1, 86_400])
def test_a_heartbeat_sets_the_end_anew_be_it_later_or_sooner(seconds):
    bench = Bench.leased()
    bench.pass_s(100)
    bench.do(c.Heartbeat(bench.latest.id, seconds), S1)
    assert bench.latest.lease_until_ns == bench.now_ns + seconds * NS
    assert bench.latest.heartbeat_at_ns == bench.now_ns
    assert bench.latest.lease_seconds == seconds
    assert bench.latest.status is RunStatus.CLAIMED


MUTATIONS = [
    c.Heartbeat,
    c.ReleaseRun,
    c.CompleteLease,
    lambda run_id: c.FailLease(run_id, "broken"),
]


@pytest.mark.parametrize("command", MUTATIONS)
def test_a_lease_is_over_at_its_very_end(command):
    bench = Bench.leased()
    bench.now_ns = bench.latest.lease_until_ns
    assert bench.code(command(bench.latest.id), S1) is Code.LEASE_EXPIRED
    assert bench.code(command(bench.latest.id), S2) is Code.FOREIGN_RUN
    bench.now_ns -= 1
    bench.do(command(bench.latest.id), S1)


def test_a_lease_expires_at_its_end_and_not_before():
    bench = Bench.leased()
    until_ns = bench.latest.lease_until_ns
    bench.now_ns = until_ns - 1
    assert bench.do(c.ExpireLease(bench.latest.id), SCHEDULER).events == ()
    bench.now_ns = until_ns
    decision = bench.do(c.ExpireLease(bench.latest.id), SCHEDULER)
    (event,) = decision.events
    assert isinstance(event, RunLeaseExpired)
    assert (event.previous_status, event.lease_until_ns) == (RunStatus.CLAIMED, until_ns)
    assert event.session_id == "s1"


def test_an_expiry_of_a_running_run_takes_the_task_back_to_ready():
    bench = Bench.leased()
    bench.do(c.StartRun(bench.latest.id))
    assert bench.task.status is TaskStatus.IN_PROGRESS
    assert types(bench.expire()) == ["task.run_lease_expired", "task.status_changed"]
    assert bench.task.status is TaskStatus.READY


@pytest.mark.parametrize(
    "end",
    [
        lambda bench: bench.expire(),
        lambda bench: bench.do(c.ReleaseRun(bench.latest.id), S1),
        lambda bench: bench.do(c.ForceRelease(bench.latest.id)),
        lambda bench: bench.do(c.ReleaseOfEndedSession(bench.latest.id, "s1", "ended")),
    ],
)
def test_a_run_that_goes_back_keeps_its_place_and_its_attempt(end):
    bench = Bench.with_run(metadata=Json(b"{}"))
    before = bench.latest
    bench.pass_s(10)
    bench.lease()
    bench.pass_s(10)
    end(bench)
    after = bench.latest
    assert (after.id, after.attempt, after.status) == (before.id, 1, RunStatus.QUEUED)
    assert after.queued_at_ns == before.queued_at_ns
    assert len(bench.task.runs) == 1


# --- expiries in a row ---------------------------------------------------------------------------


@pytest.mark.parametrize("started", [False, True])
def test_after_too_many_expiries_in_a_row_a_run_needs_attention(started):
    bench = Bench.with_run()
    for _ in range(4):
        bench.lease()
        bench.expire()
    assert (bench.latest.status, bench.latest.expiries) == (RunStatus.QUEUED, 4)
    bench.lease()
    if started:
        bench.do(c.StartRun(bench.latest.id))
    queued_at_ns = bench.latest.queued_at_ns
    decision = bench.expire()
    assert types(decision)[:2] == ["task.run_lease_expired", "task.run_needs_attention"]
    event = decision.events[1]
    assert isinstance(event, RunNeedsAttention)
    assert event.previous_status is (RunStatus.RUNNING if started else RunStatus.CLAIMED)
    assert event.queued_at_ns == queued_at_ns
    assert bench.latest.status is RunStatus.NEEDS_ATTENTION
    assert bench.latest.error == event.diagnostic
    assert bench.task.status is TaskStatus.READY


def test_how_many_expiries_are_too_many_is_a_setting():
    bench = Bench.leased()
    bench.expiries_max = 1
    bench.expire()
    assert bench.latest.status is RunStatus.NEEDS_ATTENTION


@pytest.mark.parametrize(
    "end",
    [
        lambda bench: bench.do(c.ReleaseRun(bench.latest.id), S1),
        lambda bench: bench.do(c.ForceRelease(bench.latest.id)),
        lambda bench: bench.do(c.ReleaseOfEndedSession(bench.latest.id, "s1", "ended")),
    ],
)
def test_a_release_ends_the_row(end):
    bench = Bench.with_run()
    for _ in range(4):
        bench.lease()
        bench.expire()
    bench.lease()
    end(bench)
    assert bench.latest.expiries == 0
    for _ in range(4):
        bench.lease()
        bench.expire()
    assert bench.latest.status is RunStatus.QUEUED


@pytest.mark.parametrize("end", [c.CompleteLease, lambda run_id: c.FailLease(run_id, "broken")])
def test_completion_and_failure_end_the_row(end):
    bench = Bench.leased()
    bench.expire()
    bench.lease()
    bench.do(end(bench.latest.id), S1)
    assert bench.latest.expiries == 0


def test_a_heartbeat_does_not_end_the_row():
    bench = Bench.leased()
    bench.expire()
    bench.lease()
    bench.do(c.Heartbeat(bench.latest.id), S1)
    assert bench.latest.expiries == 1


# --- after the end -------------------------------------------------------------------------------


def test_who_lost_the_lease_is_told_so_until_somebody_else_loses_it():
    bench = Bench.leased("s1")
    bench.expire()
    assert bench.code(c.Heartbeat(bench.latest.id), S1) is Code.LEASE_EXPIRED
    assert bench.code(c.Heartbeat(bench.latest.id), S2) is Code.NO_ACTIVE_LEASE
    bench.lease("s2")
    assert bench.code(c.Heartbeat(bench.latest.id), S1) is Code.FOREIGN_RUN
    bench.expire()
    assert bench.code(c.Heartbeat(bench.latest.id), S1) is Code.NO_ACTIVE_LEASE
    assert bench.code(c.Heartbeat(bench.latest.id), S2) is Code.LEASE_EXPIRED


@pytest.mark.parametrize(
    "end",
    [
        lambda bench: bench.do(c.ReleaseRun(bench.latest.id), S1),
        lambda bench: bench.do(c.ForceRelease(bench.latest.id)),
        lambda bench: bench.do(c.ForceFail(bench.latest.id, "stuck")),
        lambda bench: bench.do(c.CancelRun(bench.latest.id)),
        lambda bench: bench.do(c.ReleaseOfEndedSession(bench.latest.id, "s1", "ended")),
    ],
)
def test_whose_lease_was_given_back_or_taken_holds_none(end):
    bench = Bench.leased()
    end(bench)
    for command in MUTATIONS:
        assert bench.code(command(bench.latest.id), S1) is Code.NO_ACTIVE_LEASE


def test_a_person_holds_no_lease():
    bench = Bench.with_run()
    assert bench.code(c.Heartbeat(bench.latest.id)) is Code.NO_ACTIVE_LEASE


# --- complete and fail, and their repeats --------------------------------------------------------


def test_complete_keeps_who_did_it_and_the_hash_but_no_lease():
    bench = Bench.leased()
    token_hash = bench.latest.claim_token_hash
    decision = bench.do(c.CompleteLease(bench.latest.id, Json(b'{"ok":true}')), S1)
    run = decision.answer.the_run
    assert types(decision) == ["task.run_completed", "task.status_changed"]
    assert (run.result, run.error) == (Json(b'{"ok":true}'), None)
    assert (run.session_id, run.claimed_by, run.claim_token_hash) == ("s1", S1.actor, token_hash)
    assert (run.lease_until_ns, run.heartbeat_at_ns) == (None, None)
    assert (run.ended_at_ns, run.started_at_ns) == (bench.now_ns, None)
    assert bench.task.status is TaskStatus.COMPLETED


@pytest.mark.parametrize("result", [b"null", b"0", b'""', b"[]"])
def test_a_result_is_kept_whatever_json_it_is(result):
    bench = Bench.leased()
    bench.do(c.CompleteLease(bench.latest.id, Json(result)), S1)
    assert bench.latest.result == result


def test_fail_leaves_the_attempts_that_are_left():
    bench = Bench.leased(max_attempts=2)
    bench.do(c.FailLease(bench.latest.id, " broken "), S1)
    assert (bench.latest.error, bench.latest.failure_kind) == ("broken", None)
    assert bench.task.status is TaskStatus.READY
    bench.do(c.EnqueueRun())
    bench.lease()
    bench.do(c.FailLease(bench.latest.id, "broken"), S1)
    assert bench.task.status is TaskStatus.FAILED


REPEATS = [
    pytest.param(
        lambda run_id: c.CompleteLease(run_id, Json(b"1")),
        [
            lambda run_id: c.CompleteLease(run_id, Json(b"2")),
            lambda run_id: c.CompleteLease(run_id),
            lambda run_id: c.FailLease(run_id, "1"),
        ],
        id="complete",
    ),
    pytest.param(
        lambda run_id: c.FailLease(run_id, "broken", Json(b"1")),
        [
            lambda run_id: c.FailLease(run_id, "other", Json(b"1")),
            lambda run_id: c.FailLease(run_id, "broken"),
            lambda run_id: c.CompleteLease(run_id),
        ],
        id="fail",
    ),
]


@pytest.mark.parametrize(("command", "others"), REPEATS)
def test_a_repeat_by_the_same_session_is_answered_and_writes_nothing(command, others):
    bench = Bench.leased()
    first = bench.do(command(bench.latest.id), S1).answer.the_run
    bench.pass_s(1000)
    again = bench.do(command(first.id), S1)
    assert again.events == ()
    assert again.answer.replayed
    assert again.answer.the_run == first
    assert bench.code(command(first.id), S2) is Code.NO_ACTIVE_LEASE
    for other in others:
        assert bench.code(other(first.id), S1) is Code.LEASE_EXPIRED


@pytest.mark.parametrize("caller", [S1, S2])
@pytest.mark.parametrize(
    ("end", "told", "status"),
    [
        (lambda run_id: c.CompleteLease(run_id, Json(b"1")), "completion", "completed"),
        (lambda run_id: c.FailLease(run_id, "broken"), "failure", "failed"),
    ],
)
def test_who_ended_a_run_itself_is_told_that_this_stands(end, told, status, caller):
    bench = Bench.leased("s1")
    if caller is S2:
        bench.expire()
        bench.lease("s2")
    bench.do(end(bench.latest.id), caller)
    bench.pass_s(100)
    run_id = bench.latest.id
    ended_at = "2023-11-14T22:13:20Z" if caller is S1 else "2023-11-14T22:18:20Z"
    for late in (
        c.CompleteLease(run_id, Json(b"2")),
        c.FailLease(run_id, "other"),
        c.Heartbeat(run_id),
        c.ReleaseRun(run_id),
    ):
        refused = bench.refusal(late, caller)
        assert refused.code is Code.LEASE_EXPIRED
        assert refused.message == (
            f"the session's own {told} of run {run_id}, stored at {ended_at}, stands;"
            " this call changed nothing"
        )
        assert "claim" not in refused.next_step
        assert refused.action is None
        assert refused.evidence["status"] == status
        assert refused.evidence["ended_at"] == ended_at


# --- who holds a run -----------------------------------------------------------------------------


def test_a_session_holds_what_it_leases_was_attached_to_or_claimed_without_a_lease():
    bench = Bench.with_run()
    assert bench.latest.holder_session_id is None
    bench.do(c.ClaimRun(bench.latest.id))
    assert bench.latest.holder_session_id is None
    bench.do(c.StartRun(bench.latest.id), S1)
    assert bench.latest.holder_session_id is None, "who starts a run that another claimed"
    bench = Bench.leased("s1")
    assert bench.latest.holder_session_id == "s1"
    bench.do(c.CompleteLease(bench.latest.id), S1)
    assert bench.latest.holder_session_id is None
    bench = Bench.with_run()
    bench.do(c.ClaimRun(bench.latest.id), S1)
    assert bench.latest.holder_session_id == "s1"
    bench.do(c.AttachSession(bench.latest.id, "s2"))
    assert bench.latest.holder_session_id == "s2"


@pytest.mark.parametrize("is_started", [False, True])
def test_what_an_ended_session_claimed_without_a_lease_keeps_its_place(is_started):
    bench = Bench.with_run()
    before = bench.latest
    bench.pass_s(10)
    bench.do(c.ClaimRun(before.id), S1)
    if is_started:
        bench.do(c.StartRun(before.id), S1)
    release = c.ReleaseOfEndedSession(before.id, "s1", "session_ended")
    assert bench.do(evolve(release, session_id="s2")).events == ()
    event = bench.do(release).events[0]
    assert isinstance(event, RunReleased)
    assert (event.session_id, event.reason) == ("s1", "session_ended")
    assert (bench.latest.status, bench.latest.queued_at_ns) == (
        RunStatus.QUEUED,
        before.queued_at_ns,
    )


# --- the claim that a call is of -----------------------------------------------------------------

NAMING = [
    lambda run_id, claim: c.Heartbeat(run_id, 60, claim),
    lambda run_id, claim: c.ReleaseRun(run_id, None, claim),
    lambda run_id, claim: c.CompleteLease(run_id, None, claim),
    lambda run_id, claim: c.FailLease(run_id, "broken", None, claim),
]


@pytest.mark.parametrize("command", NAMING)
def test_a_late_call_of_an_earlier_claim_does_not_touch_the_later_one(command):
    bench = Bench.leased("s1")
    first = bench.latest.claim_token_hash
    bench.expire()
    late = bench.refusal(command(bench.latest.id, first), S1)
    assert late.code is Code.LEASE_EXPIRED
    bench.lease("s1")
    second = bench.latest.claim_token_hash
    assert first != second
    late = bench.refusal(command(bench.latest.id, first), S1)
    assert late.code is Code.LEASE_EXPIRED
    assert late.message == (
        f"the claim that this call names is not the current one of run {bench.latest.id},"
        " which is claimed"
    )
    assert "stop working on that claim" in late.next_step
    bench.do(command(bench.latest.id, second), S1)


@pytest.mark.parametrize("command", NAMING)
@pytest.mark.parametrize("claim", [None, "", "  "])
def test_a_call_that_names_no_claim_is_of_whichever_the_session_holds(command, claim):
    bench = Bench.leased("s1")
    bench.expire()
    bench.lease("s1")
    bench.do(command(bench.latest.id, claim), S1)


@pytest.mark.parametrize("command", NAMING)
def test_the_right_claim_does_not_open_the_run_of_another_session(command):
    bench = Bench.leased("s1")
    claim = bench.latest.claim_token_hash
    assert bench.code(command(bench.latest.id, claim), S2) is Code.FOREIGN_RUN


@pytest.mark.parametrize("command", NAMING[2:])
def test_a_repeat_of_an_end_names_the_claim_that_ended_it_or_none(command):
    bench = Bench.leased("s1")
    first = bench.latest.claim_token_hash
    bench.expire()
    bench.lease("s1")
    run_id, second = bench.latest.id, bench.latest.claim_token_hash
    ended = bench.do(command(run_id, second), S1).answer.the_run
    for claim in (second, None):
        again = bench.do(command(run_id, claim), S1)
        assert (again.answer.replayed, again.answer.the_run) == (True, ended)
    assert bench.code(command(run_id, first), S1) is Code.LEASE_EXPIRED


def test_the_name_of_a_claim_is_bounded():
    with pytest.raises(Rejected) as refused:
        c.Heartbeat("run-1", claim_token_hash="x" * 129)
    assert refused.value.pointer == "/claim_token_hash"


def test_who_lost_a_run_that_another_ended_is_told_to_claim_again():
    bench = Bench.leased("s1")
    bench.expire()
    bench.lease("s2")
    bench.do(c.CompleteLease(bench.latest.id), S2)
    refused = bench.refusal(c.CompleteLease(bench.latest.id), S1)
    assert refused.code is Code.LEASE_EXPIRED
    assert "claim again" in refused.next_step


def test_a_repeat_is_answered_even_after_another_run_was_made():
    bench = Bench.leased()
    run_id = bench.latest.id
    bench.do(c.CompleteLease(run_id), S1)
    bench.do(c.StartTask())
    assert bench.do(c.CompleteLease(run_id), S1).answer.the_run.id == run_id


# --- start, attach, extend -----------------------------------------------------------------------


def test_start_keeps_the_claimers_session_and_lease():
    bench = Bench.leased()
    before = bench.latest
    decision = bench.do(c.StartRun(before.id))
    assert types(decision) == ["task.run_started", "task.status_changed"]
    after = bench.latest
    assert (after.session_id, after.lease_until_ns, after.claim_token_hash) == (
        before.session_id,
        before.lease_until_ns,
        before.claim_token_hash,
    )
    assert after.started_at_ns == bench.now_ns


def test_an_attached_session_holds_the_run_without_a_lease():
    bench = Bench.with_run()
    bench.do(c.ClaimRun(bench.latest.id))
    decision = bench.do(c.AttachSession(bench.latest.id, "s1"))
    assert types(decision) == ["task.run_session_bound", "task.status_changed"]
    bench.pass_s(100_000)
    assert bench.do(c.ExpireLease(bench.latest.id), SCHEDULER).events == ()
    assert bench.code(c.Heartbeat(bench.latest.id), S1) is Code.NO_ACTIVE_LEASE
    assert bench.code(c.Heartbeat(bench.latest.id), S2) is Code.FOREIGN_RUN


def test_after_a_restart_a_lease_gets_its_time_and_a_longer_one_stays():
    bench = Bench.leased()
    bench.pass_s(500)
    not_before_ns = bench.now_ns + 30 * NS
    bench.do(c.ExtendLease(bench.latest.id, not_before_ns), BOOT_RECOVERY)
    assert bench.latest.lease_until_ns == not_before_ns
    assert bench.latest.heartbeat_at_ns == bench.latest.claimed_at_ns
    for earlier_ns in (not_before_ns, not_before_ns - 1):
        assert bench.do(c.ExtendLease(bench.latest.id, earlier_ns), BOOT_RECOVERY).events == ()


def test_an_ended_session_gives_its_run_back_with_the_reason():
    bench = Bench.leased()
    (event,) = bench.do(c.ReleaseOfEndedSession(bench.latest.id, "s1", "session_ended")).events
    assert isinstance(event, RunReleased)
    assert (event.reason, event.session_id, event.forced) == ("session_ended", "s1", None)


# --- pause ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("from_above", [False, True])
def test_a_paused_task_is_not_leased_but_claimed_by_operators(from_above):
    bench = Bench()
    bench.around.parents["p"] = Parent(Scope.GLOBAL, None, 1, 0)
    bench.do(c.CreateTask(scope=Scope.GLOBAL, title="T", parent_task_id="p"))
    bench.do(c.EnqueueRun())
    if from_above:
        bench.around.paused["p"] = "p"
    else:
        bench.do(c.PauseTask("wait"))
    assert bench.code(c.LeaseRun(bench.latest.id, claimer("s1"), "h", 1), S1) is Code.RUN_TRANSITION
    bench.do(c.ClaimRun(bench.latest.id))
    bench.do(c.StartRun(bench.latest.id))
    bench.do(c.CompleteRun(bench.latest.id))


def test_a_pause_stops_no_work_that_has_begun():
    bench = Bench.leased()
    bench.do(c.PauseTask("wait"))
    bench.do(c.Heartbeat(bench.latest.id), S1)
    bench.do(c.CompleteLease(bench.latest.id), S1)
    assert bench.latest.failure_kind is not FailureKind.OPERATOR_FORCED


def test_a_lease_that_ran_out_is_reported_even_after_another_session_ended_the_run():
    bench = Bench.leased("s1")
    bench.expire()
    bench.lease("s2")
    bench.do(c.CompleteLease(bench.latest.id), S2)
    assert bench.code(c.Heartbeat(bench.latest.id), S1) is Code.LEASE_EXPIRED
    assert bench.code(c.Heartbeat(bench.latest.id), S2) is Code.LEASE_EXPIRED
    assert bench.code(c.Heartbeat(bench.latest.id), agent("s3")) is Code.NO_ACTIVE_LEASE
