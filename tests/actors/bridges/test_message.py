"""A message tells what happened then, whatever the task is now."""

import pytest

from chargehand.actors.bridges.message import ReviewPart, message_of
from chargehand.actors.record import Record
from chargehand.actors.task import commands as c
from chargehand.actors.task.events import MessageDue
from chargehand.actors.task.review import ReviewOutcome, ReviewPolicy, ReviewRules, Verdict
from chargehand.actors.task.state import TaskStatus
from chargehand.actors.task.subscription import DeliveryMode, Target
from tests.actors.task.kit import OPERATOR, Bench, agent


def told(command_of, caller=OPERATOR):
    """The message about what a command does to a task with a claimed run, its last attempt."""
    bench = Bench.with_run(max_attempts=1)
    bench.do(c.Subscribe("ops", Target(DeliveryMode.REPLY, peer_id="p"), "sub"))
    bench.lease()
    seq = bench.next_seq
    events = bench.do(command_of(bench.latest.id), caller).events
    record = Record(seq, "00", bench.now_ns, bench.task_id, caller, events)
    [due] = [event.seq for event in events if isinstance(event, MessageDue)]
    return message_of(bench.task, bench.task.subscription("sub"), record, due), bench


@pytest.mark.parametrize(
    ("command_of", "caller", "type_", "status", "error"),
    [
        (c.CompleteLease, agent("s1"), "task.run_completed", TaskStatus.COMPLETED, None),
        (
            lambda run_id: c.FailLease(run_id, "red"),
            agent("s1"),
            "task.run_failed",
            TaskStatus.FAILED,
            "red",
        ),
        (
            lambda run_id: c.ForceFail(run_id, "hopeless"),
            OPERATOR,
            "task.run_operator_forced_fail",
            TaskStatus.FAILED,
            "hopeless",
        ),
        (c.CancelRun, OPERATOR, "task.run_canceled", TaskStatus.CANCELED, None),
    ],
)
def test_the_end_of_a_run(command_of, caller, type_, status, error):
    message, bench = told(command_of, caller)
    assert (message.event.type, message.status) == (type_, status)
    assert (message.run_id, message.error) == (bench.latest.id, error)
    assert message.delivery_id == f"notif:sub:{message.seq}"
    assert (message.task_id, message.workspace_id) == ("t", None)


def test_the_end_of_a_task_names_no_run():
    message, _ = told(lambda _: c.CancelTask("enough"))
    assert (message.event.type, message.run_id) == ("task.canceled", None)
    assert message.status is TaskStatus.CANCELED


# --- reviews -----------------------------------------------------------------------------------


def messages_of(bench, command, caller=OPERATOR):
    """What subscribers are told of it, in order."""
    seq = bench.next_seq
    events = bench.do(command, caller).events
    record = Record(seq, "00", bench.now_ns, bench.task_id, caller, events)
    due = sorted(event.seq for event in events if isinstance(event, MessageDue))
    subscription = bench.task.subscription("sub")
    return [message_of(bench.task, subscription, record, each) for each in due]


def reviewed(rounds_max=3):
    """A task that was completed under a policy, the message of its end, and its open review."""
    bench = Bench.with_run()
    bench.review_rules = ReviewRules(ReviewPolicy.ON_SUCCESS, rounds_max=rounds_max)
    bench.do(c.Subscribe("ops", Target(DeliveryMode.REPLY, peer_id="p"), "sub"))
    bench.lease()
    [end] = messages_of(bench, c.CompleteLease(bench.latest.id), agent("s1"))
    [review] = bench.task.open_reviews
    return bench, end, review


def verdict(review, outcome, missing=()):
    told = Verdict(outcome, 1.0, "as it is", "d1", missing)
    return c.SubmitVerdict(review.id, review.run_id, told)


def test_an_end_says_that_its_required_review_is_open():
    _, end, review = reviewed()
    assert (end.event_type, end.status) == ("task.run_completed", TaskStatus.COMPLETED)
    assert end.review == ReviewPart(review.id, True)


def test_an_approval_is_reported_under_an_id_of_its_own():
    bench, end, review = reviewed()
    approval = verdict(review, ReviewOutcome.APPROVED)
    [message] = messages_of(bench, approval, agent("judge"))
    assert (message.event_type, message.status) == (
        "task.run_review_approved",
        TaskStatus.COMPLETED,
    )
    assert (message.run_id, message.error) == (review.run_id, None)
    assert message.review == ReviewPart(review.id, False, ReviewOutcome.APPROVED, "as it is")
    assert message.delivery_id != end.delivery_id


def test_a_rejection_names_the_run_that_goes_on():
    bench, _, review = reviewed()
    rejection = verdict(review, ReviewOutcome.REJECTED, ("tests",))
    [message] = messages_of(bench, rejection, agent("judge"))
    assert message.event_type == "task.run_review_rejected"
    assert message.status is TaskStatus.COMPLETED
    assert message.review.continuation_run_id == bench.latest.id


def test_a_circuit_that_opens_says_that_nothing_follows():
    bench, _, review = reviewed(rounds_max=1)
    rejection = verdict(review, ReviewOutcome.REJECTED, ("tests",))
    [message] = messages_of(bench, rejection, agent("judge"))
    assert message.event_type == "task.run_review_circuit_opened"
    assert message.review.outcome is ReviewOutcome.REJECTED
    assert message.review.circuit_opened
    assert message.review.continuation_run_id is None


def test_a_review_that_a_cancel_ends_is_reported_behind_that_end():
    bench, _, review = reviewed()
    bench.do(c.EnqueueRun())
    end, message = messages_of(bench, c.CancelTask())
    assert (end.event_type, end.review) == ("task.canceled", None)
    assert message.event_type == "task.run_review_canceled"
    assert (message.status, message.review) == (TaskStatus.CANCELED, ReviewPart(review.id, False))


def test_a_review_that_no_policy_requires_is_not_reported():
    bench = Bench.with_run()
    bench.do(c.Subscribe("ops", Target(DeliveryMode.REPLY, peer_id="p"), "sub"))
    bench.lease()
    [end] = messages_of(bench, c.CompleteLease(bench.latest.id), agent("s1"))
    assert end.review is None
    bench.do(c.RequestReview(bench.latest.id))
    [review] = bench.task.open_reviews
    assert messages_of(bench, verdict(review, ReviewOutcome.APPROVED), agent("judge")) == []
