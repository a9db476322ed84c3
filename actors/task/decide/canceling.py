"""Cancel a task, its open run, and by an effect everything below it."""

from chargehand.actors.task import commands as c
from chargehand.actors.task.decide.context import Changes, Decision
from chargehand.actors.task.decide.enqueue import not_in_state
from chargehand.actors.task.decide.verdict import cancel_open
from chargehand.actors.task.effects import CancelPropagated
from chargehand.actors.task.events import (
    CancelPassedOn,
    EffectApplied,
    RunCanceled,
    TaskCanceled,
    TreeCancelRepeated,
)
from chargehand.actors.task.state import Json, TaskStatus


def cancel(changes: Changes, command: c.CancelTask) -> Decision:
    """Final. A task that was canceled before, is completed or has failed keeps its status, and its
    open descendants are canceled; one that is completed or has failed must have some."""
    state = changes.state
    is_done = state.has_ended and state.status is not TaskStatus.CANCELED
    if state.canceled or is_done:
        if changes.context.around.open_below(state.id):
            changes.add(TreeCancelRepeated(command.reason, command.metadata))
        elif is_done:
            raise not_in_state(state, "cancel it")
        return changes.decided()
    _cancel(changes, command.reason, command.metadata, None)
    return changes.decided()


def propagated(changes: Changes, effect: CancelPropagated) -> Decision:
    """An ancestor was canceled: so is this task, unless it has ended. What is open below it is next
    in any case."""
    state = changes.state
    if state.has_ended:
        if changes.context.around.open_below(state.id):
            changes.add(CancelPassedOn(effect.root_task_id, effect.reason, effect.metadata))
        else:
            changes.add(EffectApplied())
        return changes.decided()
    _cancel(changes, effect.reason, effect.metadata, effect.root_task_id)
    return changes.decided()


def _cancel(
    changes: Changes, reason: str | None, metadata: Json | None, propagated_from: str | None
) -> None:
    run = changes.state.open_run
    if run is not None:
        changes.add(
            RunCanceled(
                run_id=run.id,
                task_status=changes.state.status,
                reason=reason,
                metadata=metadata,
                session_id=run.session_id,
                propagated_from_task_id=propagated_from,
            )
        )
    changes.add(
        TaskCanceled(
            reason=reason,
            metadata=metadata,
            propagated_from_task_id=propagated_from,
            canceled_run_ids=() if run is None else (run.id,),
        )
    )
    cancel_open(changes)
    changes.settle("canceled")
