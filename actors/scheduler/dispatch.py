"""Who gets which run. Synchronous: between two messages nothing else happens.

A picked run is reserved: out of the index, counted as active and against its session's leases,
until its task has answered. The task's refusal brings the ticket back here, and the run to where
the task's committed state says it belongs.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, repeat
from typing import Final, final

from chargehand.actors import limits
from chargehand.actors.actor import Envelope
from chargehand.actors.answers import Answer
from chargehand.actors.clock import Clock
from chargehand.actors.deadlines import Deadlines
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.faults import Faults
from chargehand.actors.graph.graph import Graph
from chargehand.actors.idempotency.keys import Keys
from chargehand.actors.limits import NS
from chargehand.actors.record import Entry
from chargehand.actors.registry.actor import Registry
from chargehand.actors.registry.refusals import session_ended
from chargehand.actors.registry.roster import Roster
from chargehand.actors.registry.state import SessionState
from chargehand.actors.scheduler.allowance import Allowance
from chargehand.actors.scheduler.board import Board
from chargehand.actors.scheduler.keyed_claims import KeyedClaims
from chargehand.actors.scheduler.lease_expiry import LeaseExpiry
from chargehand.actors.scheduler.neglect import look_at_unleased
from chargehand.actors.scheduler.parked import Parked
from chargehand.actors.scheduler.releases import Releases
from chargehand.actors.scheduler.starvation import Starvation
from chargehand.actors.scheduler.switch import Switch
from chargehand.actors.scheduler.ticket import Stage, Ticket, TokenSource, lease_limit_reached
from chargehand.actors.settings import Settings
from chargehand.actors.slices import in_slices
from chargehand.actors.task import commands as c
from chargehand.actors.task.eligibility import QueuedRun
from chargehand.actors.task.events import RunClaimed, RunSessionBound, TaskPaused, TaskResumed
from chargehand.actors.task.state import Run, TaskState
from chargehand.actors.views.catalog import Catalog

_GIVING_SESSIONS: Final = (RunClaimed, RunSessionBound)
_PAUSING: Final = (TaskPaused, TaskResumed)
_STEPS_A_PICK = limits.SLICE_MAX // limits.WOKEN_MAX


@final
class Dispatch:
    """Args:
    send: puts a message into a task's mailbox past its bound.
    later: has something run as a later message of the scheduler's.
    tokens: hashes of new claim tokens.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        clock: Clock,
        board: Board,
        graph: Graph,
        catalog: Catalog,
        roster: Roster,
        registry: Registry,
        switch: Switch,
        faults: Faults,
        keys: Keys,
        send: Callable[[str, Envelope], None],
        later: Callable[[Callable[[], None]], None],
        tokens: TokenSource,
    ) -> None:
        self._starves_ns = int(settings.starvation_s * NS)
        self._first_look_ns = 0  # on the steady scale
        self._clock = clock
        self._graph = graph
        self._catalog = catalog
        self._roster = roster
        self._registry = registry
        self._switch = switch
        self._faults = faults
        self._send = send
        self._later = later
        self._tokens = tokens
        self.board = board
        self.allowance = Allowance(self.board, settings.max_leases_per_session, later)
        self.lease_expiry = LeaseExpiry(self.board, clock, send, later)
        self.releases = Releases(self.board, send, later)
        self._starvation = Starvation(self.board, roster, send, max(self._starves_ns, NS))
        self._parked: Parked[Ticket] = Parked()
        self._patience: Deadlines[Ticket] = Deadlines()  # when a parked caller gets its 204
        self._aside: Deadlines[str] = Deadlines()  # tasks that crashed, until they may try again
        self._picked: dict[str, Ticket] = {}  # by run
        self._ending: Rejected | None = None  # why nobody may wait any more
        self._keyed = KeyedClaims(keys)

    @property
    def active_claims(self) -> int:
        """Runs at work, and those on their way there."""
        return self.board.active_count + len(self._picked)

    @property
    def parked_count(self) -> int:
        return len(self._parked)

    def waiting_claims(self) -> dict[str, int]:
        """How many claims of each session wait for a run (see `Parked.by_session`)."""
        return self._parked.by_session()

    # --- a claim --------------------------------------------------------------------------------

    def claim(self, ticket: Ticket) -> None:
        """A new call: give it a run, let it wait, or refuse it."""
        if ticket.reply.abandoned:
            self.forget(ticket)
            return
        if ticket.key is not None:
            if self._answer_repeat(ticket, ticket.key):
                return
            self._keyed.lead(ticket.key, ticket)
        self._serve(ticket)

    def _answer_repeat(self, ticket: Ticket, key: tuple[str, str]) -> bool:
        """The same session with the same key: the same claim, while its lease lives."""
        while (leader := self._keyed.leader(key)) is not None:
            if not leader.is_gone:
                leader.follow(ticket)
                return True
            self.forget(leader)  # a follower of its own may lead then
        claimed = self.board.keyed_claim(*key)
        if claimed is None or self._roster.is_ended(ticket.session.id):
            return False
        task_id, run_id = claimed
        state = self._catalog.get(task_id)
        run = None if state is None else state.run(run_id)
        if state is None or run is None or not run.is_leased or run.lease_end_ns is None:
            return False  # it has ended, and the board has not taken that in yet
        if run.lease_end_ns > self._clock.steady_ns():
            ticket.reply.settle(Answer(state, run, replayed=True))
        else:
            self.lease_expiry.decide(task_id, run_id, partial(self.claim, ticket), ticket.give_up)
        return True

    def _serve(self, ticket: Ticket, offered: QueuedRun | None = None) -> None:
        """Pick the best run, or park the caller, or say why it gets none."""
        self._unpark(ticket)
        session_id = ticket.session.id
        if ticket.is_deserted:
            self.forget(ticket)
        elif self._ending is not None:
            self.finish(ticket, self._ending)
        elif self._roster.is_ended(session_id):
            self.finish(ticket, session_ended(session_id, ticket.session.agent_name))
        elif not self.allowance.has_room(session_id):
            again, fail = partial(self._serve, ticket), partial(self.finish, ticket)
            if not self.lease_expiry.makes_room(session_id, again, fail):
                self.finish(ticket, lease_limit_reached(session_id, self.allowance.most))
        else:
            run = None
            if not self._switch.is_paused:
                run = self.board.claimable.best(ticket.claimer) or offered
            if run is not None:
                self._pick(run, ticket)
            elif ticket.deadline_ns is None or ticket.deadline_ns <= self._clock.elapsed_ns():
                self.finish(ticket, None)
            else:
                ticket.stage = Stage.PARKED
                self._parked.park(ticket, ticket.claimer)
                self._patience.set(ticket, ticket.deadline_ns)

    def _pick(self, run: QueuedRun, ticket: Ticket) -> None:
        session = ticket.session
        self.board.keep_back(run)
        ticket.pick(run.task_id, run.run_id, self._tokens.new_hash())
        self._picked[run.run_id] = ticket
        self.allowance.reserve(session.id)
        command = c.LeaseRun(
            run_id=run.run_id,
            claimer=ticket.claimer,
            claim_token_hash=ticket.claim_token_hash,
            lease_seconds=ticket.request.lease_seconds,
            claim_key=ticket.request.idempotency_key,
        )
        envelope = Envelope(command, ticket.caller, ticket)
        if self._roster.is_kept(session.id):
            self._send(run.task_id, envelope)
        else:  # its registration comes before the claim in the journal, never after it
            self._registry.keep(session, lambda: self._send(run.task_id, envelope), ticket.fail)

    def finish(self, ticket: Ticket, error: Exception | None) -> None:
        """The call ends without a run."""
        self._unpark(ticket)
        self._keyed.over(ticket)
        ticket.give_up(error)

    def refused(self, ticket: Ticket, error: Exception) -> None:
        """The task would not have it. What the caller gets is another pick, not this refusal."""
        task_id = ticket.task_id
        if not self._unpick(ticket):
            return  # its claim is on disk
        if ticket.stage is Stage.PICKED:
            ticket.stage = Stage.NEW
        code = error.code if isinstance(error, Rejected) else None
        if code in (Code.STORAGE_FAILED, Code.ACTOR_CRASHED):
            # Not at once again: it may crash on each claim.
            self._aside.set(task_id, self._clock.steady_ns() + limits.CRASH_PAUSE_S * NS)
            self.finish(ticket, error)
            return
        state = self._catalog.get(task_id)
        if state is not None:
            self._observe(state)
        if code is Code.IDENTITY_STALE:
            self.finish(ticket, error)
        else:
            self._serve(ticket)

    def _unpick(self, ticket: Ticket) -> bool:
        """What was picked for a call is decided; False if it was before."""
        if self._picked.get(ticket.run_id) is not ticket:
            return False
        del self._picked[ticket.run_id]
        self.allowance.give_back(ticket.session.id)
        return True

    def unseen(self, ticket: Ticket) -> None:
        """Claimed, but the caller hung up before the answer: give the run back."""
        command = c.ReleaseRun(ticket.run_id, "caller_gone", ticket.claim_token_hash)
        self._send(ticket.task_id, Envelope(command, ticket.caller.plain))

    def forget(self, ticket: Ticket) -> None:
        """The caller hung up: it leaves the queue, and followers of its key take its place. A claim
        that it did not see is given back, unless a key lets it ask again."""
        if ticket.stage is Stage.CLAIMED:
            if ticket.key is None and not ticket.abandoned:  # else `settle` has seen to it
                self.unseen(ticket)
        elif ticket.stage in (Stage.NEW, Stage.PARKED):
            followers, ticket.followers = ticket.followers, []
            self.finish(ticket, None)
            for follower in followers:
                self.claim(follower)

    # --- what was committed ---------------------------------------------------------------------

    def restore(self, states: Iterable[TaskState]) -> None:
        """Stored tasks; nobody waits yet. No run can starve before agents had time to come."""
        self._first_look_ns = self._clock.steady_ns() + self._starves_ns
        states = (state for state in states if state.id not in self._faults)
        self.board.restore(states, self._first_look_ns)

    def committed(self, entry: Entry) -> None:
        """Take in a record, and hand out what it made claimable.

        The board always takes the task's latest state, which may be of a later record than this.
        """
        match entry.state:
            case TaskState() as state:
                for event in entry.record.events:
                    if isinstance(event, _GIVING_SESSIONS):
                        self._got_session(state, event)
                self._observe(self._catalog.get(entry.state.id) or entry.state)
                for event in entry.record.events:
                    if isinstance(event, _PAUSING):
                        self._in_slices(self._observe_below(entry.record.address))
            case SessionState(id=session_id) if not entry.state.is_active:
                self._session_ended(session_id)
            case _:
                pass

    def _got_session(self, state: TaskState, event: RunClaimed | RunSessionBound) -> None:
        """A session may have a run now; if it has ended meanwhile, the run is given back."""
        if isinstance(event, RunClaimed):
            ticket = self._picked.get(event.run_id)
            # Else it is another's claim, and the task will refuse the pick.
            if ticket is not None and ticket.claim_token_hash == event.claim_token_hash:
                self._unpick(ticket)
                self._keyed.over(ticket)
        run = state.run(event.run_id)
        holder_id = None if run is None else run.holder_session_id
        if holder_id is not None and self._roster.is_ended(holder_id):
            self.releases.release(state.id, event.run_id, holder_id)

    def set_aside(self, task_id: str) -> None:
        """The task is set aside: its run is offered to nobody, and holds no session or drain up."""
        self.board.leave(task_id)

    def _observe(self, state: TaskState) -> None:
        if state.id in self._faults:
            return
        found = self.board.update(state, self._look_at_ns)
        if found is not None and found.run_id in self._picked:
            # Reserved already; what becomes of it is still to be committed.
            self.board.keep_back(found)
        elif found is not None:
            self._offer(found)

    def _look_at_ns(self, run: Run) -> int:
        """When a run has been queued, or at work without being touched, for the threshold. One that
        was given back has been queued before; but agents had time to come after a start."""
        since_ns = run.untouched_since_ns
        age_ns = self._clock.age_ns(run.queued_at_ns if since_ns is None else since_ns)
        return max(self._clock.steady_ns() + self._starves_ns - age_ns, self._first_look_ns)

    def _observe_below(self, task_id: str) -> Iterator[None]:
        """A pause or resume moves the runs of the whole tree in or out. Until one is moved out, its
        task refuses the pick."""
        for found, _ in self._graph.descendants(task_id):
            state = self._catalog.get(found)
            if state is not None:
                self._observe(state)
            yield

    def _offer(self, run: QueuedRun) -> None:
        """A run became claimable: the longest waiting callers that may have it are served, each
        with the best there is for it, until one gets this."""
        while run.task_id in self.board.claimable and not self._switch.is_paused:
            ticket = self._parked.first_for(run)
            if ticket is None:
                return
            self._serve(ticket, run)

    def resumed(self) -> None:
        """The scheduler hands out again: everyone who waits is served, longest waiting first."""
        self._in_slices(self._serve_parked())

    def _serve_parked(self) -> Iterator[None]:
        for ticket in self._parked:
            if not len(self.board.claimable) or self._switch.is_paused:
                return
            # Others may have been served, or be gone, since.
            if ticket.stage is Stage.PARKED and self.board.claimable.best(ticket.claimer):
                self._serve(ticket)
            yield

    def _in_slices(self, work: Iterator[None]) -> None:
        """Do what may hand runs out. One handed out counts for several steps, as its task's actor
        may have to be made."""

        def counted() -> Iterator[None]:
            picked = len(self._picked)
            for _ in work:
                handed_out = len(self._picked) - picked
                yield from repeat(None, max(1, handed_out * _STEPS_A_PICK))
                picked = len(self._picked)

        in_slices(counted(), self._later, limits.AWAITED_EFFECTS_MAX)

    @property
    def is_ending(self) -> bool:
        """Whether nobody may wait any more."""
        return self._ending is not None

    def end_waiting(self, why: Rejected) -> None:
        """Refuse everyone who waits for work, and who comes to wait after this."""
        self._ending = why
        for ticket in self._parked:
            self.finish(ticket, why)
        if why.code is Code.STORAGE_FAILED:
            self.releases.fail_all(why)

    def _unpark(self, ticket: Ticket) -> None:
        """Take a ticket out of the queue, if it waits there."""
        if ticket.stage is Stage.PARKED:
            ticket.stage = Stage.NEW
            self._patience.discard(ticket)
            self._parked.discard(ticket)

    # --- sessions -------------------------------------------------------------------------------

    def is_busy(self, session_id: str) -> bool:
        """Whether the session has a run, or one on its way, or waits for one."""
        return (
            bool(self.board.runs_of(session_id))
            or self.allowance.has_reserved(session_id)
            or bool(self._parked.of_session(session_id))
        )

    def _session_ended(self, session_id: str) -> None:
        """Give its runs back and end its waiting calls: whoever serves one refuses it."""
        ends = map(self._serve, self._parked.of_session(session_id))
        work = chain(self.releases.release_all(session_id), ends)
        in_slices(work, self._later, limits.WOKEN_MAX)

    def release_ended_sessions(self) -> None:
        """What a crash kept from being released; for start-up."""
        for session_id in self.board.active_sessions():
            if self._roster.is_ended(session_id):
                self._session_ended(session_id)

    # --- time -----------------------------------------------------------------------------------

    def next_at_ns(self) -> int | None:
        """When something of its own is due next, on the steady scale."""
        board = self.board
        first_ns: int | None = None
        for deadlines in (board.leases, board.starving, board.unleased, self._aside):
            at_ns = deadlines.next_at_ns()
            if at_ns is not None and (first_ns is None or at_ns < first_ns):
                first_ns = at_ns
        return first_ns

    def patience_ends_ns(self) -> int | None:
        """When the next caller has waited long enough, by the time that counts all."""
        return self._patience.next_at_ns()

    def on_time(self) -> None:
        """Leases that have run out, callers out of patience, runs that may be starving or
        neglected: no more than `SLICE_MAX` of each, and of leases `WOKEN_MAX`. The others stay
        due."""
        now_ns = self._clock.steady_ns()
        self.lease_expiry.send_due()
        for ticket in self._patience.pop_due(self._clock.elapsed_ns(), limits.SLICE_MAX):
            self.finish(ticket, None)
        for task_id in self._aside.pop_due(now_ns, limits.SLICE_MAX):
            state = self._catalog.get(task_id)
            if state is not None:
                self._observe(state)
        self._starvation.look(now_ns)
        look_at_unleased(self.board, self._catalog.get, self._send, self._clock, self._starves_ns)
