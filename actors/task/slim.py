"""The copy of a task that lists keep: all of it but what may be large and what is over."""

from actors.frozen import replace
from actors.task.state import TaskState


def slim(state: TaskState) -> TaskState:
    """`state` without description, metadata, and the runs and reviews that are not open.

    A state that is slim already is returned as it is.
    """
    run = state.open_run
    kept = 0 if run is None else 1
    reviews = state.reviews and state.open_reviews
    if (
        state.description is None
        and state.metadata is None
        and len(state.runs) == kept
        and len(state.reviews) == len(reviews)
    ):
        return state
    return replace(
        state,
        description=None,
        metadata=None,
        runs=() if run is None else (run,),
        reviews=reviews,
    )
