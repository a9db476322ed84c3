"""Every operation on a run, in every status that a run can be in: allowed, or refused with what."""

import pytest

from chargehand.actors.errors import Code
from chargehand.actors.identity import SCHEDULER
from chargehand.actors.limits import NS
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import Json, RunStatus
from tests.actors.task.kit import OPERATOR, Bench, agent, claimer

# --- the situations: session s1 is the one that worked on the run --------------------------------


def queued():
    return Bench.with_run()


def claimed():
    bench = Bench.with_run()
    bench.do(c.ClaimRun(bench.latest.id))
    return bench


def leased():
    return Bench.leased()


def attached():
    bench = claimed()
    bench.do(c.AttachSession(bench.latest.id, "s1"))
    return bench


def running():
    bench = claimed()
    bench.do(c.StartRun(bench.latest.id))
    return bench


def attached_running():
    bench = attached()
    bench.do(c.StartRun(bench.latest.id))
    return bench


def leased_running():
    bench = leased()
    bench.do(c.StartRun(bench.latest.id))
    return bench


def completed():
    bench = leased()
    bench.do(c.CompleteLease(bench.latest.id), agent("s1"))
    return bench


def completed_by_operator():
    bench = running()
    bench.do(c.CompleteRun(bench.latest.id))
    return bench


def failed():
    bench = leased()
    bench.do(c.FailLease(bench.latest.id, "broken"), agent("s1"))
    return bench


def force_failed():
    bench = leased()
    bench.do(c.ForceFail(bench.latest.id, "stuck"))
    return bench


def canceled():
    bench = leased()
    bench.do(c.CancelRun(bench.latest.id))
    return bench


def canceled_in_queue():
    bench = queued()
    bench.do(c.CancelRun(bench.latest.id))
    return bench


def needs_attention():
    bench = queued()
    bench.park("s1")
    return bench


SITUATIONS = {
    queued: RunStatus.QUEUED,
    claimed: RunStatus.CLAIMED,
    leased: RunStatus.CLAIMED,
    attached: RunStatus.STARTING,
    running: RunStatus.RUNNING,
    attached_running: RunStatus.RUNNING,
    leased_running: RunStatus.RUNNING,
    completed: RunStatus.COMPLETED,
    completed_by_operator: RunStatus.COMPLETED,
    failed: RunStatus.FAILED,
    force_failed: RunStatus.FAILED,
    canceled: RunStatus.CANCELED,
    canceled_in_queue: RunStatus.CANCELED,
    needs_attention: RunStatus.NEEDS_ATTENTION,
}
TERMINAL = {
    completed,
    completed_by_operator,
    failed,
    force_failed,
    canceled,
    canceled_in_queue,
}
OPEN = set(SITUATIONS) - TERMINAL

# --- the operations ------------------------------------------------------------------------------

OTHER = Json(b'"another body"')
S1, S2 = agent("s1"), agent("s2")


def _except(default, *groups):
    """A row of the matrix: `default` but for the situations of the groups."""
    row = dict.fromkeys(SITUATIONS, default)
    for outcome, situations in groups:
        row |= dict.fromkeys(situations, outcome)
    return row


# What the session that worked on the run meets, and what any other session meets.
HOLDER = _except(
    Code.NO_ACTIVE_LEASE,
    (Code.LEASE_EXPIRED, {completed, failed, needs_attention}),
)
STRANGER = _except(
    Code.NO_ACTIVE_LEASE,
    (Code.FOREIGN_RUN, {leased, leased_running, attached, attached_running}),
)
LEASED = {leased, leased_running}
# Finished or stopped with the token's hash still there.
HASH_KEPT = {completed, failed, canceled}
CANCELED = {canceled, canceled_in_queue}
AT_WORK = {attached, running, attached_running, leased_running}

OPERATIONS = {
    "claim": (
        lambda run_id: c.ClaimRun(run_id),
        OPERATOR,
        _except(
            Code.RUN_TRANSITION,
            (RunStatus.CLAIMED, {queued}),
            (Code.TRANSITION, CANCELED),
        ),
    ),
    "lease": (
        lambda run_id: c.LeaseRun(run_id, claimer("s2"), "sha256:2", 60),
        S2,
        _except(
            Code.RUN_TRANSITION,
            (RunStatus.CLAIMED, {queued}),
            (Code.TRANSITION, CANCELED),
        ),
    ),
    "start": (
        lambda run_id: c.StartRun(run_id),
        OPERATOR,
        _except(
            Code.RUN_TRANSITION,
            (RunStatus.RUNNING, {claimed, leased, attached}),
            (Code.TRANSITION, CANCELED),
        ),
    ),
    "attach": (
        lambda run_id: c.AttachSession(run_id, "s2"),
        OPERATOR,
        _except(
            Code.SESSION_BOUND,
            (RunStatus.STARTING, {claimed}),
            (Code.RUN_TRANSITION, {queued, running, completed_by_operator, needs_attention}),
            (Code.TRANSITION, CANCELED),
        ),
    ),
    "complete": (
        lambda run_id: c.CompleteRun(run_id),
        OPERATOR,
        _except(
            Code.RUN_TRANSITION,
            (RunStatus.COMPLETED, {running, attached_running}),
            (Code.RUN_LEASED, LEASED | HASH_KEPT),
        ),
    ),
    "fail": (
        lambda run_id: c.FailRun(run_id, "broken"),
        OPERATOR,
        _except(
            Code.RUN_TRANSITION,
            (RunStatus.FAILED, {attached, running, attached_running}),
            (Code.RUN_LEASED, LEASED | HASH_KEPT),
        ),
    ),
    "cancel": (
        lambda run_id: c.CancelRun(run_id),
        OPERATOR,
        _except(Code.RUN_TRANSITION, (RunStatus.CANCELED, OPEN)),
    ),
    "heartbeat": (
        lambda run_id: c.Heartbeat(run_id),
        S1,
        HOLDER | {leased: RunStatus.CLAIMED, leased_running: RunStatus.RUNNING},
    ),
    "agent release": (
        lambda run_id: c.ReleaseRun(run_id),
        S1,
        HOLDER | dict.fromkeys(LEASED, RunStatus.QUEUED),
    ),
    "agent complete": (
        lambda run_id: c.CompleteLease(run_id, OTHER),
        S1,
        HOLDER | dict.fromkeys(LEASED, RunStatus.COMPLETED),
    ),
    "agent fail": (
        lambda run_id: c.FailLease(run_id, "another error"),
        S1,
        HOLDER | dict.fromkeys(LEASED, RunStatus.FAILED),
    ),
    "heartbeat of a stranger": (lambda run_id: c.Heartbeat(run_id), S2, STRANGER),
    "release of a stranger": (lambda run_id: c.ReleaseRun(run_id), S2, STRANGER),
    "complete of a stranger": (lambda run_id: c.CompleteLease(run_id), S2, STRANGER),
    "fail of a stranger": (lambda run_id: c.FailLease(run_id, "broken"), S2, STRANGER),
    "force release": (
        lambda run_id: c.ForceRelease(run_id),
        OPERATOR,
        _except(Code.RUN_NOT_RELEASABLE, (RunStatus.QUEUED, {claimed, leased})),
    ),
    "force fail": (
        lambda run_id: c.ForceFail(run_id, "stuck"),
        OPERATOR,
        _except(
            Code.RUN_STILL_ACTIVE,
            (RunStatus.FAILED, {queued, claimed, leased, needs_attention}),
            (Code.RUN_ALREADY_TERMINAL, TERMINAL),
        ),
    ),
    # Retry and recover answer with the new run; its source is looked at elsewhere.
    "retry": (
        lambda run_id: c.RetryRun(run_id),
        OPERATOR,
        _except(Code.RUN_STILL_ACTIVE, (RunStatus.QUEUED, {failed, force_failed} | CANCELED)),
    ),
    "recover": (
        lambda run_id: c.RecoverRun(run_id),
        OPERATOR,
        _except(Code.RUN_NOT_RECOVERABLE, (RunStatus.QUEUED, {needs_attention})),
    ),
}

ROWS = [
    pytest.param(situation, command, caller, outcome, id=f"{name}-{situation.__name__}")
    for name, (command, caller, row) in OPERATIONS.items()
    for situation, outcome in row.items()
]


@pytest.mark.parametrize(("situation", "status"), SITUATIONS.items())
def test_each_situation_is_what_it_says(situation, status):
    assert situation().latest.status is status


@pytest.mark.parametrize(("situation", "command", "caller", "outcome"), ROWS)
def test_an_operation_is_allowed_exactly_where_the_table_says(situation, command, caller, outcome):
    bench = situation()
    asked = command(bench.latest.id)
    if isinstance(outcome, Code):
        assert bench.code(asked, caller) is outcome
    else:
        assert bench.do(asked, caller).answer.the_run.status is outcome


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_unknown_run_is_not_found(name):
    command, caller, _ = OPERATIONS[name]
    assert Bench.created().code(command("run-unknown"), caller) is Code.RUN_NOT_FOUND


# --- what the system itself sends never fails; late messages change nothing -----------------------

TIMERS = {
    "expire": (
        lambda run_id, bench: c.ExpireLease(run_id),
        dict.fromkeys(LEASED, RunStatus.QUEUED),
    ),
    "session ended": (
        lambda run_id, bench: c.ReleaseOfEndedSession(run_id, "s1", "session_ended"),
        dict.fromkeys(LEASED | {attached, attached_running}, RunStatus.QUEUED),
    ),
    "another session ended": (
        lambda run_id, bench: c.ReleaseOfEndedSession(run_id, "s2", "session_ended"),
        {},
    ),
    "extend": (
        lambda run_id, bench: c.ExtendLease(run_id, bench.now_ns + 1),
        {leased: RunStatus.CLAIMED, leased_running: RunStatus.RUNNING},
    ),
    "starved": (
        lambda run_id, bench: c.NoteStarvation(run_id),
        {queued: RunStatus.QUEUED},
    ),
    "neglected": (
        lambda run_id, bench: c.NoteNeglect(run_id, bench.now_ns - 1000 * NS),
        {
            claimed: RunStatus.CLAIMED,
            running: RunStatus.RUNNING,
            attached: RunStatus.STARTING,
            attached_running: RunStatus.RUNNING,
        },
    ),
    "touched meanwhile": (
        lambda run_id, bench: c.NoteNeglect(run_id, bench.now_ns - 1001 * NS),
        {},
    ),
}


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("name", TIMERS)
def test_a_message_of_the_system_acts_where_it_fits_and_is_ignored_elsewhere(name, situation):
    message, moves = TIMERS[name]
    bench = situation()
    bench.pass_s(1000)
    before = bench.latest
    decision = bench.do(message(before.id, bench), SCHEDULER)
    assert bool(decision.events) == (situation in moves)
    assert bench.latest.status is moves.get(situation, before.status)


@pytest.mark.parametrize("name", TIMERS)
def test_a_message_of_the_system_about_an_unknown_run_is_ignored(name):
    message, _ = TIMERS[name]
    bench = Bench.created()
    assert bench.do(message("run-unknown", bench), SCHEDULER).events == ()


# --- gated and canceled tasks --------------------------------------------------------------------


def _blocked(situation):
    bench = situation()
    bench.block()
    return bench


@pytest.mark.parametrize(
    ("situation", "command"),
    [
        (queued, c.ClaimRun),
        (queued, lambda run_id: c.LeaseRun(run_id, claimer("s2"), "sha256:2", 60)),
        (claimed, c.StartRun),
        (claimed, lambda run_id: c.AttachSession(run_id, "s1")),
    ],
)
def test_a_blocked_task_lets_nobody_begin(situation, command):
    bench = _blocked(situation)
    assert bench.code(command(bench.latest.id)) is Code.TRANSITION


@pytest.mark.parametrize("situation", [leased, leased_running])
def test_a_blocked_task_lets_the_holder_of_a_lease_finish(situation):
    bench = _blocked(situation)
    bench.do(c.Heartbeat(bench.latest.id), S1)
    assert bench.do(c.CompleteLease(bench.latest.id), S1).answer.the_run.result is None
    assert bench.latest.status is RunStatus.COMPLETED


@pytest.mark.parametrize("situation", AT_WORK)
def test_of_two_operators_that_race_one_is_refused(situation):
    bench = situation()
    bench.do(c.CancelRun(bench.latest.id))
    assert bench.code(c.CancelRun(bench.latest.id)) is Code.RUN_TRANSITION
