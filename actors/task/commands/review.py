"""A review: asked for, judged, and timed out."""

from typing import final

from attrs import field

from chargehand.actors.frozen import frozen
from chargehand.actors.task import review_rules as rules
from chargehand.actors.task import validation as valid
from chargehand.actors.task.review import ReviewPolicy, Verdict


@final
@frozen
class RequestReview:
    """Have an ended run judged. None is the default: policy always, the run's round, attempt 1.

    `task_id` and `named_run_id` are what the request repeats of its target.
    """

    run_id: str
    policy: ReviewPolicy = field(default=None, converter=rules.requested_policy)
    round: int | None = field(default=None, converter=rules.review_round)
    attempt: int = field(default=None, converter=rules.attempt)
    deadline_at_ns: int | None = None
    parent_review_id: str | None = field(default=None, converter=rules.parent_review_id)
    reason: str | None = field(default=None, converter=valid.reason)
    task_id: str | None = None
    named_run_id: str | None = None


@final
@frozen
class SubmitVerdict:
    """Judge; `run_id` is what the request says of the review's run."""

    review_id: str
    run_id: str
    verdict: Verdict = field(converter=rules.checked_verdict)


@final
@frozen
class TimeOutReview:
    """The deadline may be over; the task looks at its own clock."""

    review_id: str
