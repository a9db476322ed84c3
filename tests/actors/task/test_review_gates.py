"""A task whose review the policy required is done when a review has approved it, not before."""

import pytest

from chargehand.actors.identity import REVIEW_DEADLINES
from chargehand.actors.task import commands as c
from chargehand.actors.task import effects as f
from chargehand.actors.task.events import ReviewRequested
from chargehand.actors.task.review import (
    ReviewOutcome,
    ReviewPolicy,
    ReviewRules,
    ReviewStatus,
    Verdict,
)
from chargehand.actors.task.slim import slim
from chargehand.actors.task.state import RunStatus, TaskStatus
from tests.actors.task.kit import Bench, agent, types
from tests.actors.task.town import Town

S1, JUDGE = agent("s1"), agent("judge")


def verdict(outcome: ReviewOutcome) -> Verdict:
    missing = ("tests",) if outcome is ReviewOutcome.REJECTED else ()
    return Verdict(outcome, 1.0, "looked", "d", missing)


def completed(policy: ReviewPolicy = ReviewPolicy.ON_SUCCESS, **rules) -> Bench:
    bench = Bench.leased()
    bench.review_rules = ReviewRules(policy=policy, **rules)
    bench.do(c.CompleteLease(bench.latest.id), S1)
    return bench


def judge(bench: Bench, outcome: ReviewOutcome):
    """Of the review that was asked for last."""
    review = bench.task.reviews[-1]
    return bench.do(c.SubmitVerdict(review.id, review.run_id, verdict(outcome)), JUDGE)


def again(bench: Bench) -> None:
    """Another attempt at judging the latest run, asked for by somebody."""
    attempts = [r.attempt for r in bench.task.reviews if r.run_id == bench.latest.id]
    bench.do(c.RequestReview(bench.latest.id, attempt=1 + max(attempts, default=0)))


def work(bench: Bench) -> None:
    bench.lease("s1")
    bench.do(c.CompleteLease(bench.latest.id), S1)


@pytest.mark.parametrize("policy", [ReviewPolicy.NONE, ReviewPolicy.ON_FAILURE])
def test_what_no_policy_has_judged_is_done_when_it_is_completed(policy):
    bench = completed(policy)
    assert bench.task.is_done
    assert bench.task.reviews == ()


@pytest.mark.parametrize("policy", [ReviewPolicy.ON_SUCCESS, ReviewPolicy.ALWAYS])
def test_what_the_policy_has_judged_is_done_when_it_is_approved(policy):
    bench = completed(policy)
    assert (bench.task.status, bench.task.is_done) == (TaskStatus.COMPLETED, False)
    assert bench.task.requires_review(bench.latest.id)
    assert slim(bench.task).is_done is False
    judge(bench, ReviewOutcome.APPROVED)
    assert (bench.task.status, bench.task.is_done) == (TaskStatus.COMPLETED, True)
    assert slim(bench.task).is_done is True


@pytest.mark.parametrize(
    "outcome",
    [ReviewOutcome.BLOCKED, ReviewOutcome.ERROR, ReviewOutcome.INVALID_OUTPUT],
)
def test_what_is_no_judgement_approves_nothing_and_another_attempt_may(outcome):
    bench = completed()
    judge(bench, outcome)
    assert not bench.task.is_done
    again(bench)
    assert not bench.task.reviews[-1].required
    judge(bench, ReviewOutcome.APPROVED)
    assert bench.task.is_done


def test_a_review_that_nobody_has_judged_in_time_approves_nothing_and_another_attempt_may():
    bench = completed()
    bench.now_ns = bench.task.reviews[-1].deadline_at_ns
    bench.do(c.TimeOutReview(bench.task.reviews[-1].id), REVIEW_DEADLINES)
    assert not bench.task.is_done
    again(bench)
    judge(bench, ReviewOutcome.APPROVED)
    assert bench.task.is_done


def test_after_a_rejection_the_run_that_goes_on_decides_with_its_own_review():
    bench = completed()
    judge(bench, ReviewOutcome.REJECTED)
    assert (bench.task.status, bench.task.is_done) == (TaskStatus.READY, False)
    work(bench)
    assert (bench.task.status, bench.task.is_done) == (TaskStatus.COMPLETED, False)
    judge(bench, ReviewOutcome.APPROVED)
    assert bench.task.is_done


def open_circuit() -> Bench:
    bench = completed(rounds_max=1)
    judge(bench, ReviewOutcome.REJECTED)
    assert bench.task.reviews[-1].status is ReviewStatus.CIRCUIT_OPENED
    assert (bench.task.status, bench.task.is_done) == (TaskStatus.COMPLETED, False)
    return bench


def test_an_open_circuit_is_overcome_by_another_attempt_that_approves():
    bench = open_circuit()
    again(bench)
    judge(bench, ReviewOutcome.APPROVED)
    assert bench.task.is_done


def test_an_open_circuit_is_overcome_by_a_further_run_that_is_approved():
    bench = open_circuit()
    bench.do(c.EnqueueRun())
    work(bench)
    assert not bench.task.is_done
    judge(bench, ReviewOutcome.APPROVED)
    assert bench.task.is_done


def test_an_open_circuit_is_overcome_by_a_further_run_where_no_review_is_required_any_more():
    bench = open_circuit()
    bench.review_rules = ReviewRules()
    bench.do(c.EnqueueRun())
    work(bench)
    assert bench.task.is_done


def test_the_last_judgement_counts():
    bench = completed(rounds_max=1)
    judge(bench, ReviewOutcome.APPROVED)
    again(bench)
    assert bench.task.is_done, "another attempt takes back nothing by being asked for"
    judge(bench, ReviewOutcome.REJECTED)
    assert (bench.task.status, bench.task.is_done) == (TaskStatus.COMPLETED, False)


def test_a_review_that_somebody_asked_for_gates_nothing_where_the_policy_required_none():
    bench = completed(ReviewPolicy.NONE, rounds_max=1)
    again(bench)
    assert bench.task.is_done
    judge(bench, ReviewOutcome.REJECTED)
    assert bench.task.reviews[-1].status is ReviewStatus.CIRCUIT_OPENED
    assert bench.task.is_done


def test_the_policy_of_a_request_is_that_of_the_runs_that_follow_it():
    """Nothing was required of the first run; of its continuation the request's policy does."""
    bench = completed(ReviewPolicy.NONE)
    again(bench)
    judge(bench, ReviewOutcome.REJECTED)
    work(bench)
    assert bench.task.requires_review(bench.latest.id)
    assert not bench.task.is_done
    judge(bench, ReviewOutcome.APPROVED)
    assert bench.task.is_done


def test_a_judgement_of_an_earlier_run_decides_nothing():
    bench = completed(rounds_max=1)
    first = bench.latest.id
    bench.do(c.EnqueueRun())
    work(bench)
    judge(bench, ReviewOutcome.APPROVED)
    bench.do(c.RequestReview(first, attempt=2))
    judge(bench, ReviewOutcome.REJECTED)
    assert bench.task.is_done


def test_a_run_that_failed_and_is_judged_says_nothing_of_the_one_that_completes():
    bench = Bench.leased()
    bench.review_rules = ReviewRules(policy=ReviewPolicy.ON_FAILURE)
    bench.do(c.FailLease(bench.latest.id, "broken"), S1)
    assert bench.task.reviews[-1].required
    bench.do(c.RetryRun(bench.latest.id))
    work(bench)
    assert bench.task.is_done


def test_a_parked_run_leaves_the_completed_one_unapproved():
    bench = completed()
    first = bench.latest.id
    bench.do(c.EnqueueRun())
    bench.park()
    assert (bench.task.status, bench.task.is_done) == (TaskStatus.COMPLETED, False)
    bench.do(c.RequestReview(first, attempt=2))  # the time of the first one is over
    judge(bench, ReviewOutcome.APPROVED)
    assert bench.task.is_done
    assert bench.latest.status is RunStatus.NEEDS_ATTENTION


def test_the_event_says_that_the_policy_asked():
    bench = Bench.leased()
    bench.review_rules = ReviewRules(policy=ReviewPolicy.ON_SUCCESS)
    decision = bench.do(c.CompleteLease(bench.latest.id), S1)
    (asked,) = [event for event in decision.events if isinstance(event, ReviewRequested)]
    assert asked.required
    decision = bench.do(c.RequestReview(bench.latest.id, attempt=2))
    (asked,) = [event for event in decision.events if isinstance(event, ReviewRequested)]
    assert not asked.required


# --- dependents ----------------------------------------------------------------------------------


def test_a_dependency_on_what_is_not_approved_yet_is_not_met():
    bench = Bench.created()
    bench.around.tasks.add("b")
    bench.around.completed.add("b")
    bench.around.unapproved.add("b")
    bench.do(c.AddDependency("b"))
    assert (bench.task.status, bench.task.dependencies[0].done) == (TaskStatus.BLOCKED, False)
    assert types(bench.do(f.BlockerCompleted("b", "run-b"))) == []
    bench.around.unapproved.clear()
    assert types(bench.do(f.BlockerCompleted("b", "run-b"))) == ["task.status_changed"]


@pytest.fixture
def town():
    town = Town(review_rules=ReviewRules(policy=ReviewPolicy.ON_SUCCESS, rounds_max=1))
    town.create("a")
    town.create("b", auto_enqueue_on_ready=True)
    town.do("b", c.AddDependency("a"))
    return town


def say(town, outcome):
    review = town.states["a"].reviews[-1]
    return town.do("a", c.SubmitVerdict(review.id, review.run_id, verdict(outcome)), JUDGE)


def test_dependents_are_told_by_the_approval_whose_cause_is_the_approved_run(town):
    town.complete("a")
    assert town.pending == []
    run_id = town.states["a"].runs[-1].id
    assert say(town, ReviewOutcome.APPROVED) == (f.Effect("b", f.BlockerCompleted("a", run_id)),)
    town.deliver(0)
    (run,) = town.states["b"].runs
    assert run.idempotency_key == f"task.auto_enqueue.b.{run_id}"


def test_one_approval_more_enqueues_no_second_run(town):
    town.complete("a")
    say(town, ReviewOutcome.APPROVED)
    town.do("a", c.RequestReview(town.states["a"].runs[-1].id, attempt=2))
    assert say(town, ReviewOutcome.REJECTED) == (f.Effect("b", f.BlockerReopened("a")),)
    town.do("a", c.RequestReview(town.states["a"].runs[-1].id, attempt=3))
    say(town, ReviewOutcome.APPROVED)
    while town.pending:
        town.deliver(0)
    assert len(town.states["b"].runs) == 1
    assert town.states["b"].status is TaskStatus.READY


def test_dependents_hear_nothing_of_an_open_circuit(town):
    town.complete("a")
    assert say(town, ReviewOutcome.REJECTED) == ()
    assert town.states["b"].status is TaskStatus.BLOCKED
    town.do("b", c.RemoveDependency("a"))
    assert len(town.states["b"].runs) == 1


def test_a_blocker_that_is_deleted_unapproved_is_deleted_undone(town):
    town.complete("a")
    assert town.do("a", c.DeleteTask()) == (f.Effect("b", f.BlockerDeleted("a", undone=True)),)
