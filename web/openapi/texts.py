"""What fields mean, by their name, where the name alone does not tell it."""

from collections.abc import Mapping
from typing import Final

FIELDS: Final[Mapping[str, str]] = {
    "approval_policy": "`manual` asks a person before any run is queued.",
    "attempt": "Counts the runs of the task, from 1.",
    "auto_enqueue_on_ready": "Queue a run by itself once the world makes the task ready.",
    "claim_token_hash": "Names the claim without giving it away.",
    "clear_owner": "Take the owner away.",
    "draft": "A draft is not worked on before it is published.",
    "effective_paused": "Whether the task or one above it is paused.",
    "idempotency_key": "Sent again with the same key, a request has the effect of the first.",
    "latest_event_seq": "The number of the latest event; numbers only rise.",
    "lease_seconds": "How long the claim holds without a heartbeat.",
    "lease_until": "When the claim ends unless a heartbeat extends it.",
    "max_attempts": "How many runs the task may have.",
    "metadata": "Any JSON; it is kept as it is.",
    "payload": "What the event tells besides; its members depend on its type.",
    "priority_min": "Claim nothing below this rank.",
    "queued_at": "The run's place in the queue, kept through releases.",
    "required_capabilities": "The capabilities that the caller has.",
    "result": "Any JSON that the work came to.",
    "sequence": "The event's number; ask for what comes after it.",
    "wait": "Be answered the moment there is work, or by 204 after a while.",
    "workspace": "A workspace's id, name or path.",
}
