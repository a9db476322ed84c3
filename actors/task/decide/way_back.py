"""What puts a run back into the queue, by its status: told where something else was refused."""

from actors import suggestions
from actors.suggestions import Suggestion
from actors.task.state import Run, RunStatus


def way_back(run: Run) -> tuple[str, Suggestion]:
    """In words, and as a command. A run that was started goes back with the end of its session."""
    if run.status is RunStatus.CLAIMED:
        step = f"take it from its holder: POST /api/runs/{run.id}/release"
        return step, suggestions.force_release(run.id)
    if run.status is RunStatus.QUEUED:
        return "it is in the queue", suggestions.inspect_run(run.id)
    if run.status is RunStatus.NEEDS_ATTENTION:
        return f"recover it: POST /api/runs/{run.id}/recover", suggestions.recover_run(run.id)
    if run.status.is_terminal:
        return "nothing is left to give back", suggestions.inspect_run(run.id)
    cancel = f"cancel it: POST /api/task-runs/{run.id}/cancel"
    if run.session_id is None:
        return cancel, suggestions.cancel_run(run.id)
    return (
        f"if its agent is gone, end the session: DELETE /api/sessions/{run.session_id};"
        f" else {cancel}",
        suggestions.end_session(run.session_id),
    )
