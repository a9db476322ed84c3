"""Bodies of the operations on tasks and their dependencies."""

from typing import final

from attrs import field

from chargehand.actors.frozen import frozen
from chargehand.actors.task.state import (
    ApprovalPolicy,
    DependencyKind,
    Json,
    OwnerKind,
    Priority,
    Scope,
)
from chargehand.web.decoding import BLANK_IS_ABSENT, NULL_COUNTS


@final
@frozen
class OwnerRequest:
    kind: OwnerKind
    ref: str


@final
@frozen
class CreateTaskRequest:
    scope: Scope
    title: str
    id: str | None = None
    identifier: str | None = None
    workspace: str | None = None
    network_channel: str | None = None
    description: str | None = None
    priority: Priority = field(default=Priority.MEDIUM, metadata=BLANK_IS_ABSENT)
    max_attempts: int | None = None
    auto_enqueue_on_ready: bool = False
    draft: bool = False
    approval_policy: ApprovalPolicy = field(default=ApprovalPolicy.NONE, metadata=BLANK_IS_ABSENT)
    owner: OwnerRequest | None = None
    metadata: Json | None = field(default=None, metadata=NULL_COUNTS)


@final
@frozen
class UpdateTaskRequest:
    title: str | None = None
    description: str | None = None
    priority: Priority | None = None
    max_attempts: int | None = None
    auto_enqueue_on_ready: bool | None = None
    approval_policy: ApprovalPolicy | None = None
    metadata: Json | None = None
    network_channel: str | None = None
    owner: OwnerRequest | None = None
    clear_owner: bool = False


@final
@frozen
class AddDependencyRequest:
    depends_on_task_id: str
    kind: DependencyKind = field(default=DependencyKind.BLOCKS, metadata=BLANK_IS_ABSENT)


@final
@frozen
class EnqueueRunRequest:
    """Of publish, start, approve and enqueue."""

    idempotency_key: str | None = None
    network_channel: str | None = None
    metadata: Json | None = None


@final
@frozen
class ReasonWithMetadataRequest:
    """Of cancel, pause, resume and the force operations; the core says where a reason is due."""

    reason: str | None = None
    metadata: Json | None = None


@final
@frozen
class MetadataRequest:
    metadata: Json | None = None
