"""No new work below a canceled task, and none that waits for a canceled one.

Only a task that was canceled itself counts, as that is final; one that shows `canceled` because its
run was canceled may go on. What is asked of the graph holds at once: a task below one that is
canceled is refused new work even before the cancel has reached it.
"""

from chargehand.actors import actions
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.task.decide.context import Changes


def check_new_work(changes: Changes) -> None:
    """Refuse a new run of a task that is not canceled itself, which its status refuses.

    Raises:
        Rejected: a task above was canceled, or one that this task still waits for was, or is
            below one that was.
    """
    if changes.state.canceled:
        return
    above = canceled_above(changes)
    if above is not None:
        raise below_canceled(f"no run of {changes.task_id} can be queued", changes.task_id, above)
    for edge in changes.state.dependencies:
        if not edge.done:
            blocker = edge.depends_on_task_id
            check_blocker(changes, blocker, f"{changes.task_id} depends on {blocker}")


def canceled_above(changes: Changes) -> str | None:
    """The nearest canceled ancestor; None: there is none."""
    parent_id = changes.state.parent_task_id
    return None if parent_id is None else changes.context.around.canceled_by(parent_id)


def below_canceled(what: str, task_id: str, canceled_id: str) -> Rejected:
    """Args: what: cannot be done, in words, because of what became of `task_id` or above it."""
    which = task_id if task_id == canceled_id else f"{canceled_id}, above it,"
    return Rejected(
        Code.BELOW_CANCELED,
        f"{what}: {which} was canceled",
        "a canceled task is final; create the task outside of that tree",
        action=actions.show_task(canceled_id),
        evidence={"task_id": task_id, "canceled_task_id": canceled_id},
    )


def check_blocker(changes: Changes, blocker_id: str, what: str) -> None:
    """Refuse a dependency that can never be met.

    Args:
        what: the dependency in words, for the message.

    Raises:
        Rejected: the blocker, or a task above it, was canceled before it was completed.
    """
    around = changes.context.around
    if around.is_completed(blocker_id):
        return
    canceled_id = around.canceled_by(blocker_id)
    if canceled_id is None:
        return
    why = "which" if canceled_id == blocker_id else f"and {canceled_id}, above it,"
    has_edge = any(edge.depends_on_task_id == blocker_id for edge in changes.state.dependencies)
    raise Rejected(
        Code.BLOCKER_CANCELED,
        f"{what}, {why} was canceled and will never be completed",
        "remove the dependency:" if has_edge else "depend on another task, or on none",
        action=actions.remove_dependency(changes.task_id, blocker_id)
        if has_edge
        else actions.show_task(canceled_id),
        evidence={"task_id": changes.task_id, "canceled_task_id": canceled_id},
    )
