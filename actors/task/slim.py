"""The copy of a task that lists keep: all of it but what may be large and what is over."""

from actors.frozen import replace
from actors.task.state import TaskState


def slim(state: TaskState) -> TaskState:
    """`state` without description, metadata and all runs but the open one.

    A state that is slim already is returned as it is.
    """
    run = state.open_run
    kept = 0 if run is None else 1
    if state.description is None and state.metadata is None and len(state.runs) == kept:
        return state
    return replace(state, description=None, metadata=None, runs=() if run is None else (run,))
