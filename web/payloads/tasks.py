"""Payloads of what happened to a task itself."""

from chargehand.actors.task import events as e
from chargehand.actors.task.state import ApprovalState, TaskStatus
from chargehand.web.payloads.members import Payload, manually, owner_members
from chargehand.web.shapes.encoding import fragment


def task_members(event: e.TaskEvent) -> Payload:
    match event:
        case e.TaskCreated():
            return {
                "scope": event.scope,
                "workspace_id": event.workspace_id,
                "parent_task_id": event.parent_task_id,
                "status": event.status,
                "network_channel": event.network_channel,
                "owner": owner_members(event.owner),
            }
        case e.ChildCreated():
            return {
                "child_task_id": event.child_task_id,
                "child_scope": event.child_scope,
                "child_workspace_id": event.child_workspace_id,
            }
        case e.TaskUpdated():
            return {"changed_fields": event.changed_fields, "status": event.status}
        case e.StatusChanged():
            return {
                "previous_status": event.previous_status,
                "status": event.status,
                "reason": event.reason,
            }
        case e.TaskPublished():
            return {
                "previous_status": TaskStatus.DRAFT,
                "status": event.status,
                "approval_state": event.approval_state,
            }
        case e.TaskApproved():
            return {
                "previous_approval_state": event.previous_approval_state,
                "approval_state": ApprovalState.APPROVED,
                "status": event.status,
            }
        case e.TaskRejected():
            return {
                "previous_approval_state": event.previous_approval_state,
                "approval_state": ApprovalState.REJECTED,
                "status": event.status,
            }
        case e.TaskCanceled():
            return {
                "reason": event.reason,
                "metadata": fragment(event.metadata),
                "status": TaskStatus.CANCELED,
                "propagated_from_task_id": event.propagated_from_task_id,
                "canceled_run_ids": event.canceled_run_ids,
            }
        case e.DependencyAdded():
            return {
                "depends_on_task_id": event.depends_on_task_id,
                "kind": event.kind,
                "status": event.status,
            }
        case e.DependencyRemoved():
            return {
                "depends_on_task_id": event.depends_on_task_id,
                "kind": event.kind,
                "status": event.status,
                "deleted_undone": True if event.deleted_undone else None,
            }
        case e.TaskPaused():
            return {
                **manually(event.by),
                "previous_paused": event.previous_paused,
                "paused": True,
                "reason": event.reason,
                "metadata": fragment(event.metadata),
            }
        case e.TaskResumed():
            return {
                **manually(event.by),
                "previous_paused": event.previous_paused,
                "paused": False,
                "metadata": fragment(event.metadata),
            }
        case e.ProfileUpdated(profile=profile):
            return {
                "task_id": event.task_id,
                "coordinator_mode": profile.coordinator.mode,
                "worker_mode": profile.worker.mode,
                "sandbox_mode": profile.sandbox.mode,
            }
        case e.ProfileDeleted():
            return {"task_id": event.task_id}
        case _:
            return {}
