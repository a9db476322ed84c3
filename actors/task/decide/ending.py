"""The end of a run, with the review that the policy requires of it, in one record."""

from chargehand.actors.task.decide.context import Changes
from chargehand.actors.task.decide.review_request import request_by_policy
from chargehand.actors.task.events import RunCanceled, RunCompleted, RunFailed, RunForcedFail

RunEnded = RunCompleted | RunFailed | RunCanceled | RunForcedFail


def end_run(changes: Changes, event: RunEnded, reason: str) -> None:
    """Add the run's end, what it means for the task's status, and the review it asks for.

    A run that ends because its task is canceled, or because another takes its place, is not
    judged and does not come by here.
    """
    changes.add(event)
    changes.settle(reason)
    request_by_policy(changes, event.run_id)
