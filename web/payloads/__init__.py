"""What the public sees of an event: its payload, as JSON members in the order they are shown.

A member that is None is left out, as is an empty list.
"""

from chargehand.actors.task import events as e
from chargehand.web.payloads.members import Payload
from chargehand.web.payloads.reviews import review_members
from chargehand.web.payloads.runs import run_members
from chargehand.web.payloads.tasks import task_members


def payload_of(event: e.TaskEvent) -> Payload:
    """The members of an event's payload; none for events that are not public."""
    match event:
        case e.ReviewEvent():
            members = review_members(event)
        case e.RunEvent():
            members = run_members(event)
        case _:
            members = task_members(event)
    return {name: value for name, value in members.items() if value is not None and value != ()}
