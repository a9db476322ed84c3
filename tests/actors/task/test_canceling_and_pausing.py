"""Cancel a task and what is below it; pause and resume it."""

import pytest

from chargehand.actors.errors import Code
from chargehand.actors.task import commands as c
from chargehand.actors.task.effects import CancelPropagated
from chargehand.actors.task.events import RunCanceled, TaskCanceled, TaskResumed, TreeCancelRepeated
from chargehand.actors.task.state import Json, RunStatus, TaskStatus
from tests.actors.task.kit import MANUAL, OPERATOR, Bench, agent, types

S1 = agent("s1")


def _completed():
    bench = Bench.leased()
    bench.do(c.CompleteLease(bench.latest.id), S1)
    return bench


# --- cancel --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bench",
    [
        Bench.created(),
        Bench.created(draft=True),
        Bench.created(approval_policy=MANUAL),
        Bench.with_run(),
        Bench.leased(),
    ],
)
def test_canceling_ends_the_task_and_its_run_for_good(bench):
    decision = bench.do(c.CancelTask("enough", Json(b"1")))
    told = [event for event in decision.events if isinstance(event, TaskCanceled)]
    assert told[0].reason == "enough"
    assert told[0].propagated_from_task_id is None
    assert told[0].canceled_run_ids == tuple(run.id for run in bench.task.runs)
    assert (bench.task.status, bench.task.closed_at_ns) == (TaskStatus.CANCELED, bench.now_ns)
    assert bench.code(c.EnqueueRun()) is Code.TRANSITION


def test_canceling_records_the_run_first():
    bench = Bench.leased()
    decision = bench.do(c.CancelTask("enough"))
    assert types(decision) == ["task.run_canceled", "task.canceled", "task.status_changed"]
    (event,) = [e for e in decision.events if isinstance(e, RunCanceled)]
    assert (event.session_id, event.reason) == ("s1", "enough")
    assert bench.latest.lease_until_ns is not None
    assert not bench.latest.is_leased


def test_a_task_that_has_ended_is_not_canceled():
    assert _completed().code(c.CancelTask()) is Code.TRANSITION
    bench = Bench.leased(max_attempts=1)
    bench.do(c.FailLease(bench.latest.id, "broken"), S1)
    assert bench.code(c.CancelTask()) is Code.TRANSITION


def test_a_completed_task_with_a_run_that_needs_attention_is_canceled():
    bench = _completed()
    bench.do(c.EnqueueRun())
    bench.park()
    assert bench.task.status is TaskStatus.COMPLETED
    bench.do(c.CancelTask())
    assert bench.task.status is TaskStatus.CANCELED


def test_a_task_that_shows_canceled_by_its_run_can_be_canceled_itself():
    bench = Bench.with_run()
    bench.do(c.CancelRun(bench.latest.id))
    closed_at_ns = bench.task.closed_at_ns
    bench.pass_s(1)
    assert types(bench.do(c.CancelTask())) == ["task.canceled"]
    assert bench.task.closed_at_ns == closed_at_ns
    assert bench.code(c.EnqueueRun()) is Code.TRANSITION


def test_canceling_again_records_nothing_but_sweeps_what_is_below():
    bench = Bench.created()
    bench.do(c.CancelTask())
    assert bench.do(c.CancelTask()).events == ()
    bench.around.open[bench.task_id] = 1
    decision = bench.do(c.CancelTask("again"))
    assert decision.events == (TreeCancelRepeated("again"),)
    assert types(decision) == []


def test_a_propagated_cancel_names_its_root():
    bench = Bench.with_run()
    decision = bench.do(CancelPropagated("root", "enough", Json(b"1")))
    assert types(decision) == ["task.run_canceled", "task.canceled", "task.status_changed"]
    for event in decision.events:
        if isinstance(event, RunCanceled | TaskCanceled):
            assert event.propagated_from_task_id == "root"
            assert (event.reason, event.metadata) == ("enough", Json(b"1"))


def test_a_propagated_cancel_passes_by_what_has_ended():
    bench = _completed()
    assert types(bench.do(CancelPropagated("root"))) == []
    assert bench.task.status is TaskStatus.COMPLETED
    bench = Bench.created()
    bench.do(c.CancelTask())
    assert types(bench.do(CancelPropagated("root"))) == []


# --- pause ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [{}, {"draft": True}, {"approval_policy": MANUAL}])
def test_a_pause_is_kept_with_who_when_and_why(fields):
    bench = Bench.created(**fields)
    status = bench.task.status
    bench.pass_s(1)
    assert types(bench.do(c.PauseTask(" incident "))) == ["task.paused"]
    pause = bench.task.pause
    assert pause is not None
    assert (pause.by, pause.at_ns, pause.reason) == (OPERATOR.actor, bench.now_ns, "incident")
    assert bench.task.status is status


def test_pausing_again_renews_the_reason():
    bench = Bench.created()
    bench.do(c.PauseTask("one"))
    (event,) = bench.do(c.PauseTask("two"), S1).events
    assert event.previous_paused
    assert bench.task.pause is not None
    assert (bench.task.pause.reason, bench.task.pause.by) == ("two", S1.actor)


def test_what_has_ended_is_not_paused_but_may_be_resumed():
    bench = _completed()
    assert bench.code(c.PauseTask("wait")) is Code.RUN_ALREADY_TERMINAL
    (event,) = bench.do(c.ResumeTask()).events
    assert isinstance(event, TaskResumed)
    assert not event.previous_paused


def test_a_resume_lifts_the_pause():
    bench = Bench.with_run()
    bench.do(c.PauseTask("wait"))
    (event,) = bench.do(c.ResumeTask()).events
    assert event.previous_paused
    assert bench.task.pause is None
    bench.lease()
    assert bench.latest.status is RunStatus.CLAIMED
