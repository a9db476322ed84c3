"""Reviews: asked for by somebody or by policy, judged, timed out, and followed by a new run.

A rejection makes a continuation run, whose reviews are of the next round. The rejection of the
last round opens the circuit instead, as do runs that end too quickly one after the other.
"""

from datetime import UTC, datetime
from typing import Final, TypeVar

import orjson

from actors import limits
from actors.errors import Code, Rejected, invalid
from actors.identity import ActorKind
from actors.limits import NS
from actors.task import commands as c
from actors.task import events as e
from actors.task.decide.context import Changes, Decision
from actors.task.decide.enqueue import (
    check_no_open_run,
    close_parked_run,
    new_run,
    not_in_state,
    status_with_queued,
)
from actors.task.decide.found import the_review, the_run
from actors.task.review import (
    Continuation,
    Review,
    ReviewOutcome,
    ReviewPolicy,
    ReviewRules,
    Verdict,
)
from actors.task.state import Json, Run, RunStatus, TaskState

_ENDS: Final = {
    ReviewPolicy.NONE: frozenset[RunStatus](),
    ReviewPolicy.ON_SUCCESS: frozenset({RunStatus.COMPLETED}),
    ReviewPolicy.ON_FAILURE: frozenset({RunStatus.FAILED, RunStatus.CANCELED}),
    ReviewPolicy.ALWAYS: frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELED}),
}
_FIRST_ROUND: Final = 1
_T = TypeVar("_T", bound=e.ReviewJudged)


# --- asking for one ----------------------------------------------------------------------------


def request(changes: Changes, command: c.RequestReview) -> Decision:
    """Of an ended run; the one that its round and attempt have already is given again."""
    run = the_run(changes, command.run_id)
    _check_named(changes, command)
    _check_reviewable(changes.state, run, command.policy)
    wanted = command.round or _round_of(run)
    for review in changes.state.reviews:
        if (review.run_id, review.round, review.attempt) == (run.id, wanted, command.attempt):
            return changes.replay(None, review)
    if len(changes.state.reviews) >= limits.REVIEWS_MAX:
        raise Rejected(
            Code.REVIEW_LIMIT,
            f"{changes.task_id} has {limits.REVIEWS_MAX} reviews, and no task has more",
            "judge one of those that are open",
            evidence={"task_id": changes.task_id, "limit": limits.REVIEWS_MAX},
        )
    parent_id = command.parent_review_id or _parent_of(run)
    if parent_id is not None and changes.state.review(parent_id) is None:
        raise invalid(
            "/parent_review_id",
            f"{changes.task_id} has no review {parent_id}",
            f"name one of GET /api/tasks/{changes.task_id}/reviews, or leave it out",
        )
    changes.add(
        e.ReviewRequested(
            run_id=run.id,
            task_status=changes.state.status,
            review_id=changes.context.new_review_id,
            policy=command.policy,
            review_round=wanted,
            attempt=command.attempt,
            deadline_at_ns=_deadline(changes, command.deadline_at_ns),
            parent_review_id=parent_id,
            reason=command.reason,
        )
    )
    return changes.decided(review_id=changes.context.new_review_id)


def request_by_policy(changes: Changes, run_id: str) -> None:
    """Have a run that has just ended judged, if its chain's or the server's policy says so."""
    rules = changes.context.review_rules
    run = the_run(changes, run_id)
    policy = rules.policy if run.continuation is None else run.continuation.policy
    if run.status not in _ENDS[policy]:
        return
    changes.add(
        e.ReviewRequested(
            run_id=run.id,
            task_status=changes.state.status,
            review_id=changes.context.new_review_id,
            policy=policy,
            review_round=_round_of(run),
            attempt=1,
            deadline_at_ns=_deadline(changes, None),
            parent_review_id=_parent_of(run),
        )
    )


def _check_named(changes: Changes, command: c.RequestReview) -> None:
    if command.named_run_id not in (None, command.run_id):
        raise invalid("/run_id", "/run_id is not the run of the path", "leave it out")
    if command.task_id not in (None, changes.task_id):
        raise invalid(
            "/task_id", f"run {command.run_id} belongs to {changes.task_id}", "leave it out"
        )


def _check_reviewable(state: TaskState, run: Run, policy: ReviewPolicy) -> None:
    if not run.status.is_terminal:
        raise Rejected(
            Code.RUN_NOT_REVIEWABLE,
            f"run {run.id} is {run.status.value}, and only a run that has ended can be reviewed",
            "wait for its end",
            command=f"task inspect {run.id}",
            evidence={"run_id": run.id, "status": run.status.value},
        )
    if run.status not in _ENDS[policy]:
        raise Rejected(
            Code.RUN_NOT_REVIEWABLE,
            f"policy {policy.value} is not for run {run.id}, which is {run.status.value}",
            "leave the policy out, or send always",
            evidence={"run_id": run.id, "status": run.status.value, "policy": policy.value},
        )
    if state.canceled:
        raise not_in_state(state, "have its run reviewed")


def _round_of(run: Run) -> int:
    return _FIRST_ROUND if run.continuation is None else run.continuation.round


def _parent_of(run: Run) -> str | None:
    return None if run.continuation is None else run.continuation.review_id


def _deadline(changes: Changes, asked_ns: int | None) -> int:
    now_ns = changes.context.now_ns
    if asked_ns is None:
        return now_ns + changes.context.review_rules.timeout_ns
    if asked_ns <= now_ns:
        raise invalid(
            "/deadline_at",
            "/deadline_at is over already",
            "send a time to come, or leave it out for the server's own",
        )
    return asked_ns


# --- judging -----------------------------------------------------------------------------------


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
    if review.verdict is not None and _is_repeat(changes, review, command.verdict):
        return changes.replay(_continuation_of(changes.state, review), review)
    if not review.is_open:
        raise _closed(review)
    if command.verdict.outcome is not ReviewOutcome.REJECTED:
        _record(changes, review, command.verdict)
        return changes.decided(review_id=review.id)
    return _reject(changes, review, command.verdict)


def time_out(changes: Changes, command: c.TimeOutReview) -> Decision:
    """Nobody has judged in time."""
    review = changes.state.review(command.review_id)
    if review is None or not review.is_open or review.deadline_at_ns > changes.context.now_ns:
        return changes.decided()
    deadline = datetime.fromtimestamp(review.deadline_at_ns // NS, UTC)
    verdict = Verdict(
        outcome=ReviewOutcome.TIMEOUT,
        confidence=None,
        reason=f"nobody judged it before {deadline:%Y-%m-%dT%H:%M:%SZ}",
        delivery_id=f"review-deadline:{review.id}",
    )
    _record(changes, review, verdict)
    return changes.decided(review_id=review.id)


def cancel_open(changes: Changes) -> None:
    """The task is canceled: nobody has to judge its runs any more."""
    for review in changes.state.open_reviews:
        changes.add(
            e.ReviewCanceled(
                run_id=review.run_id, task_status=changes.state.status, review_id=review.id
            )
        )


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
        and (known.outcome, known.reason, known.delivery_id)
        == (verdict.outcome, verdict.reason, verdict.delivery_id)
        and known.missing_work == verdict.missing_work
        and known.next_round_guidance == verdict.next_round_guidance
        and known.review_text == verdict.review_text
    )


def _closed(review: Review) -> Rejected:
    told = review.status.value if review.verdict is None else review.verdict.outcome.value
    return Rejected(
        Code.REVIEW_CLOSED,
        f"review {review.id} has ended: {told}",
        f"ask for another attempt: POST /api/task-runs/{review.run_id}/reviews"
        f' with "attempt": {review.attempt + 1}',
        evidence={"review_id": review.id, "status": review.status.value},
    )


def _record(
    changes: Changes, review: Review, verdict: Verdict, continuation_run_id: str | None = None
) -> None:
    def told(event: type[_T]) -> _T:
        return event(
            run_id=review.run_id,
            task_status=changes.state.status,
            review_id=review.id,
            by=changes.context.caller.actor,
            review_round=review.round,
            verdict=verdict,
            continuation_run_id=continuation_run_id,
        )

    changes.add(told(e.ReviewRecorded))
    changes.add(told(e.BY_OUTCOME[verdict.outcome]))


# --- after a rejection -------------------------------------------------------------------------


def _reject(changes: Changes, review: Review, verdict: Verdict) -> Decision:
    why = _circuit_reason(changes, review)
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
        return changes.decided(review_id=review.id)
    check_no_open_run(changes.state)
    run_id = changes.context.new_run_id
    _record(changes, review, verdict, run_id)
    close_parked_run(changes, None)
    _continue(changes, review, verdict, run_id)
    return changes.decided(run_id, review_id=review.id)


def _circuit_reason(changes: Changes, review: Review) -> str | None:
    """Why no further run shall follow; None where one shall."""
    rules = changes.context.review_rules
    if review.round >= rules.rounds_max:
        return f"round {review.round} of {rules.rounds_max} was rejected"
    ended = _rapid_runs(changes, rules)
    if ended >= rules.rapid_runs:
        return f"{ended} continuation runs ended within {rules.rapid_window_ns // NS} s"
    return None


def _rapid_runs(changes: Changes, rules: ReviewRules) -> int:
    since_ns = changes.context.now_ns - rules.rapid_window_ns
    return sum(
        run.continuation is not None and run.ended_at_ns is not None and run.ended_at_ns > since_ns
        for run in changes.state.runs
    )


def _continue(changes: Changes, review: Review, verdict: Verdict, run_id: str) -> None:
    """The run that takes up what is missing. `max_attempts` counts failures, and never stops it."""
    reviewed = the_run(changes, review.run_id)
    next_round = review.round + 1
    run = new_run(
        changes,
        run_id,
        channel=reviewed.network_channel,
        metadata=_guidance(review, verdict, next_round),
        required=reviewed.required_capabilities,
        preferred=reviewed.preferred_capabilities,
        continuation=Continuation(review.id, reviewed.id, next_round, review.policy),
    )
    changes.add(
        e.RunEnqueued(run_id=run_id, task_status=status_with_queued(changes.state), run=run)
    )
    changes.add(
        e.ReviewRetryEnqueued(
            run_id=run_id,
            task_status=status_with_queued(changes.state),
            review_id=review.id,
            review_round=next_round,
            parent_run_id=reviewed.id,
        )
    )
    changes.settle("run_review_rejected")


def _guidance(review: Review, verdict: Verdict, next_round: int) -> Json:
    """What the next agent is told, as the metadata of its run."""
    told = {
        "source": "task_run_review",
        "review_id": review.id,
        "outcome": verdict.outcome.value,
        "parent_run_id": review.run_id,
        "review_round": next_round,
        "continuation_reason": verdict.reason,
        "missing_work": verdict.missing_work,
        "next_round_guidance": verdict.next_round_guidance,
    }
    return Json(orjson.dumps({name: value for name, value in told.items() if value is not None}))


def _continuation_of(state: TaskState, review: Review) -> Run | None:
    for run in state.runs:
        if run.continuation is not None and run.continuation.review_id == review.id:
            return run
    return None
