"""Create, patch and delete a task; and what a parent notes of a new child."""

from collections.abc import Mapping
from typing import Any, Final

from chargehand.actors import actions, limits
from chargehand.actors.errors import Code, Rejected, invalid
from chargehand.actors.task import commands as c
from chargehand.actors.task import details
from chargehand.actors.task import validation as valid
from chargehand.actors.task.decide.context import Changes, Decision
from chargehand.actors.task.decide.enqueue import auto_enqueue, check_no_open_run
from chargehand.actors.task.decide.new_work import below_canceled, canceled_above
from chargehand.actors.task.details import Rule, take_details
from chargehand.actors.task.effects import ChildAdded
from chargehand.actors.task.events import ChildCreated, TaskCreated, TaskDeleted, TaskUpdated
from chargehand.actors.task.state import Scope
from chargehand.actors.task.status import first_status


def create(changes: Changes, command: c.CreateTask) -> Decision:
    """The id must be new; a child must fit its parent (hierarchy rules)."""
    _check_scope(command)
    former = changes.state_or_none
    if former is not None:
        is_taken = "was that of a task that is deleted" if former.deleted else "is that of a task"
        raise Rejected(
            Code.TASK_EXISTS,
            f"the id {changes.task_id} {is_taken}",
            "choose another id, or leave it out to have one made",
            pointer="/id",
        )
    if command.parent_task_id is not None:
        _check_parent(changes, command, command.parent_task_id)
    created = TaskCreated(
        scope=command.scope,
        title=command.title,
        priority=command.priority,
        max_attempts=command.max_attempts,
        approval_policy=command.approval_policy,
        status=first_status(command.draft, command.approval_policy),
        workspace_id=command.workspace_id,
        parent_task_id=command.parent_task_id,
        identifier=command.identifier,
        description=command.description,
        auto_enqueue_on_ready=command.auto_enqueue_on_ready,
        metadata=command.metadata,
    )
    take_details(created, command)
    changes.add(created)
    return changes.decided()


def _check_scope(command: c.CreateTask) -> None:
    if (command.scope is Scope.WORKSPACE) != (command.workspace_id is not None):
        raise invalid(
            "/workspace",
            "a task of scope workspace names its workspace, a global one names none",
            "set scope and workspace together, or neither",
        )


def _check_parent(changes: Changes, command: c.CreateTask, parent_id: str) -> None:
    parent = changes.context.around.parent(parent_id)
    if parent is None:
        raise task_not_found(parent_id)
    canceled_id = changes.context.around.canceled_by(parent_id)
    if canceled_id is not None:
        raise below_canceled(f"no child of {parent_id} can be created", parent_id, canceled_id)
    if parent.scope is Scope.WORKSPACE and parent.workspace_id != command.workspace_id:
        raise invalid(
            "/workspace",
            f"the parent {parent_id} belongs to workspace {parent.workspace_id}",
            "give the child the workspace of its parent",
        )
    if parent.child_count >= limits.CHILDREN_MAX:
        raise Rejected(
            Code.GRAPH_LIMIT,
            f"{parent_id} has {limits.CHILDREN_MAX} children, and no task has more",
            "put a level between",
            evidence={"task_id": parent_id, "limit": limits.CHILDREN_MAX},
        )
    if parent.depth >= limits.DEPTH_MAX:
        raise Rejected(
            Code.GRAPH_LIMIT,
            f"{parent_id} is at level {parent.depth}, and trees end at {limits.DEPTH_MAX}",
            "attach the child higher up",
            evidence={"task_id": parent_id, "limit": limits.DEPTH_MAX},
        )


def task_not_found(task_id: str) -> Rejected:
    return Rejected(
        Code.TASK_NOT_FOUND,
        f"there is no task {task_id}",
        "look at the tasks there are:",
        action=actions.list_tasks(),
        evidence={"task_id": task_id[:128]},
    )


def note_child(changes: Changes, effect: ChildAdded) -> Decision:
    changes.add(
        ChildCreated(
            child_task_id=effect.child_task_id,
            child_scope=effect.scope,
            child_workspace_id=effect.workspace_id,
        )
    )
    return changes.decided()


_MUTABLE: Final = (
    "title",
    "description",
    "priority",
    "max_attempts",
    "auto_enqueue_on_ready",
    "approval_policy",
    "metadata",
    *details.DETAILS,
)
_RULES: Final[Mapping[str, Rule]] = {
    "title": valid.title,
    "description": valid.description,
    "max_attempts": valid.max_attempts,
    **details.RULES,
}


def patch(changes: Changes, command: c.PatchTask) -> Decision:
    """Store what differs; nothing differs: nothing is written."""
    wanted = _wanted(command)
    state = changes.state
    changed = {
        name: wanted[name]
        for name in _MUTABLE
        if name in wanted and wanted[name] != getattr(state, name)
    }
    if not changed:
        return changes.decided()
    changes.add_with_status(
        TaskUpdated(changed_fields=tuple(changed), status=state.status, **changed)
    )
    changes.settle("task_updated")
    above = canceled_above(changes)
    if above is not None and state.has_ended and not changes.state.has_ended:
        raise below_canceled(f"{state.id} cannot be opened again", state.id, above)
    ungated = state.is_gated and not changes.state.is_gated  # no approval is asked for any more
    if ungated or changed.get("auto_enqueue_on_ready"):
        auto_enqueue(changes, changes.last_event_id, by_hand=True)
    return changes.decided()


def _wanted(command: c.PatchTask) -> dict[str, Any]:
    if command.owner is not None and command.clear_owner:
        raise invalid("/clear_owner", "owner and clear_owner contradict each other", "send one")
    wanted: dict[str, Any] = {}
    for name in _MUTABLE:
        value = getattr(command, name)
        if value is not None:
            wanted[name] = _RULES[name](value) if name in _RULES else value
    if command.clear_owner:
        wanted["owner"] = None
    if not wanted:
        raise invalid(
            "", "the request changes nothing", f"send one of {', '.join(_MUTABLE)}, clear_owner"
        )
    return wanted


def delete(changes: Changes, command: c.DeleteTask) -> Decision:
    """Only without children and without an open run; one that needs attention is closed with it."""
    children = changes.context.around.child_count(changes.task_id)
    if children:
        raise Rejected(
            Code.TASK_HAS_CHILDREN,
            f"{changes.task_id} has {children} {'child' if children == 1 else 'children'}",
            "delete what is below it first, or cancel it with all of that; look at it:",
            action=actions.show_tree(changes.task_id),
            evidence={"task_id": changes.task_id, "children": children},
        )
    check_no_open_run(changes.state)
    changes.add(TaskDeleted())
    return changes.decided()
