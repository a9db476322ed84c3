"""What follows a rejection: a run that takes up what is missing, or none any more."""

import orjson

from chargehand.actors.limits import NS
from chargehand.actors.task import events as e
from chargehand.actors.task.decide.context import Changes
from chargehand.actors.task.decide.enqueue import (
    new_run,
    status_with_queued,
)
from chargehand.actors.task.decide.found import the_run
from chargehand.actors.task.decide.new_work import canceled_above
from chargehand.actors.task.review import (
    Continuation,
    Review,
    ReviewRules,
    Verdict,
)
from chargehand.actors.task.state import Json, Run, TaskState


def circuit_reason(changes: Changes, review: Review) -> str | None:
    """Why no further run shall follow; None where one shall.

    Below a canceled task none can follow any more, and the verdict is kept all the same.
    """
    above = canceled_above(changes)
    if above is not None:
        return f"{above}, above {changes.task_id}, was canceled"
    rules = changes.context.review_rules
    if review.round >= rules.rounds_max:
        return f"round {review.round} of {rules.rounds_max} was rejected"
    ended = _rapid_runs(changes, rules)
    if ended >= rules.rapid_runs:
        return f"{ended} continuation runs ended within {rules.rapid_window_ns // NS} s"
    return None


def _rapid_runs(changes: Changes, rules: ReviewRules) -> int:
    age_of = changes.context.age_of
    return sum(
        run.continuation is not None
        and run.ended_at_ns is not None
        and age_of(run.ended_at_ns) < rules.rapid_window_ns
        for run in changes.state.runs
    )


def add_continuation(changes: Changes, review: Review, verdict: Verdict, run_id: str) -> None:
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
    """What the next agent should know, as the metadata of its run."""
    guidance = {
        "source": "task_run_review",
        "review_id": review.id,
        "outcome": verdict.outcome.value,
        "parent_run_id": review.run_id,
        "review_round": next_round,
        "continuation_reason": verdict.reason,
        "missing_work": verdict.missing_work,
        "next_round_guidance": verdict.next_round_guidance,
    }
    known = {name: value for name, value in guidance.items() if value is not None}
    return Json(orjson.dumps(known))


def continuation_of(state: TaskState, review: Review) -> Run | None:
    for run in state.runs:
        if run.continuation is not None and run.continuation.review_id == review.id:
            return run
    return None
