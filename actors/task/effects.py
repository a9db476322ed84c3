"""What one task's event means for another: commands that tasks send each other.

They travel in the record of the event that caused them, and each is applied exactly once.
"""

from typing import final

from chargehand.actors.frozen import frozen
from chargehand.actors.task.state import Json, Scope


@final
@frozen
class BlockerCompleted:
    """The blocker is done: completed by `run_id`, and approved where that was required."""

    blocker_id: str
    run_id: str


@final
@frozen
class BlockerReopened:
    """The blocker is done no more."""

    blocker_id: str


@final
@frozen
class BlockerDeleted:
    """`undone`: the blocker was not done when it was deleted."""

    blocker_id: str
    undone: bool = False


@final
@frozen
class CancelPropagated:
    root_task_id: str
    reason: str | None = None
    metadata: Json | None = None


@final
@frozen
class AncestorResumed:
    ancestor_id: str


@final
@frozen
class DependentsLeft:
    """To the blocker itself: it has more dependents than one record reaches. Those whose ids come
    behind `after` are still to hear of it.

    Args:
        run_id: the run that completed it; empty if it is open again or deleted.
        undone: whether it was deleted undone; None if it was not deleted.
    """

    after: str
    run_id: str = ""
    undone: bool | None = None


@final
@frozen
class ChildAdded:
    child_task_id: str
    scope: Scope
    workspace_id: str | None = None


EffectCommand = (
    BlockerCompleted
    | BlockerReopened
    | BlockerDeleted
    | CancelPropagated
    | AncestorResumed
    | DependentsLeft
    | ChildAdded
)


@final
@frozen
class Effect:
    """A command on its way to the task `target`."""

    target: str
    command: EffectCommand
