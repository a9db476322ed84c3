"""Publishes what is on disk to all other parts: in journal order, once, and before the answer.

Read models, streams, deadlines and deliveries first, then the scheduler, then the tasks that an
effect is for, and last the callers.
"""

from collections.abc import Sequence
from typing import final

from chargehand.actors.bridges.deliveries import Deliveries
from chargehand.actors.garbage import Collector
from chargehand.actors.outbox import Outbox
from chargehand.actors.record import Entry
from chargehand.actors.registry.roster import Roster
from chargehand.actors.registry.state import SessionState, WorkspaceState
from chargehand.actors.review_deadlines import ReviewDeadlines
from chargehand.actors.scheduler.actor import Scheduler
from chargehand.actors.scheduler.state import SchedulerState
from chargehand.actors.task.state import TaskState
from chargehand.actors.views.history import History
from chargehand.actors.views.views import Views


@final
class Publisher:
    def __init__(
        self,
        history: History,
        views: Views,
        reviews: ReviewDeadlines,
        deliveries: Deliveries,
        roster: Roster,
        scheduler: Scheduler,
        outbox: Outbox,
        collector: Collector,
    ) -> None:
        self._history = history
        self._views = views
        self._reviews = reviews
        self._deliveries = deliveries
        self._roster = roster
        self._scheduler = scheduler
        self._outbox = outbox
        self._collector = collector

    def committed(self, entries: Sequence[Entry]) -> None:
        """Called by the journal with each batch that it has written."""
        self._history.committed(entries)
        for entry in entries:
            match entry.state:
                case TaskState() as task:
                    self._views.publish(entry.record, task)
                    self._reviews.committed(task)
                    self._deliveries.committed(entry.record, task)
                case WorkspaceState() | SessionState() as registered:
                    self._roster.committed(registered)
                case SchedulerState():
                    pass
        self._scheduler.committed(entries)
        for entry in entries:
            for settlement in self._outbox.committed(entry):
                settlement.deliver()
            for settlement in entry.gated or ():
                settlement.deliver()
        self._collector.came(len(entries))

    def failed(self, unwritten: Sequence[Entry], refusal: Exception) -> None:
        """The journal has ended with a fault: answer everyone who waits for a record.

        Args:
            unwritten: what has not reached the disk, as far as the journal knows.
            refusal: the answer to those who wait for it.
        """
        for entry in unwritten:
            for settlement in (*entry.settlements, *(entry.gated or ())):
                settlement.fail(refusal)
        self._outbox.end_waiting()
