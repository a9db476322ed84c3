"""The parts of a system and how they are wired: who notifies whom, and nothing else."""

import random
from collections.abc import Iterable
from functools import partial

from chargehand.actors import limits
from chargehand.actors.actor import Services
from chargehand.actors.availability import Availability
from chargehand.actors.bridges.bridge import Bridge, Bridges
from chargehand.actors.bridges.deliveries import Deliveries
from chargehand.actors.checkpointer import Checkpointer
from chargehand.actors.clock import Clock
from chargehand.actors.directory import Directory
from chargehand.actors.errors import Rejected
from chargehand.actors.faults import Faults
from chargehand.actors.force import ForceGuard
from chargehand.actors.garbage import Collector
from chargehand.actors.graph.graph import Graph
from chargehand.actors.idempotency.keys import Keys
from chargehand.actors.idempotency.repeats import Repeats
from chargehand.actors.ids import IdSource
from chargehand.actors.index import Index
from chargehand.actors.limits import NS
from chargehand.actors.misnamed import Misnamed
from chargehand.actors.new_tasks.creation import Creation
from chargehand.actors.outbox import Outbox
from chargehand.actors.ports import Journal
from chargehand.actors.publisher import Publisher
from chargehand.actors.registry.actor import Registry
from chargehand.actors.registry.roster import Roster
from chargehand.actors.registry.state import WorkspaceState
from chargehand.actors.retention.actor import Retention
from chargehand.actors.review_deadlines import ReviewDeadlines
from chargehand.actors.scheduler.actor import Scheduler
from chargehand.actors.scheduler.board import Board
from chargehand.actors.scheduler.dispatch import Dispatch
from chargehand.actors.scheduler.switch import Switch
from chargehand.actors.scheduler.ticket import RandomTokens
from chargehand.actors.settings import Settings
from chargehand.actors.slices import Background
from chargehand.actors.surroundings import SystemSurroundings
from chargehand.actors.time_watch import TimeWatch
from chargehand.actors.views.history import History, Standing
from chargehand.actors.views.streams import Changed
from chargehand.actors.views.views import Views


class Parts:
    """Made at rest; `actors.lifecycle` restores and runs them."""

    def __init__(
        self,
        journal: Journal,
        settings: Settings,
        clock: Clock,
        ids: IdSource,
        bridges: Iterable[Bridge],
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.journal = journal
        self.availability = Availability()
        self._ids = ids
        self._graph = Graph()
        self.faults = Faults(clock.now_ns)
        self._index = Index(
            journal.reads,
            self._graph,
            self.faults,
            lambda task_id: self.views.get(task_id) is not None,
        )
        self.background = Background()
        self.board = Board(self._graph.paused_by)
        self.collector = Collector()
        self.views = Views(
            journal,
            self._graph,
            clock,
            self.faults,
            self.background.later,
            self.board.queued,
            self.collector.came,
        )
        self.roster = Roster(clock, settings, self.faults)
        self._keys = Keys(journal.reads, clock, settings.idempotency_s, self.faults)
        self.registry = Registry(
            journal,
            clock,
            ids,
            settings,
            self.roster,
            self._keys,
            self.faults,
            busy=lambda session_id, answer: self.scheduler.is_busy(session_id, answer),
        )
        self.misnamed = Misnamed(self._index, self.views, self.roster)
        self.switch = Switch(journal, clock, ids, self._keys)
        services = Services(
            journal=journal,
            clock=clock,
            ids=ids,
            graph=self._graph,
            surroundings=SystemSurroundings(self._graph, self._index, self.faults),
            expiries_max=settings.lease_expiries_max,
            review_rules=settings.review_rules,
            faults=self.faults,
            leave_effect=lambda cause: self.outbox.leave(cause),
            try_later=lambda *sent: self.directory.try_later(*sent),
        )
        self.directory = Directory(
            services, max_residents=settings.max_residents, max_mailbox=settings.max_mailbox
        )
        self._creation = Creation(services, self._keys, self.directory.made)
        effects_at_once = min(limits.EFFECTS_AT_ONCE_MAX, max(1, settings.max_residents // 2))
        self.outbox = Outbox(self.directory.push, effects_at_once)
        self.retention = Retention(
            settings=settings,
            clock=clock,
            views=self.views,
            graph=self._graph,
            faults=self.faults,
            send=self.directory.push,
        )
        self.checkpointer = Checkpointer(
            journal,
            self.outbox,
            self.directory,
            self.views.catalog,
            self._keys,
            self.retention,
            settings,
        )
        dispatch = Dispatch(
            settings=settings,
            clock=clock,
            board=self.board,
            graph=self._graph,
            catalog=self.views.catalog,
            roster=self.roster,
            registry=self.registry,
            switch=self.switch,
            faults=self.faults,
            keys=self._keys,
            send=self.directory.push,
            later=lambda run: self.scheduler.later(run),
            tokens=RandomTokens(),
        )
        self.scheduler = Scheduler(
            settings=settings,
            clock=clock,
            graph=self._graph,
            switch=self.switch,
            dispatch=dispatch,
            faults=self.faults,
            send=self.directory.send,
            changed=partial(self.views.streams.changed, Changed.SCHEDULER),
        )
        self.faults.listen(self.scheduler.set_aside)
        self.review_deadlines = ReviewDeadlines(clock, self.directory.push)
        self._bridges = Bridges(bridges, self._workspace_of_bridge)
        self.deliveries = Deliveries(
            bridges=self._bridges,
            clock=clock,
            reads=journal.reads,
            catalog=self.views.catalog,
            faults=self.faults,
            send=self.directory.push,
            chance=random.random,
            give_up_ns=int(settings.delivery_s * NS),
        )
        self.history = History(clock.moment, self._standing)
        self.publisher = Publisher(
            self.history,
            self.views,
            self.review_deadlines,
            self.deliveries,
            self.roster,
            self.scheduler,
            self.outbox,
            self.collector,
        )
        self._force = ForceGuard(clock, allow_agents=settings.allow_agent_force)
        self.repeats = Repeats(self._keys, journal, self.views, self.faults, self.availability)
        self.time_watch = TimeWatch(clock)
        self.clock_behind_s = 0  # at the start, behind the last record
        self.recovered_tasks = 0
        self.replayed_records = 0

    def _standing(self) -> Standing:
        board = self.board
        oldest = board.claimable.oldest()
        oldest_at_ns = None if oldest is None else oldest.since_ns
        return Standing(board.queued_count, board.active_count, oldest_at_ns)

    def _workspace_of_bridge(self, ref: str) -> WorkspaceState | None:
        try:
            return self.roster.find_workspace(ref)
        except Rejected:
            return None  # it may be set aside; what is due waits
