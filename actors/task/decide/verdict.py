"""Verdicts on reviews: given, given again, or not given in time.

A rejection makes a continuation run, whose reviews are of the next round. The rejection of the
last round opens the circuit instead, as do runs that end too quickly one after the other.
"""

from typing import TypeVar

from chargehand.actors import actions
from chargehand.actors.errors import Code, Rejected, invalid
from chargehand.actors.frozen import replace
from chargehand.actors.identity import ActorKind
from chargehand.actors.task import commands as c
from chargehand.actors.task import events as e
from chargehand.actors.task.decide.context import Changes, Decision
from chargehand.actors.task.decide.continuation import (
    add_continuation,
    circuit_reason,
    continuation_of,
)
from chargehand.actors.task.decide.enqueue import (
    check_no_open_run,
    close_parked_run,
)
from chargehand.actors.task.decide.found import the_review, the_run
from chargehand.actors.task.decide.new_work import check_new_work
from chargehand.actors.task.review import (
    Review,
    ReviewOutcome,
    Verdict,
)
from chargehand.actors.task.state import Run
from chargehand.actors.times import to_the_second

_T = TypeVar("_T", bound=e.ReviewJudged)


def judge(changes: Changes, command: c.SubmitVerdict) -> Decision:
    """Record the verdict; a rejection queues the run that goes on, or opens the circuit.

    The same verdict again by the same actor gives what the first one did; a task has one open run,
    so a rejection waits for the end of another.
    """
    review = the_review(changes, command.review_id)
    if command.run_id != review.run_id:
        raise invalid(
            "/run_id",
            f"review {review.id} is of run {review.run_id}",
            "send that run, or another review",
        )
    _check_judge(changes, the_run(changes, review.run_id))
    if _is_repeat(changes, review, command.verdict):
        return changes.replay(continuation_of(changes.state, review), review)
    if not review.is_open or _is_over(changes, review):
        raise _closed(review)
    if command.verdict.outcome is not ReviewOutcome.REJECTED:
        _record(changes, review, command.verdict)
        _tell_outcome(changes, review)
        return changes.decided(review_id=review.id)
    return _reject(changes, review, command.verdict)


def time_out(changes: Changes, command: c.TimeOutReview) -> Decision:
    """Nobody has judged in time."""
    review = changes.state.review(command.review_id)
    if review is None or not review.is_open or not _is_over(changes, review):
        return changes.decided()
    verdict = Verdict(
        outcome=ReviewOutcome.TIMEOUT,
        confidence=None,
        reason=f"nobody judged it before {to_the_second(review.deadline_at_ns)}",
        delivery_id=f"review-deadline:{review.id}",
    )
    _record(changes, review, verdict)
    _tell_outcome(changes, review)
    return changes.decided(review_id=review.id)


def _is_over(changes: Changes, review: Review) -> bool:
    """At the very moment of the deadline it is over, as a lease is."""
    context = changes.context
    if review.timeout_ns:
        return context.age_of(review.requested_at_ns) >= review.timeout_ns
    return review.deadline_at_ns <= context.now_ns


def cancel_open(changes: Changes) -> None:
    """The task is canceled: nobody has to judge its runs any more."""
    for review in changes.state.open_reviews:
        changes.add(
            e.ReviewCanceled(
                run_id=review.run_id, task_status=changes.state.status, review_id=review.id
            )
        )
        _tell_outcome(changes, review)


def _check_judge(changes: Changes, run: Run) -> None:
    actor = changes.context.caller.actor
    claimed_by_it = run.claimed_by == actor
    worked = actor.ref in (run.session_id, run.closing_session_id)
    if actor.kind is ActorKind.AGENT_SESSION and (worked or claimed_by_it):
        raise Rejected(
            Code.SELF_REVIEW,
            f"session {actor.ref} did the work of run {run.id}, so it cannot judge it",
            "let another session or a person judge",
            evidence={"run_id": run.id, "session_id": actor.ref},
        )


def _is_repeat(changes: Changes, review: Review, verdict: Verdict) -> bool:
    """Sent again by the one who sent it; the confidence does not count."""
    known = review.verdict
    return (
        known is not None
        and review.reviewed_by == changes.context.caller.actor
        and replace(known, confidence=verdict.confidence) == verdict
    )


def _closed(review: Review) -> Rejected:
    how = "its deadline is over" if review.is_open else review.ended_as
    return Rejected(
        Code.REVIEW_CLOSED,
        f"review {review.id} has ended: {how}",
        f'ask for another attempt, with "attempt": {review.attempt + 1}:',
        action=actions.request_review(review.run_id, review.attempt + 1),
        evidence={"review_id": review.id, "status": review.status.value},
    )


def _record(
    changes: Changes, review: Review, verdict: Verdict, continuation_run_id: str | None = None
) -> None:
    def judged(event: type[_T]) -> _T:
        return event(
            run_id=review.run_id,
            task_status=changes.state.status,
            review_id=review.id,
            by=changes.context.caller.actor,
            review_round=review.round,
            verdict=verdict,
            continuation_run_id=continuation_run_id,
        )

    changes.add(judged(e.ReviewRecorded))
    changes.add(judged(e.BY_OUTCOME[verdict.outcome]))


def _tell_outcome(changes: Changes, review: Review) -> None:
    """The message about the end of the run said that its review was open; if one was required."""
    if changes.state.requires_review(review.run_id):
        changes.tell_subscribers()


def _reject(changes: Changes, review: Review, verdict: Verdict) -> Decision:
    why = circuit_reason(changes, review)
    if why is not None:
        _record(changes, review, verdict)
        changes.add(
            e.ReviewCircuitOpened(
                run_id=review.run_id,
                task_status=changes.state.status,
                review_id=review.id,
                review_round=review.round,
                reason=why,
            )
        )
        _tell_outcome(changes, review)
        return changes.decided(review_id=review.id)
    check_new_work(changes)
    check_no_open_run(changes.state)
    run_id = changes.context.new_run_id
    _record(changes, review, verdict, run_id)
    _tell_outcome(changes, review)
    close_parked_run(changes, None)
    add_continuation(changes, review, verdict, run_id)
    return changes.decided(run_id, review_id=review.id)
