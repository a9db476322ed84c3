"""The refusals of the core: one table of stable codes."""

from collections.abc import Mapping
from enum import Enum
from typing import Final, final

from attrs import field

from chargehand.actors.actions import Action
from chargehand.actors.frozen import frozen


class Kind(Enum):
    """The class of a refusal; the HTTP edge has one status for each, as the contract allows."""

    INVALID = "invalid"  # the request itself is wrong
    TOO_LARGE = "too_large"  # one of the byte limits
    UNPROCESSABLE = "unprocessable"  # well formed, but a rule of force operations is not met
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"  # not in this state
    PRECONDITION = "precondition"  # not in the state that the caller has asked for
    KEY_REUSED = "key_reused"  # a conflict of the caller's own idempotency keys
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"  # overload or a storage fault; trying again later may help


class Severity(Enum):
    INFO = "info"
    WARN = "warn"
    ERROR = "error"
    CRITICAL = "critical"


class Category(Enum):
    DAEMON = "daemon"
    SESSION = "session"
    TASK = "task"
    BRIDGE = "bridge"


_I, _W, _E, _C = Severity.INFO, Severity.WARN, Severity.ERROR, Severity.CRITICAL
_D, _S, _T, _B = Category.DAEMON, Category.SESSION, Category.TASK, Category.BRIDGE


class Code(Enum):
    """A stable code: (code, kind, severity, category, title). Clients match on the code alone."""

    # Requests.
    INVALID_REQUEST = ("invalid_request", Kind.INVALID, _E, _T, "Invalid request")
    PRECONDITION_FAILED = (
        "precondition_failed",
        Kind.PRECONDITION,
        _E,
        _T,
        "Changed since it was read",
    )
    UNKNOWN_MEMBERS = ("unknown_members", Kind.INVALID, _E, _T, "Unknown members")
    STREAM_CURSOR_AHEAD = (
        "stream_cursor_ahead",
        Kind.INVALID,
        _E,
        _T,
        "Cursor is ahead of the server",
    )
    STREAM_CURSOR_BEHIND = (
        "stream_cursor_behind",
        Kind.CONFLICT,
        _E,
        _T,
        "Cursor is too far behind",
    )
    PAYLOAD_TOO_LARGE = ("payload_too_large", Kind.TOO_LARGE, _E, _T, "Payload too large")
    TASK_NOT_FOUND = ("task_not_found", Kind.NOT_FOUND, _E, _T, "Task not found")
    RUN_NOT_FOUND = ("task_run_not_found", Kind.NOT_FOUND, _E, _T, "Run not found")
    DEPENDENCY_NOT_FOUND = (
        "task_dependency_not_found",
        Kind.NOT_FOUND,
        _E,
        _T,
        "Dependency not found",
    )
    SESSION_NOT_FOUND = ("session_not_found", Kind.NOT_FOUND, _E, _S, "Session not found")
    PROFILE_NOT_FOUND = (
        "task_execution_profile_not_found",
        Kind.NOT_FOUND,
        _E,
        _T,
        "Execution profile not found",
    )
    BRIDGE_NOT_FOUND = ("bridge_not_found", Kind.NOT_FOUND, _E, _B, "Bridge not found")
    SUBSCRIPTION_NOT_FOUND = (
        "bridge_subscription_not_found",
        Kind.NOT_FOUND,
        _E,
        _B,
        "Subscription not found",
    )
    MESSAGE_NOT_FOUND = (
        "bridge_message_not_found",
        Kind.NOT_FOUND,
        _E,
        _B,
        "Undelivered message not found",
    )
    SUBSCRIPTION_OFF = (
        "bridge_subscription_off",
        Kind.CONFLICT,
        _E,
        _B,
        "Subscription is off",
    )
    SUBSCRIPTION_LIMIT = (
        "bridge_subscription_limit",
        Kind.CONFLICT,
        _E,
        _B,
        "Too many subscriptions",
    )
    WORKSPACE_NOT_FOUND = ("workspace_not_found", Kind.NOT_FOUND, _E, _D, "Workspace not found")
    # Tasks.
    TASK_EXISTS = ("task_already_exists", Kind.CONFLICT, _E, _T, "Task id is taken")
    TRANSITION = ("task_invalid_transition", Kind.CONFLICT, _E, _T, "Not possible in this state")
    TASK_HAS_CHILDREN = ("task_has_children", Kind.CONFLICT, _E, _T, "Task has children")
    TASK_HAS_OPEN_RUN = ("task_has_open_run", Kind.CONFLICT, _E, _T, "Task has an open run")
    ATTEMPTS_EXHAUSTED = ("task_attempts_exhausted", Kind.CONFLICT, _E, _T, "No attempts left")
    GRAPH_LIMIT = ("task_graph_limit", Kind.CONFLICT, _E, _T, "Graph limit reached")
    BELOW_CANCELED = (
        "task_below_canceled",
        Kind.CONFLICT,
        _E,
        _T,
        "A task above is canceled",
    )
    BLOCKER_CANCELED = (
        "task_dependency_canceled",
        Kind.CONFLICT,
        _E,
        _T,
        "The dependency is canceled",
    )
    GRAPH_CYCLE = ("task_dependency_cycle", Kind.CONFLICT, _E, _T, "Dependency cycle")
    NEEDED_ITEM_REFUSED = (
        "task_batch_item_refused",
        Kind.CONFLICT,
        _E,
        _T,
        "An item that this one needs was refused",
    )
    BATCH_NOT_MADE = (
        "task_batch_not_made",
        Kind.CONFLICT,
        _I,
        _T,
        "Another item of the batch was refused",
    )
    KEY_REUSED = (
        "idempotency_key_reused",
        Kind.KEY_REUSED,
        _E,
        _D,
        "Idempotency key was used otherwise",
    )
    KEY_CONFLICT = ("idempotency_key_conflict", Kind.INVALID, _E, _T, "Idempotency key is taken")
    # Runs, by operators.
    RUN_TRANSITION = (
        "task_run_invalid_transition",
        Kind.CONFLICT,
        _E,
        _T,
        "Run is not in the right state",
    )
    RUN_OWNED_BY_OTHERS = (
        "task_run_owner_mismatch",
        Kind.CONFLICT,
        _E,
        _T,
        "Run belongs to another owner",
    )
    RUN_LEASED = ("task_run_leased", Kind.CONFLICT, _E, _T, "Run is leased")
    SESSION_BOUND = (
        "task_run_session_bound",
        Kind.CONFLICT,
        _E,
        _T,
        "A session is already bound",
    )
    SESSION_NOT_ACTIVE = ("session_not_active", Kind.CONFLICT, _E, _S, "Session is not active")
    RUN_NOT_RELEASABLE = (
        "task_run_not_releasable",
        Kind.CONFLICT,
        _E,
        _T,
        "Run is not releasable",
    )
    RUN_ALREADY_TERMINAL = (
        "task_run_already_terminal",
        Kind.CONFLICT,
        _I,
        _T,
        "Already at an end",
    )
    RUN_STILL_ACTIVE = ("task_run_still_active", Kind.CONFLICT, _E, _T, "Run is still active")
    RUN_NOT_RECOVERABLE = (
        "task_run_not_recoverable",
        Kind.CONFLICT,
        _E,
        _T,
        "Run is not recoverable",
    )
    RUN_ALREADY_RETRIED = (
        "task_run_already_retried",
        Kind.CONFLICT,
        _E,
        _T,
        "Run was retried already",
    )
    RETRY_CHAIN_TOO_DEEP = (
        "retry_chain_too_deep",
        Kind.UNPROCESSABLE,
        _E,
        _T,
        "Retry chain is too deep",
    )
    FORCE_OP_REQUIRES_REASON = (
        "force_op_requires_reason",
        Kind.UNPROCESSABLE,
        _E,
        _T,
        "A reason is required",
    )
    BULK_TOO_LARGE = ("bulk_too_large", Kind.UNPROCESSABLE, _E, _T, "Too many runs at once")
    FORBIDDEN_OPERATOR_ACTION = (
        "forbidden_operator_action",
        Kind.FORBIDDEN,
        _E,
        _T,
        "Agents may not do this here",
    )
    FORCE_OP_RATE_LIMITED = (
        "force_op_rate_limited",
        Kind.RATE_LIMITED,
        _W,
        _T,
        "Too many force operations",
    )
    # Reviews.
    REVIEW_NOT_FOUND = ("task_run_review_not_found", Kind.NOT_FOUND, _E, _T, "Review not found")
    RUN_NOT_REVIEWABLE = (
        "task_run_not_reviewable",
        Kind.CONFLICT,
        _E,
        _T,
        "Run cannot be reviewed",
    )
    REVIEW_LIMIT = ("task_run_review_limit", Kind.CONFLICT, _E, _T, "Too many reviews")
    REVIEW_CLOSED = ("task_run_review_closed", Kind.CONFLICT, _E, _T, "Review has ended")
    SELF_REVIEW = (
        "task_run_self_review",
        Kind.FORBIDDEN,
        _E,
        _T,
        "A session cannot judge its own work",
    )
    # Runs, by agents.
    LEASE_ALREADY_HELD = (
        "AUTONOMY_LEASE_ALREADY_HELD",
        Kind.CONFLICT,
        _E,
        _T,
        "Session holds a lease already",
    )
    FOREIGN_RUN = ("AUTONOMY_FOREIGN_RUN", Kind.FORBIDDEN, _E, _T, "Run is held by another session")
    NO_ACTIVE_LEASE = ("AUTONOMY_NO_ACTIVE_LEASE", Kind.CONFLICT, _E, _T, "No lease on this run")
    LEASE_EXPIRED = ("AUTONOMY_LEASE_EXPIRED", Kind.CONFLICT, _E, _T, "Lease has ended")
    CLAIM_KEY_CONFLICT = (
        "claim_idempotency_conflict",
        Kind.CONFLICT,
        _E,
        _T,
        "Claim key is in use",
    )
    # Identity.
    IDENTITY_REQUIRED = (
        "identity_required",
        Kind.UNAUTHENTICATED,
        _E,
        _S,
        "Agent identity required",
    )
    IDENTITY_STALE = (
        "identity_stale",
        Kind.UNAUTHENTICATED,
        _E,
        _S,
        "Session is not active",
    )
    IDENTITY_MISMATCH = (
        "identity_mismatch",
        Kind.UNAUTHENTICATED,
        _E,
        _S,
        "Identity does not match the session",
    )
    IDENTITY_UNAUTHORIZED = (
        "identity_unauthorized",
        Kind.FORBIDDEN,
        _E,
        _S,
        "Session is not of the workspace",
    )
    SESSION_EXISTS = ("session_already_exists", Kind.CONFLICT, _E, _S, "Session id is taken")
    SESSIONS_FULL = (
        "session_limit_reached",
        Kind.UNAVAILABLE,
        _W,
        _S,
        "Too many self-registered sessions",
    )
    # The server itself.
    OVERLOADED = ("overloaded", Kind.UNAVAILABLE, _W, _D, "Overloaded")
    STORAGE_FAILED = ("storage_failed", Kind.UNAVAILABLE, _C, _D, "Storage has failed")
    SHUTTING_DOWN = ("shutting_down", Kind.UNAVAILABLE, _I, _D, "Shutting down")
    TASK_SET_ASIDE = ("task_set_aside", Kind.UNAVAILABLE, _C, _T, "Task is set aside")
    SESSION_SET_ASIDE = ("session_set_aside", Kind.UNAVAILABLE, _C, _S, "Session is set aside")
    WORKSPACE_SET_ASIDE = (
        "workspace_set_aside",
        Kind.UNAVAILABLE,
        _C,
        _D,
        "Workspace is set aside",
    )
    ACTOR_CRASHED = ("actor_crashed", Kind.UNAVAILABLE, _C, _D, "Task handler has crashed")

    def __init__(
        self, code: str, kind: Kind, severity: Severity, category: Category, title: str
    ) -> None:
        self.code = code
        self.kind = kind
        self.severity = severity
        self.category = category
        self.title = title


LEASE_LOST: Final = frozenset({Code.LEASE_EXPIRED, Code.NO_ACTIVE_LEASE, Code.FOREIGN_RUN})
"""What an agent hears of a run whose lease it has no more: it stops working on it."""


@final
@frozen(eq=False)
class Rejected(Exception):
    """A refusal. Nothing was written.

    Args:
        code: what it is; fixes the HTTP status, the severity and the title.
        message: what was wrong here, in a sentence without a full stop.
        next_step: what the caller can do about it, in words. They end with a colon where how the
            action is asked for is to follow.
        action: one that helps.
        pointer: JSON pointer (`/owner/kind`) or `?name` of what was wrong in the request.
        area: prefix of the diagnostic's id.
        evidence: the facts behind it.
    """

    code: Code
    message: str
    next_step: str = ""
    action: Action | None = None
    pointer: str | None = None
    area: str = "task"
    evidence: Mapping[str, str | int | bool] = field(factory=dict)

    def __str__(self) -> str:
        return f"{self.code.code}: {self.message}"


def invalid(pointer: str, message: str, next_step: str = "") -> Rejected:
    """A refusal of one field of a request, named by its JSON pointer."""
    return Rejected(Code.INVALID_REQUEST, message, next_step, pointer=pointer)


def too_large(pointer: str, message: str, **evidence: int) -> Rejected:
    """A refusal of a field whose JSON text is over its byte limit."""
    return Rejected(
        Code.PAYLOAD_TOO_LARGE, message, "send less of it", pointer=pointer, evidence=evidence
    )


def shutting_down() -> Rejected:
    """A refusal of everything new, and of waiting, once a stop has begun."""
    return Rejected(Code.SHUTTING_DOWN, "the server shuts down", "try again when it is back")


def write_failed(error: Exception) -> Rejected:
    """The answer to everyone whose record may or may not have reached the disk."""
    return Rejected(
        Code.STORAGE_FAILED,
        f"the write failed: {error}",
        "look after the server was started anew: it may or may not be there",
    )
