"""What happened to a review. `run_id` is the run that is judged, unless a class says otherwise."""

from collections.abc import Mapping
from typing import ClassVar, Final, final

from chargehand.actors.frozen import frozen
from chargehand.actors.identity import Actor
from chargehand.actors.task.events.base import RunEvent
from chargehand.actors.task.review import ReviewOutcome, ReviewPolicy, Verdict


@frozen
class ReviewEvent(RunEvent):
    """Base of what happened to one review."""

    review_id: str


@final
@frozen
class ReviewRequested(ReviewEvent):
    """`required`: the policy asked for it when the run ended. Dependents wait until a review
    approves such a run, where it was completed. `timeout_ns` is set
    where the request named no deadline, see `Review`."""

    type: ClassVar[str] = "task.run_review_requested"
    policy: ReviewPolicy
    review_round: int
    attempt: int
    deadline_at_ns: int
    parent_review_id: str | None = None
    reason: str | None = None
    required: bool = False
    timeout_ns: int = 0


@frozen
class ReviewJudged(ReviewEvent):
    """Base of the events that hold a verdict."""

    by: Actor
    review_round: int
    verdict: Verdict
    continuation_run_id: str | None = None


@final
@frozen
class ReviewRecorded(ReviewJudged):
    """The verdict is in. Its outcome is an event of its own, in the same record."""

    type: ClassVar[str] = "task.run_review_recorded"


@final
@frozen
class ReviewApproved(ReviewJudged):
    type: ClassVar[str] = "task.run_review_approved"


@final
@frozen
class ReviewRejected(ReviewJudged):
    type: ClassVar[str] = "task.run_review_rejected"


@final
@frozen
class ReviewBlocked(ReviewJudged):
    type: ClassVar[str] = "task.run_review_blocked"


@final
@frozen
class ReviewFailed(ReviewJudged):
    type: ClassVar[str] = "task.run_review_error"


@final
@frozen
class ReviewTimedOut(ReviewJudged):
    type: ClassVar[str] = "task.run_review_timeout"


@final
@frozen
class ReviewInvalidOutput(ReviewJudged):
    type: ClassVar[str] = "task.run_review_invalid_output"


@final
@frozen
class ReviewCircuitOpened(ReviewEvent):
    """It was rejected once too often: no further run follows."""

    type: ClassVar[str] = "task.run_review_circuit_opened"
    review_round: int
    reason: str


@final
@frozen
class ReviewRetryEnqueued(ReviewEvent):
    """`run_id` is the continuation run, `review_round` the round of its reviews."""

    type: ClassVar[str] = "task.run_review_retry_enqueued"
    review_round: int
    parent_run_id: str


@final
@frozen
class ReviewCanceled(ReviewEvent):
    """The task was canceled, and its open reviews with it; the event of that says so."""


OutcomeEvent = (
    ReviewApproved
    | ReviewRejected
    | ReviewBlocked
    | ReviewFailed
    | ReviewTimedOut
    | ReviewInvalidOutput
)
BY_OUTCOME: Final[Mapping[ReviewOutcome, type[OutcomeEvent]]] = {
    ReviewOutcome.APPROVED: ReviewApproved,
    ReviewOutcome.REJECTED: ReviewRejected,
    ReviewOutcome.BLOCKED: ReviewBlocked,
    ReviewOutcome.ERROR: ReviewFailed,
    ReviewOutcome.TIMEOUT: ReviewTimedOut,
    ReviewOutcome.INVALID_OUTPUT: ReviewInvalidOutput,
}
