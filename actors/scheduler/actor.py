"""The scheduler actor: one message after the other, and nothing polled.

What it knows of tasks it takes from committed records, which reach its mailbox before anyone whose
call caused them is answered.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar, final

import trio
from attrs import define, frozen

from actors.actor import Envelope
from actors.answers import Answer
from actors.clock import Clock
from actors.errors import Code, Rejected, invalid
from actors.graph import Graph
from actors.identity import Caller
from actors.limits import NS
from actors.mailbox import Mailbox, Reply
from actors.record import Entry
from actors.registry.state import SessionState
from actors.scheduler.commands import ClaimNext, DrainOutcome, SchedulerStatus
from actors.scheduler.dispatch import Dispatch
from actors.scheduler.switch import Switch
from actors.scheduler.ticket import Ticket
from actors.settings import Settings
from actors.task import commands as c
from actors.task.state import TaskState

_BATCH_MAX = 256  # messages between two checkpoints of Trio
_R = TypeVar("_R")


@final
@frozen
class _Committed:
    entries: Sequence[Entry]


@final
@frozen
class _Call:
    """Anything else: run between two messages."""

    run: Callable[[], None]


@final
class _Attachment:
    """The reply of an attachment; gives the reserved place back once it is decided, whether or
    not its caller still waits."""

    def __init__(self, give_back: Callable[[], None]) -> None:
        self.reply: Reply[Answer] = Reply()
        self._give_back = give_back

    @property
    def abandoned(self) -> bool:
        return self.reply.abandoned

    def settle(self, value: Answer) -> None:
        self._give_back()
        self.reply.settle(value)

    def fail(self, error: Exception) -> None:
        self._give_back()
        self.reply.fail(error)


@final
@define(eq=False)
class _Drain:
    """A call that waits until no claim is active."""

    ended: trio.Event
    resumed: bool = False


@final
class Scheduler:
    """Args:
    dispatch: the rules of handing out, which only this actor calls.
    send: puts a caller's message into a task's mailbox (`Directory.send`).
    """

    def __init__(
        self,
        *,
        settings: Settings,
        clock: Clock,
        graph: Graph,
        switch: Switch,
        dispatch: Dispatch,
        send: Callable[[str, Envelope], None],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._graph = graph
        self._switch = switch
        self._dispatch = dispatch
        self._send = send
        self._mailbox: Mailbox[Ticket | _Committed | _Call] = Mailbox(settings.max_claimers)
        self._drains: list[_Drain] = []
        self._alarm = trio.Event()
        self._sleeping_until_ns: int | None = None

    # --- callers --------------------------------------------------------------------------------

    async def claim(
        self, session: SessionState, request: ClaimNext, caller: Caller
    ) -> Answer | None:
        """The best run for the session, leased; None where there is none (in time).

        Raises:
            Rejected: LEASE_ALREADY_HELD; IDENTITY_STALE if the session ends meanwhile; OVERLOADED.
        """
        until = self._clock.now_ns() + int(self._settings.wait_s * NS) if request.wait else None
        ticket = Ticket(session, request, caller, until, self._refused, self._unseen)
        self._mailbox.send_nowait(ticket)
        try:
            return await ticket.reply.wait()
        except trio.Cancelled:
            self._mailbox.push(_Call(lambda: self._dispatch.forget(ticket)))
            raise

    async def attach(self, task_id: str, command: c.AttachSession, caller: Caller) -> Answer:
        """Bind a session to a run, if the session has room for one more.

        Raises:
            Rejected: SESSION_BOUND, or what the run's task says.
        """
        session_id = command.session_id
        if not await self._ask(lambda: self._dispatch.reserve(session_id)):
            raise Rejected(
                Code.SESSION_BOUND,
                f"session {session_id} is at work on as many runs as it may",
                "end one of them first, or attach another session",
                evidence={"session_id": session_id},
            )
        attachment = _Attachment(lambda: self._give_back(session_id))
        try:
            self._send(task_id, Envelope(command, caller, attachment))
        except Rejected:
            self._give_back(session_id)
            raise
        return await attachment.reply.wait()

    def _give_back(self, session_id: str) -> None:
        """Behind the task's record in the mailbox, so the place never counts as free between."""
        self._mailbox.push(_Call(lambda: self._dispatch.give_back(session_id)))

    async def status(self) -> SchedulerStatus:
        return await self._ask(self._status)

    async def pause(self, reason: str | None, caller: Caller) -> SchedulerStatus:
        """Hand out no more runs; again: a new reason. On disk when it returns."""
        await self._switch.pause(reason, caller)
        return await self.status()

    async def resume(self, caller: Caller) -> SchedulerStatus:
        """Hand out runs again; a drain that waits ends by it."""
        drains = list(self._drains)  # not one that begins after this
        await self._switch.resume(caller)
        await self._ask(lambda: self._resumed(drains))
        return await self.status()

    async def drain(
        self, reason: str | None, timeout_s: int | None, caller: Caller
    ) -> DrainOutcome:
        """Pause, and return when no claim is active, the time is up, or a resume ends it.

        Args:
            timeout_s: None is the default of a minute, 0 does not wait.
        """
        if timeout_s is not None and timeout_s < 0:
            raise invalid("/timeout_seconds", "/timeout_seconds must not be negative")
        started_ns = self._clock.now_ns()
        drain = _Drain(trio.Event())
        self._drains.append(drain)
        try:
            await self._switch.start_drain(reason, caller, self._dispatch.active_claims)
            await self._ask(self._look_at_drains)
            with trio.move_on_after(self._settings.drain_s if timeout_s is None else timeout_s):
                await drain.ended.wait()
        finally:
            self._drains.remove(drain)
        remaining = await self._ask(lambda: self._dispatch.active_claims)
        timed_out = remaining > 0 and not drain.resumed
        if not drain.resumed:
            await self._switch.end_drain(caller, remaining, timed_out)
        return DrainOutcome(
            status=await self.status(),
            completed=remaining == 0 and not drain.resumed,
            timed_out=timed_out,
            remaining_claims=remaining,
            started_at_ns=started_ns,
            completed_at_ns=self._clock.now_ns(),
        )

    async def release_all_of(self, session_id: str) -> None:
        """The session has ended: end its waiting calls and give its runs back."""
        for release in await self._ask(lambda: self._dispatch.session_ended(session_id)):
            await release.wait()

    async def _ask(self, run: Callable[[], _R]) -> _R:
        """Run a question between two messages; what it raises is raised here."""
        reply: Reply[_R] = Reply()

        def answer() -> None:
            try:
                value = run()
            except Rejected as refusal:
                reply.fail(refusal)
            else:
                reply.settle(value)

        self._mailbox.push(_Call(answer))
        return await reply.wait()

    # --- the publisher and the tasks ------------------------------------------------------------

    def committed(self, entries: Sequence[Entry]) -> None:
        """Records that are on disk; called before their callers are answered."""
        self._mailbox.push(_Committed(entries))

    def restore(self, state: TaskState) -> None:
        """A stored task, at start-up, when the catalog and the graph hold it already."""
        self._dispatch.restore(state)

    def leased_runs(self) -> list[tuple[str, str]]:
        """All runs under a lease: (task, run); for start-up."""
        return self._dispatch.board.leased_runs()

    def release_ended_sessions(self) -> None:
        """Give back the runs of sessions that a crash kept from being released; for start-up."""
        self._dispatch.release_ended_sessions()

    def end_waiting(self) -> None:
        """Tell everyone who waits for work that the server shuts down."""
        self._mailbox.push(_Call(self._dispatch.end_waiting))

    def _refused(self, ticket: Ticket, error: Exception) -> None:
        self._mailbox.push(_Call(lambda: self._dispatch.refused(ticket, error)))

    def _unseen(self, ticket: Ticket) -> None:
        self._mailbox.push(_Call(lambda: self._dispatch.unseen(ticket)))

    # --- the loop -------------------------------------------------------------------------------

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Handle messages and deadlines until canceled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch_deadlines)
            task_status.started()
            while True:
                for message in await self._mailbox.receive(_BATCH_MAX):
                    match message:
                        case Ticket():
                            self._dispatch.claim(message)
                        case _Committed(entries=entries):
                            for entry in entries:
                                self._dispatch.committed(entry)
                        case _Call(run=run):
                            run()
                if self._drains:
                    self._look_at_drains()
                self._set_alarm()

    def _set_alarm(self) -> None:
        next_ns = self._dispatch.next_deadline_ns()
        sleeping_ns = self._sleeping_until_ns
        if next_ns is not None and (sleeping_ns is None or next_ns < sleeping_ns):
            self._sleeping_until_ns = next_ns
            self._alarm.set()

    async def _watch_deadlines(self) -> None:
        """Sleep until the earliest deadline; woken only when an earlier one has come up."""
        while True:
            self._alarm = trio.Event()
            next_ns = self._sleeping_until_ns = self._dispatch.next_deadline_ns()
            if next_ns is None:
                await self._alarm.wait()
                continue
            with trio.move_on_at(self._clock.trio_time(next_ns)):
                await self._alarm.wait()
            await self._ask(lambda: self._dispatch.on_time(self._clock.now_ns()))

    def _look_at_drains(self) -> None:
        if self._drains and not self._dispatch.active_claims:
            for drain in self._drains:
                drain.ended.set()

    def _resumed(self, drains: Sequence[_Drain]) -> None:
        for drain in drains:
            drain.resumed = True
            drain.ended.set()
        self._dispatch.resumed()

    def _status(self) -> SchedulerStatus:
        board = self._dispatch.board
        return SchedulerStatus(
            pause=self._switch.pause_state,
            active_claim_count=self._dispatch.active_claims,
            queued_run_count=board.queued_count,
            paused_task_count=self._graph.paused_count,
            starved_run_count=len(board.starved),
            needs_attention_run_count=board.attention_count,
            as_of_ns=self._clock.now_ns(),
        )
