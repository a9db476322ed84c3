"""Who had read which task, for those who read their inbox in pages."""

from collections.abc import Iterable
from typing import final

from chargehand.actors.identity import Actor
from chargehand.actors.task.state import TaskState
from chargehand.actors.views.activity import Placed
from chargehand.actors.views.facets import readers_of
from chargehand.actors.views.recent import Recent


@final
class Readings:
    """The latest changes of whom a task counts as read for: by a triage, or as something happened.

    Args:
        states: tasks of whose changes up to now nothing is known.
    """

    def __init__(self, states: Iterable[TaskState] = ()) -> None:
        known_from = max((state.last_seq for state in states if state.triage), default=0)
        self._recent: Recent[tuple[Placed, frozenset[Actor]]] = Recent(known_from)

    def note(self, entry: Placed, state: TaskState) -> None:
        """Args: entry: as it was; state: as it will be."""
        if entry.state.triage or state.triage:
            readers = readers_of(entry.state)
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
