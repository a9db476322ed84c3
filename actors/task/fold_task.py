"""Folds of what happens to the task itself: one small function for each event type."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from chargehand.actors import limits
from chargehand.actors.frozen import replace
from chargehand.actors.task import events as e
from chargehand.actors.task.details import DETAILS
from chargehand.actors.task.state import (
    ApprovalState,
    Dependency,
    Pause,
    TaskState,
    Triage,
    TriageAction,
)

_NO_DETAILS: Final[Mapping[str, Any]] = dict.fromkeys(DETAILS)


def _unchanged(state: TaskState, event: e.TaskEvent, at_ns: int) -> TaskState:
    return state


def _updated(state: TaskState, event: e.TaskUpdated, at_ns: int) -> TaskState:
    changes = {name: getattr(event, name) for name in event.changed_fields}
    policy = changes.get("approval_policy")
    if policy is not None:
        changes["approval_state"] = policy.initial_state
    return replace(state, updated_at_ns=at_ns, **changes)


def _status_changed(state: TaskState, event: e.StatusChanged, at_ns: int) -> TaskState:
    return replace(
        state,
        status=event.status,
        updated_at_ns=at_ns,
        closed_at_ns=at_ns if event.status.is_terminal else None,
    )


def _published(state: TaskState, event: e.TaskPublished, at_ns: int) -> TaskState:
    return replace(state, draft=False, updated_at_ns=at_ns)


def _approved(state: TaskState, event: e.TaskApproved, at_ns: int) -> TaskState:
    return replace(state, approval_state=ApprovalState.APPROVED, updated_at_ns=at_ns)


def _rejected(state: TaskState, event: e.TaskRejected, at_ns: int) -> TaskState:
    return replace(state, approval_state=ApprovalState.REJECTED, updated_at_ns=at_ns)


def _canceled(state: TaskState, event: e.TaskCanceled, at_ns: int) -> TaskState:
    return replace(state, canceled=True, draft=False, auto_enqueue_due=False, updated_at_ns=at_ns)


def _paused(state: TaskState, event: e.TaskPaused, at_ns: int) -> TaskState:
    return replace(state, pause=Pause(event.by, at_ns, event.reason), updated_at_ns=at_ns)


def _resumed(state: TaskState, event: e.TaskResumed, at_ns: int) -> TaskState:
    return replace(state, pause=None, updated_at_ns=at_ns)


def _deleted(state: TaskState, event: e.TaskDeleted, at_ns: int) -> TaskState:
    return replace(
        state,
        deleted=True,
        title="",
        identifier=None,
        description=None,
        metadata=None,
        pause=None,
        auto_enqueue_on_ready=False,
        auto_enqueue_due=False,
        dependencies=(),
        runs=(),
        profile=None,
        triage=(),
        reviews=(),
        subscriptions=(),
        lost_blockers=(),
        unapproved_run_id=None,
        **_NO_DETAILS,
    )


def _dependency_added(state: TaskState, event: e.DependencyAdded, at_ns: int) -> TaskState:
    edge = Dependency(event.depends_on_task_id, event.kind, at_ns, event.completed)
    return replace(state, dependencies=(*state.dependencies, edge))


def _dependency_removed(state: TaskState, event: e.DependencyRemoved, at_ns: int) -> TaskState:
    left = tuple(
        edge for edge in state.dependencies if edge.depends_on_task_id != event.depends_on_task_id
    )
    if not event.deleted_undone:
        return replace(state, dependencies=left)
    lost = (*state.lost_blockers, event.depends_on_task_id)[-limits.DEPENDENCIES_MAX :]
    return replace(state, dependencies=left, lost_blockers=lost, auto_enqueue_due=False)


def _blocker_changed(state: TaskState, event: e.BlockerChanged, at_ns: int) -> TaskState:
    edges = tuple(
        replace(edge, done=event.completed)
        if edge.depends_on_task_id == event.depends_on_task_id
        else edge
        for edge in state.dependencies
    )
    return replace(state, dependencies=edges)


def _auto_enqueue_missed(state: TaskState, event: e.AutoEnqueueMissed, at_ns: int) -> TaskState:
    return replace(state, auto_enqueue_due=True)


def _profile_updated(state: TaskState, event: e.ProfileUpdated, at_ns: int) -> TaskState:
    former = state.profile
    created_at_ns = at_ns if former is None else former.created_at_ns
    profile = replace(event.profile, created_at_ns=created_at_ns, updated_at_ns=at_ns)
    return replace(state, profile=profile)


def _profile_deleted(state: TaskState, event: e.ProfileDeleted, at_ns: int) -> TaskState:
    return replace(state, profile=None)


def _triaged(state: TaskState, event: e.TaskTriaged, at_ns: int) -> TaskState:
    former = state.triage_by(event.by)
    was_archived = former is not None and former.archived
    triage = Triage(
        actor=event.by,
        read=True,
        archived=was_archived or event.action is TriageAction.ARCHIVE,
        dismissed=event.action is TriageAction.DISMISS,
        last_seen_activity_at_ns=state.last_activity_at_ns,
        updated_at_ns=at_ns,
        last_seen_seq=state.latest_event_seq,
    )
    others = tuple([known for known in state.triage if known is not former])
    return replace(state, triage=(*others, triage)[-limits.TRIAGES_MAX :])


TASK_FOLDS: dict[type[e.TaskEvent], Callable[[TaskState, Any, int], TaskState]] = {
    e.ChildCreated: _unchanged,
    e.EffectApplied: _unchanged,
    e.KeyKept: _unchanged,
    e.TreeCancelRepeated: _unchanged,
    e.CancelPassedOn: _unchanged,
    e.ResumePassedOn: _unchanged,
    e.DependentsPassedOn: _unchanged,
    e.TaskUpdated: _updated,
    e.StatusChanged: _status_changed,
    e.TaskPublished: _published,
    e.TaskApproved: _approved,
    e.TaskRejected: _rejected,
    e.TaskCanceled: _canceled,
    e.TaskPaused: _paused,
    e.TaskResumed: _resumed,
    e.TaskDeleted: _deleted,
    e.DependencyAdded: _dependency_added,
    e.DependencyRemoved: _dependency_removed,
    e.BlockerChanged: _blocker_changed,
    e.AutoEnqueueMissed: _auto_enqueue_missed,
    e.ProfileUpdated: _profile_updated,
    e.ProfileDeleted: _profile_deleted,
    e.TaskTriaged: _triaged,
}
