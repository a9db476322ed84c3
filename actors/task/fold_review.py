"""Folds of what happens to one review: one small function for each event type."""

from collections.abc import Callable
from typing import Any

from chargehand.actors.frozen import replace
from chargehand.actors.task import events as e
from chargehand.actors.task.review import Review, ReviewOutcome, ReviewStatus
from chargehand.actors.task.state import TaskState


def _unchanged(state: TaskState, event: e.ReviewEvent, at_ns: int) -> TaskState:
    return state


def _with(state: TaskState, review_id: str, **changes: Any) -> TaskState:
    reviews = tuple(
        [
            replace(review, **changes) if review.id == review_id else review
            for review in state.reviews
        ]
    )
    return replace(state, reviews=reviews)


def _requested(state: TaskState, event: e.ReviewRequested, at_ns: int) -> TaskState:
    review = Review(
        id=event.review_id,
        run_id=event.run_id,
        policy=event.policy,
        round=event.review_round,
        attempt=event.attempt,
        requested_at_ns=at_ns,
        updated_at_ns=at_ns,
        deadline_at_ns=event.deadline_at_ns,
        parent_review_id=event.parent_review_id,
        reason=event.reason,
        required=event.required,
        timeout_ns=event.timeout_ns,
    )
    asked = replace(state, reviews=(*state.reviews, review))
    return _unapproved(asked, event.run_id) if event.required else asked


def _unapproved(state: TaskState, run_id: str) -> TaskState:
    """Dependents wait for an approval, if that run is the one that completed the task."""
    run = state.completing_run
    if run is None or run.id != run_id:
        return state
    return replace(state, unapproved_run_id=run_id)


def _recorded(state: TaskState, event: e.ReviewRecorded, at_ns: int) -> TaskState:
    judged = _with(
        state,
        event.review_id,
        status=ReviewStatus.RECORDED,
        verdict=event.verdict,
        reviewed_by=event.by,
        reviewed_at_ns=at_ns,
        updated_at_ns=at_ns,
    )
    judged = replace(judged, updated_at_ns=at_ns)
    match event.verdict.outcome:
        case ReviewOutcome.APPROVED if judged.unapproved_run_id == event.run_id:
            return replace(judged, unapproved_run_id=None)
        case ReviewOutcome.REJECTED if judged.requires_review(event.run_id):
            return _unapproved(judged, event.run_id)
        case _:  # no judgement: as it was
            return judged


def _circuit_opened(state: TaskState, event: e.ReviewCircuitOpened, at_ns: int) -> TaskState:
    return _with(state, event.review_id, status=ReviewStatus.CIRCUIT_OPENED)


def _canceled(state: TaskState, event: e.ReviewCanceled, at_ns: int) -> TaskState:
    return _with(state, event.review_id, status=ReviewStatus.CANCELED, updated_at_ns=at_ns)


REVIEW_FOLDS: dict[type[e.TaskEvent], Callable[[TaskState, Any, int], TaskState]] = {
    e.ReviewRequested: _requested,
    e.ReviewRecorded: _recorded,
    e.ReviewApproved: _unchanged,
    e.ReviewRejected: _unchanged,
    e.ReviewBlocked: _unchanged,
    e.ReviewFailed: _unchanged,
    e.ReviewTimedOut: _unchanged,
    e.ReviewInvalidOutput: _unchanged,
    e.ReviewCircuitOpened: _circuit_opened,
    e.ReviewRetryEnqueued: _unchanged,
    e.ReviewCanceled: _canceled,
}
