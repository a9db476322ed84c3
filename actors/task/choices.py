"""What may be chosen for a task and its parts: states, policies, priorities, kinds.

Apart from what holds them, since clients offer them and do without the rest.
"""

from enum import Enum
from typing import Final

from chargehand.actors.choice import Choice


class Scope(Choice):
    GLOBAL = "global"
    WORKSPACE = "workspace"


class TaskStatus(Choice):
    DRAFT = "draft"
    PENDING = "pending"
    BLOCKED = "blocked"
    READY = "ready"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_terminal(self) -> bool:
        return self in TERMINAL_TASK


TERMINAL_TASK: Final = frozenset({TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELED})


class RunStatus(Choice):
    QUEUED = "queued"
    CLAIMED = "claimed"
    STARTING = "starting"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    NEEDS_ATTENTION = "needs_attention"

    @property
    def is_terminal(self) -> bool:
        """Ended for good. `needs_attention` is open: somebody has to decide."""
        return self in TERMINAL_RUN

    @property
    def is_active(self) -> bool:
        """Somebody works on it, or is about to."""
        return self in _ACTIVE_RUN


TERMINAL_RUN: Final = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELED})
_ACTIVE_RUN = frozenset({RunStatus.CLAIMED, RunStatus.STARTING, RunStatus.RUNNING})


class FailureKind(Choice):
    """How a run failed; none of these: somebody whose work it was has failed it."""

    OPERATOR_FORCED = "operator_forced"


class Priority(Choice):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    URGENT = "urgent"

    @property
    def weight(self) -> int:
        """10, 20, 30 or 40: what `priority_min` of a claim is compared with."""
        return _WEIGHT[self]


_WEIGHT = {Priority.LOW: 10, Priority.MEDIUM: 20, Priority.HIGH: 30, Priority.URGENT: 40}


class ApprovalPolicy(Choice):
    NONE = "none"
    MANUAL = "manual"

    @property
    def initial_state(self) -> "ApprovalState":
        return (
            ApprovalState.PENDING if self is ApprovalPolicy.MANUAL else ApprovalState.NOT_REQUIRED
        )


class ApprovalState(Choice):
    NOT_REQUIRED = "not_required"
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


class OwnerKind(Choice):
    HUMAN = "human"
    AGENT_SESSION = "agent_session"
    AUTOMATION = "automation"
    EXTENSION = "extension"
    NETWORK_PEER = "network_peer"
    POOL = "pool"


class ReviewPolicy(Enum):
    """Which ends of a run are to be judged."""

    NONE = "none"
    ON_SUCCESS = "on_success"
    ON_FAILURE = "on_failure"
    ALWAYS = "always"


class ReviewStatus(Enum):
    """`routed` and `in_review` are words of the API for servers that find reviewers themselves."""

    REQUESTED = "requested"
    ROUTED = "routed"
    IN_REVIEW = "in_review"
    RECORDED = "recorded"
    CIRCUIT_OPENED = "circuit_opened"
    CANCELED = "canceled"


class ReviewOutcome(Enum):
    APPROVED = "approved"
    REJECTED = "rejected"
    BLOCKED = "blocked"
    ERROR = "error"
    TIMEOUT = "timeout"
    INVALID_OUTPUT = "invalid_output"


class DeliveryMode(Enum):
    DIRECT_SEND = "direct-send"
    REPLY = "reply"
