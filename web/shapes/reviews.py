"""Reviews, as they are shown."""

from typing import final

from attrs import define

from chargehand.actors.answers import Answer
from chargehand.actors.task import review as core
from chargehand.actors.task.review import ReviewOutcome, ReviewPolicy, ReviewStatus
from chargehand.web.shapes.encoding import UNSET_TIME, Shape, required_time, rfc3339
from chargehand.web.shapes.principals import Actor, actor_of
from chargehand.web.shapes.references import Lookup, TaskReference
from chargehand.web.shapes.runs import Run, run_of


@final
@define(eq=False)
class Review(Shape):
    review_id: str
    task_id: str
    run_id: str
    policy: ReviewPolicy
    review_round: int
    attempt: int
    status: ReviewStatus
    requested_at: str
    routed_at: str
    started_at: str
    reviewed_at: str
    deadline_at: str
    created_at: str
    updated_at: str
    missing_work: tuple[str, ...] | None = None
    parent_review_id: str | None = None
    outcome: ReviewOutcome | None = None
    confidence: float | None = None
    reason: str | None = None
    delivery_id: str | None = None
    next_round_guidance: str | None = None
    review_text: str | None = None
    reviewer_session_id: str | None = None
    reviewer_agent_name: str | None = None
    reviewer_peer_id: str | None = None
    reviewer_channel_id: str | None = None
    reviewed_by: Actor | None = None


@final
@define(eq=False)
class ReviewResponse(Shape):
    review: Review


@final
@define(eq=False)
class ReviewRequestedResponse(Shape):
    review: Review
    created: bool


@final
@define(eq=False)
class ReviewsResponse(Shape):
    reviews: list[Review]


@final
@define(eq=False)
class ReviewOfTask(Shape):
    """A review, with the task of its run."""

    review: Review
    task: TaskReference


@final
@define(eq=False)
class AllReviewsResponse(Shape):
    reviews: list[ReviewOfTask]


@final
@define(eq=False)
class VerdictResponse(Shape):
    review: Review
    continuation_run: Run | None = None
    circuit_opened: bool = False


def review_of(task_id: str, review: core.Review) -> Review:
    """A review of the task. Nobody is routed to one, so those times are never set."""
    verdict = review.verdict
    shown = Review(
        review_id=review.id,
        task_id=task_id,
        run_id=review.run_id,
        policy=review.policy,
        review_round=review.round,
        attempt=review.attempt,
        status=review.status,
        requested_at=rfc3339(review.requested_at_ns),
        routed_at=UNSET_TIME,
        started_at=UNSET_TIME,
        reviewed_at=required_time(review.reviewed_at_ns),
        deadline_at=rfc3339(review.deadline_at_ns),
        created_at=rfc3339(review.requested_at_ns),
        updated_at=rfc3339(review.updated_at_ns),
        missing_work=(),
        parent_review_id=review.parent_review_id,
        reason=review.reason,
        reviewer_session_id=review.reviewer_session_id,
        reviewed_by=None if review.reviewed_by is None else actor_of(review.reviewed_by),
    )
    if verdict is not None:
        shown.missing_work = verdict.missing_work
        shown.outcome = verdict.outcome
        shown.confidence = verdict.confidence
        shown.reason = verdict.reason
        shown.delivery_id = verdict.delivery_id
        shown.next_round_guidance = verdict.next_round_guidance
        shown.review_text = verdict.review_text
    return shown


def verdict_response_of(answer: Answer, lookup: Lookup) -> VerdictResponse:
    """What a verdict has come to."""
    task_id, run = answer.task.id, answer.run
    return VerdictResponse(
        review_of(task_id, answer.the_review),
        None if run is None else run_of(task_id, run, lookup),
        answer.the_review.status is ReviewStatus.CIRCUIT_OPENED,
    )
