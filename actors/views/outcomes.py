"""How an event turned out, by its public name: for those who read many at a glance."""

from enum import Enum
from typing import Final


class Outcome(Enum):
    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


_BY_OUTCOME: Final = {
    Outcome.SUCCESS: (
        "task.approved",
        "task.run_started",
        "task.run_completed",
        "task.run_review_approved",
    ),
    Outcome.FAILURE: (
        "task.run_failed",
        "task.run_operator_forced_fail",
        "task.run_review_rejected",
        "task.run_review_error",
        "task.run_review_invalid_output",
        "task.run_review_circuit_opened",
    ),
    Outcome.WARNING: (
        "task.rejected",
        "task.canceled",
        "task.paused",
        "task.run_canceled",
        "task.run_lease_expired",
        "task.run_starved",
        "task.run_without_lease",
        "task.run_needs_attention",
        "task.run_review_blocked",
        "task.run_review_timeout",
    ),
}
_OUTCOMES: Final = {name: outcome for outcome, names in _BY_OUTCOME.items() for name in names}


def outcome_of(event_type: str) -> Outcome:
    """What is not named is merely information."""
    return _OUTCOMES.get(event_type, Outcome.INFO)
