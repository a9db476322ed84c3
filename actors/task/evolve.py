"""Fold an event into the state. Replay after a crash runs exactly this.

Pure: no clock, no lookup. `fold` is what everybody calls; one small function for each event type.
"""

from collections.abc import Callable
from typing import Any

from actors.frozen import replace, stamp
from actors.identity import Caller
from actors.task import events as e
from actors.task.state import (
    ApprovalPolicy,
    ApprovalState,
    Dependency,
    FailureKind,
    Pause,
    Priority,
    Run,
    RunStatus,
    Scope,
    TaskState,
    TaskStatus,
)


def evolve(
    state: TaskState | None,
    event: e.TaskEvent,
    *,
    task_id: str,
    seq: int,
    at_ns: int,
    caller: Caller,
) -> TaskState:
    """The state after `event`.

    Args:
        state: None before the task's first event.
        task_id: the address of the record.
        seq: the event's number.
        at_ns: the record's time.
        caller: who caused the record.
    """
    if state is None:
        folded = _first(event, task_id, at_ns, caller)
    else:
        folded = _FOLDS[type(event)](state, event, at_ns)
    if folded is state:
        folded = replace(state)
    # A copy that nobody else has seen yet: stamping it costs a tenth of another copy.
    stamp(folded, "last_seq", seq)
    if event.type:  # what nobody is told of is no activity either
        stamp(folded, "latest_event_seq", seq)
        stamp(folded, "last_activity_at_ns", at_ns)
    return folded


def _first(event: e.TaskEvent, task_id: str, at_ns: int, caller: Caller) -> TaskState:
    if not isinstance(event, e.TaskCreated):
        # An effect that reached an id whose task was deleted, and whose tombstone is gone.
        return _tombstone(task_id, at_ns, caller)
    return TaskState(
        id=task_id,
        scope=event.scope,
        workspace_id=event.workspace_id,
        parent_task_id=event.parent_task_id,
        identifier=event.identifier,
        title=event.title,
        description=event.description,
        network_channel=event.network_channel,
        priority=event.priority,
        max_attempts=event.max_attempts,
        auto_enqueue_on_ready=event.auto_enqueue_on_ready,
        approval_policy=event.approval_policy,
        approval_state=event.approval_policy.initial_state,
        owner=event.owner,
        metadata=event.metadata,
        created_by=caller.actor,
        origin=caller.origin,
        created_at_ns=at_ns,
        updated_at_ns=at_ns,
        last_activity_at_ns=at_ns,
        status=event.status,
        draft=event.status is TaskStatus.DRAFT,
    )


def _tombstone(task_id: str, at_ns: int, caller: Caller) -> TaskState:
    blank = e.TaskCreated(
        scope=Scope.GLOBAL,
        title="",
        priority=Priority.MEDIUM,
        max_attempts=1,
        approval_policy=ApprovalPolicy.NONE,
        status=TaskStatus.CANCELED,
    )
    return replace(_first(blank, task_id, at_ns, caller), deleted=True)


# --- the task itself ---------------------------------------------------------------------------


def _unchanged(state: TaskState, event: e.TaskEvent, at_ns: int) -> TaskState:
    return state


def _updated(state: TaskState, event: e.TaskUpdated, at_ns: int) -> TaskState:
    changes = {name: getattr(event, name) for name in event.changed_fields}
    policy = changes.get("approval_policy")
    if policy is not None:
        changes["approval_state"] = policy.initial_state
    return replace(state, updated_at_ns=at_ns, **changes)


def _status_changed(state: TaskState, event: e.StatusChanged, at_ns: int) -> TaskState:
    return replace(
        state,
        status=event.status,
        updated_at_ns=at_ns,
        closed_at_ns=at_ns if event.status.is_terminal else None,
    )


def _published(state: TaskState, event: e.TaskPublished, at_ns: int) -> TaskState:
    return replace(state, draft=False, updated_at_ns=at_ns)


def _approved(state: TaskState, event: e.TaskApproved, at_ns: int) -> TaskState:
    return replace(state, approval_state=ApprovalState.APPROVED, updated_at_ns=at_ns)


def _rejected(state: TaskState, event: e.TaskRejected, at_ns: int) -> TaskState:
    return replace(state, approval_state=ApprovalState.REJECTED, updated_at_ns=at_ns)


def _canceled(state: TaskState, event: e.TaskCanceled, at_ns: int) -> TaskState:
    return replace(state, canceled=True, draft=False, auto_enqueue_due=False, updated_at_ns=at_ns)


def _paused(state: TaskState, event: e.TaskPaused, at_ns: int) -> TaskState:
    return replace(state, pause=Pause(event.by, at_ns, event.reason), updated_at_ns=at_ns)


def _resumed(state: TaskState, event: e.TaskResumed, at_ns: int) -> TaskState:
    return replace(state, pause=None, updated_at_ns=at_ns)


def _deleted(state: TaskState, event: e.TaskDeleted, at_ns: int) -> TaskState:
    return replace(
        state,
        deleted=True,
        title="",
        identifier=None,
        description=None,
        metadata=None,
        dependencies=(),
        runs=(),
    )


def _dependency_added(state: TaskState, event: e.DependencyAdded, at_ns: int) -> TaskState:
    edge = Dependency(event.depends_on_task_id, event.kind, at_ns, event.completed)
    return replace(state, dependencies=(*state.dependencies, edge))


def _dependency_removed(state: TaskState, event: e.DependencyRemoved, at_ns: int) -> TaskState:
    left = tuple(
        edge for edge in state.dependencies if edge.depends_on_task_id != event.depends_on_task_id
    )
    return replace(state, dependencies=left)


def _blocker_changed(state: TaskState, event: e.BlockerChanged, at_ns: int) -> TaskState:
    edges = tuple(
        replace(edge, completed=event.completed)
        if edge.depends_on_task_id == event.depends_on_task_id
        else edge
        for edge in state.dependencies
    )
    return replace(state, dependencies=edges)


def _auto_enqueue_missed(state: TaskState, event: e.AutoEnqueueMissed, at_ns: int) -> TaskState:
    return replace(state, auto_enqueue_due=True)


# --- one run -----------------------------------------------------------------------------------


def _with(state: TaskState, run_id: str, **changes: Any) -> TaskState:
    runs = tuple(replace(run, **changes) if run.id == run_id else run for run in state.runs)
    return replace(state, runs=runs)


def _new_run(state: TaskState, run_id: str, new: e.NewRun, at_ns: int) -> TaskState:
    run = Run(
        id=run_id,
        attempt=new.attempt,
        status=RunStatus.QUEUED,
        origin=new.origin,
        queued_at_ns=at_ns,
        previous_run_id=new.previous_run_id,
        idempotency_key=new.idempotency_key,
        network_channel=new.network_channel,
        coordination_channel_id=new.coordination_channel_id,
        metadata=new.metadata,
        required_capabilities=new.required_capabilities,
        preferred_capabilities=new.preferred_capabilities,
    )
    return replace(state, runs=(*state.runs, run), auto_enqueue_due=False)


def _run_enqueued(
    state: TaskState, event: e.RunEnqueued | e.RunRetried | e.RunRecovered, at_ns: int
) -> TaskState:
    return _new_run(state, event.run_id, event.run, at_ns)


def _run_claimed(state: TaskState, event: e.RunClaimed, at_ns: int) -> TaskState:
    return _with(
        state,
        event.run_id,
        status=RunStatus.CLAIMED,
        claimed_by=event.claimed_by,
        session_id=event.session_id,
        claim_token_hash=event.claim_token_hash,
        lease_until_ns=event.lease_until_ns,
        heartbeat_at_ns=at_ns if event.lease_until_ns is not None else None,
        lease_seconds=event.lease_seconds,
        claim_key=event.claim_key,
        claimed_at_ns=at_ns,
        started_at_ns=None,
        ended_at_ns=None,
        error=None,
        result=None,
    )


def _run_starting(state: TaskState, event: e.RunStarting, at_ns: int) -> TaskState:
    return _with(state, event.run_id, status=RunStatus.STARTING)


def _run_session_bound(state: TaskState, event: e.RunSessionBound, at_ns: int) -> TaskState:
    return _with(state, event.run_id, status=RunStatus.STARTING, session_id=event.session_id)


def _run_started(state: TaskState, event: e.RunStarted, at_ns: int) -> TaskState:
    return _with(state, event.run_id, status=RunStatus.RUNNING, started_at_ns=at_ns)


def _lease_extended(state: TaskState, event: e.RunLeaseExtended, at_ns: int) -> TaskState:
    return _with(
        state,
        event.run_id,
        lease_until_ns=event.lease_until_ns,
        heartbeat_at_ns=event.heartbeat_at_ns,
        lease_seconds=event.lease_seconds,
    )


_UNCLAIMED: dict[str, Any] = {
    "claimed_by": None,
    "session_id": None,
    "claim_token_hash": None,
    "lease_until_ns": None,
    "heartbeat_at_ns": None,
    "lease_seconds": None,
    "claim_key": None,
    "claimed_at_ns": None,
    "started_at_ns": None,
    "ended_at_ns": None,
    "error": None,
    "result": None,
}
_LEASE_ENDED: dict[str, Any] = {"lease_until_ns": None, "heartbeat_at_ns": None, "claim_key": None}


def _lease_expired(state: TaskState, event: e.RunLeaseExpired, at_ns: int) -> TaskState:
    run = state.run(event.run_id)
    assert run is not None, f"{event.run_id} expired but does not exist"
    return _with(
        state,
        event.run_id,
        status=RunStatus.QUEUED,
        expiries=run.expiries + 1,
        last_session_id=event.session_id,
        **_UNCLAIMED,
    )


def _needs_attention(state: TaskState, event: e.RunNeedsAttention, at_ns: int) -> TaskState:
    changes = {**_UNCLAIMED, "error": event.diagnostic}
    return _with(state, event.run_id, status=RunStatus.NEEDS_ATTENTION, **changes)


def _run_released(state: TaskState, event: e.RunReleased, at_ns: int) -> TaskState:
    return _with(
        state,
        event.run_id,
        status=RunStatus.QUEUED,
        failure_kind=None,
        expiries=0,
        **_UNCLAIMED,
    )


def _run_completed(state: TaskState, event: e.RunCompleted, at_ns: int) -> TaskState:
    return _with(
        state,
        event.run_id,
        status=RunStatus.COMPLETED,
        result=event.result,
        error=None,
        ended_at_ns=at_ns,
        expiries=0,
        last_session_id=event.by_session_id,
        closing_digest=event.closing_digest,
        **_LEASE_ENDED,
    )


def _run_failed(state: TaskState, event: e.RunFailed, at_ns: int) -> TaskState:
    return _with(
        state,
        event.run_id,
        status=RunStatus.FAILED,
        error=event.error,
        result=None,
        ended_at_ns=at_ns,
        expiries=0,
        last_session_id=event.by_session_id,
        closing_digest=event.closing_digest,
        **_LEASE_ENDED,
    )


def _run_canceled(state: TaskState, event: e.RunCanceled, at_ns: int) -> TaskState:
    return _with(
        state,
        event.run_id,
        status=RunStatus.CANCELED,
        error=None,
        result=None,
        ended_at_ns=at_ns,
    )


def _run_forced_fail(state: TaskState, event: e.RunForcedFail, at_ns: int) -> TaskState:
    return _with(
        state,
        event.run_id,
        status=RunStatus.FAILED,
        failure_kind=FailureKind.OPERATOR_FORCED,
        error=event.reason,
        result=None,
        claim_token_hash=None,
        ended_at_ns=at_ns,
        **_LEASE_ENDED,
    )


def _parked_closed(state: TaskState, event: e.RunParkedClosed, at_ns: int) -> TaskState:
    return _with(
        state,
        event.run_id,
        status=RunStatus.FAILED,
        failure_kind=FailureKind.OPERATOR_FORCED,
        error=event.error,
        result=None,
        ended_at_ns=at_ns,
    )


_FOLDS: dict[type[e.TaskEvent], Callable[[TaskState, Any, int], TaskState]] = {
    e.ChildCreated: _unchanged,
    e.EffectApplied: _unchanged,
    e.RunStarved: _unchanged,
    e.TreeCancelRepeated: _unchanged,
    e.TaskUpdated: _updated,
    e.StatusChanged: _status_changed,
    e.TaskPublished: _published,
    e.TaskApproved: _approved,
    e.TaskRejected: _rejected,
    e.TaskCanceled: _canceled,
    e.TaskPaused: _paused,
    e.TaskResumed: _resumed,
    e.TaskDeleted: _deleted,
    e.DependencyAdded: _dependency_added,
    e.DependencyRemoved: _dependency_removed,
    e.BlockerChanged: _blocker_changed,
    e.AutoEnqueueMissed: _auto_enqueue_missed,
    e.RunEnqueued: _run_enqueued,
    e.RunRetried: _run_enqueued,
    e.RunRecovered: _run_enqueued,
    e.RunClaimed: _run_claimed,
    e.RunStarting: _run_starting,
    e.RunSessionBound: _run_session_bound,
    e.RunStarted: _run_started,
    e.RunLeaseExtended: _lease_extended,
    e.RunLeaseExpired: _lease_expired,
    e.RunNeedsAttention: _needs_attention,
    e.RunReleased: _run_released,
    e.RunCompleted: _run_completed,
    e.RunFailed: _run_failed,
    e.RunCanceled: _run_canceled,
    e.RunForcedFail: _run_forced_fail,
    e.RunParkedClosed: _parked_closed,
}
