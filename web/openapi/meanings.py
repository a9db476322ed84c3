"""What each code of a refusal means to a client, and what it can do about it."""

from collections.abc import Mapping
from typing import Final

from chargehand.actors import limits
from chargehand.actors.errors import Code
from chargehand.web.problems import EdgeCode

AnyCode = Code | EdgeCode

_AGAIN: Final = "send the request again, under the same key if it is a write"
_SET_ASIDE: Final = "what is stored of it is damaged; an operator has to mend it"

MEANINGS: Final[Mapping[AnyCode, str]] = {
    # Requests.
    Code.INVALID_REQUEST: "The request itself is wrong; `evidence.pointer` names the place.",
    Code.PRECONDITION_FAILED: "The task has changed since the ETag in `If-Match` was read.",
    Code.UNKNOWN_MEMBERS: (
        "A member or parameter is unknown; only with `--strict-requests`, or in a `filter`."
    ),
    Code.STREAM_CURSOR_AHEAD: "The number is beyond the newest event: start over from `newest`.",
    Code.STREAM_CURSOR_BEHIND: "Too much has happened since: list the tasks, go on from `newest`.",
    Code.PAYLOAD_TOO_LARGE: "The body, or one JSON value in it, is over its limit of bytes.",
    Code.TASK_NOT_FOUND: "There is no such task, or it was deleted.",
    Code.RUN_NOT_FOUND: "There is no such run, or its task was deleted.",
    Code.DEPENDENCY_NOT_FOUND: "The task does not depend on that one.",
    Code.SESSION_NOT_FOUND: "There is no such session, or it has ended.",
    Code.PROFILE_NOT_FOUND: "The task has no execution profile of its own.",
    Code.BRIDGE_NOT_FOUND: "There is no such bridge, or it does not serve this task.",
    Code.SUBSCRIPTION_NOT_FOUND: "The task has no such subscription.",
    Code.MESSAGE_NOT_FOUND: "There is no such undelivered message.",
    Code.SUBSCRIPTION_OFF: "The subscription is off: set it again before messages are resent.",
    Code.SUBSCRIPTION_LIMIT: "The task has as many subscriptions as it may have.",
    Code.WORKSPACE_NOT_FOUND: "The workspace that is named is not registered.",
    # Tasks.
    Code.TASK_EXISTS: "The id is taken, maybe by a task that was deleted.",
    Code.TRANSITION: "It is not possible in the task's state; the message names the next step.",
    Code.TASK_HAS_CHILDREN: "A task with children is not deleted.",
    Code.TASK_HAS_OPEN_RUN: "The task has an open run.",
    Code.ATTEMPTS_EXHAUSTED: "The task has had all runs that `max_attempts` grants.",
    Code.GRAPH_LIMIT: "The tree or the dependencies would be larger than they may be.",
    Code.BELOW_CANCELED: "A task above it was canceled, so no new work begins here.",
    Code.BLOCKER_CANCELED: "A task that it depends on was canceled and will never be completed.",
    Code.GRAPH_CYCLE: "The dependency would close a cycle.",
    Code.NEEDED_ITEM_REFUSED: "In a row: an item that this one needs was refused.",
    Code.BATCH_NOT_MADE: "In a row: nothing is wrong with the item, but another one was refused.",
    Code.KEY_REUSED: "The `Idempotency-Key` was used for another request before.",
    Code.KEY_CONFLICT: "The `idempotency_key` stands for a run of another task.",
    # Runs, by operators.
    Code.RUN_TRANSITION: "It is not possible in the run's state.",
    Code.RUN_OWNED_BY_OTHERS: "The run is claimed by somebody else.",
    Code.RUN_LEASED: "An agent has a lease on the run, so it alone ends it.",
    Code.SESSION_BOUND: "Another session is bound to the run, or the session has no room for it.",
    Code.SESSION_NOT_ACTIVE: "The session has ended.",
    Code.RUN_NOT_RELEASABLE: "Only a claimed run is released.",
    Code.RUN_ALREADY_TERMINAL: "It has ended already; nothing is left to do.",
    Code.RUN_STILL_ACTIVE: "The run is still open or at work.",
    Code.RUN_NOT_RECOVERABLE: "Only a run that needs attention is recovered.",
    Code.RUN_ALREADY_RETRIED: "Another run was queued in its place before.",
    Code.RETRY_CHAIN_TOO_DEEP: f"The run was retried {limits.RETRY_CHAIN_MAX} times in a row.",
    Code.FORCE_OP_REQUIRES_REASON: "A reason is required.",
    Code.BULK_TOO_LARGE: (
        f"More than {limits.BULK_RUNS_MAX} runs were named, or {limits.BULK_IDS_MAX} ids."
    ),
    Code.FORBIDDEN_OPERATOR_ACTION: "Agents may not do this on a server without "
    "`--allow-agent-force`.",
    Code.FORCE_OP_RATE_LIMITED: (
        f"An agent has done more than {limits.FORCE_OPS_MAX} of these on the task within "
        f"{limits.FORCE_WINDOW_S} s."
    ),
    # Reviews.
    Code.REVIEW_NOT_FOUND: "There is no such review.",
    Code.RUN_NOT_REVIEWABLE: "The run has not ended, or not in a way that the policy asks for.",
    Code.REVIEW_LIMIT: "The task has had as many reviews as it may have.",
    Code.REVIEW_CLOSED: "The review has ended; its first verdict stands.",
    Code.SELF_REVIEW: "The session that did the work cannot judge it.",
    # Runs, by agents.
    Code.LEASE_ALREADY_HELD: "The session holds as many leases as it may: end one first.",
    Code.FOREIGN_RUN: "The lease is lost: another session holds the run. Stop working on it.",
    Code.NO_ACTIVE_LEASE: (
        "The lease is lost, or there never was one: the session has none on this run. Stop working "
        "on it."
    ),
    Code.LEASE_EXPIRED: (
        "The lease is lost: it has run out, or the claim that the call names is over, or the "
        "session ended the run itself; the message says which. Stop working on it."
    ),
    Code.CLAIM_KEY_CONFLICT: "The key of the claim is in use.",
    # Identity.
    Code.IDENTITY_REQUIRED: "An identity header is missing or blank.",
    Code.IDENTITY_STALE: "The session has ended, and its leases with it, or is not registered.",
    Code.IDENTITY_MISMATCH: "The session belongs to an agent of another name.",
    Code.IDENTITY_UNAUTHORIZED: "The session is of another workspace.",
    Code.SESSION_EXISTS: "The id of the session is taken.",
    Code.SESSIONS_FULL: "Too many sessions have registered themselves: try again later.",
    # The server itself.
    Code.OVERLOADED: f"Too much waits already; nothing was done: {_AGAIN}.",
    Code.STORAGE_FAILED: "A write has failed, and the server ends: look again when it is back.",
    Code.SHUTTING_DOWN: f"The server stops: {_AGAIN} when it is back.",
    Code.TASK_SET_ASIDE: f"The task is set aside: {_SET_ASIDE}.",
    Code.SESSION_SET_ASIDE: f"The session is set aside: {_SET_ASIDE}.",
    Code.WORKSPACE_SET_ASIDE: f"The workspace is set aside: {_SET_ASIDE}.",
    Code.ACTOR_CRASHED: f"A bug; it is not known whether it was done: {_AGAIN}.",
    # What never reaches an operation.
    EdgeCode.TOKEN_REQUIRED: "The server has a token, and it was not sent over TCP or is wrong.",
    EdgeCode.HOST_NOT_ALLOWED: "Over TCP, `Host` names none of the server's addresses.",
    EdgeCode.ORIGIN_NOT_ALLOWED: "Over TCP, pages of this `Origin` may not call.",
    EdgeCode.METHOD_NOT_ALLOWED: "The path does not know the method; `Allow` lists those it does.",
    EdgeCode.BODY_TOO_LARGE: "The body is over 4 MiB, or the path and query over 8 KiB.",
    EdgeCode.BODY_TOO_SLOW: "The body did not arrive in time.",
    EdgeCode.ENCODING_NOT_SUPPORTED: "The body is encoded, and the server takes plain ones alone.",
    EdgeCode.HEADERS_TOO_LARGE: "The headers are too large.",
    EdgeCode.MALFORMED: "The request is no valid HTTP.",
    EdgeCode.OVERLOADED: "Too many large requests are under way.",
    EdgeCode.NO_ACTIVE_NODE: "Of several nodes none is active, or this one may not be; try again.",
    EdgeCode.NODE_LOST: "The active node was lost meanwhile; the write may have been done.",
    EdgeCode.NOT_A_NODE: "The listener is for the other nodes, and this was none of them.",
    EdgeCode.NO_OTHER_NODE: "The active node cannot hand over, as no other one is there.",
    EdgeCode.NODES_NOT_KNOWN: "The database, which knows the nodes, does not answer; try again.",
    EdgeCode.NODE_SET_OTHERWISE: "This node has another secret or token than the active one.",
    EdgeCode.UNKNOWN_PATH: "Nothing is served at this path.",
    EdgeCode.INTERNAL: "A bug; the server's log has it.",
}
