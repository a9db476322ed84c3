"""Which refusals each operation may answer: by rules for what many share, else by its own row.

Tests hold the rows against the source, from each handler on, and every refusal that any test of the
API is answered against them.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from chargehand.actors.errors import Code as C
from chargehand.actors.force import FORCE_COMMANDS
from chargehand.web.bodies import Body
from chargehand.web.identity import AGENTS_ONLY, ANYBODYS
from chargehand.web.openapi.meanings import AnyCode
from chargehand.web.openapi.table import DOCS
from chargehand.web.operations import ASKED_BY_PROBES, BULK_RUNS, BULK_TASKS
from chargehand.web.operations import Operation as Op
from chargehand.web.problems import EdgeCode as E
from chargehand.web.problems import status_of

_LEASE: Final = (C.LEASE_EXPIRED, C.NO_ACTIVE_LEASE, C.FOREIGN_RUN)
_NEW_RUN: Final = (
    C.TRANSITION,
    C.TASK_HAS_OPEN_RUN,
    C.ATTEMPTS_EXHAUSTED,
    C.BELOW_CANCELED,
    C.BLOCKER_CANCELED,
    C.KEY_CONFLICT,
)
_NEW_TASK: Final = (
    C.WORKSPACE_NOT_FOUND,
    C.TASK_NOT_FOUND,
    C.TASK_EXISTS,
    C.GRAPH_LIMIT,
    C.BELOW_CANCELED,
)
_NEXT_RUN: Final = (
    C.TRANSITION,
    C.RUN_ALREADY_RETRIED,
    C.RETRY_CHAIN_TOO_DEEP,
    C.ATTEMPTS_EXHAUSTED,
    C.BELOW_CANCELED,
    C.BLOCKER_CANCELED,
)
_IN_TASKS: Final = (C.WORKSPACE_NOT_FOUND, C.TASK_NOT_FOUND, C.TASK_SET_ASIDE)
OWN: Final[Mapping[Op, tuple[C, ...]]] = {
    Op.CLAIM_NEXT: (C.LEASE_ALREADY_HELD, C.NO_ACTIVE_LEASE),
    **dict.fromkeys(
        (Op.AGENT_HEARTBEAT, Op.AGENT_RELEASE, Op.AGENT_COMPLETE, Op.AGENT_FAIL), _LEASE
    ),
    Op.CLAIM_BATCH: (C.LEASE_ALREADY_HELD, C.NO_ACTIVE_LEASE),
    Op.LIST_TASKS: (C.WORKSPACE_NOT_FOUND,),
    Op.LIST_ALL_RUNS: _IN_TASKS,
    Op.LIST_ALL_REVIEWS: _IN_TASKS,
    Op.CREATE_TASK: _NEW_TASK,
    Op.CREATE_CHILD: _NEW_TASK,
    Op.CREATE_BATCH: (
        *_NEW_TASK,
        C.GRAPH_CYCLE,
        C.BLOCKER_CANCELED,
        C.NEEDED_ITEM_REFUSED,
        C.BATCH_NOT_MADE,
        C.TASK_SET_ASIDE,
    ),
    Op.UPDATE_TASK: (C.BELOW_CANCELED,),
    Op.DELETE_TASK: (C.TASK_HAS_CHILDREN, C.TASK_HAS_OPEN_RUN),
    Op.PUBLISH_TASK: _NEW_RUN,
    Op.START_TASK: _NEW_RUN,
    Op.APPROVE_TASK: _NEW_RUN,
    Op.ENQUEUE_RUN: _NEW_RUN,
    Op.REJECT_TASK: (C.TRANSITION,),
    Op.CANCEL_TASK: (C.TRANSITION,),
    Op.PAUSE_TASK: (C.RUN_ALREADY_TERMINAL, C.FORCE_OP_REQUIRES_REASON),
    Op.ADD_DEPENDENCY: (C.BLOCKER_CANCELED, C.GRAPH_CYCLE, C.GRAPH_LIMIT),
    Op.REMOVE_DEPENDENCY: (C.DEPENDENCY_NOT_FOUND,),
    Op.GET_TIMELINE: (C.STREAM_CURSOR_AHEAD,),
    Op.STREAM_TASK: (C.STREAM_CURSOR_AHEAD,),
    Op.STREAM: (C.WORKSPACE_NOT_FOUND, C.STREAM_CURSOR_AHEAD, C.STREAM_CURSOR_BEHIND),
    Op.SET_PROFILE: (C.TRANSITION,),
    Op.DELETE_PROFILE: (C.PROFILE_NOT_FOUND, C.TRANSITION),
    Op.CREATE_SUBSCRIPTION: (
        C.BRIDGE_NOT_FOUND,
        C.SUBSCRIPTION_NOT_FOUND,  # it was made under the key, and deleted since
        C.SUBSCRIPTION_LIMIT,
    ),
    Op.GET_SUBSCRIPTION: (C.SUBSCRIPTION_NOT_FOUND,),
    Op.DELETE_SUBSCRIPTION: (C.SUBSCRIPTION_NOT_FOUND,),
    Op.LIST_UNDELIVERED: (C.SUBSCRIPTION_NOT_FOUND,),
    Op.RESEND_UNDELIVERED: (C.SUBSCRIPTION_NOT_FOUND, C.MESSAGE_NOT_FOUND, C.SUBSCRIPTION_OFF),
    Op.CLAIM_RUN: (C.TRANSITION, C.RUN_TRANSITION, C.RUN_OWNED_BY_OTHERS),
    Op.START_RUN: (C.TRANSITION, C.RUN_TRANSITION),
    Op.ATTACH_SESSION: (C.SESSION_NOT_FOUND, C.TRANSITION, C.RUN_TRANSITION, C.SESSION_BOUND),
    Op.COMPLETE_RUN: (C.RUN_TRANSITION, C.RUN_LEASED),
    Op.FAIL_RUN: (C.RUN_TRANSITION, C.RUN_LEASED),
    Op.CANCEL_RUN: (C.RUN_TRANSITION,),
    Op.FORCE_RELEASE: (C.RUN_NOT_RELEASABLE,),
    Op.FORCE_FAIL: (C.RUN_ALREADY_TERMINAL, C.RUN_STILL_ACTIVE, C.FORCE_OP_REQUIRES_REASON),
    Op.RETRY_RUN: (C.RUN_STILL_ACTIVE, C.TASK_HAS_OPEN_RUN, *_NEXT_RUN),
    Op.RECOVER_RUN: (C.RUN_NOT_RECOVERABLE, *_NEXT_RUN),
    Op.BULK_RELEASE: (C.BULK_TOO_LARGE,),
    Op.BULK_FAIL: (C.BULK_TOO_LARGE, C.FORCE_OP_REQUIRES_REASON),
    **dict.fromkeys(BULK_TASKS, (C.WORKSPACE_NOT_FOUND, C.BULK_TOO_LARGE)),
    Op.BULK_PAUSE_TASKS: (
        C.WORKSPACE_NOT_FOUND,
        C.BULK_TOO_LARGE,
        C.FORCE_OP_REQUIRES_REASON,
    ),
    **dict.fromkeys(
        BULK_RUNS, (C.WORKSPACE_NOT_FOUND, C.TASK_NOT_FOUND, C.TASK_SET_ASIDE, C.BULK_TOO_LARGE)
    ),
    Op.REQUEST_REVIEW: (C.TRANSITION, C.RUN_NOT_REVIEWABLE, C.REVIEW_LIMIT),
    Op.SUBMIT_VERDICT: (
        C.SELF_REVIEW,
        C.REVIEW_CLOSED,
        C.TASK_HAS_OPEN_RUN,
        C.BELOW_CANCELED,
        C.BLOCKER_CANCELED,
    ),
    Op.GET_DASHBOARD: (C.WORKSPACE_NOT_FOUND,),
    Op.GET_INBOX: (C.WORKSPACE_NOT_FOUND,),
    Op.GET_WORKSPACE: (C.WORKSPACE_NOT_FOUND,),
    Op.CREATE_SESSION: (C.WORKSPACE_NOT_FOUND, C.SESSION_EXISTS),
    Op.GET_SESSION: (C.SESSION_NOT_FOUND,),
    Op.END_SESSION: (C.SESSION_NOT_FOUND,),
    Op.GET_WORKSPACE_SESSION: (C.WORKSPACE_NOT_FOUND, C.SESSION_NOT_FOUND),
    Op.READINESS: (C.STORAGE_FAILED,),
}

# What the path names, by how it begins.
_NAMED: Final[Mapping[str, C]] = {
    "/api/tasks/{id}": C.TASK_NOT_FOUND,
    "/api/agent/tasks/{run_id}": C.RUN_NOT_FOUND,
    "/api/task-runs/{id}": C.RUN_NOT_FOUND,
    "/api/runs/{id}": C.RUN_NOT_FOUND,
    "/api/task-reviews/{id}": C.REVIEW_NOT_FOUND,
}


def refusals_of(operation: Op) -> Mapping[int, tuple[AnyCode, ...]]:
    """The codes that it may answer, by status; its own come first."""
    found: dict[int, dict[AnyCode, None]] = {}
    for code in (*OWN.get(operation, ()), *_shared(operation)):
        status = code.status if isinstance(code, E) else status_of(code.kind, operation)
        of_status = found.setdefault(status, {})
        if all(code.code != other.code for other in of_status):
            of_status[code] = None
    return {status: (*codes,) for status, codes in sorted(found.items())}


def _shared(operation: Op) -> Iterator[AnyCode]:
    """What follows from where an operation is, what it takes, and what it changes."""
    doc, path = DOCS[operation], operation.path
    for beginning, code in _NAMED.items():
        if path.startswith(beginning):
            yield from (code, C.TASK_SET_ASIDE)
    if isinstance(doc.request, Body) and doc.request.command in FORCE_COMMANDS:
        yield from (C.FORBIDDEN_OPERATOR_ACTION, C.FORCE_OP_RATE_LIMITED)
    if operation.lists_invalid or operation.is_write:
        yield C.INVALID_REQUEST
        if path.startswith("/api/"):
            yield C.UNKNOWN_MEMBERS
    if operation.is_conditional:
        yield C.PRECONDITION_FAILED
    if operation.is_write:
        yield from (C.KEY_REUSED, C.PAYLOAD_TOO_LARGE, E.ENCODING_NOT_SUPPORTED)
        yield from (C.OVERLOADED, C.STORAGE_FAILED, C.SHUTTING_DOWN, C.ACTOR_CRASHED)
    if operation not in ANYBODYS:
        if operation in AGENTS_ONLY:
            yield C.TASK_SET_ASIDE
        yield from (C.IDENTITY_REQUIRED, C.IDENTITY_STALE, C.IDENTITY_MISMATCH)
        yield C.IDENTITY_UNAUTHORIZED
        yield from (C.SESSIONS_FULL, C.OVERLOADED, C.STORAGE_FAILED, C.SHUTTING_DOWN)
    if path.startswith("/api/"):
        yield from (C.SESSION_SET_ASIDE, C.WORKSPACE_SET_ASIDE)
    if operation not in ASKED_BY_PROBES:
        yield E.TOKEN_REQUIRED
    yield from (E.HOST_NOT_ALLOWED, E.ORIGIN_NOT_ALLOWED, E.METHOD_NOT_ALLOWED, E.BODY_TOO_LARGE)
    yield E.OVERLOADED
