"""Bodies of reviews: asking for one, and the verdict."""

from typing import final

from attrs import field

from chargehand.actors.frozen import frozen
from chargehand.actors.task.review import ReviewOutcome, ReviewPolicy
from chargehand.web.bodies import BLANK_IS_ABSENT


@final
@frozen
class ReviewRequest:
    """`run_id` and `task_id` repeat what the path says; blank is not given."""

    policy: ReviewPolicy | None = field(default=None, metadata=BLANK_IS_ABSENT)
    review_round: int | None = None
    attempt: int | None = None
    deadline_at: str | None = field(default=None, metadata=BLANK_IS_ABSENT)
    parent_review_id: str | None = None
    reason: str | None = None
    run_id: str | None = None
    task_id: str | None = None


@final
@frozen
class VerdictBody:
    """What a reviewer says of the run. A rejection says what is missing, or what to do next."""

    outcome: ReviewOutcome
    confidence: float
    reason: str
    delivery_id: str
    missing_work: tuple[str, ...] = ()
    next_round_guidance: str | None = None
    review_text: str | None = None


@final
@frozen
class VerdictRequest:
    """`run_id` is the run that the review is of."""

    run_id: str
    verdict: VerdictBody
