"""Reviews of one task: asked for, judged, followed by a run, and stopped by the circuit."""

import pytest
from attrs import evolve

from chargehand.actors.errors import Code, Rejected
from chargehand.actors.identity import REVIEW_DEADLINES
from chargehand.actors.limits import NS, REVIEW_S_DEFAULT, REVIEWS_MAX
from chargehand.actors.task import commands as c
from chargehand.actors.task.review import (
    ReviewOutcome,
    ReviewPolicy,
    ReviewRules,
    ReviewStatus,
    Verdict,
)
from chargehand.actors.task.state import RunStatus, TaskStatus
from tests.actors.task.kit import Bench, agent, types

ALWAYS = ReviewRules(policy=ReviewPolicy.ALWAYS)
JUDGE = agent("judge")
REJECTED = Verdict(ReviewOutcome.REJECTED, 0.9, "not yet", "d1", ("tests",), "write them")


def verdict(outcome: ReviewOutcome = ReviewOutcome.APPROVED, **fields) -> Verdict:
    missing = ("tests",) if outcome is ReviewOutcome.REJECTED else ()
    return evolve(Verdict(outcome, 1.0, "as it is", "d1", missing), **fields)


@pytest.fixture
def bench() -> Bench:
    """A task with a run that session s1 has completed."""
    bench = Bench.leased()
    bench.do(c.CompleteLease(bench.latest.id), agent("s1"))
    return bench


def ask(bench, **fields):
    run_id = fields.pop("run_id", bench.latest.id)
    return bench.do(c.RequestReview(run_id=run_id, **fields))


def judge(bench, said, caller=JUDGE):
    review = bench.task.reviews[-1]
    return bench.do(c.SubmitVerdict(review.id, review.run_id, said), caller)


def work(bench, session="s1"):
    """The latest run is leased and completed."""
    bench.lease(session)
    return bench.do(c.CompleteLease(bench.latest.id), agent(session))


# --- asking ------------------------------------------------------------------------------------


def test_a_request_says_what_nobody_named(bench):
    decision = ask(bench)
    review = decision.answer.the_review
    assert (review.policy, review.round, review.attempt) == (ReviewPolicy.ALWAYS, 1, 1)
    assert review.status is ReviewStatus.REQUESTED
    assert review.deadline_at_ns == bench.now_ns + REVIEW_S_DEFAULT * NS
    assert types(decision) == ["task.run_review_requested"]
    assert bench.task.status is TaskStatus.COMPLETED


def test_the_same_round_and_attempt_are_the_same_review(bench):
    first = ask(bench, reason="look").answer.the_review
    again = ask(bench, reason="otherwise", deadline_at_ns=1)
    assert again.answer.replayed
    assert again.answer.the_review == first
    assert ask(bench, attempt=2).answer.the_review != first


@pytest.mark.parametrize(
    ("policy", "ends"),
    [
        (ReviewPolicy.ON_SUCCESS, {RunStatus.COMPLETED}),
        (ReviewPolicy.ON_FAILURE, {RunStatus.FAILED, RunStatus.CANCELED}),
        (ReviewPolicy.ALWAYS, {RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELED}),
    ],
)
@pytest.mark.parametrize("end", [RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELED])
def test_a_policy_is_for_some_ends(policy, ends, end):
    bench = Bench.leased()
    run_id = bench.latest.id
    match end:
        case RunStatus.COMPLETED:
            bench.do(c.CompleteLease(run_id), agent("s1"))
        case RunStatus.FAILED:
            bench.do(c.FailLease(run_id, "broken"), agent("s1"))
        case _:
            bench.do(c.CancelRun(run_id))
    request = c.RequestReview(run_id, policy)
    if end in ends:
        assert bench.do(request).answer.the_review.policy is policy
    else:
        assert bench.code(request) is Code.RUN_NOT_REVIEWABLE


def test_a_run_that_has_not_ended_cannot_be_reviewed():
    bench = Bench.leased()
    assert bench.code(c.RequestReview(bench.latest.id)) is Code.RUN_NOT_REVIEWABLE
    bench.expire()
    bench.expiries_max = 2
    bench.lease()
    bench.expire()
    assert bench.latest.status is RunStatus.NEEDS_ATTENTION
    assert bench.code(c.RequestReview(bench.latest.id)) is Code.RUN_NOT_REVIEWABLE


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"task_id": "other"}, "/task_id"),
        ({"named_run_id": "run-other"}, "/run_id"),
        ({"parent_review_id": "review-other"}, "/parent_review_id"),
        ({"deadline_at_ns": 1}, "/deadline_at"),
    ],
)
def test_what_does_not_fit_is_named(bench, fields, pointer):
    refused = bench.refusal(c.RequestReview(run_id=bench.latest.id, **fields))
    assert (refused.code, refused.pointer) == (Code.INVALID_REQUEST, pointer)


def test_a_task_has_a_bounded_number_of_reviews(bench):
    for attempt in range(1, REVIEWS_MAX + 1):
        ask(bench, attempt=attempt)
    assert bench.code(c.RequestReview(bench.latest.id, attempt=999)) is Code.REVIEW_LIMIT


# --- by policy ---------------------------------------------------------------------------------


def test_by_policy_the_end_of_a_run_asks_in_the_same_record():
    bench = Bench.leased()
    bench.review_rules = ALWAYS
    decision = bench.do(c.CompleteLease(bench.latest.id), agent("s1"))
    assert types(decision) == [
        "task.run_completed",
        "task.status_changed",
        "task.run_review_requested",
    ]
    [review] = bench.task.reviews
    assert (review.run_id, review.round, review.attempt) == (bench.latest.id, 1, 1)


@pytest.mark.parametrize("policy", [ReviewPolicy.NONE, ReviewPolicy.ON_FAILURE])
def test_a_policy_for_other_ends_asks_for_nothing(policy):
    bench = Bench.leased()
    bench.review_rules = ReviewRules(policy=policy)
    bench.do(c.CompleteLease(bench.latest.id), agent("s1"))
    assert bench.task.reviews == ()


def test_every_way_to_end_a_run_asks():
    endings = [
        lambda run: (c.CancelRun(run), None),
        lambda run: (c.ForceFail(run, "stuck"), None),
        lambda run: (c.FailLease(run, "broken"), agent("s1")),
        lambda run: (c.CompleteLease(run), agent("s1")),
    ]
    for ending in endings:
        bench = Bench.leased()
        bench.review_rules = ALWAYS
        command, caller = ending(bench.latest.id)
        bench.do(command, *([] if caller is None else [caller]))
        assert len(bench.task.reviews) == 1, command
    operator = [c.CompleteRun, lambda run: c.FailRun(run, "broken")]
    for ending in operator:
        bench = Bench.with_run()
        bench.review_rules = ALWAYS
        run_id = bench.latest.id
        for command in (c.ClaimRun(run_id), c.StartRun(run_id), ending(run_id)):
            bench.do(command)
        assert len(bench.task.reviews) == 1, ending


def test_a_canceled_task_has_nothing_to_judge(bench):
    bench.review_rules = ALWAYS
    ask(bench)
    bench.do(c.EnqueueRun())
    bench.do(c.CancelTask())
    [review] = bench.task.reviews  # the canceled run asked for none
    assert review.status is ReviewStatus.CANCELED
    refused = bench.refusal(c.SubmitVerdict(review.id, review.run_id, verdict()), JUDGE)
    assert refused.code is Code.REVIEW_CLOSED
    assert bench.code(c.RequestReview(bench.task.runs[0].id, attempt=2)) is Code.TRANSITION


# --- judging -----------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [o for o in ReviewOutcome if o is not ReviewOutcome.REJECTED])
def test_all_outcomes_but_a_rejection_leave_the_task_alone(bench, outcome):
    ask(bench)
    before = bench.task
    decision = judge(bench, verdict(outcome))
    assert types(decision) == [
        "task.run_review_recorded",
        f"task.run_review_{outcome.value}",
    ]
    review = decision.answer.the_review
    assert (review.status, review.reviewed_by) == (ReviewStatus.RECORDED, JUDGE.actor)
    assert (bench.task.status, bench.task.runs) == (before.status, before.runs)


def test_a_rejection_reopens_the_task_with_a_run_that_knows_what_is_missing(bench):
    reviewed = bench.latest
    ask(bench)
    decision = judge(bench, REJECTED)
    assert types(decision) == [
        "task.run_review_recorded",
        "task.run_review_rejected",
        "task.run_enqueued",
        "task.run_review_retry_enqueued",
        "task.status_changed",
    ]
    run = decision.answer.the_run
    assert run is bench.latest
    assert (run.status, run.attempt, run.predecessor_id) == (RunStatus.QUEUED, 2, reviewed.id)
    assert b'"missing_work":["tests"],"next_round_guidance":"write them"' in run.metadata
    assert bench.task.status is TaskStatus.READY


def test_the_attempts_of_the_task_do_not_stop_a_rejection():
    bench = Bench.leased(max_attempts=1)
    bench.do(c.CompleteLease(bench.latest.id), agent("s1"))
    ask(bench)
    judge(bench, REJECTED)
    assert bench.latest.attempt == 2


def test_the_end_of_a_continuation_is_judged_by_the_policy_of_its_review(bench):
    ask(bench, policy=ReviewPolicy.ON_SUCCESS)
    judge(bench, REJECTED)
    work(bench)
    first, second = bench.task.reviews
    assert (second.round, second.policy) == (2, ReviewPolicy.ON_SUCCESS)
    assert (second.run_id, second.parent_review_id) == (bench.latest.id, first.id)


def test_the_same_verdict_again_writes_nothing_and_gives_the_same_run(bench):
    ask(bench)
    first = judge(bench, REJECTED)
    bench.lease("s2")
    again = judge(bench, evolve(REJECTED, confidence=0.1))
    assert again.events == ()
    assert again.answer.replayed
    assert again.answer.the_review == first.answer.the_review
    assert again.answer.the_run.status is RunStatus.CLAIMED


@pytest.mark.parametrize(
    "change",
    [
        {"reason": "another"},
        {"delivery_id": "d2"},
        {"missing_work": ("docs",)},
        {"next_round_guidance": None},
        {"review_text": "long"},
        {"outcome": ReviewOutcome.BLOCKED},
    ],
)
def test_another_verdict_on_the_same_review_is_a_conflict(bench, change):
    ask(bench)
    judge(bench, REJECTED)
    review = bench.task.reviews[0]
    other = c.SubmitVerdict(review.id, review.run_id, evolve(REJECTED, **change))
    assert bench.code(other, JUDGE) is Code.REVIEW_CLOSED
    same = c.SubmitVerdict(review.id, review.run_id, REJECTED)
    assert bench.code(same, agent("another")) is Code.REVIEW_CLOSED


def test_who_did_the_work_never_judges_it(bench):
    ask(bench)
    review = bench.task.reviews[0]
    command = c.SubmitVerdict(review.id, review.run_id, verdict())
    assert bench.code(command, agent("s1")) is Code.SELF_REVIEW
    bench.do(command)  # an operator may


def test_a_verdict_names_the_run_of_its_review(bench):
    ask(bench)
    command = c.SubmitVerdict(bench.task.reviews[0].id, "run-other", verdict())
    assert bench.refusal(command, JUDGE).pointer == "/run_id"
    unknown = c.SubmitVerdict("review-none", bench.latest.id, verdict())
    assert bench.code(unknown, JUDGE) is Code.REVIEW_NOT_FOUND


def test_a_rejection_waits_for_the_end_of_another_run(bench):
    ask(bench)
    bench.do(c.EnqueueRun())
    review = bench.task.reviews[0]
    command = c.SubmitVerdict(review.id, review.run_id, REJECTED)
    assert bench.code(command, JUDGE) is Code.TASK_HAS_OPEN_RUN
    assert bench.task.reviews[0].is_open
    bench.do(c.CancelRun(bench.latest.id))
    assert bench.do(command, JUDGE).answer.the_run.attempt == 3


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"confidence": None}, "/verdict/confidence"),
        ({"confidence": 1.01}, "/verdict/confidence"),
        ({"reason": " "}, "/verdict/reason"),
        ({"delivery_id": ""}, "/verdict/delivery_id"),
        ({"missing_work": ("tests",)}, "/verdict/missing_work"),
        ({"outcome": ReviewOutcome.REJECTED, "missing_work": ()}, "/verdict/missing_work"),
        ({"outcome": ReviewOutcome.REJECTED, "missing_work": (" ",)}, "/verdict/missing_work/0"),
        ({"next_round_guidance": "x" * 8193}, "/verdict/next_round_guidance"),
        ({"review_text": "x" * 65_537}, "/verdict/review_text"),
    ],
)
def test_a_verdict_that_says_too_little_or_too_much_is_refused(change, pointer):
    with pytest.raises(Rejected) as caught:
        c.SubmitVerdict("review-1", "run-1", verdict(**change))
    assert caught.value.pointer == pointer


def test_missing_work_has_a_limit_of_bytes():
    with pytest.raises(Rejected) as caught:
        c.SubmitVerdict("review-1", "run-1", evolve(REJECTED, missing_work=("x" * 65_536,)))
    assert caught.value.code is Code.PAYLOAD_TOO_LARGE


# --- the circuit -------------------------------------------------------------------------------


def test_the_rejection_of_the_last_round_opens_the_circuit(bench):
    ask(bench)
    for _ in range(2):
        judge(bench, REJECTED)
        bench.pass_s(300)  # not rapidly
        work(bench)
    runs = bench.task.runs
    decision = judge(bench, REJECTED)
    assert types(decision) == [
        "task.run_review_recorded",
        "task.run_review_rejected",
        "task.run_review_circuit_opened",
    ]
    review = decision.answer.the_review
    assert (review.round, review.status) == (3, ReviewStatus.CIRCUIT_OPENED)
    assert review.verdict.outcome is ReviewOutcome.REJECTED
    assert decision.answer.run is None
    assert bench.task.runs == runs
    assert bench.task.status is TaskStatus.COMPLETED
    assert judge(bench, REJECTED).answer.replayed


def test_runs_that_end_too_quickly_open_the_circuit_before_the_last_round(bench):
    bench.review_rules = ReviewRules(rounds_max=100)
    ask(bench)
    for _ in range(3):
        judge(bench, REJECTED)
        bench.pass_s(30)
        work(bench)
    assert judge(bench, REJECTED).answer.the_review.status is ReviewStatus.CIRCUIT_OPENED
    assert bench.task.reviews[-1].round == 4


def test_the_window_moves_on(bench):
    bench.review_rules = ReviewRules(rounds_max=100)
    ask(bench)
    for _ in range(10):
        judge(bench, REJECTED)
        bench.pass_s(61)
        work(bench)
    assert bench.task.reviews[-1].round == 11


# --- the deadline ------------------------------------------------------------------------------


def test_a_review_that_nobody_judges_times_out_at_its_deadline(bench):
    ask(bench, deadline_at_ns=bench.now_ns + 10 * NS)
    [review] = bench.task.reviews
    bench.now_ns = review.deadline_at_ns - 1
    assert bench.do(c.TimeOutReview(review.id), REVIEW_DEADLINES).events == ()
    bench.now_ns = review.deadline_at_ns
    late = c.SubmitVerdict(review.id, review.run_id, verdict())
    assert bench.code(late) is Code.REVIEW_CLOSED
    decision = bench.do(c.TimeOutReview(review.id), REVIEW_DEADLINES)
    assert types(decision) == ["task.run_review_recorded", "task.run_review_timeout"]
    [review] = bench.task.reviews
    assert review.verdict.outcome is ReviewOutcome.TIMEOUT
    assert review.reviewed_by == REVIEW_DEADLINES.actor
    assert bench.code(c.SubmitVerdict(review.id, review.run_id, verdict())) is Code.REVIEW_CLOSED
    assert bench.do(c.TimeOutReview(review.id), REVIEW_DEADLINES).events == ()
    assert ask(bench, attempt=2).answer.the_review.is_open


def test_a_deleted_task_takes_its_reviews_along(bench):
    ask(bench)
    bench.do(c.DeleteTask())
    assert bench.task.reviews == ()
