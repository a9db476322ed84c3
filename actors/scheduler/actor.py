"""The scheduler actor: one message after the other, and nothing polled.

What it knows of tasks and sessions it takes from committed records, which reach its mailbox before
anyone whose call caused them is answered. What follows from one is done whether or not they wait.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar, final

import trio

from chargehand.actors.actor import Envelope
from chargehand.actors.answers import Answer
from chargehand.actors.asking import ask, ask_or_pause, request_crashed
from chargehand.actors.clock import Clock
from chargehand.actors.errors import Rejected, invalid, shutting_down
from chargehand.actors.faults import Faults, Why
from chargehand.actors.frozen import frozen
from chargehand.actors.graph.graph import Graph
from chargehand.actors.identity import Caller
from chargehand.actors.limits import NS
from chargehand.actors.mailbox import Mailbox, Reply
from chargehand.actors.record import Entry
from chargehand.actors.scheduler.attachments import Attachments
from chargehand.actors.scheduler.claims import Claims
from chargehand.actors.scheduler.commands import DrainOutcome, SchedulerStatus
from chargehand.actors.scheduler.control import Control
from chargehand.actors.scheduler.dispatch import Dispatch
from chargehand.actors.scheduler.switch import Switch
from chargehand.actors.scheduler.ticket import Ticket
from chargehand.actors.settings import Settings
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import TaskState

_BATCH_MAX = 128  # messages, and records in them, between two checkpoints of Trio
_R = TypeVar("_R")

_log = logging.getLogger("chargehand.actors")


@final
@frozen
class _Committed:
    entries: Sequence[Entry]


@final
@frozen
class _Refused:
    """A task would not have what was picked for a call."""

    ticket: Ticket
    error: Exception


@final
@frozen
class _Turn:
    """Anything else: run between two messages."""

    run: Callable[[], None]


_Message = Ticket | _Committed | _Refused | _Turn


@final
class Scheduler:
    """Every method may be called and abandoned at any time: what it has begun goes on.

    Attributes:
        claims: to claim runs.

    Args:
        switch: pause and resume, which only this actor writes.
        dispatch: the rules of handing out, which only this actor calls.
        send: puts a caller's message into a task's mailbox (`Directory.send`).
        changed: called when the status changes, but no record says so.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        clock: Clock,
        graph: Graph,
        switch: Switch,
        dispatch: Dispatch,
        faults: Faults,
        send: Callable[[str, Envelope], None],
        changed: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._dispatch = dispatch
        self._faults = faults
        self._control = Control(
            clock=clock,
            graph=graph,
            switch=switch,
            dispatch=dispatch,
            drain_s=settings.drain_s,
            later=self.later,
            changed=changed,
        )
        self._attachments = Attachments(dispatch.allowance, dispatch.lease_expiry, send, self.later)
        self._mailbox: Mailbox[_Message] = Mailbox(settings.max_claimers)
        self.claims = Claims(
            clock=clock,
            wait_ns=int(settings.wait_s * NS),
            send=self._take,
            forget=lambda ticket: self.later(partial(dispatch.forget, ticket)),
            refused=self._refused,
            unseen=self._unseen,
        )
        self._end_drains = _Turn(self._control.end_finished)
        self._alarm = trio.Event()
        self._sleeping_until_s: float | None = None

    # --- callers --------------------------------------------------------------------------------

    async def attach(self, task_id: str, command: c.AttachSession, caller: Caller) -> Answer:
        """Bind a session to a run, if the session has room for one more.

        Raises:
            Rejected: SESSION_BOUND, or what the run's task says.
        """
        return await self._ask(partial(self._attachments.attach, task_id, command, caller))

    async def status(self) -> SchedulerStatus:
        return await self._ask(lambda reply: reply.settle(self._control.status()))

    async def waiting_claims(self) -> dict[str, int]:
        """How many claims of each session wait for a run; sessions without any are left out."""
        return await self._ask(lambda reply: reply.settle(self._dispatch.waiting_claims()))

    async def pause(self, reason: str | None, caller: Caller) -> SchedulerStatus:
        """Hand out no more runs; again: a new reason. On disk when it returns."""
        return await self._ask(partial(self._control.pause, reason, caller))

    async def resume(self, caller: Caller) -> SchedulerStatus:
        """Hand out runs again; a drain that waits ends by it."""
        return await self._ask(partial(self._control.resume, caller))

    async def drain(
        self, reason: str | None, timeout_s: int | None, caller: Caller
    ) -> DrainOutcome:
        """Pause, and return when no claim is active, the time is up, or a resume ends it.

        Args:
            timeout_s: None is the default of a minute, 0 does not wait.
        """
        if timeout_s is not None and timeout_s < 0:
            raise invalid("/timeout_seconds", "/timeout_seconds must not be negative")
        return await self._ask(partial(self._control.drain, reason, timeout_s, caller))

    async def wait_released(self, session_id: str) -> None:
        """Return once the runs of a session that has ended are back in the queue."""
        await self._ask(lambda reply: self._dispatch.releases.wait_for(session_id, reply))

    def is_busy(self, session_id: str, answer: Callable[[bool], None]) -> None:
        """Whether a session has a run, or waits for one; `answer` is called in a later turn."""
        self.later(lambda: answer(self._dispatch.is_busy(session_id)))

    def later(self, run: Callable[[], None]) -> None:
        """Have something run as a message of its own, behind those that are there."""
        self._mailbox.push(_Turn(run))

    async def _ask(self, begin: Callable[[Reply[_R]], None]) -> _R:
        return await ask(self.later, begin)

    # --- the publisher and the tasks ------------------------------------------------------------

    def committed(self, entries: Sequence[Entry]) -> None:
        """Records that are on disk; called before their callers are answered."""
        self._mailbox.push(_Committed(entries))

    def set_aside(self, address: str) -> None:
        """A task is set aside; its run leaves the queue before the next claim is handled."""
        self.later(lambda: self._dispatch.set_aside(address))

    def restore(self, states: Iterable[TaskState]) -> None:
        """Stored tasks, at start-up, when the graph holds them already. Only those that have an
        open run matter."""
        self._dispatch.restore(states)

    def leased_runs(self) -> list[tuple[str, str]]:
        """All runs under a lease: (task, run); for start-up."""
        return self._dispatch.board.leased_runs()

    def release_ended_sessions(self) -> None:
        """Give back the runs of sessions that a crash kept from being released; for start-up."""
        self._dispatch.release_ended_sessions()

    def end_waiting(self, why: Rejected | None = None) -> None:
        """Answer everyone who waits, for work or for a drain: the server shuts down, or `why`."""
        self.later(lambda: self._end_waiting(why or shutting_down()))

    def _take(self, tickets: Sequence[Ticket]) -> None:
        """Raises: Rejected: OVERLOADED."""
        first, *others = tickets
        self._mailbox.send_nowait(first)
        for ticket in others:
            self._mailbox.push(ticket)

    def _refused(self, ticket: Ticket, error: Exception) -> None:
        self._mailbox.push(_Refused(ticket, error))

    def _unseen(self, ticket: Ticket) -> None:
        self.later(lambda: self._dispatch.unseen(ticket))

    # --- the loop -------------------------------------------------------------------------------

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Handle messages and deadlines until canceled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch_deadlines)
            task_status.started()
            while True:
                work = 0
                for message in await self._mailbox.receive(_BATCH_MAX):
                    if work >= _BATCH_MAX:
                        await trio.lowlevel.checkpoint()
                        work = 0
                    work += 1
                    if isinstance(message, _Committed):
                        work += len(message.entries)
                    self._handle(message)
                if self._control.drains:
                    self._handle(self._end_drains)
                self._set_alarm()

    def _handle(self, message: _Message) -> None:
        """A bug in it is reported to whoever asked, and disturbs nobody else."""
        try:
            match message:
                case Ticket():
                    self._dispatch.claim(message)
                case _Committed(entries=entries):
                    for entry in entries:
                        self._take_in(entry)
                case _Refused(ticket=ticket, error=error):
                    self._dispatch.refused(ticket, error)
                case _Turn(run=run):
                    run()
        except Exception:
            _log.exception("the scheduler failed on a message, and goes on")
            met_by = message.ticket if isinstance(message, _Refused) else message
            if isinstance(met_by, Ticket):
                self._dispatch.finish(met_by, request_crashed())

    def _take_in(self, entry: Entry) -> None:
        try:
            self._dispatch.committed(entry)
        except Exception as crash:
            record = entry.record
            why = f"record {record.seq} was taken, but not by the scheduler: {type(crash).__name__}"
            _log.error("%s: %s", record.address, why, exc_info=crash)
            if isinstance(entry.state, TaskState):  # else nothing more would follow from it
                self._faults.set_aside(record.address, Why.CRASHED, why)

    def _set_alarm(self) -> None:
        next_s = self._next_alarm_s()
        sleeping_s = self._sleeping_until_s
        if next_s is not None and (sleeping_s is None or next_s < sleeping_s):
            self._sleeping_until_s = next_s
            self._alarm.set()

    def _next_alarm_s(self) -> float | None:
        """When something is due next, in Trio's time. A stall may make it later."""
        clock = self._clock
        steady_ns = self._dispatch.next_at_ns()
        first_s = None if steady_ns is None else clock.trio_time(steady_ns)
        for elapsed_ns in (self._dispatch.patience_ends_ns(), self._control.drains.next_at_ns()):
            if elapsed_ns is not None:
                waiter_s = clock.trio_time_of_elapsed(elapsed_ns)
                first_s = waiter_s if first_s is None else min(first_s, waiter_s)
        return first_s

    async def _watch_deadlines(self) -> None:
        """Sleep until the earliest deadline; woken only when an earlier one has come up."""
        while True:
            self._alarm = trio.Event()
            next_s = self._sleeping_until_s = self._next_alarm_s()
            if next_s is None:
                await self._alarm.wait()
                continue
            with trio.move_on_at(next_s):
                await self._alarm.wait()
            await ask_or_pause(self.later, self._on_time)

    def _on_time(self, reply: Reply[None]) -> None:
        self._control.end_late()
        self._dispatch.on_time()
        reply.settle(None)

    def _end_waiting(self, why: Rejected) -> None:
        self._dispatch.end_waiting(why)
        self._control.end_all()
