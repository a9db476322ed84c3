"""The copy of a task that lists keep: all of it but what may be large and what is over."""

from chargehand.actors.frozen import replace
from chargehand.actors.task.ended import pack
from chargehand.actors.task.state import TaskState


def slim(state: TaskState) -> TaskState:
    """`state` without description, metadata, and the runs and reviews that are not open; of the
    ended runs are left the facts that are counted.

    A state that is slim already is returned as it is.
    """
    run = state.open_run
    kept = () if run is None else (run,)
    reviews = state.reviews and state.open_reviews
    has_ended_runs = len(state.runs) != len(kept)
    if (
        state.description is None
        and state.metadata is None
        and not has_ended_runs
        and len(state.reviews) == len(reviews)
    ):
        return state
    return replace(
        state,
        description=None,
        metadata=None,
        runs=kept,
        reviews=reviews,
        ended=pack(state.runs) if has_ended_runs else state.ended,
    )
