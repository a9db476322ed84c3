"""What puts a run back into the queue, by its status: suggested where something is refused."""

from chargehand.actors import actions
from chargehand.actors.actions import Action
from chargehand.actors.task.state import Run, RunStatus


def way_back(run: Run) -> tuple[str, Action]:
    """In words, and as an action. A run that was started goes back with the end of its session."""
    if run.status is RunStatus.CLAIMED:
        step = "take it from its holder:"
        return step, actions.force_release(run.id)
    if run.status is RunStatus.QUEUED:
        return "it is in the queue", actions.inspect_run(run.id)
    if run.status is RunStatus.NEEDS_ATTENTION:
        return "recover it:", actions.recover_run(run.id)
    if run.status.is_terminal:
        return "nothing is left to give back", actions.inspect_run(run.id)
    if run.session_id is None:
        return "cancel it:", actions.cancel_run(run.id)
    step = "cancel the run, or if its agent is gone, end the session:"
    return step, actions.end_session(run.session_id)
