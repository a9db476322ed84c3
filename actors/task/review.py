"""Reviews: the judgement of a run that has ended, asked for and given. Times are ns since 1970."""

from typing import Final, final

from chargehand.actors import limits
from chargehand.actors.frozen import frozen
from chargehand.actors.identity import Actor, ActorKind
from chargehand.actors.limits import NS
from chargehand.actors.task.choices import ReviewOutcome as ReviewOutcome
from chargehand.actors.task.choices import ReviewPolicy as ReviewPolicy
from chargehand.actors.task.choices import ReviewStatus as ReviewStatus


@final
@frozen
class Verdict:
    """What a reviewer says. `confidence` is 0 to 1; None where no reviewer gave it."""

    outcome: ReviewOutcome
    confidence: float | None
    reason: str
    delivery_id: str
    missing_work: tuple[str, ...] = ()
    next_round_guidance: str | None = None
    review_text: str | None = None


@final
@frozen
class Review:
    """One attempt at judging one run. `round` counts the runs of a chain of continuations.
    `required`: the policy asked for it, not somebody."""

    id: str
    run_id: str
    policy: ReviewPolicy
    round: int
    attempt: int
    requested_at_ns: int
    updated_at_ns: int
    deadline_at_ns: int
    status: ReviewStatus = ReviewStatus.REQUESTED
    parent_review_id: str | None = None
    reason: str | None = None  # why it was asked for
    verdict: Verdict | None = None
    reviewed_by: Actor | None = None
    reviewed_at_ns: int | None = None
    required: bool = False
    # Set where the server's own time applies: it counts from the request, whatever the wall does.
    # A deadline that a request named is a time of the wall.
    timeout_ns: int = 0

    @property
    def is_open(self) -> bool:
        """Waits for its verdict."""
        return self.status is ReviewStatus.REQUESTED

    @property
    def ended_as(self) -> str:
        """Of one that has ended: what it came to, in a word."""
        return self.status.value if self.verdict is None else self.verdict.outcome.value

    @property
    def reviewer_session_id(self) -> str | None:
        """The session that judged, where it was one."""
        by = self.reviewed_by
        return by.ref if by is not None and by.kind is ActorKind.AGENT_SESSION else None


@final
@frozen
class Continuation:
    """What a run takes over from the review that asked for it.

    Args:
        review_id: the review that rejected the run before it.
        parent_run_id: that run.
        round: of the reviews of this run.
        policy: which of its ends are judged; that of the review.
    """

    review_id: str
    parent_run_id: str
    round: int
    policy: ReviewPolicy


@final
@frozen
class ReviewRules:
    """What the operator has set.

    Args:
        policy: of runs that continue no other.
        timeout_ns: from the request to the deadline, where the request names none.
        rounds_max: the rejection of this round opens the circuit.
        rapid_runs: so many continuation runs that end within `rapid_window_ns` do so too.
    """

    policy: ReviewPolicy = ReviewPolicy.NONE
    timeout_ns: int = limits.REVIEW_S_DEFAULT * NS
    rounds_max: int = limits.REVIEW_ROUNDS_DEFAULT
    rapid_runs: int = limits.REVIEW_RAPID_RUNS_DEFAULT
    rapid_window_ns: int = limits.REVIEW_RAPID_WINDOW_S_DEFAULT * NS


DEFAULT_RULES: Final = ReviewRules()
