"""Who had read which task, for those who read their inbox in pages."""

from typing import final

from chargehand.actors.identity import Actor
from chargehand.actors.task.state import TaskState
from chargehand.actors.views.facets import readers_of
from chargehand.actors.views.recent import Recent
from chargehand.actors.views.stretches import Placed


@final
class Readings:
    """The latest changes of whom a task counts as read for: by a triage, or as something happened.

    Args:
        known_from: nothing is known of changes up to this number.
    """

    def __init__(self, known_from: int = 0) -> None:
        self._recent: Recent[tuple[Placed, frozenset[Actor]]] = Recent(known_from)

    def note(self, entry: Placed, before: TaskState, state: TaskState) -> None:
        """Args: before: the task as it was; state: as it will be."""
        if before.triage or state.triage:
            readers = readers_of(before)
            if readers != readers_of(state):
                self._recent.add(state.last_seq, (entry, readers))

    def knows(self, as_of_seq: int) -> bool:
        """Whether all is remembered that has changed since that number."""
        return self._recent.knows(as_of_seq)

    def since(self, as_of_seq: int, actor: Actor) -> dict[Placed, bool]:
        """Of the tasks that have changed since that number, whether the actor had read them then.
        Some may be deleted."""
        had_read: dict[Placed, bool] = {}
        for entry, readers in self._recent.since(as_of_seq):
            had_read.setdefault(entry, actor in readers)
        return had_read
