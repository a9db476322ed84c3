"""Folds of what happens to one review: one small function for each event type."""

from collections.abc import Callable
from typing import Any

from actors.frozen import replace
from actors.task import events as e
from actors.task.review import Review, ReviewStatus
from actors.task.state import TaskState


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
    )
    return replace(state, reviews=(*state.reviews, review))


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
    return replace(judged, updated_at_ns=at_ns)


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
