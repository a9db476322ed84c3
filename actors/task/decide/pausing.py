"""Pause and resume one task; a resume reaches what is below it as an effect."""

from chargehand.actors import actions
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.task import commands as c
from chargehand.actors.task.decide.context import Changes, Decision
from chargehand.actors.task.decide.enqueue import auto_enqueue
from chargehand.actors.task.effects import AncestorResumed
from chargehand.actors.task.events import EffectApplied, ResumePassedOn, TaskPaused, TaskResumed
from chargehand.actors.task.validation import reason_required


def pause(changes: Changes, command: c.PauseTask) -> Decision:
    """Keep the task and its descendants from being claimed by agents. Again: a new reason."""
    state = changes.state
    if command.reason is None:
        raise reason_required(actions.pause_task(state.id))
    if state.status.is_terminal:
        raise Rejected(
            Code.RUN_ALREADY_TERMINAL,
            f"{state.id} is {state.status.value}, so there is nothing to pause",
            "look at the task; a new run makes it pausable again",
            action=actions.inspect_task(state.id),
            area="task.pause",
            evidence={"task_id": state.id, "task_status": state.status.value},
        )
    changes.add(
        TaskPaused(
            by=changes.context.caller.actor,
            previous_paused=state.pause is not None,
            reason=command.reason,
            metadata=command.metadata,
        )
    )
    return changes.decided()


def resume(changes: Changes, command: c.ResumeTask) -> Decision:
    """Lift the task's own pause; in any status, paused or not."""
    changes.add(
        TaskResumed(
            by=changes.context.caller.actor,
            previous_paused=changes.state.pause is not None,
            metadata=command.metadata,
        )
    )
    _make_up(changes, changes.last_event_id)
    return changes.decided()


def ancestor_resumed(changes: Changes, effect: AncestorResumed) -> Decision:
    _make_up(changes, f"resume-{changes.context.record_id}")
    if changes.context.around.child_count(changes.state.id):
        changes.add(ResumePassedOn(effect.ancestor_id))
    if not changes.events:
        changes.add(EffectApplied())
    return changes.decided()


def _make_up(changes: Changes, cause: str) -> None:
    """Enqueue what the pause held back: a task that became ready, or that never had a run."""
    state = changes.state
    if state.auto_enqueue_due or not state.runs:
        auto_enqueue(changes, cause, by_hand=state.auto_enqueue_due)  # as what it makes up for
