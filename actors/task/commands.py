"""What may be asked of a task. Made valid or not at all: the converters raise `Rejected`.

Ids, tokens and digests come with a command, so that `decide` needs no randomness.
"""

from typing import final

from attrs import field, frozen

from actors.task import profile_rules
from actors.task import validation as valid
from actors.task.effects import EffectCommand
from actors.task.profile import ExecutionProfile
from actors.task.state import (
    ApprovalPolicy,
    DependencyKind,
    Json,
    Owner,
    Priority,
    Scope,
    TriageAction,
)

# --- the task itself ---------------------------------------------------------------------------


@final
@frozen
class CreateTask:
    """Make the task. `id` is None for one to be made; scope and workspace are a pair."""

    scope: Scope
    title: str = field(converter=valid.title)
    id: str | None = field(default=None, converter=valid.task_id)
    workspace_id: str | None = None
    parent_task_id: str | None = None
    identifier: str | None = field(default=None, converter=valid.identifier)
    description: str | None = field(default=None, converter=valid.description)
    network_channel: str | None = field(default=None, converter=valid.channel)
    priority: Priority = Priority.MEDIUM
    max_attempts: int = field(default=None, converter=valid.max_attempts)
    auto_enqueue_on_ready: bool = False
    draft: bool = False
    approval_policy: ApprovalPolicy = ApprovalPolicy.NONE
    owner: Owner | None = None
    metadata: Json | None = field(default=None, converter=valid.metadata)


@final
@frozen
class PatchTask:
    """Change what is given. None leaves a field; "" clears description and channel."""

    title: str | None = None
    description: str | None = None
    priority: Priority | None = None
    max_attempts: int | None = None
    auto_enqueue_on_ready: bool | None = None
    approval_policy: ApprovalPolicy | None = None
    metadata: Json | None = field(default=None, converter=valid.metadata)
    network_channel: str | None = None
    owner: Owner | None = None
    clear_owner: bool = False


@final
@frozen
class DeleteTask:
    pass


@final
@frozen
class Enqueueing:
    """What publish, start, approve and enqueue may say of the run that they make."""

    idempotency_key: str | None = field(default=None, converter=valid.idempotency_key)
    network_channel: str | None = field(default=None, converter=valid.channel)
    metadata: Json | None = field(default=None, converter=valid.metadata)
    required_capabilities: tuple[str, ...] = field(
        default=(), converter=valid.required_capabilities
    )
    preferred_capabilities: tuple[str, ...] = field(
        default=(), converter=valid.preferred_capabilities
    )

    def __attrs_post_init__(self) -> None:
        valid.refuse_claim_token("/metadata", self.metadata)


@final
@frozen
class PublishTask:
    run: Enqueueing = field(factory=Enqueueing)


@final
@frozen
class StartTask:
    run: Enqueueing = field(factory=Enqueueing)


@final
@frozen
class ApproveTask:
    run: Enqueueing = field(factory=Enqueueing)


@final
@frozen
class RejectTask:
    pass


@final
@frozen
class EnqueueRun:
    run: Enqueueing = field(factory=Enqueueing)


@final
@frozen
class CancelTask:
    reason: str | None = field(default=None, converter=valid.reason)
    metadata: Json | None = field(default=None, converter=valid.closing_metadata)


@final
@frozen
class PauseTask:
    reason: str | None = field(default=None, converter=valid.pause_reason)
    metadata: Json | None = field(default=None, converter=valid.metadata)


@final
@frozen
class ResumeTask:
    metadata: Json | None = field(default=None, converter=valid.metadata)


@final
@frozen
class AddDependency:
    depends_on_task_id: str
    kind: DependencyKind = DependencyKind.BLOCKS


@final
@frozen
class RemoveDependency:
    depends_on_task_id: str


@final
@frozen
class SetProfile:
    profile: ExecutionProfile = field(converter=profile_rules.checked)


@final
@frozen
class DeleteProfile:
    pass


@final
@frozen
class TriageTask:
    """For the caller alone."""

    action: TriageAction


# --- a run, by its agent -----------------------------------------------------------------------


@final
@frozen
class LeaseRun:
    """The scheduler's pick for a session, on its way to the task that decides."""

    run_id: str
    session_id: str
    claim_token_hash: str
    lease_seconds: int
    claim_key: str | None = None


@final
@frozen
class Heartbeat:
    run_id: str
    lease_seconds: int = field(default=None, converter=valid.lease_seconds)


@final
@frozen
class ReleaseRun:
    run_id: str
    reason: str | None = field(default=None, converter=valid.reason)


@final
@frozen
class CompleteLease:
    run_id: str
    result: Json | None = field(default=None, converter=valid.result)

    def __attrs_post_init__(self) -> None:
        valid.refuse_claim_token("/result", self.result)

    @property
    def digest(self) -> str:
        return valid.digest("complete", self.result)


@final
@frozen
class FailLease:
    run_id: str
    error: str = field(converter=valid.error_text)
    metadata: Json | None = field(default=None, converter=valid.closing_metadata)

    def __attrs_post_init__(self) -> None:
        valid.refuse_claim_token("/metadata", self.metadata)

    @property
    def digest(self) -> str:
        return valid.digest("fail", self.error, self.metadata)


# --- a run, by an operator ---------------------------------------------------------------------


@final
@frozen
class ClaimRun:
    run_id: str
    idempotency_key: str | None = field(default=None, converter=valid.idempotency_key)


@final
@frozen
class StartRun:
    run_id: str
    idempotency_key: str | None = field(default=None, converter=valid.idempotency_key)


@final
@frozen
class AttachSession:
    """Bind a session that is registered and has room; the scheduler has reserved its place."""

    run_id: str
    session_id: str


@final
@frozen
class CompleteRun:
    run_id: str
    result: Json | None = field(default=None, converter=valid.result)

    def __attrs_post_init__(self) -> None:
        valid.refuse_claim_token("/result", self.result)


@final
@frozen
class FailRun:
    run_id: str
    error: str = field(converter=valid.error_text)
    metadata: Json | None = field(default=None, converter=valid.closing_metadata)

    def __attrs_post_init__(self) -> None:
        valid.refuse_claim_token("/metadata", self.metadata)


@final
@frozen
class CancelRun:
    run_id: str
    reason: str | None = field(default=None, converter=valid.reason)
    metadata: Json | None = field(default=None, converter=valid.closing_metadata)


@final
@frozen
class ForceRelease:
    run_id: str
    reason: str | None = field(default=None, converter=valid.reason)
    metadata: Json | None = field(default=None, converter=valid.metadata)


@final
@frozen
class ForceFail:
    run_id: str
    reason: str | None = field(default=None, converter=valid.force_fail_reason)
    metadata: Json | None = field(default=None, converter=valid.metadata)


@final
@frozen
class RetryRun:
    run_id: str
    metadata: Json | None = field(default=None, converter=valid.metadata)

    def __attrs_post_init__(self) -> None:
        valid.refuse_claim_token("/metadata", self.metadata)


@final
@frozen
class RecoverRun:
    run_id: str
    reason: str | None = field(default=None, converter=valid.reason)
    metadata: Json | None = field(default=None, converter=valid.metadata)

    def __attrs_post_init__(self) -> None:
        valid.refuse_claim_token("/metadata", self.metadata)


# --- a run, by the system ----------------------------------------------------------------------


@final
@frozen
class ExpireLease:
    """The time of the lease may be up; the task looks at its own clock."""

    run_id: str


@final
@frozen
class ExtendLease:
    """After a restart: give the lease at least until `not_before_ns`."""

    run_id: str
    not_before_ns: int


@final
@frozen
class ReleaseOfEndedSession:
    run_id: str
    session_id: str
    reason: str


@final
@frozen
class NoteStarvation:
    """The scheduler found that no registered session could claim the queued run."""

    run_id: str


AgentCommand = Heartbeat | ReleaseRun | CompleteLease | FailLease
RunCommand = (
    LeaseRun
    | AgentCommand
    | ClaimRun
    | StartRun
    | AttachSession
    | CompleteRun
    | FailRun
    | CancelRun
    | ForceRelease
    | ForceFail
    | RetryRun
    | RecoverRun
    | ExpireLease
    | ExtendLease
    | ReleaseOfEndedSession
    | NoteStarvation
)
TaskCommand = (
    CreateTask
    | PatchTask
    | DeleteTask
    | PublishTask
    | StartTask
    | ApproveTask
    | RejectTask
    | EnqueueRun
    | CancelTask
    | PauseTask
    | ResumeTask
    | AddDependency
    | RemoveDependency
    | SetProfile
    | DeleteProfile
    | TriageTask
)
Command = TaskCommand | RunCommand | EffectCommand
