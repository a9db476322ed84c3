"""Which tasks were deleted lately: their timelines are not kept, so a stream of all tasks has their
deletions from here."""

from collections.abc import Sequence
from typing import final

from chargehand.actors.record import Record
from chargehand.actors.task.events import TaskDeleted
from chargehand.actors.task.state import TaskState
from chargehand.actors.views.recent import Recent
from chargehand.actors.views.timeline import TimelineEvent, public_events


@final
class Deletions:
    """The latest ones. The oldest are forgotten, also over a restart those before the checkpoint
    from which it began."""

    def __init__(self, known_from: int = 0) -> None:
        """Args: known_from: nothing is known of deletions up to this number."""
        self._recent: Recent[TimelineEvent] = Recent(known_from)

    def note(self, record: Record, state: TaskState) -> None:
        """A record of a deleted task. They come in order."""
        for event in public_events(record, state):
            if isinstance(event.event, TaskDeleted):
                self._recent.add(event.seq, event)

    def know(self, after_seq: int) -> bool:
        """Whether all is known that was deleted behind that number."""
        return self._recent.knows(after_seq)

    def since(self, after_seq: int) -> Sequence[TimelineEvent]:
        return self._recent.since(after_seq)
