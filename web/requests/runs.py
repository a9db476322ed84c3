"""Bodies of the operations on runs, by agents and by operators."""

from typing import Final, final

from chargehand.actors.frozen import frozen
from chargehand.actors.task import commands as c
from chargehand.web.bodies import Body, Items
from chargehand.web.requests.tasks import ABOUT_REASONS, METADATA, REASON_WITH_METADATA


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
class ClaimBatchRequest:
    max_runs: int
    workspace_id: str | None = None
    required_capabilities: tuple[str, ...] = ()  # those that the caller has
    priority_min: int = 0
    lease_seconds: int | None = None
    wait: bool = False
    idempotency_key: str | None = None


@final
@frozen
class ReasonRequest:
    """Of the scheduler's pause and resume."""

    reason: str | None = None


@final
@frozen
class AttachSessionRequest:
    session_id: str


@final
@frozen
class DrainRequest:
    reason: str | None = None
    timeout_seconds: int | None = None


_RUN: Final = ("run_id",)  # in the path

HEARTBEAT: Final = Body(c.Heartbeat, "HeartbeatRequest", _RUN)
RELEASE_CLAIM: Final = Body(c.ReleaseRun, "ReleaseClaimRequest", _RUN)
COMPLETE_CLAIM: Final = Body(c.CompleteLease, "CompleteClaimRequest", _RUN, null_counts=("result",))
FAIL_CLAIM: Final = Body(c.FailLease, "FailClaimRequest", _RUN)

HEARTBEATS: Final = Items(Body(c.Heartbeat, "HeartbeatItem"), "HeartbeatBatchRequest")
RELEASES: Final = Items(Body(c.ReleaseRun, "ReleaseItem"), "ReleaseBatchRequest")
COMPLETIONS: Final = Items(
    Body(c.CompleteLease, "CompleteItem", null_counts=("result",)), "CompleteBatchRequest"
)
FAILURES: Final = Items(Body(c.FailLease, "FailItem"), "FailBatchRequest")

CLAIM_RUN: Final = Body(c.ClaimRun, "IdempotentRequest", _RUN)
START_RUN: Final = Body(c.StartRun, "IdempotentRequest", _RUN)
COMPLETE_RUN: Final = Body(c.CompleteRun, "CompleteRunRequest", _RUN, null_counts=("result",))
FAIL_RUN: Final = Body(c.FailRun, "FailRunRequest", _RUN)
CANCEL_RUN: Final = Body(c.CancelRun, REASON_WITH_METADATA, _RUN, about=ABOUT_REASONS)
FORCE_RELEASE: Final = Body(c.ForceRelease, REASON_WITH_METADATA, _RUN, about=ABOUT_REASONS)
FORCE_FAIL: Final = Body(c.ForceFail, REASON_WITH_METADATA, _RUN, about=ABOUT_REASONS)
RETRY_RUN: Final = Body(c.RetryRun, METADATA, _RUN)
RECOVER_RUN: Final = Body(c.RecoverRun, REASON_WITH_METADATA, _RUN, about=ABOUT_REASONS)
