"""Triage: what somebody did with a task in their own inbox."""

from chargehand.actors.task import commands as c
from chargehand.actors.task.decide.context import Changes, Decision
from chargehand.actors.task.events import TaskTriaged


def triage(changes: Changes, command: c.TriageTask) -> Decision:
    """Written on each call, as it takes note of the latest activity seen."""
    changes.add(TaskTriaged(changes.context.caller.actor, command.action))
    return changes.decided()
