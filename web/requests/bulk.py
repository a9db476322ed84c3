"""Bodies of the operations on many runs or tasks at once."""

from typing import final

from chargehand.actors.frozen import frozen
from chargehand.actors.task.state import (
    ApprovalState,
    FailureKind,
    Json,
    OwnerKind,
    Priority,
    Scope,
    TaskStatus,
)


@final
@frozen
class BulkRunRequest:
    """Of both; the core says where a reason is due."""

    run_ids: tuple[str, ...]
    reason: str | None = None
    metadata: Json | None = None


@final
@frozen
class BulkTaskFilter:
    """The parameters of `GET /api/tasks`; all that is set must match."""

    all: bool = False
    scope: Scope | None = None
    workspace: str | None = None
    status: TaskStatus | None = None
    priority: Priority | None = None
    include_drafts: bool = False
    approval_state: ApprovalState | None = None
    owner_kind: OwnerKind | None = None
    owner_ref: str | None = None
    parent_task_id: str | None = None
    network_channel: str | None = None
    query: str | None = None


@frozen
class BulkTasksRequest:
    """Exactly one of `ids` and `filter`."""

    ids: tuple[str, ...] | None = None
    filter: BulkTaskFilter | None = None
    dry_run: bool = False
    limit: int | None = None
    cursor: str | None = None


@frozen
class BulkTasksWithMetadataRequest(BulkTasksRequest):
    """Exactly one of `ids` and `filter`."""

    metadata: Json | None = None


@final
@frozen
class BulkTasksWithReasonRequest(BulkTasksWithMetadataRequest):
    """Exactly one of `ids` and `filter`; to pause tasks, a reason is due."""

    reason: str | None = None


@final
@frozen
class BulkRunFilter:
    """The parameters of `GET /api/runs`; all that is set must match."""

    all: bool = False
    status: str | None = None
    session_id: str | None = None
    agent_name: str | None = None
    task_id: str | None = None
    scope: Scope | None = None
    workspace: str | None = None
    failure_kind: FailureKind | None = None
    since: str | None = None
    until: str | None = None


@frozen
class BulkRunsRequest:
    """Exactly one of `ids` and `filter`."""

    ids: tuple[str, ...] | None = None
    filter: BulkRunFilter | None = None
    dry_run: bool = False
    limit: int | None = None
    cursor: str | None = None
    metadata: Json | None = None


@final
@frozen
class BulkRunsWithReasonRequest(BulkRunsRequest):
    """Exactly one of `ids` and `filter`."""

    reason: str | None = None
