"""What a command refers to, or the refusal where the task has no such thing."""

from chargehand.actors import actions
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.task.decide.context import Changes
from chargehand.actors.task.review import Review
from chargehand.actors.task.state import Run


def the_run(changes: Changes, run_id: str) -> Run:
    run = changes.state.run(run_id)
    if run is None:
        raise run_not_found(run_id)
    return run


def run_not_found(run_id: str) -> Rejected:
    return Rejected(
        Code.RUN_NOT_FOUND,
        f"there is no run {run_id}",
        "look for its task:",
        action=actions.list_tasks(),
        evidence={"run_id": run_id[:128]},
    )


def the_review(changes: Changes, review_id: str) -> Review:
    review = changes.state.review(review_id)
    if review is None:
        raise review_not_found(review_id)
    return review


def review_not_found(review_id: str) -> Rejected:
    return Rejected(
        Code.REVIEW_NOT_FOUND,
        f"there is no review {review_id}",
        "look for its task:",
        action=actions.list_tasks(),
        evidence={"review_id": review_id[:128]},
    )
