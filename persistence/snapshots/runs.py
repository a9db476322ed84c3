"""Runs in a snapshot: an array of the fields named in `run_of`."""

from operator import attrgetter
from sys import intern
from typing import Any

from chargehand.actors.identity import CallerKey
from chargehand.actors.task.review import Continuation
from chargehand.actors.task.state import (
    FailureKind,
    Run,
    RunStatus,
)
from chargehand.persistence.codec import CONVERTER
from chargehand.persistence.snapshots.shared import (
    by_value,
    interned,
    json,
    shared_actor,
    shared_origin,
)

run_of = attrgetter(
    "id",
    "attempt",
    "status",
    "origin",
    "queued_at_ns",
    "previous_run_id",
    "failure_kind",
    "idempotency_key",
    "network_channel",
    "coordination_channel_id",
    "metadata",
    "required_capabilities",
    "preferred_capabilities",
    "claimed_by",
    "session_id",
    "claim_token_hash",
    "lease_until_ns",
    "heartbeat_at_ns",
    "lease_seconds",
    "claim_key",
    "claimed_at_ns",
    "started_at_ns",
    "ended_at_ns",
    "error",
    "result",
    "expiries",
    "lapsed_session_id",
    "closing_session_id",
    "closing_digest",
    "starved_at_ns",
    "continuation",
    "claimed_under",
    "started_under",
    "claim_lease_seconds",
    "queued_seq",
    "lease_ends_ns",
    "bound_at_ns",
    "neglected_at_ns",
)

_RUN_STATUSES = by_value(RunStatus)


def read_run(
    run_id: str,
    attempt: int,
    status: str,
    origin: tuple[str, str],
    queued_at_ns: int,
    previous_run_id: str | None,
    failure_kind: str | None,
    idempotency_key: str | None,
    network_channel: str | None,
    coordination_channel_id: str | None,
    metadata: str | None,
    required_capabilities: list[str],
    preferred_capabilities: list[str],
    claimed_by: tuple[str, str] | None,
    session_id: str | None,
    claim_token_hash: str | None,
    lease_until_ns: int | None,
    heartbeat_at_ns: int | None,
    lease_seconds: int | None,
    claim_key: str | None,
    claimed_at_ns: int | None,
    started_at_ns: int | None,
    ended_at_ns: int | None,
    error: str | None,
    result: str | None,
    expiries: int,
    lapsed_session_id: str | None,
    closing_session_id: str | None,
    closing_digest: str | None,
    starved_at_ns: int | None,
    continuation: dict[str, Any] | None = None,
    claimed_under: tuple[tuple[str, str], str] | None = None,
    started_under: tuple[tuple[str, str], str] | None = None,
    claim_lease_seconds: int | None = None,
    queued_seq: int = 0,
    lease_ends_ns: int = 0,
    bound_at_ns: int | None = None,
    neglected_at_ns: int | None = None,
) -> Run:
    return Run(
        id=run_id,
        attempt=attempt,
        status=_RUN_STATUSES[status],
        origin=shared_origin(*origin),
        queued_at_ns=queued_at_ns,
        previous_run_id=previous_run_id,
        failure_kind=None if failure_kind is None else FailureKind(failure_kind),
        idempotency_key=idempotency_key,
        network_channel=interned(network_channel),
        coordination_channel_id=interned(coordination_channel_id),
        metadata=json(metadata),
        required_capabilities=tuple(map(intern, required_capabilities)),
        preferred_capabilities=tuple(map(intern, preferred_capabilities)),
        claimed_by=None if claimed_by is None else shared_actor(*claimed_by),
        session_id=interned(session_id),
        claim_token_hash=claim_token_hash,
        lease_until_ns=lease_until_ns,
        heartbeat_at_ns=heartbeat_at_ns,
        lease_seconds=lease_seconds,
        claim_key=claim_key,
        claimed_at_ns=claimed_at_ns,
        started_at_ns=started_at_ns,
        ended_at_ns=ended_at_ns,
        error=error,
        result=json(result),
        expiries=expiries,
        lapsed_session_id=interned(lapsed_session_id),
        closing_session_id=interned(closing_session_id),
        closing_digest=closing_digest,
        starved_at_ns=starved_at_ns,
        continuation=None
        if continuation is None
        else CONVERTER.structure(continuation, Continuation),
        claimed_under=_caller_key(claimed_under),
        started_under=_caller_key(started_under),
        claim_lease_seconds=claim_lease_seconds,
        queued_seq=queued_seq,
        lease_ends_ns=lease_ends_ns,
        bound_at_ns=bound_at_ns,
        neglected_at_ns=neglected_at_ns,
    )


def _caller_key(written: tuple[tuple[str, str], str] | None) -> CallerKey | None:
    if written is None:
        return None
    actor, key = written
    return CallerKey(shared_actor(*actor), key)
