"""Folds of what happens to one run: one small function for each event type."""

from collections.abc import Callable
from typing import Any

from chargehand.actors.frozen import replace
from chargehand.actors.task import events as e
from chargehand.actors.task.state import FailureKind, Run, RunStatus, TaskState


def _with(state: TaskState, run_id: str, **changes: Any) -> TaskState:
    runs = [*state.runs]
    for at, run in enumerate(runs):
        if run.id == run_id:
            runs[at] = replace(run, **changes)
    return replace(state, runs=tuple(runs))


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
        continuation=new.continuation,
    )
    return replace(state, runs=(*state.runs, run), auto_enqueue_due=False, lost_blockers=())


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
        lease_ends_ns=event.lease_ends_ns,
        heartbeat_at_ns=at_ns if event.lease_until_ns is not None else None,
        lease_seconds=event.lease_seconds,
        claim_lease_seconds=event.lease_seconds,
        claim_key=event.claim_key,
        claimed_under=event.under,
        started_under=None,
        claimed_at_ns=at_ns,
        started_at_ns=None,
        ended_at_ns=None,
        error=None,
        result=None,
        starved_at_ns=None,
        bound_at_ns=None,
        neglected_at_ns=None,
    )


def _run_starting(state: TaskState, event: e.RunStarting, at_ns: int) -> TaskState:
    return _with(
        state,
        event.run_id,
        status=RunStatus.STARTING,
        bound_at_ns=at_ns,
        neglected_at_ns=None,
    )


def _run_session_bound(state: TaskState, event: e.RunSessionBound, at_ns: int) -> TaskState:
    return _with(
        state,
        event.run_id,
        status=RunStatus.STARTING,
        session_id=event.session_id,
        bound_at_ns=at_ns,
        neglected_at_ns=None,
    )


def _run_started(state: TaskState, event: e.RunStarted, at_ns: int) -> TaskState:
    return _with(
        state,
        event.run_id,
        status=RunStatus.RUNNING,
        started_at_ns=at_ns,
        started_under=event.under,
        neglected_at_ns=None,
    )


def _lease_extended(state: TaskState, event: e.RunLeaseExtended, at_ns: int) -> TaskState:
    return _with(
        state,
        event.run_id,
        lease_until_ns=event.lease_until_ns,
        lease_ends_ns=event.lease_ends_ns,
        heartbeat_at_ns=event.heartbeat_at_ns,
        lease_seconds=event.lease_seconds,
    )


_UNCLAIMED: dict[str, Any] = {
    "claimed_by": None,
    "session_id": None,
    "claim_token_hash": None,
    "lease_until_ns": None,
    "lease_ends_ns": 0,
    "heartbeat_at_ns": None,
    "lease_seconds": None,
    "claim_lease_seconds": None,
    "claim_key": None,
    "claimed_under": None,
    "started_under": None,
    "claimed_at_ns": None,
    "bound_at_ns": None,
    "neglected_at_ns": None,
    "started_at_ns": None,
    "ended_at_ns": None,
    "error": None,
    "result": None,
}
_LEASE_ENDED: dict[str, Any] = {
    "lease_until_ns": None,
    "lease_ends_ns": 0,
    "heartbeat_at_ns": None,
    "claim_key": None,
}


def _lease_expired(state: TaskState, event: e.RunLeaseExpired, at_ns: int) -> TaskState:
    run = state.run(event.run_id)
    assert run is not None, f"{event.run_id} expired but does not exist"
    return _with(
        state,
        event.run_id,
        status=RunStatus.QUEUED,
        expiries=run.expiries + 1,
        lapsed_session_id=event.session_id,
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
    if state.unapproved_run_id is not None:
        state = replace(state, unapproved_run_id=None)
    return _with(
        state,
        event.run_id,
        status=RunStatus.COMPLETED,
        result=event.result,
        error=None,
        ended_at_ns=at_ns,
        expiries=0,
        closing_session_id=event.by_session_id,
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
        closing_session_id=event.by_session_id,
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


def _run_starved(state: TaskState, event: e.RunStarved, at_ns: int) -> TaskState:
    return _with(state, event.run_id, starved_at_ns=at_ns)


def _run_without_lease(state: TaskState, event: e.RunWithoutLease, at_ns: int) -> TaskState:
    return _with(state, event.run_id, neglected_at_ns=at_ns)


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


RUN_FOLDS: dict[type[e.TaskEvent], Callable[[TaskState, Any, int], TaskState]] = {
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
    e.RunStarved: _run_starved,
    e.RunWithoutLease: _run_without_lease,
}
