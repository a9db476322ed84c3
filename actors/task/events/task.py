"""What happened to the task itself."""

from typing import ClassVar, final

from chargehand.actors.frozen import frozen
from chargehand.actors.identity import Actor
from chargehand.actors.task.details import Details, details_last
from chargehand.actors.task.events.base import TaskEvent
from chargehand.actors.task.profile import ExecutionProfile
from chargehand.actors.task.state import (
    ApprovalPolicy,
    ApprovalState,
    DependencyKind,
    Json,
    Priority,
    Scope,
    TaskStatus,
    TriageAction,
)


@final
@frozen(field_transformer=details_last)
class TaskCreated(TaskEvent, Details):
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
    auto_enqueue_on_ready: bool = False
    metadata: Json | None = None


@final
@frozen
class ChildCreated(TaskEvent):
    type: ClassVar[str] = "task.child_created"
    child_task_id: str
    child_scope: Scope
    child_workspace_id: str | None = None


@final
@frozen(field_transformer=details_last)
class TaskUpdated(TaskEvent, Details):
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
    """A task that had ended was canceled: it stays as it is, and what is open below it is swept."""

    reason: str | None = None
    metadata: Json | None = None


@final
@frozen
class CancelPassedOn(TaskEvent):
    """The cancel of a tree met a task that had ended; it goes on to its children all the same."""

    root_task_id: str
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
    """`deleted_undone`: because the blocker was deleted before it was completed."""

    type: ClassVar[str] = "task.dependency_removed"
    depends_on_task_id: str
    kind: DependencyKind
    status: TaskStatus
    deleted_undone: bool = False


@final
@frozen
class BlockerChanged(TaskEvent):
    """A blocker is done (`completed`), or is open or unapproved again."""

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
    task_id: str  # its own, as the payload has it
    profile: ExecutionProfile


@final
@frozen
class ProfileDeleted(TaskEvent):
    type: ClassVar[str] = "task.execution_profile_deleted"
    task_id: str


@final
@frozen
class TaskTriaged(TaskEvent):
    """Somebody did something with the task in their inbox, which nobody else sees."""

    by: Actor
    action: TriageAction


@final
@frozen
class ResumePassedOn(TaskEvent):
    """A task on the way up was resumed; that goes on to the children."""

    ancestor_id: str


@final
@frozen
class DependentsPassedOn(TaskEvent):
    """It goes on to the next ones of a blocker's many dependents, as `DependentsLeft` asks."""

    after: str
    run_id: str = ""
    undone: bool | None = None


@final
@frozen
class EffectApplied(TaskEvent):
    """Another task's event arrived and changed nothing here; noted so that it is not sent again."""


@final
@frozen
class KeyKept(TaskEvent):
    """A request under a key changed nothing, but was answered with a run; noted so that it is
    answered with that run again, also when another one is open by then."""
