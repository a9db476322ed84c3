"""Bodies of the operations on runs, by agents and by operators."""

from typing import final

from attrs import field

from chargehand.actors.frozen import frozen
from chargehand.actors.task.state import Json
from chargehand.web.decoding import NULL_COUNTS


@final
@frozen
class ClaimNextRequest:
    workspace_id: str | None = None
    required_capabilities: tuple[str, ...] = ()  # those that the caller has
    priority_min: int = 0
    lease_seconds: int | None = None
    wait: bool = False
    idempotency_key: str | None = None


@final
@frozen
class HeartbeatRequest:
    lease_seconds: int | None = None
    claim_token_hash: str | None = None


@final
@frozen
class ReleaseClaimRequest:
    reason: str | None = None
    claim_token_hash: str | None = None


@final
@frozen
class CompleteClaimRequest:
    result: Json | None = field(default=None, metadata=NULL_COUNTS)
    claim_token_hash: str | None = None


@final
@frozen
class FailClaimRequest:
    error: str
    metadata: Json | None = None
    claim_token_hash: str | None = None


@final
@frozen
class ReasonRequest:
    """Of the scheduler's pause and resume."""

    reason: str | None = None


@final
@frozen
class CompleteRunRequest:
    result: Json | None = field(default=None, metadata=NULL_COUNTS)


@final
@frozen
class FailRunRequest:
    error: str
    metadata: Json | None = None


@final
@frozen
class IdempotentRequest:
    idempotency_key: str | None = None


@final
@frozen
class AttachSessionRequest:
    session_id: str


@final
@frozen
class DrainRequest:
    reason: str | None = None
    timeout_seconds: int | None = None
