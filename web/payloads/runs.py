"""Payloads of what happened to one run."""

from chargehand.actors.task import events as e
from chargehand.actors.task.state import RunStatus
from chargehand.web.payloads.members import Payload, actor_members, manually, truncated_hash
from chargehand.web.shapes.encoding import fragment, optional_time, required_time, rfc3339


def run_members(event: e.RunEvent) -> Payload:
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
                "claimed_by": actor_members(event.claimed_by),
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
        case e.RunWithoutLease():
            return {
                "status": event.status,
                "task_status": event.task_status,
                "untouched_since": rfc3339(event.untouched_since_ns),
                "untouched_ms": event.untouched_ms,
                "session_id": event.session_id,
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
                "result": fragment(event.result),
                "claim_token_hash": event.claim_token_hash,
            }
        case e.RunFailed():
            return {
                "status": RunStatus.FAILED,
                "task_status": event.task_status,
                "error": event.error,
                "metadata": fragment(event.metadata),
                "claim_token_hash": event.claim_token_hash,
            }
        case e.RunCanceled():
            return {
                "status": RunStatus.CANCELED,
                "task_status": event.task_status,
                "reason": event.reason,
                "metadata": fragment(event.metadata),
                "session_id": event.session_id,
                "propagated_from_task_id": event.propagated_from_task_id,
            }
        case e.RunForcedFail():
            return {
                **manually(event.by),
                "previous_status": event.previous_status,
                "status": RunStatus.FAILED,
                "task_status": event.task_status,
                "reason": event.reason,
                "session_id": event.session_id,
                "metadata": fragment(event.metadata),
            }
        case e.RunRetried():
            return {
                **manually(event.by),
                "source_run_id": event.source_run_id,
                "new_run_id": event.run_id,
                "task_status": event.task_status,
            }
        case e.RunRecovered():
            return {
                **manually(event.by),
                "source_run_id": event.source_run_id,
                "new_run_id": event.run_id,
                "previous_status": RunStatus.NEEDS_ATTENTION,
                "status": RunStatus.QUEUED,
                "task_status": event.task_status,
                "reason": event.reason,
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
        members |= manually(event.forced.by)
        members["previous_session_id"] = event.session_id
        members["previous_claim_token_hash_truncated"] = truncated_hash(
            event.forced.previous_claim_token_hash
        )
        members["previous_lease_until"] = optional_time(event.forced.previous_lease_until_ns)
    return members


def _bound(event: e.RunEvent, status: RunStatus, session_id: str | None) -> Payload:
    return {"status": status, "task_status": event.task_status, "session_id": session_id}
