"""What happened to one of its runs."""

from typing import ClassVar, final

from chargehand.actors.frozen import frozen
from chargehand.actors.identity import Actor, CallerKey, Origin
from chargehand.actors.task.events.base import RunEvent
from chargehand.actors.task.review import Continuation
from chargehand.actors.task.state import (
    Json,
    RunStatus,
)


@frozen
class NewRun:
    """What a run is born with."""

    attempt: int
    origin: Origin
    previous_run_id: str | None = None
    idempotency_key: str | None = None
    network_channel: str | None = None
    coordination_channel_id: str | None = None
    metadata: Json | None = None
    required_capabilities: tuple[str, ...] = ()
    preferred_capabilities: tuple[str, ...] = ()
    continuation: Continuation | None = None


@final
@frozen
class RunEnqueued(RunEvent):
    type: ClassVar[str] = "task.run_enqueued"
    run: NewRun


@final
@frozen
class RunClaimed(RunEvent):
    """By an agent (session, hash and lease are set) or by an operator (none of them is).

    `lease_until_ns` is what the wall said the lease's end would be, and what is shown of the event;
    `lease_ends_ns` is the end itself, on the steady scale (0: the same number).
    """

    type: ClassVar[str] = "task.run_claimed"
    claimed_by: Actor
    session_id: str | None = None
    claim_token_hash: str | None = None
    lease_until_ns: int | None = None
    lease_seconds: int | None = None
    claim_key: str | None = None
    lease_ends_ns: int = 0
    under: CallerKey | None = None  # the key of an operator's claim


@final
@frozen
class RunStarting(RunEvent):
    type: ClassVar[str] = "task.run_starting"
    session_id: str | None = None


@final
@frozen
class RunSessionBound(RunEvent):
    type: ClassVar[str] = "task.run_session_bound"
    session_id: str


@final
@frozen
class RunStarted(RunEvent):
    type: ClassVar[str] = "task.run_started"
    session_id: str | None = None
    under: CallerKey | None = None  # the key it was sent with


@final
@frozen
class RunLeaseExtended(RunEvent):
    """By a heartbeat, or at start-up, where each lease is given some time. Ends as `RunClaimed`."""

    type: ClassVar[str] = "task.run_lease_extended"
    status: RunStatus
    lease_until_ns: int
    lease_seconds: int
    heartbeat_at_ns: int | None
    claim_token_hash: str | None = None
    lease_ends_ns: int = 0


@final
@frozen
class RunLeaseExpired(RunEvent):
    type: ClassVar[str] = "task.run_lease_expired"
    previous_status: RunStatus
    lease_until_ns: int
    session_id: str | None = None
    previous_claim_token_hash: str | None = None
    coordination_channel_id: str | None = None
    reason: str | None = None


@final
@frozen
class RunNeedsAttention(RunEvent):
    type: ClassVar[str] = "task.run_needs_attention"
    previous_status: RunStatus
    diagnostic: str
    queued_at_ns: int
    coordination_channel_id: str | None = None


@final
@frozen
class ForcedRelease:
    """What an operator's release records besides: who, and what was taken away."""

    by: Actor
    previous_claim_token_hash: str | None = None
    previous_lease_until_ns: int | None = None


@final
@frozen
class RunReleased(RunEvent):
    type: ClassVar[str] = "task.run_released"
    previous_status: RunStatus
    reason: str | None = None
    session_id: str | None = None
    forced: ForcedRelease | None = None


@final
@frozen
class RunCompleted(RunEvent):
    type: ClassVar[str] = "task.run_completed"
    result: Json | None = None
    claim_token_hash: str | None = None
    by_session_id: str | None = None
    closing_digest: str | None = None


@final
@frozen
class RunFailed(RunEvent):
    type: ClassVar[str] = "task.run_failed"
    error: str
    metadata: Json | None = None
    claim_token_hash: str | None = None
    by_session_id: str | None = None
    closing_digest: str | None = None


@final
@frozen
class RunCanceled(RunEvent):
    type: ClassVar[str] = "task.run_canceled"
    reason: str | None = None
    metadata: Json | None = None
    session_id: str | None = None
    propagated_from_task_id: str | None = None


@final
@frozen
class RunForcedFail(RunEvent):
    type: ClassVar[str] = "task.run_operator_forced_fail"
    by: Actor
    previous_status: RunStatus
    reason: str
    session_id: str | None = None
    metadata: Json | None = None


@final
@frozen
class RunParkedClosed(RunEvent):
    """A run that needed attention is closed as failed, as a new run takes its place.

    Told to the public by the event of the new run.
    """

    error: str | None
    by: Actor


@final
@frozen
class RunRetried(RunEvent):
    """`run_id` is the new run."""

    type: ClassVar[str] = "task.run_operator_retry"
    by: Actor
    source_run_id: str
    run: NewRun


@final
@frozen
class RunRecovered(RunEvent):
    """`run_id` is the new run; the source is closed in the same record."""

    type: ClassVar[str] = "task.run_recovered_from_attention"
    by: Actor
    source_run_id: str
    run: NewRun
    reason: str | None = None


@final
@frozen
class RunWithoutLease(RunEvent):
    """At work without a lease, and nobody has touched it past the threshold."""

    type: ClassVar[str] = "task.run_without_lease"
    status: RunStatus
    untouched_since_ns: int
    untouched_ms: int
    session_id: str | None = None  # that holds it


@final
@frozen
class RunStarved(RunEvent):
    """Queued past the threshold, and no registered session could claim it."""

    type: ClassVar[str] = "task.run_starved"
    queued_at_ns: int
    queued_age_ms: int
    coordination_channel_id: str | None = None
