"""Subscriptions: every end of the task is due once, in order, and nothing before they were made."""

import pytest

from chargehand.actors import limits
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.frozen import replace
from chargehand.actors.identity import LOCAL_USER
from chargehand.actors.task import commands as c
from chargehand.actors.task.events import BY_OUTCOME, ReviewCanceled
from chargehand.actors.task.review import ReviewOutcome, ReviewPolicy, ReviewRules, Verdict
from chargehand.actors.task.state import Json, TaskStatus
from chargehand.actors.task.subscription import Cursor, DeliveryMode, Target, UndeliveredMessage
from tests.actors.task.kit import MANUAL, START_NS, Bench, agent, types

PEER = Target(DeliveryMode.DIRECT_SEND, peer_id="p")


def subscribe(bench, subscription_id="sub", bridge_id="ops", target=PEER):
    bench.do(c.Subscribe(bridge_id, target, subscription_id))
    return bench.task.subscription(subscription_id)


def subscribed(**fields) -> Bench:
    """A task with a queued run and a subscriber."""
    bench = Bench.with_run(**fields)
    subscribe(bench)
    return bench


def due(bench, subscription_id="sub"):
    return bench.task.subscription(subscription_id).due


def told(bench, decision, subscription_id="sub"):
    """The type of the event that the subscriber is to be told of last."""
    first_seq = bench.next_seq - len(decision.events)
    return decision.events[due(bench, subscription_id)[-1] - first_seq].type


# --- making them -------------------------------------------------------------------------------


def test_a_new_one_begins_at_its_own_number_and_is_no_activity():
    bench = Bench.with_run()
    seen = bench.task.latest_event_seq
    bench.pass_s(1)
    number = bench.next_seq
    decision = bench.do(c.Subscribe("ops", PEER))
    (made,) = bench.task.subscriptions
    assert types(decision) == []
    assert bench.task.latest_event_seq == seen
    assert made.id == f"bts-{bench.decided:024x}"
    assert (made.bridge_id, made.target, made.created_by) == ("ops", PEER, LOCAL_USER)
    assert made.created_at_ns == made.updated_at_ns == bench.now_ns == START_NS + 1_000_000_000
    assert made.cursor == Cursor(number)
    assert (made.due, made.last_delivery_id) == ((), None)


def test_one_that_is_made_after_an_end_is_never_told_of_it():
    bench = Bench.leased()
    bench.do(c.CompleteLease(bench.latest.id), agent("s1"))
    assert subscribe(bench).due == ()


def test_a_known_one_gets_another_bridge_and_target_and_keeps_all_else():
    bench = subscribed()
    bench.do(c.CancelRun(bench.latest.id))
    before = bench.task.subscription("sub")
    bench.pass_s(5)
    other = Target(DeliveryMode.REPLY, group_id="g", thread_id="t")
    after = subscribe(bench, bridge_id="chat", target=other)
    assert (after.bridge_id, after.target, after.updated_at_ns) == ("chat", other, bench.now_ns)
    assert (after.created_at_ns, after.cursor, after.due) == (
        before.created_at_ns,
        before.cursor,
        before.due,
    )


def test_made_again_under_an_old_id_it_begins_at_the_present():
    bench = subscribed()
    bench.do(c.CancelRun(bench.latest.id))
    assert due(bench)
    bench.do(c.Unsubscribe("sub"))
    number = bench.next_seq
    again = subscribe(bench)
    assert (again.due, again.cursor) == ((), Cursor(number))


def test_an_id_stays_with_its_task():
    bench = Bench.created()
    bench.around.subscriptions["sub"] = "another-task"
    refused = bench.refusal(c.Subscribe("ops", PEER, "sub"))
    assert (refused.code, refused.pointer) == (Code.INVALID_REQUEST, "/subscription_id")
    bench.around.subscriptions["sub"] = bench.task_id
    assert subscribe(bench)


def test_a_task_has_only_so_many_but_those_it_has_can_be_changed():
    bench = Bench.created()
    for number in range(limits.SUBSCRIPTIONS_MAX):
        subscribe(bench, f"sub-{number}")
    assert bench.code(c.Subscribe("ops", PEER)) is Code.SUBSCRIPTION_LIMIT
    assert subscribe(bench, "sub-0", bridge_id="chat").bridge_id == "chat"


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"bridge_id": " "}, "/bridge_instance_id"),
        ({"bridge_id": "b" * 129}, "/bridge_instance_id"),
        ({"id": "a.b"}, "/subscription_id"),
        ({"id": "-a"}, "/subscription_id"),
        ({"id": "a" * 129}, "/subscription_id"),
        ({"target": Target(DeliveryMode.REPLY)}, "/peer_id"),
        ({"target": Target(DeliveryMode.REPLY, peer_id=" ", thread_id="t")}, "/peer_id"),
        ({"target": Target(DeliveryMode.REPLY, peer_id="\0")}, "/peer_id"),
        ({"target": Target(DeliveryMode.REPLY, peer_id="\u00e9" * 129)}, "/peer_id"),
        ({"target": Target(DeliveryMode.REPLY, group_id="g" * 257)}, "/group_id"),
        ({"target": Target(DeliveryMode.REPLY, "p", thread_id="t" * 257)}, "/thread_id"),
    ],
)
def test_what_cannot_be_is_named(fields, pointer):
    with pytest.raises(Rejected) as caught:
        c.Subscribe(**{"bridge_id": "ops", "target": PEER, **fields})
    assert (caught.value.code, caught.value.pointer) == (Code.INVALID_REQUEST, pointer)


def test_one_that_is_not_there_cannot_be_removed():
    bench = Bench.created()
    assert bench.code(c.Unsubscribe("sub")) is Code.SUBSCRIPTION_NOT_FOUND


def test_they_go_with_their_task():
    bench = Bench.created()
    subscribe(bench)
    bench.do(c.DeleteTask())
    assert bench.task.subscriptions == ()
    assert bench.code(c.Unsubscribe("sub")) is Code.TASK_NOT_FOUND


# --- ends --------------------------------------------------------------------------------------


def test_a_completion_is_reported():
    bench = subscribed()
    bench.lease()
    decision = bench.do(c.CompleteLease(bench.latest.id, Json(b"1")), agent("s1"))
    assert types(decision) == ["task.run_completed", "task.status_changed"]
    assert told(bench, decision) == "task.run_completed"
    assert len(due(bench)) == 1


def test_a_failure_is_reported_only_if_it_is_for_good():
    bench = subscribed(max_attempts=2)
    bench.lease()
    bench.do(c.FailLease(bench.latest.id, "red"), agent("s1"))
    assert due(bench) == ()
    bench.do(c.RetryRun(bench.latest.id))
    bench.lease()
    decision = bench.do(c.FailLease(bench.latest.id, "red"), agent("s1"))
    assert bench.task.status is TaskStatus.FAILED
    assert told(bench, decision) == "task.run_failed"


def test_a_forced_failure_is_reported():
    bench = subscribed(max_attempts=1)
    decision = bench.do(c.ForceFail(bench.latest.id, "hopeless"))
    assert told(bench, decision) == "task.run_operator_forced_fail"


def test_a_canceled_run_is_reported_and_a_canceled_task_once_though_its_run_is_canceled_too():
    bench = subscribed()
    assert told(bench, bench.do(c.CancelRun(bench.latest.id))) == "task.run_canceled"
    bench = subscribed()
    decision = bench.do(c.CancelTask("enough"))
    assert types(decision) == ["task.run_canceled", "task.canceled", "task.status_changed"]
    assert told(bench, decision) == "task.canceled"
    assert len(due(bench)) == 1


def test_a_task_that_shows_canceled_already_does_not_end_again():
    bench = subscribed()
    bench.do(c.CancelRun(bench.latest.id))
    bench.do(c.CancelTask())
    assert bench.task.canceled
    assert len(due(bench)) == 1


def test_an_end_by_a_change_of_the_task_itself_is_reported_as_a_change_of_its_status():
    bench = subscribed(max_attempts=2)
    bench.do(c.ForceFail(bench.latest.id, "hopeless"))
    assert due(bench) == ()
    decision = bench.do(c.PatchTask(max_attempts=1))
    assert told(bench, decision) == "task.status_changed"


def test_a_task_that_goes_on_and_ends_again_is_told_of_each_end_in_order():
    bench = subscribed()
    bench.do(c.CancelRun(bench.latest.id))
    bench.do(c.RetryRun(bench.latest.id))
    bench.do(c.CancelRun(bench.latest.id))
    first, second = due(bench)
    assert first < second


@pytest.mark.parametrize("outcome", ReviewOutcome)
def test_only_a_verdict_that_has_the_task_go_on_leads_to_another_end(outcome):
    bench = subscribed()
    bench.lease()
    bench.do(c.CompleteLease(bench.latest.id), agent("s1"))
    review = bench.do(c.RequestReview(bench.latest.id)).answer.the_review
    rejected = outcome is ReviewOutcome.REJECTED
    verdict = Verdict(outcome, 1.0, "as it is", "d1", ("tests",) if rejected else ())
    bench.do(c.SubmitVerdict(review.id, review.run_id, verdict), agent("judge"))
    assert len(due(bench)) == 1
    if rejected:
        bench.lease()
        bench.do(c.CompleteLease(bench.latest.id), agent("s1"))
        assert len(due(bench)) == 2


def required(rounds_max=3) -> Bench:
    """A task that was completed, whose policy requires a review, with a subscriber told of that."""
    bench = subscribed()
    bench.review_rules = ReviewRules(ReviewPolicy.ON_SUCCESS, rounds_max=rounds_max)
    bench.lease()
    bench.do(c.CompleteLease(bench.latest.id), agent("s1"))
    bench.do(c.NoteDelivery("sub", due(bench)[0]))
    return bench


def judged(bench, outcome):
    [review] = bench.task.open_reviews
    missing = ("tests",) if outcome is ReviewOutcome.REJECTED else ()
    verdict = Verdict(outcome, 1.0, "as it is", f"d-{review.id}", missing)
    return bench.do(c.SubmitVerdict(review.id, review.run_id, verdict), agent("judge"))


@pytest.mark.parametrize("outcome", set(ReviewOutcome) - {ReviewOutcome.TIMEOUT})
def test_the_outcome_of_a_review_that_was_required_is_reported_once(outcome):
    bench = required()
    decision = judged(bench, outcome)
    assert told(bench, decision) == BY_OUTCOME[outcome].type
    assert len(due(bench)) == 1


def test_a_deadline_that_passes_is_reported_and_the_outcome_of_the_next_attempt_too():
    bench = required()
    [review] = bench.task.open_reviews
    bench.pass_s(limits.REVIEW_S_DEFAULT)
    decision = bench.do(c.TimeOutReview(review.id))
    assert told(bench, decision) == "task.run_review_timeout"
    bench.do(c.RequestReview(review.run_id, attempt=2))
    assert len(due(bench)) == 1
    assert told(bench, judged(bench, ReviewOutcome.APPROVED)) == "task.run_review_approved"
    assert len(due(bench)) == 2


def test_a_circuit_that_opens_is_reported_as_that():
    bench = required(rounds_max=1)
    decision = judged(bench, ReviewOutcome.REJECTED)
    assert told(bench, decision) == "task.run_review_circuit_opened"
    assert len(due(bench)) == 1


def test_reviews_that_a_cancel_ends_are_reported_behind_that_end():
    bench = required()
    bench.do(c.EnqueueRun())
    decision = bench.do(c.CancelTask())
    first_seq = bench.next_seq - len(decision.events)
    end, review = [decision.events[seq - first_seq] for seq in due(bench)]
    assert (end.type, type(review)) == ("task.canceled", ReviewCanceled)


def test_what_is_no_end_is_not_reported():
    bench = Bench.created(approval_policy=MANUAL, draft=True)
    subscribe(bench)
    bench.do(c.ApproveTask())
    bench.do(c.PauseTask("hold"))
    bench.do(c.ResumeTask())
    bench.park()
    bench.do(c.RecoverRun(bench.latest.id))
    assert due(bench) == ()


def test_every_subscriber_is_told():
    bench = subscribed()
    subscribe(bench, "sub-2")
    bench.do(c.CancelRun(bench.latest.id))
    assert due(bench) == due(bench, "sub-2") != ()


# --- deliveries --------------------------------------------------------------------------------


def ended_twice() -> Bench:
    bench = subscribed()
    for _ in range(2):
        if bench.latest.status.is_terminal:
            bench.do(c.RetryRun(bench.latest.id))
        bench.do(c.CancelRun(bench.latest.id))
    return bench


def failed(bench, seq, error, tried_ns=0):
    set_at_ns = bench.task.subscription("sub").updated_at_ns
    return c.NoteFailedDelivery("sub", seq, error, set_at_ns, tried_ns)


def given_up(bench, seq, error="answered 500"):
    """The subscription, after its message `seq` was given up."""
    bench.do(c.GiveUpDelivery("sub", seq, error, bench.task.subscription("sub").updated_at_ns))
    return bench.task.subscription("sub")


def turned_off(bench):
    """The subscription, after its receiver wants no more."""
    known = bench.task.subscription("sub")
    bench.do(c.TurnOffSubscription("sub", known.due[0], "answered 410 Gone", known.updated_at_ns))
    return bench.task.subscription("sub")


def end_again(bench):
    bench.do(c.RetryRun(bench.latest.id))
    bench.do(c.CancelRun(bench.latest.id))


def test_a_delivery_moves_the_cursor_and_is_no_activity():
    bench = ended_twice()
    seen = bench.task.latest_event_seq
    first, second = due(bench)
    bench.pass_s(1)
    decision = bench.do(c.NoteDelivery("sub", first))
    after = bench.task.subscription("sub")
    assert types(decision) == []
    assert bench.task.latest_event_seq == seen
    assert after.due == (second,)
    assert after.cursor == Cursor(first, bench.now_ns, None, bench.now_ns)
    assert after.last_delivery_id == f"notif:sub:{first}"


def test_a_delivery_that_is_noted_twice_is_written_once():
    bench = ended_twice()
    first, _ = due(bench)
    bench.do(c.NoteDelivery("sub", first))
    assert bench.do(c.NoteDelivery("sub", first)).events == ()
    assert bench.do(c.NoteDelivery("sub", 1)).events == ()
    assert bench.do(c.NoteDelivery("unknown", first)).events == ()


def test_a_failure_is_reported_until_a_delivery():
    bench = ended_twice()
    first, second = due(bench)
    bench.pass_s(1)
    bench.do(failed(bench, first, "answered 500"))
    cursor = bench.task.subscription("sub").cursor
    assert (cursor.error, cursor.updated_at_ns) == ("answered 500", bench.now_ns)
    assert cursor.last_seq < first
    assert due(bench) == (first, second)
    bench.do(c.NoteDelivery("sub", first))
    assert bench.task.subscription("sub").cursor.error is None


def test_a_failure_like_the_one_before_writes_nothing():
    bench = ended_twice()
    first, _ = due(bench)
    failure = failed(bench, first, "answered 500")
    assert bench.do(failure).events
    assert bench.do(failure).events == ()
    assert bench.do(failed(bench, first, "hangs")).events
    assert bench.do(failed(bench, 1, "late")).events == ()
    assert bench.do(replace(failure, subscription_id="unknown")).events == ()


def test_how_long_it_was_tried_is_kept_until_a_delivery_or_until_it_is_set_again():
    bench = ended_twice()
    first, second = due(bench)
    bench.do(failed(bench, first, "answered 500", tried_ns=70))
    assert bench.task.subscription("sub").tried_ns == 70
    bench.do(c.NoteDelivery("sub", first))
    assert bench.task.subscription("sub").tried_ns == 0
    bench.do(failed(bench, second, "answered 500", tried_ns=70))
    assert subscribe(bench).tried_ns == 0


def test_an_attempt_from_before_it_was_set_again_says_nothing_of_it():
    bench = ended_twice()
    first, _ = due(bench)
    set_at_ns = bench.task.subscription("sub").updated_at_ns
    bench.pass_s(1)
    subscribe(bench)
    assert bench.do(c.NoteFailedDelivery("sub", first, "late", set_at_ns)).events == ()
    assert bench.do(c.GiveUpDelivery("sub", first, "late", set_at_ns)).events == ()
    assert bench.do(c.TurnOffSubscription("sub", first, "late", set_at_ns)).events == ()


def test_an_error_is_cut_between_characters_and_always_storable():
    assert c.NoteFailedDelivery("sub", 1, "\u00e9" * 2000, 0).error == "\u00e9" * 1024
    assert c.NoteFailedDelivery("sub", 1, "a\0\ud800b", 0).error == "a\ufffd\ufffdb"
    assert c.NoteFailedDelivery("sub", 1, " ", 0).error == "failed"


# --- what is undelivered -----------------------------------------------------------------------


def test_a_message_that_is_given_up_is_kept_and_the_next_one_goes_on():
    bench = ended_twice()
    first, second = due(bench)
    bench.do(failed(bench, first, "answered 500", tried_ns=70))
    bench.pass_s(1)
    after = given_up(bench, first, "answered 503")
    assert after.due == (second,)
    assert after.undelivered == (UndeliveredMessage(first, "answered 503", bench.now_ns),)
    assert (after.cursor.error, after.tried_ns) == ("answered 503", 0)
    assert after.cursor.last_seq < first
    bench.do(c.NoteDelivery("sub", second))
    assert bench.task.subscription("sub").cursor.last_seq == second


def test_what_is_given_up_twice_is_written_once():
    bench = ended_twice()
    first, _ = due(bench)
    given_up(bench, first)
    assert len(given_up(bench, first).undelivered) == 1


def test_why_is_kept_in_short():
    bench = ended_twice()
    [kept] = given_up(bench, due(bench)[0], "\u00e9" * 2000).undelivered
    assert kept.error == "\u00e9" * (limits.SUMMARY_BYTES_MAX // 2)


def test_of_too_many_the_oldest_are_forgotten_and_counted():
    bench = subscribed(max_attempts=1)
    bench.do(c.ForceFail(bench.latest.id, "hopeless"))
    numbers = [given_up(bench, due(bench)[0]).undelivered[-1].seq]
    for _ in range(limits.UNDELIVERED_MAX + 1):
        bench.do(c.PatchTask(max_attempts=2))
        bench.do(c.PatchTask(max_attempts=1))  # which ends it once more
        numbers.append(given_up(bench, due(bench)[0]).undelivered[-1].seq)
    after = bench.task.subscription("sub")
    assert [message.seq for message in after.undelivered] == numbers[2:]
    assert after.undelivered_dropped == 2


def test_sent_again_it_is_due_before_all_others_and_the_cursor_never_falls():
    bench = ended_twice()
    first, second = due(bench)
    given_up(bench, first)
    bench.do(c.NoteDelivery("sub", second))
    end_again(bench)
    [third] = due(bench)
    before = bench.task.subscription("sub").cursor
    bench.do(c.SendAgain("sub", first))
    after = bench.task.subscription("sub")
    assert (after.due, after.undelivered) == ((first, third), ())
    bench.pass_s(1)
    bench.do(c.NoteDelivery("sub", first))
    after = bench.task.subscription("sub")
    assert after.due == (third,)
    assert after.cursor == replace(before, updated_at_ns=bench.now_ns)
    assert after.last_delivery_id == f"notif:sub:{second}"


def test_a_message_is_sent_again_alone_or_with_all_of_its_subscription_or_of_the_task():
    bench = ended_twice()
    subscribe(bench, "sub-2")
    first, second = due(bench)
    given_up(bench, first)
    given_up(bench, second)
    end_again(bench)
    [third] = due(bench, "sub-2")
    set_at_ns = bench.task.subscription("sub-2").updated_at_ns
    bench.do(c.GiveUpDelivery("sub-2", third, "down", set_at_ns))
    before = bench.task
    for command, again in [
        (c.SendAgain("sub", second), [third, second]),
        (c.SendAgain("sub"), [third, first, second]),
        (c.SendAgain("sub-2"), [third, third]),
        (c.SendAgain(), [third, first, second, third]),
    ]:
        bench.state = before
        bench.do(command)
        assert sorted([*due(bench), *due(bench, "sub-2")]) == sorted(again)
    assert bench.do(c.SendAgain()).events == ()


def test_one_that_is_due_again_is_sent_once_however_often_it_is_asked_for():
    bench = ended_twice()
    first, _ = due(bench)
    given_up(bench, first)
    bench.do(c.SendAgain("sub", first))
    assert bench.do(c.SendAgain("sub", first)).events == ()
    assert due(bench)[0] == first


def test_what_is_not_undelivered_cannot_be_sent_again():
    bench = ended_twice()
    assert bench.code(c.SendAgain("sub", 1)) is Code.MESSAGE_NOT_FOUND
    assert bench.code(c.SendAgain("sub-none")) is Code.SUBSCRIPTION_NOT_FOUND


# --- turned off --------------------------------------------------------------------------------


def test_a_receiver_that_wants_no_more_gets_no_more_and_what_was_due_is_kept():
    bench = ended_twice()
    first, second = due(bench)
    bench.pass_s(1)
    after = turned_off(bench)
    assert (after.off_at_ns, after.due) == (bench.now_ns, ())
    assert after.cursor.error == "answered 410 Gone"
    assert [message.seq for message in after.undelivered] == [first, second]
    end_again(bench)
    after = bench.task.subscription("sub")
    assert after.due == ()
    third = after.undelivered[-1]
    assert (third.seq > second, third.error) == (True, "answered 410 Gone")


def test_set_again_it_goes_on_with_what_comes_and_what_it_missed_can_be_sent():
    bench = ended_twice()
    missed = due(bench)
    turned_off(bench)
    assert bench.code(c.SendAgain("sub")) is Code.SUBSCRIPTION_OFF
    assert bench.code(c.SendAgain()) is Code.SUBSCRIPTION_OFF
    after = subscribe(bench)
    assert (after.off_at_ns, after.due, len(after.undelivered)) == (None, (), 2)
    end_again(bench)
    [new] = due(bench)
    bench.do(c.SendAgain("sub"))
    assert due(bench) == (*missed, new)


def test_all_of_a_task_is_sent_again_but_to_those_that_are_off():
    bench = ended_twice()
    subscribe(bench, "sub-2")
    end_again(bench)
    [third] = due(bench, "sub-2")
    set_at_ns = bench.task.subscription("sub-2").updated_at_ns
    bench.do(c.GiveUpDelivery("sub-2", third, "down", set_at_ns))
    turned_off(bench)
    bench.do(c.SendAgain())
    assert due(bench, "sub-2") == (third,)
    assert len(bench.task.subscription("sub").undelivered) == 3
