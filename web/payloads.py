"""What the public sees of an event: its payload, as JSON members in the order they are shown.

A member that is None is left out, as is an empty list.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final

import orjson

from actors.identity import Actor
from actors.task import events as e
from actors.task.state import ApprovalState, Json, Owner, RunStatus, TaskStatus
from web.shapes.encoding import optional_time, required_time, rfc3339

Member = (
    str
    | int
    | float
    | bool
    | Enum
    | orjson.Fragment
    | Mapping[str, object]
    | tuple[str, ...]
    | None
)
Payload = dict[str, Member]

_HASH_PREFIX: Final = "sha256:"
_HASH_DIGITS_SHOWN: Final = 8


def payload_of(event: e.TaskEvent) -> Payload:
    """The members of an event's payload; none for events that the public is not told of."""
    match event:
        case e.ReviewEvent():
            members = _review_members(event)
        case e.RunEvent():
            members = _run_members(event)
        case _:
            members = _task_members(event)
    return {name: value for name, value in members.items() if value is not None and value != ()}


def _task_members(event: e.TaskEvent) -> Payload:
    match event:
        case e.TaskCreated():
            return {
                "scope": event.scope,
                "workspace_id": event.workspace_id,
                "parent_task_id": event.parent_task_id,
                "status": event.status,
                "network_channel": event.network_channel,
                "owner": _owner(event.owner),
            }
        case e.ChildCreated():
            return {
                "child_task_id": event.child_task_id,
                "child_scope": event.child_scope,
                "child_workspace_id": event.child_workspace_id,
            }
        case e.TaskUpdated():
            return {"changed_fields": event.changed_fields, "status": event.status}
        case e.StatusChanged():
            return {
                "previous_status": event.previous_status,
                "status": event.status,
                "reason": event.reason,
            }
        case e.TaskPublished():
            return {
                "previous_status": TaskStatus.DRAFT,
                "status": event.status,
                "approval_state": event.approval_state,
            }
        case e.TaskApproved():
            return {
                "previous_approval_state": event.previous_approval_state,
                "approval_state": ApprovalState.APPROVED,
                "status": event.status,
            }
        case e.TaskRejected():
            return {
                "previous_approval_state": event.previous_approval_state,
                "approval_state": ApprovalState.REJECTED,
                "status": event.status,
            }
        case e.TaskCanceled():
            return {
                "reason": event.reason,
                "metadata": _json(event.metadata),
                "status": TaskStatus.CANCELED,
                "propagated_from_task_id": event.propagated_from_task_id,
                "canceled_run_ids": event.canceled_run_ids,
            }
        case e.DependencyAdded() | e.DependencyRemoved():
            return {
                "depends_on_task_id": event.depends_on_task_id,
                "kind": event.kind,
                "status": event.status,
            }
        case e.TaskPaused():
            return {
                **_manual(event.by),
                "previous_paused": event.previous_paused,
                "paused": True,
                "reason": event.reason,
                "metadata": _json(event.metadata),
            }
        case e.TaskResumed():
            return {
                **_manual(event.by),
                "previous_paused": event.previous_paused,
                "paused": False,
                "metadata": _json(event.metadata),
            }
        case e.ProfileUpdated(profile=profile):
            return {
                "task_id": event.task_id,
                "coordinator_mode": profile.coordinator.mode,
                "worker_mode": profile.worker.mode,
                "sandbox_mode": profile.sandbox.mode,
            }
        case e.ProfileDeleted():
            return {"task_id": event.task_id}
        case _:
            return {}


def _run_members(event: e.RunEvent) -> Payload:
    match event:
        case e.RunEnqueued(run=run):
            return {
                "attempt": run.attempt,
                "status": RunStatus.QUEUED,
                "task_status": event.task_status,
                "network_channel": run.network_channel,
                "coordination_channel_id": run.coordination_channel_id,
                "idempotency_key": run.idempotency_key,
            }
        case e.RunClaimed():
            return {
                "status": RunStatus.CLAIMED,
                "task_status": event.task_status,
                "claimed_by": _actor(event.claimed_by),
                "claim_token_hash": event.claim_token_hash,
                "lease_until": required_time(event.lease_until_ns),
            }
        case e.RunStarting() | e.RunSessionBound():
            return _bound(event, RunStatus.STARTING, event.session_id)
        case e.RunStarted():
            return _bound(event, RunStatus.RUNNING, event.session_id)
        case e.RunLeaseExtended():
            return {
                "status": event.status,
                "task_status": event.task_status,
                "lease_until": rfc3339(event.lease_until_ns),
                "heartbeat_at": optional_time(event.heartbeat_at_ns),
                "claim_token_hash": event.claim_token_hash,
            }
        case e.RunLeaseExpired():
            return {
                "previous_status": event.previous_status,
                "status": RunStatus.QUEUED,
                "task_status": event.task_status,
                "reason": event.reason,
                "session_id": event.session_id,
                "lease_until": rfc3339(event.lease_until_ns),
                "previous_claim_token_hash": event.previous_claim_token_hash,
                "coordination_channel_id": event.coordination_channel_id,
            }
        case e.RunNeedsAttention():
            return {
                "previous_status": event.previous_status,
                "status": RunStatus.NEEDS_ATTENTION,
                "diagnostic": event.diagnostic,
                "queued_at": rfc3339(event.queued_at_ns),
                "coordination_channel": event.coordination_channel_id,
            }
        case e.RunStarved():
            return {
                "queued_at": rfc3339(event.queued_at_ns),
                "queued_age_ms": event.queued_age_ms,
                "coordination_channel": event.coordination_channel_id,
            }
        case e.RunReleased():
            return _released(event)
        case _:
            return _end_members(event)


def _end_members(event: e.RunEvent) -> Payload:
    """Of the events that end a run or make a new one of it."""
    match event:
        case e.RunCompleted():
            return {
                "status": RunStatus.COMPLETED,
                "task_status": event.task_status,
                "result": _json(event.result),
                "claim_token_hash": event.claim_token_hash,
            }
        case e.RunFailed():
            return {
                "status": RunStatus.FAILED,
                "task_status": event.task_status,
                "error": event.error,
                "metadata": _json(event.metadata),
                "claim_token_hash": event.claim_token_hash,
            }
        case e.RunCanceled():
            return {
                "status": RunStatus.CANCELED,
                "task_status": event.task_status,
                "reason": event.reason,
                "metadata": _json(event.metadata),
                "session_id": event.session_id,
                "propagated_from_task_id": event.propagated_from_task_id,
            }
        case e.RunForcedFail():
            return {
                **_manual(event.by),
                "previous_status": event.previous_status,
                "status": RunStatus.FAILED,
                "task_status": event.task_status,
                "reason": event.reason,
                "session_id": event.session_id,
                "metadata": _json(event.metadata),
            }
        case e.RunRetried():
            return {
                **_manual(event.by),
                "source_run_id": event.source_run_id,
                "new_run_id": event.run_id,
                "task_status": event.task_status,
            }
        case e.RunRecovered():
            return {
                **_manual(event.by),
                "source_run_id": event.source_run_id,
                "new_run_id": event.run_id,
                "previous_status": RunStatus.NEEDS_ATTENTION,
                "status": RunStatus.QUEUED,
                "task_status": event.task_status,
                "reason": event.reason,
            }
        case _:
            return {}


def _review_members(event: e.ReviewEvent) -> Payload:
    about: Payload = {"review_id": event.review_id, "run_id": event.run_id}
    match event:
        case e.ReviewRequested():
            return about | {
                "policy": event.policy,
                "review_round": event.review_round,
                "attempt": event.attempt,
                "created": True,
            }
        case e.ReviewJudged(verdict=verdict):
            return about | {
                "outcome": verdict.outcome,
                "confidence": verdict.confidence,
                "delivery_id": verdict.delivery_id,
                "review_round": event.review_round,
                "continuation_run_id": event.continuation_run_id,
            }
        case e.ReviewCircuitOpened():
            return about | {"review_round": event.review_round, "reason": event.reason}
        case e.ReviewRetryEnqueued():
            return {
                "review_id": event.review_id,
                "run_id": event.parent_run_id,
                "continuation_run_id": event.run_id,
                "review_round": event.review_round,
            }
        case _:
            return {}


def _released(event: e.RunReleased) -> Payload:
    members: Payload = {
        "previous_status": event.previous_status,
        "status": RunStatus.QUEUED,
        "task_status": event.task_status,
        "reason": event.reason,
        "session_id": event.session_id,
    }
    if event.forced is not None:
        members |= _manual(event.forced.by)
        members["previous_session_id"] = event.session_id
        members["previous_claim_token_hash_truncated"] = truncated_hash(
            event.forced.previous_claim_token_hash
        )
        members["previous_lease_until"] = optional_time(event.forced.previous_lease_until_ns)
    return members


def _bound(event: e.RunEvent, status: RunStatus, session_id: str | None) -> Payload:
    return {"status": status, "task_status": event.task_status, "session_id": session_id}


def _manual(by: Actor) -> Payload:
    return {"manual": True, "actor_kind": by.kind, "actor_id": by.ref}


def truncated_hash(claim_token_hash: str | None) -> str | None:
    """The beginning of a claim's hash, enough to tell two claims apart."""
    if claim_token_hash is None:
        return None
    return claim_token_hash.removeprefix(_HASH_PREFIX)[:_HASH_DIGITS_SHOWN]


def _actor(actor: Actor) -> Mapping[str, object]:
    return {"kind": actor.kind, "ref": actor.ref}


def _owner(owner: Owner | None) -> Mapping[str, object] | None:
    return None if owner is None else {"kind": owner.kind, "ref": owner.ref}


def _json(text: Json | None) -> orjson.Fragment | None:
    return None if text is None else orjson.Fragment(text)
