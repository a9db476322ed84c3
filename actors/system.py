"""The core put together: start, stop, and the few calls that everything outside uses."""

import gc
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import partial
from typing import final

import trio

from actors import limits, suggestions
from actors.actor import Envelope, Services
from actors.answers import Answer
from actors.bridges.bridge import Bridge, Bridges
from actors.bridges.deliveries import Deliveries
from actors.checkpointer import Checkpointer
from actors.clock import Clock, SystemTime, TimeSource, VirtualTime
from actors.directory import Directory
from actors.errors import Code, Rejected, shutting_down
from actors.faults import Faults, Why
from actors.force import FORCE_COMMANDS, ForceGuard
from actors.frozen import replace
from actors.graph import Graph
from actors.identity import BOOT_RECOVERY, Caller
from actors.ids import IdSource, RandomIds
from actors.index import Index
from actors.keys import Keys
from actors.limits import NS
from actors.mailbox import Reply
from actors.misnamed import Misnamed
from actors.once import Earlier, Once
from actors.outbox import Outbox
from actors.ports import Journal, StorageError
from actors.publisher import Publisher
from actors.record import AnyState, Settlement
from actors.recovery import Recovered, recover
from actors.registry.actor import Registry
from actors.registry.roster import Roster
from actors.registry.state import SessionState, WorkspaceState
from actors.review_deadlines import ReviewDeadlines
from actors.scheduler.actor import Scheduler
from actors.scheduler.commands import ClaimNext
from actors.scheduler.dispatch import Dispatch
from actors.scheduler.switch import Switch
from actors.scheduler.ticket import RandomTokens
from actors.settings import Settings
from actors.slices import Background
from actors.surroundings import World
from actors.task import commands as c
from actors.task.decide.definition import task_not_found
from actors.task.decide.found import review_not_found, run_not_found
from actors.task.decide.subscriptions import subscription_not_found
from actors.task.state import TaskState
from actors.time_watch import TimeWatch, behind_last_record_s
from actors.views.views import Views

_log = logging.getLogger("chargehand")

# Their answers hold nothing of the task, so they are given again after its end too.
_SHOW_NOTHING = (c.DeleteTask, c.DeleteProfile, c.Unsubscribe)


@final
class System:
    """The scheduler in one process. Made by `run_system`; its parts are for reading and asking."""

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
        self.failure: str | None = None  # why nothing is written any more
        self._ids = ids
        self._graph = Graph()
        self.faults = Faults(clock.now_ns)
        self._index = Index(
            journal, self._graph, self.faults, lambda task_id: self.views.get(task_id) is not None
        )
        self.background = Background()
        self.views = Views(journal, self._graph, clock, self.faults, self.background.later)
        self.roster = Roster(clock, settings, self.faults)
        self._keys = Keys(journal, clock, settings.idempotency_s, self.faults)
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
            world=World(self._graph, self._index, self.faults),
            expiries_max=settings.lease_expiries_max,
            review_rules=settings.review_rules,
            faults=self.faults,
            leave_effect=lambda cause: self.outbox.leave(cause),
            try_later=lambda task_id, envelope: self.directory.try_later(task_id, envelope),
        )
        self.directory = Directory(
            services, max_residents=settings.max_residents, max_mailbox=settings.max_mailbox
        )
        effects_at_once = min(limits.EFFECTS_AT_ONCE_MAX, max(1, settings.max_residents // 2))
        self.outbox = Outbox(self.directory.push, effects_at_once)
        self.checkpointer = Checkpointer(
            journal, self.outbox, self.directory, self.views.catalog, self._keys, settings
        )
        dispatch = Dispatch(
            settings=settings,
            clock=clock,
            graph=self._graph,
            catalog=self.views.catalog,
            roster=self.roster,
            registry=self.registry,
            switch=self.switch,
            faults=self.faults,
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
            send=self.directory.send,
        )
        self.faults.listen(self.scheduler.set_aside)
        self.review_deadlines = ReviewDeadlines(clock, self.directory.push)
        self._bridges = Bridges(bridges, self._workspace_of_bridge)
        self.deliveries = Deliveries(
            bridges=self._bridges,
            clock=clock,
            journal=journal,
            catalog=self.views.catalog,
            faults=self.faults,
            send=self.directory.push,
            chance=random.random,
            give_up_ns=int(settings.delivery_s * NS),
        )
        self.publisher = Publisher(
            self.views,
            self.review_deadlines,
            self.deliveries,
            self.roster,
            self.scheduler,
            self.outbox,
        )
        self._force = ForceGuard(clock, allow_agents=settings.allow_agent_force)
        self._stopping = False
        self.time_watch = TimeWatch(clock)
        self.clock_behind_s = 0  # at the start, behind the last record
        self.recovered_tasks = 0
        self.replayed_records = 0

    def _workspace_of_bridge(self, ref: str) -> WorkspaceState | None:
        try:
            return self.roster.find_workspace(ref)
        except Rejected:
            return None  # it may be set aside; what is due waits

    # --- tasks ----------------------------------------------------------------------------------

    async def create_task(self, command: c.CreateTask, caller: Caller) -> Answer:
        """Make a task; a child where `parent_task_id` is set. Raises: Rejected."""
        task_id = command.id or f"task-{self._ids.suffix(self.clock.now_ns())}"
        return await self._send(lambda: task_id, command, caller)

    async def ask(self, task_id: str, command: c.TaskCommand, caller: Caller) -> Answer:
        """Have the task do something; what it answers is on disk. Raises: Rejected."""

        def known() -> str:
            self.faults.check(task_id)
            if self.views.get(task_id) is None:
                raise task_not_found(task_id)
            if isinstance(command, FORCE_COMMANDS):
                self._force.check(caller, task_id)
            return task_id

        return await self._send(known, command, caller)

    async def subscribe(self, task_id: str, command: c.Subscribe, caller: Caller) -> Answer:
        """Tell somebody of the task's ends.

        Raises:
            Rejected: also where the bridge is not there, or does not serve the task.
        """

        def served() -> str:
            self.faults.check(task_id)
            task = self.views.get(task_id)
            if task is None:
                raise task_not_found(task_id)
            self._bridges.check(command.bridge_id, task)
            return task_id

        return await self._send(served, command, caller)

    async def task(self, task_id: str) -> TaskState:
        """The whole task, as of its last record on disk. Raises: Rejected: TASK_NOT_FOUND."""
        state = self.views.whole(task_id)
        if state is None:
            raise task_not_found(task_id)
        return state

    # --- runs -----------------------------------------------------------------------------------

    async def ask_run(self, command: c.RunCommand, caller: Caller) -> Answer:
        """Have a run's task do something with it. Raises: Rejected."""

        def of_run() -> str:
            task_id = self._task_of(command.run_id)
            if isinstance(command, FORCE_COMMANDS):
                self._force.check(caller, task_id)
            return task_id

        if isinstance(command, c.ClaimRun) and caller.is_agent:
            self._task_of(command.run_id)
            await self._keep(caller.actor.ref)
        return await self._send(of_run, command, caller)

    async def run(self, run_id: str) -> Answer:
        """The run with its task. Raises: Rejected: RUN_NOT_FOUND."""
        state = self.views.whole(self._task_of(run_id))
        run = None if state is None else state.run(run_id)
        if state is None or run is None:
            raise run_not_found(run_id)
        return Answer(state, run)

    # --- reviews --------------------------------------------------------------------------------

    async def review(self, review_id: str) -> Answer:
        """The review with its task. Raises: Rejected: REVIEW_NOT_FOUND."""
        state = self.views.whole(self._task_of_review(review_id))
        review = None if state is None else state.review(review_id)
        if state is None or review is None:
            raise review_not_found(review_id)
        return Answer(state, review=review)

    async def judge(self, command: c.SubmitVerdict, caller: Caller) -> Answer:
        """Record a verdict. Raises: Rejected."""
        return await self._send(lambda: self._task_of_review(command.review_id), command, caller)

    def _task_of_review(self, review_id: str) -> str:
        task_id = self._index.task_of_review(review_id)
        if task_id is None:
            raise review_not_found(review_id)
        return task_id

    # --- claims and sessions --------------------------------------------------------------------

    async def identify(
        self, session_id: str, agent_name: str, workspace: str | None = None
    ) -> SessionState:
        """The active session that a caller says it is; one on its first contact registers itself.

        Args:
            workspace: the workspace that it says it is of; None or blank says nothing.

        Raises:
            Rejected: an IDENTITY_ code, or SESSIONS_FULL.
        """
        session_id, agent_name = session_id.strip(), agent_name.strip()
        session = self.roster.identify(session_id, agent_name, workspace)
        if session is None:
            self._check_open()
            return await self.registry.admit(session_id, agent_name, workspace)
        self.registry.saw(session_id)
        return session

    async def claim_next(
        self, session: SessionState, request: ClaimNext, caller: Caller
    ) -> Answer | None:
        """The best run for the session, leased; None where there is none (in time).

        Under a key the claim is known by it, as by the request's own, and also after its lease.
        """
        self._check_open()
        self.registry.saw(session.id)
        once = caller.once
        if once is not None:
            earlier = self._keys.find(once)
            if earlier is not None:
                return await self._claimed(earlier)
            if request.idempotency_key is None:
                request = replace(request, idempotency_key=once.key)
        return await self.scheduler.claim(session, request, caller)

    async def _claimed(self, earlier: Earlier) -> Answer:
        try:
            return await self._again(earlier)
        except Rejected as refusal:
            if refusal.code is not Code.TASK_NOT_FOUND:
                raise
            raise Rejected(
                Code.NO_ACTIVE_LEASE,
                "the run that was claimed under this key was deleted with its task",
                "claim again under another key: POST /api/agent/tasks/claim-next",
                command=suggestions.claim_next(),
            ) from None

    async def attach_session(self, run_id: str, session_id: str, caller: Caller) -> Answer:
        """Bind an active session to a claimed run. Raises: Rejected."""
        command = c.AttachSession(run_id, session_id)

        async def attach() -> Answer:
            task_id = self._task_of(run_id)
            self._check_open()
            self.roster.session(session_id)
            return await self.scheduler.attach(task_id, command, caller)

        return await self._once(attach, command, caller)

    def whole(self, caller: Caller) -> AbstractAsyncContextManager[None]:
        """Around what a caller asks in parts (`Caller.part`). Raises: Rejected: KEY_REUSED."""
        return self._keys.whole(caller.once)

    async def end_session(self, session_id: str, once: Once | None = None) -> None:
        """End a session; its runs are back in the queue when this returns. Raises: Rejected.

        They are released because the end is on disk: canceling this stops nothing but the wait.
        """
        self._check_open()
        await self.registry.end_session(session_id, once)
        await self.scheduler.wait_released(session_id)

    async def _keep(self, session_id: str) -> None:
        """A session is about to claim a run without a lease: it is registered before, as with one,
        so that it can be ended, over a restart too. Nothing is torn where only this is done."""
        session = self.roster.find(session_id)
        if session is not None and not self.roster.is_kept(session_id):
            self._check_open()
            kept: Reply[None] = Reply()
            self.registry.keep(session, lambda: kept.settle(None), kept.fail)
            await kept.wait()

    def _task_of(self, run_id: str) -> str:
        task_id = self._index.task_of_run(run_id)
        if task_id is None:
            raise run_not_found(run_id)
        return task_id

    async def _send(self, where: Callable[[], str], command: c.Command, caller: Caller) -> Answer:
        """The task's answer. `where` gives the task's id, or refuses."""

        async def send() -> Answer:
            task_id = where()
            self._check_open()
            reply: Reply[Answer] = Reply()
            self.directory.send(task_id, Envelope(command, caller, reply))
            return await reply.wait()

        return await self._once(send, command, caller)

    async def _once(
        self, do: Callable[[], Awaitable[Answer]], command: c.Command, caller: Caller
    ) -> Answer:
        """What `do` gives; under a key that was sent before, what it gave then as it is now."""
        if caller.is_agent:
            self.registry.saw(caller.actor.ref)
        once = caller.once
        if once is None:
            return await do()
        earlier = await self._keys.begin(once)
        if earlier is not None:
            return await self._again(earlier, shows_nothing=isinstance(command, _SHOW_NOTHING))
        try:
            return await do()
        finally:
            self._keys.end(once)

    async def _again(self, earlier: Earlier, *, shows_nothing: bool = False) -> Answer:
        """What an equal request was answered, with everything in it as it is now."""
        self._check_open()  # after a failed write nobody knows what is there
        durable: Reply[None] = Reply()
        self.journal.when_durable(Settlement(partial(durable.settle, None), durable.fail))
        await durable.wait()
        self.faults.check(earlier.address)
        task: AnyState | None = self.views.whole(earlier.address)
        if task is None and shows_nothing:
            task = self.journal.snapshot(earlier.address)
        if not isinstance(task, TaskState):
            raise task_not_found(earlier.address)
        answer = Answer.again(task, earlier)
        if earlier.subscription_id is not None and answer.subscription is None:
            raise subscription_not_found(task.id, earlier.subscription_id)
        return answer

    def _check_open(self) -> None:
        if self.failure is not None:
            raise Rejected(
                Code.STORAGE_FAILED,
                f"the server cannot write any more: {self.failure}",
                "try again after the server was started anew",
            )
        if self._stopping:
            raise shutting_down()

    # --- start and stop -------------------------------------------------------------------------

    def restore(self, found: Recovered) -> None:
        """Take over what a former process left; before anything runs."""
        for damage in found.aside.values():
            self.faults.set_aside(damage.address, Why.DAMAGED, damage.cause)
        self._graph.restore([*found.tasks.values(), *found.former.values()])
        self.views.restore(found.tasks.values())
        self.roster.restore(found.registry.values())
        self.registry.restore()
        self.switch.restore(found.scheduler)
        self.outbox.restore(found.outstanding.values())
        for state in found.tasks.values():
            if not state.deleted:
                self.scheduler.restore(state)
                self.review_deadlines.committed(state)
                self.deliveries.restore(state)

    def begin_stop(self) -> None:
        """Refuse what is new and end the streams; what was begun goes on."""
        self._stopping = True
        self.views.streams.close_all()
        self.scheduler.end_waiting()

    async def resume_work(self) -> None:
        """Go on where the former process stopped: effects, leases, ended sessions. Before anybody
        calls, so that no holder of a lease meets it as it was stored."""
        not_before_ns = self.clock.steady_ns() + int(self.settings.boot_grace_s * NS)
        for number, (task_id, run_id) in enumerate(self.scheduler.leased_runs()):
            if number % limits.SLICE_MAX == 0:
                await trio.lowlevel.checkpoint()
            command = c.ExtendLease(run_id, not_before_ns)
            self.directory.push(task_id, Envelope(command, BOOT_RECOVERY))
        self.outbox.resend()
        for bridge in self._bridges.unplaced():
            _log.warning(
                "bridge %s: its workspace %s is not registered yet", bridge.id, bridge.workspace
            )
        self.scheduler.release_ended_sessions()

    async def run_journal(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Write until closed. After a failed write: refuse for a moment, then end everything."""
        try:
            await self.journal.run(self.publisher.committed, task_status=task_status)
        except StorageError as error:
            self.failure = str(error)
            failed = write_failed(error)
            self.publisher.failed(self.journal.unwritten(), failed)
            self.scheduler.end_waiting(failed)
            _log.critical("storage has failed, the server ends: %s", error)
            await trio.sleep(FAILURE_GRACE_S)
            raise


def write_failed(error: StorageError) -> Rejected:
    """What everyone is told whose record may or may not have reached the disk."""
    return Rejected(
        Code.STORAGE_FAILED,
        f"the write failed: {error}",
        "look after the server was started anew: it may or may not be there",
    )


FAILURE_GRACE_S = 1.0  # in which callers are still told what has happened

GC_THRESHOLDS = (50_000, 20, 100)
"""Collections are this much rarer than by default: the heap is large and lives long, and a full
collection of it was seen as a claim of 226 ms (p99)."""


@asynccontextmanager
async def run_system(
    journal: Journal,
    settings: Settings | None = None,
    *,
    ids: IdSource | None = None,
    wall_ns: int | None = None,
    time: TimeSource | None = None,
    bridges: Iterable[Bridge] = (),
) -> AsyncIterator[System]:
    """Recover, run, and stop in order: tasks and scheduler inside the journal's life.

    Args:
        journal: opened, not yet running.
        ids: source of ids; random by default.
        wall_ns: a time to start from that then runs with Trio's clock; for tests.
        time: what the clock is read from; the system's by default.
        bridges: the ways by which others are told of the ends of tasks.

    Raises:
        StorageError: the journal is damaged, or a write failed (in a group).
    """
    with _rare_collections() as all_is_made:
        found = recover(journal)
        settings = settings or Settings()
        source = time or (SystemTime() if wall_ns is None else VirtualTime(wall_ns))
        clock = Clock(source, steady_from_ns=found.steady_ns(settings.boot_grace_s))
        system = System(journal, settings, clock, ids or RandomIds(), bridges)
        system.restore(found)
        system.recovered_tasks = sum(not state.deleted for state in found.tasks.values())
        system.replayed_records = found.replayed
        system.clock_behind_s = behind_last_record_s(clock, found.last_at_ns)
        del found
        all_is_made()
        async with _running(system):
            yield system


@contextmanager
def _rare_collections() -> Iterator[Callable[[], None]]:
    """Nothing is collected before all is made that lives long: it would be looked through time and
    again as it grows, which took two fifths of a start with 100,000 tasks. Then it is left out of
    collections, and those come rarely, while this lasts."""
    former = gc.get_threshold()
    gc.set_threshold(0)

    def all_is_made() -> None:
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)

    try:
        yield all_is_made
    finally:
        gc.set_threshold(*former)
        gc.unfreeze()


@asynccontextmanager
async def _running(system: System) -> AsyncIterator[None]:
    """Each part inside the life of what it stands on: tasks and scheduler inside the journal."""
    async with trio.open_nursery() as foundation:
        await foundation.start(system.run_journal)
        async with trio.open_nursery() as workers:
            if system.clock.source.watched:
                await workers.start(system.time_watch.run)
            await workers.start(system.directory.run)
            await system.resume_work()
            await workers.start(system.registry.run)
            await workers.start(system.scheduler.run)
            workers.start_soon(system.background.run)
            workers.start_soon(system.review_deadlines.run)
            await workers.start(system.deliveries.run)
            workers.start_soon(system.checkpointer.run)
            try:
                yield
            finally:
                system.begin_stop()
                workers.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await system.journal.close()
