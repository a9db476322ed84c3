"""What may be chosen of what is shown: parts and orders of lists.

Apart from the lists, since clients offer them and do without the rest.
"""

from typing import final

from chargehand.actors.choice import Choice


@final
class ListOrder(Choice):
    """What a list of tasks is ordered by, the newest first."""

    ACTIVITY = "activity"
    CREATED = "created"


@final
class RunGroup(Choice):
    """Several statuses of runs by one word."""

    ACTIVE = "active"  # somebody works on it: claimed, starting, running


class Lane(Choice):
    """Where a task stands in an inbox."""

    MY_WORK = "my_work"
    APPROVALS = "approvals"
    FAILED_RUNS = "failed_runs"
    BLOCKED = "blocked"
    ARCHIVED = "archived"
