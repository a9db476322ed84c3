"""The task itself."""

from typing import final

from attrs import field

from chargehand.actors.frozen import frozen
from chargehand.actors.task import profile_rules
from chargehand.actors.task import validation as valid
from chargehand.actors.task.details import Details, details_checked, details_last
from chargehand.actors.task.profile import ExecutionProfile
from chargehand.actors.task.state import (
    ApprovalPolicy,
    DependencyKind,
    Json,
    Priority,
    Scope,
    TriageAction,
)


@final
@frozen
class AddDependency:
    depends_on_task_id: str
    kind: DependencyKind = DependencyKind.BLOCKS


@final
@frozen(field_transformer=details_checked)
class CreateTask(Details):
    """Make the task. `id` is None for one to be made; scope and workspace are a pair."""

    scope: Scope
    title: str = field(converter=valid.title)
    id: str | None = field(default=None, converter=valid.task_id)
    workspace_id: str | None = None
    parent_task_id: str | None = None
    identifier: str | None = field(default=None, converter=valid.identifier)
    description: str | None = field(default=None, converter=valid.description)
    priority: Priority = Priority.MEDIUM
    max_attempts: int = field(default=None, converter=valid.max_attempts)
    auto_enqueue_on_ready: bool = False
    draft: bool = False
    approval_policy: ApprovalPolicy = ApprovalPolicy.NONE
    metadata: Json | None = field(default=None, converter=valid.metadata)
    depends_on: tuple[AddDependency, ...] = ()


@final
@frozen(field_transformer=details_last)
class PatchTask(Details):
    """Change what is given. None leaves a field; "" clears description and channel."""

    title: str | None = None
    description: str | None = None
    priority: Priority | None = None
    max_attempts: int | None = None
    auto_enqueue_on_ready: bool | None = None
    approval_policy: ApprovalPolicy | None = None
    metadata: Json | None = field(default=None, converter=valid.metadata)
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
    reason: str | None = field(default=None, converter=valid.closing_reason)
    metadata: Json | None = field(default=None, converter=valid.closing_metadata)


@final
@frozen
class PauseTask:
    reason: str | None = field(default=None, converter=valid.reason)
    metadata: Json | None = field(default=None, converter=valid.metadata)


@final
@frozen
class ResumeTask:
    metadata: Json | None = field(default=None, converter=valid.metadata)


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
