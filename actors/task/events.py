"""What happened to a task. Each class is one event type; its fields are all that `evolve` needs.

Classes without a public type (`EffectApplied`) take a number of the sequence but never appear in a
timeline. `task_status` is the derived status after the event.
"""

from typing import ClassVar, final

from attrs import frozen

from actors.identity import Actor, Origin
from actors.task.profile import ExecutionProfile
from actors.task.state import (
    ApprovalPolicy,
    ApprovalState,
    DependencyKind,
    Json,
    Owner,
    Priority,
    RunStatus,
    Scope,
    TaskStatus,
    TriageAction,
)


@frozen
class TaskEvent:
    """Base of all. `type` is the public name; empty for what only the system itself needs."""

    type: ClassVar[str] = ""


@frozen
class RunEvent(TaskEvent):
    """Base of what happened to one run."""

    run_id: str
    task_status: TaskStatus


# --- the task itself ---------------------------------------------------------------------------


@final
@frozen
class TaskCreated(TaskEvent):
    type: ClassVar[str] = "task.created"
    scope: Scope
    title: str
    priority: Priority
    max_attempts: int
    approval_policy: ApprovalPolicy
    status: TaskStatus
    workspace_id: str | None = None
    parent_task_id: str | None = None
    identifier: str | None = None
    description: str | None = None
    network_channel: str | None = None
    auto_enqueue_on_ready: bool = False
    owner: Owner | None = None
    metadata: Json | None = None


@final
@frozen
class ChildCreated(TaskEvent):
    type: ClassVar[str] = "task.child_created"
    child_task_id: str
    child_scope: Scope
    child_workspace_id: str | None = None


@final
@frozen
class TaskUpdated(TaskEvent):
    """A patch: of the values only those named in `changed_fields` count (None clears)."""

    type: ClassVar[str] = "task.updated"
    changed_fields: tuple[str, ...]
    status: TaskStatus
    title: str | None = None
    description: str | None = None
    priority: Priority | None = None
    max_attempts: int | None = None
    auto_enqueue_on_ready: bool | None = None
    approval_policy: ApprovalPolicy | None = None
    metadata: Json | None = None
    network_channel: str | None = None
    owner: Owner | None = None


@final
@frozen
class StatusChanged(TaskEvent):
    """The derived status moved; written whenever it does, for dependents too."""

    type: ClassVar[str] = "task.status_changed"
    previous_status: TaskStatus
    status: TaskStatus
    reason: str


@final
@frozen
class TaskPublished(TaskEvent):
    type: ClassVar[str] = "task.published"
    status: TaskStatus
    approval_state: ApprovalState


@final
@frozen
class TaskApproved(TaskEvent):
    type: ClassVar[str] = "task.approved"
    previous_approval_state: ApprovalState
    status: TaskStatus


@final
@frozen
class TaskRejected(TaskEvent):
    type: ClassVar[str] = "task.rejected"
    previous_approval_state: ApprovalState
    status: TaskStatus


@final
@frozen
class TaskCanceled(TaskEvent):
    type: ClassVar[str] = "task.canceled"
    reason: str | None = None
    metadata: Json | None = None
    propagated_from_task_id: str | None = None
    canceled_run_ids: tuple[str, ...] = ()


@final
@frozen
class TreeCancelRepeated(TaskEvent):
    """A canceled task was canceled again, which sweeps what is open below it."""

    reason: str | None = None
    metadata: Json | None = None


@final
@frozen
class TaskPaused(TaskEvent):
    type: ClassVar[str] = "task.paused"
    by: Actor
    previous_paused: bool
    reason: str | None = None
    metadata: Json | None = None


@final
@frozen
class TaskResumed(TaskEvent):
    type: ClassVar[str] = "task.resumed"
    by: Actor
    previous_paused: bool
    metadata: Json | None = None


@final
@frozen
class TaskDeleted(TaskEvent):
    """The id stays taken; nothing else is left."""

    type: ClassVar[str] = "task.deleted"


@final
@frozen
class DependencyAdded(TaskEvent):
    type: ClassVar[str] = "task.dependency_added"
    depends_on_task_id: str
    kind: DependencyKind
    status: TaskStatus
    completed: bool


@final
@frozen
class DependencyRemoved(TaskEvent):
    type: ClassVar[str] = "task.dependency_removed"
    depends_on_task_id: str
    kind: DependencyKind
    status: TaskStatus


@final
@frozen
class BlockerChanged(TaskEvent):
    """A blocker completed, or is open again."""

    depends_on_task_id: str
    completed: bool


@final
@frozen
class AutoEnqueueMissed(TaskEvent):
    """The task became ready while paused; resume makes up for it."""


@final
@frozen
class ProfileUpdated(TaskEvent):
    """`profile` replaces what there was; its times are those of the record."""

    type: ClassVar[str] = "task.execution_profile_updated"
    task_id: str  # its own, as the payload tells it
    profile: ExecutionProfile


@final
@frozen
class ProfileDeleted(TaskEvent):
    type: ClassVar[str] = "task.execution_profile_deleted"
    task_id: str


@final
@frozen
class TaskTriaged(TaskEvent):
    """Somebody did something with the task in their inbox; nobody else is told."""

    by: Actor
    action: TriageAction


@final
@frozen
class EffectApplied(TaskEvent):
    """Another task's event arrived and changed nothing here; noted so that it is not sent again."""


# --- one run -----------------------------------------------------------------------------------


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


@final
@frozen
class RunEnqueued(RunEvent):
    type: ClassVar[str] = "task.run_enqueued"
    run: NewRun


@final
@frozen
class RunClaimed(RunEvent):
    """By an agent (session, hash and lease are set) or by an operator (none of them is)."""

    type: ClassVar[str] = "task.run_claimed"
    claimed_by: Actor
    session_id: str | None = None
    claim_token_hash: str | None = None
    lease_until_ns: int | None = None
    lease_seconds: int | None = None
    claim_key: str | None = None


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


@final
@frozen
class RunLeaseExtended(RunEvent):
    """`heartbeat` is False where nobody called: at start-up each lease is given some time."""

    type: ClassVar[str] = "task.run_lease_extended"
    status: RunStatus
    lease_until_ns: int
    lease_seconds: int
    heartbeat_at_ns: int | None
    claim_token_hash: str | None = None


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
    """What an operator's release tells besides: who, and what was taken away."""

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
class RunStarved(RunEvent):
    """Queued past the threshold, and no registered session could claim it."""

    type: ClassVar[str] = "task.run_starved"
    queued_at_ns: int
    queued_age_ms: int
    coordination_channel_id: str | None = None


Event = (
    TaskCreated
    | ChildCreated
    | TaskUpdated
    | StatusChanged
    | TaskPublished
    | TaskApproved
    | TaskRejected
    | TaskCanceled
    | TreeCancelRepeated
    | TaskPaused
    | TaskResumed
    | TaskDeleted
    | DependencyAdded
    | DependencyRemoved
    | BlockerChanged
    | AutoEnqueueMissed
    | ProfileUpdated
    | ProfileDeleted
    | TaskTriaged
    | EffectApplied
    | RunEnqueued
    | RunClaimed
    | RunStarting
    | RunSessionBound
    | RunStarted
    | RunLeaseExtended
    | RunLeaseExpired
    | RunNeedsAttention
    | RunReleased
    | RunCompleted
    | RunFailed
    | RunCanceled
    | RunForcedFail
    | RunParkedClosed
    | RunRetried
    | RunRecovered
    | RunStarved
)
