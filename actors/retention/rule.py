"""Which tasks may go: what an operator has set, and what a task must be."""

from typing import final

from chargehand.actors.frozen import frozen
from chargehand.actors.task.state import TaskState


@final
@frozen
class Limits:
    """What is kept of finished tasks: those within all limits. 0: that limit is off.

    Args:
        age_ns: so long after its last event a task is due.
        count: so many are kept, those that were active last.
    """

    age_ns: int = 0
    count: int = 0

    @property
    def are_set(self) -> bool:
        return bool(self.age_ns or self.count)

    def is_due(self, age_ns: int, seq: int, kept_from_seq: int) -> bool:
        """Whether a finished task is beyond a limit.

        Args:
            age_ns: how long ago its last event was.
            seq: the number of that.
            kept_from_seq: by their count, those with this number or a later one are kept.
        """
        return bool(self.age_ns and age_ns >= self.age_ns) or seq < kept_from_seq


def is_at_rest(task: TaskState) -> bool:
    """Whether the task has ended, and nobody waits for anything of it: no verdict is due, and no
    message to a subscriber. A message that was given up may be sent again, so it keeps the task."""
    return (
        task.has_ended
        and not task.open_reviews
        and not any(one.due or one.undelivered for one in task.subscriptions)
    )
