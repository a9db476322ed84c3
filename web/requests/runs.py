"""Bodies of the operations on runs, by agents and by operators."""

from typing import final

from attrs import field, frozen

from actors.task.state import Json
from web.decoding import NULL_COUNTS


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


@final
@frozen
class ReasonRequest:
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
