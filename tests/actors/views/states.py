"""Task states for read models, made directly."""

from typing import Any

from chargehand.actors.identity import LOCAL_USER, Origin, OriginKind
from chargehand.actors.task.state import (
    ApprovalPolicy,
    ApprovalState,
    Priority,
    Run,
    RunStatus,
    Scope,
    TaskState,
    TaskStatus,
)

HTTP = Origin(OriginKind.HTTP, "tasks.create")


def a_task(task_id: str = "task-1", **fields: Any) -> TaskState:
    """A plain task that is ready, but for what is given."""
    plain: dict[str, Any] = {
        "scope": Scope.GLOBAL,
        "workspace_id": None,
        "parent_task_id": None,
        "identifier": None,
        "title": "work",
        "description": None,
        "network_channel": None,
        "priority": Priority.MEDIUM,
        "max_attempts": 3,
        "auto_enqueue_on_ready": False,
        "approval_policy": ApprovalPolicy.NONE,
        "approval_state": ApprovalState.NOT_REQUIRED,
        "owner": None,
        "metadata": None,
        "created_by": LOCAL_USER,
        "origin": HTTP,
        "created_at_ns": 1,
        "updated_at_ns": 1,
        "last_activity_at_ns": fields.get("latest_event_seq", 1),
        "status": TaskStatus.READY,
        "latest_event_seq": 1,
        "last_seq": fields.get("latest_event_seq", 1),
    }
    return TaskState(id=task_id, **{**plain, **fields})


def a_run(status: RunStatus, run_id: str = "run-1", **fields: Any) -> Run:
    plain: dict[str, Any] = {"attempt": 1, "origin": HTTP, "queued_at_ns": 1}
    return Run(id=run_id, status=status, **{**plain, **fields})
