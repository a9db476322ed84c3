"""Edges to blockers: add, remove, and what the blockers' own events mean here."""

from chargehand.actors import actions, limits
from chargehand.actors.errors import Code, Rejected, invalid
from chargehand.actors.frozen import replace
from chargehand.actors.task import commands as c
from chargehand.actors.task.decide.context import Changes, Decision
from chargehand.actors.task.decide.definition import task_not_found
from chargehand.actors.task.decide.enqueue import auto_enqueue
from chargehand.actors.task.decide.new_work import check_blocker
from chargehand.actors.task.effects import (
    BlockerCompleted,
    BlockerDeleted,
    BlockerReopened,
    DependentsLeft,
)
from chargehand.actors.task.events import (
    BlockerChanged,
    DependencyAdded,
    DependencyRemoved,
    DependentsPassedOn,
    EffectApplied,
)
from chargehand.actors.task.state import Dependency, TaskState


def add(changes: Changes, command: c.AddDependency) -> Decision:
    """A new edge; no loops, no repeats. Any two tasks may be joined, in any status."""
    state = changes.state
    target = command.depends_on_task_id
    around = changes.context.around
    if not target:
        raise invalid("/depends_on_task_id", "/depends_on_task_id is required")
    if target == state.id:
        raise invalid(
            "/depends_on_task_id",
            "a task cannot depend on itself",
            "name another task, which is to be completed first",
        )
    if not around.exists(target):
        raise task_not_found(target)
    if _edge(state, target) is not None:
        raise invalid("/depends_on_task_id", f"{state.id} depends on {target} already")
    check_blocker(changes, target, f"{state.id} cannot depend on {target}")
    if len(state.dependencies) >= limits.DEPENDENCIES_MAX:
        raise Rejected(
            Code.GRAPH_LIMIT,
            f"{state.id} has {limits.DEPENDENCIES_MAX} dependencies, and no task has more",
            "put a task between that gathers some of them",
            evidence={"task_id": state.id, "limit": limits.DEPENDENCIES_MAX},
        )
    if around.reaches(target, state.id):
        raise Rejected(
            Code.GRAPH_CYCLE,
            f"{target} depends on {state.id} already, directly or through others",
            "remove a dependency of that chain first",
            evidence={"task_id": state.id, "depends_on_task_id": target},
        )
    changes.add_with_status(
        DependencyAdded(target, command.kind, state.status, around.is_done(target))
    )
    changes.settle("dependency_added")
    return changes.decided()


def add_first(changes: Changes, command: c.CreateTask) -> Decision:
    """The edges that a task is made with, as if they were added right afterwards."""
    for index, edge in enumerate(command.depends_on):
        try:
            add(changes, edge)
        except Rejected as refusal:
            raise replace(refusal, pointer=f"/depends_on/{index}") from None
    return changes.decided()


def remove(changes: Changes, command: c.RemoveDependency) -> Decision:
    edge = _edge(changes.state, command.depends_on_task_id)
    if edge is None:
        raise Rejected(
            Code.DEPENDENCY_NOT_FOUND,
            f"{changes.task_id} does not depend on {command.depends_on_task_id}",
            "look at its dependencies:",
            action=actions.show_task(changes.task_id),
            evidence={
                "task_id": changes.task_id,
                "depends_on_task_id": command.depends_on_task_id[:128],
            },
        )
    _remove(changes, edge, "dependency_removed", by_hand=True)
    return changes.decided()


def _remove(
    changes: Changes,
    edge: Dependency,
    reason: str,
    *,
    by_hand: bool = False,
    deleted_undone: bool = False,
) -> None:
    state = changes.state
    changes.add_with_status(
        DependencyRemoved(edge.depends_on_task_id, edge.kind, state.status, deleted_undone)
    )
    cause = changes.last_event_id
    changes.settle(reason)
    if state.has_unresolved_dependencies:
        auto_enqueue(changes, cause, by_hand=by_hand)


def blocker_completed(changes: Changes, effect: BlockerCompleted) -> Decision:
    """The edge follows what the blocker is now: it may have been removed and made anew, or the
    blocker reopened, while the effect was on its way; then another effect follows."""
    edge = _edge(changes.state, effect.blocker_id)
    done = changes.context.around.is_done(effect.blocker_id)
    if edge is None or edge.done or not done:
        return nothing(changes)
    changes.add(BlockerChanged(effect.blocker_id, completed=True))
    changes.settle("dependency_completed")
    auto_enqueue(changes, effect.run_id)
    return changes.decided()


def blocker_reopened(changes: Changes, effect: BlockerReopened) -> Decision:
    edge = _edge(changes.state, effect.blocker_id)
    done = changes.context.around.is_done(effect.blocker_id)
    if edge is None or not edge.done or done:
        return nothing(changes)
    changes.add(BlockerChanged(effect.blocker_id, completed=False))
    changes.settle("dependency_reopened")
    return changes.decided()


def blocker_deleted(changes: Changes, effect: BlockerDeleted) -> Decision:
    """The task is ready without it, but what was to be done before was not: nothing is enqueued by
    that, and inspection and inbox report it until somebody makes a run."""
    edge = _edge(changes.state, effect.blocker_id)
    if edge is None:
        return nothing(changes)
    _remove(changes, edge, "dependency_deleted", deleted_undone=effect.undone)
    return changes.decided()


def pass_on(changes: Changes, effect: DependentsLeft) -> Decision:
    """Tell the next of the task's own dependents; it may be deleted."""
    changes.add(DependentsPassedOn(effect.after, effect.run_id, effect.undone))
    return changes.decided()


def nothing(changes: Changes) -> Decision:
    """The effect changes nothing here; note that it arrived."""
    changes.add(EffectApplied())
    return changes.decided()


def _edge(state: TaskState, blocker_id: str) -> Dependency | None:
    return next((e for e in state.dependencies if e.depends_on_task_id == blocker_id), None)
