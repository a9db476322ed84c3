"""A condition on a command: that its task is still as its caller has read it."""

from typing import final

from chargehand.actors import actions
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.frozen import frozen


@final
@frozen
class IfMatch:
    """The states of a task in which a command may change it.

    Args:
        numbers: of these the latest event of the task must have one; None: it may have any.
    """

    numbers: frozenset[int] | None

    def check(self, task_id: str, latest_event_seq: int) -> None:
        """Raises: Rejected: PRECONDITION_FAILED, with the ETag of now."""
        if self.numbers is None or latest_event_seq in self.numbers:
            return
        raise Rejected(
            Code.PRECONDITION_FAILED,
            f"{task_id} has changed since it was read: its ETag is {etag_of(latest_event_seq)} now",
            "read it again, and if the change still makes sense, send it with that ETag:",
            action=actions.show_task(task_id),
            evidence={"task_id": task_id, "etag": etag_of(latest_event_seq)},
        )


def etag_of(latest_event_seq: int) -> str:
    """The tag of a task's state, and of whatever belongs to it."""
    return f'"{latest_event_seq}"'
