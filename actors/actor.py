"""The actor of one task: mailbox, decision, journal, and the gate that holds its answers back."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Protocol, final

from attrs import define

from chargehand.actors import limits
from chargehand.actors.answers import Answer
from chargehand.actors.clock import Clock
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.faults import Faults, Why, refusal_of
from chargehand.actors.frozen import frozen, replace
from chargehand.actors.graph.graph import Graph
from chargehand.actors.identity import Caller
from chargehand.actors.ids import IdSource
from chargehand.actors.if_match import IfMatch
from chargehand.actors.index import rows_of
from chargehand.actors.mailbox import Mailbox
from chargehand.actors.ports import DamagedError, Journal, Reads, StorageError, UnwritableError
from chargehand.actors.record import Cause, Entry, Record, Settlement
from chargehand.actors.surroundings import SystemSurroundings
from chargehand.actors.task.commands import Command
from chargehand.actors.task.decide import decide
from chargehand.actors.task.decide.context import Context, Decision
from chargehand.actors.task.events import TaskEvent
from chargehand.actors.task.evolve import evolve
from chargehand.actors.task.review import ReviewRules
from chargehand.actors.task.state import TaskState

_log = logging.getLogger("chargehand.actors")


class Settled(Protocol):
    """Where the answer of a command goes. Both methods return at once and never raise."""

    @property
    def abandoned(self) -> bool:
        """Nobody waits for the answer any more."""

    def settle(self, value: Answer) -> None: ...

    def fail(self, error: Exception) -> None: ...


@final
@define(eq=False)
class Envelope:
    """A command on its way to a task.

    Args:
        reply: where the answer goes; None for effects and timers.
        cause: the effect that the command is, if it is one.
        insists: after a crash it is tried again, although somebody waits for it. Effects and timers
            are in any case: nobody else would send them again.
        crashes: how often handling it has crashed the actor.
        is_trial: it is only decided, for the answer: nothing is written.
    """

    command: Command
    caller: Caller
    reply: Settled | None = None
    cause: Cause | None = None
    insists: bool = False
    crashes: int = 0
    is_trial: bool = False

    @property
    def is_tried_again(self) -> bool:
        """Whether it comes back after a crash."""
        return self.insists or self.reply is None


@final
@frozen
class Services:
    """What every task actor works with."""

    journal: Journal
    clock: Clock
    ids: IdSource
    graph: Graph
    surroundings: SystemSurroundings
    expiries_max: int
    review_rules: ReviewRules
    faults: Faults
    leave_effect: Callable[[Cause], None]  # called with one that cannot be applied for now
    try_later: Callable[[str, Envelope, Rejected], None]  # see `Directory`

    def context(self, caller: Caller, next_seq: int) -> Context:
        """A decision of this moment, whose first event is to have that number."""
        moment = self.clock.moment()
        return Context(
            now_ns=moment.now_ns,
            steady_ns=moment.steady_ns,
            age_of=moment.age_of,
            next_seq=next_seq,
            record_id=self.ids.suffix(moment.now_ns),
            caller=caller.plain,
            around=self.surroundings,
            expiries_max=self.expiries_max,
            review_rules=self.review_rules,
        )

    def turn_away(self, envelope: Envelope, refusal: Rejected) -> None:
        """It is not handled now: refuse it to whoever waits; an effect stays outstanding."""
        if envelope.reply is not None:
            envelope.reply.fail(refusal)
        elif envelope.cause is not None:
            self.leave_effect(envelope.cause)


def restored_state(reads: Reads, task_id: str) -> TaskState | None:
    """The task as the journal has it: its state, and the records behind that."""
    state = reads.state(task_id)
    assert state is None or isinstance(state, TaskState), f"{task_id} is no task"
    for record in reads.tail(task_id, 0 if state is None else state.last_seq):
        state = fold(state, record)
    return state


def fold(state: TaskState | None, record: Record) -> TaskState | None:
    """Fold in what of `record` the state does not hold yet."""
    held = 0 if state is None else state.last_seq
    for seq, event in enumerate(record.events, record.seq):
        if seq > held:
            assert isinstance(event, TaskEvent), f"{record.address} has a record of another kind"
            state = evolve(
                state,
                event,
                task_id=record.address,
                seq=seq,
                at_ns=record.at_ns,
                caller=record.caller,
            )
    return state


@final
class TaskActor:
    """Owns one task. Nobody else changes its state, and every command meets it in the mailbox.

    A decision takes effect here at once, so the next command builds on it without waiting for the
    disk. But no answer, not even of a read or a refusal, leaves before everything that it may rest
    on is on disk. A failed commit ends the process, so nobody ever sees what was not kept.
    """

    __slots__ = (
        "_rested",
        "_services",
        "_state",
        "_stopping",
        "is_aside",
        "mailbox",
        "task_id",
    )

    def __init__(
        self,
        task_id: str,
        mailbox: Mailbox[Envelope | None],
        services: Services,
        rested: Callable[["TaskActor"], None] = lambda _: None,
    ) -> None:
        """Args: rested: called whenever no message is left in the mailbox."""
        self.task_id = task_id
        self.mailbox = mailbox
        self._services = services
        self._rested = rested
        self._state: TaskState | None = None  # until `restore`
        self._stopping = False
        self.is_aside = False  # set from outside: from now on it turns everyone away

    def restore(self) -> None:
        """Read the task's state; once, before `run`. In a step of the actor's own: whoever sends it
        a message may send one to many others in the same step.

        Raises:
            StorageError: it could not be read.
            Exception: whatever folding a record raises.
        """
        self._state = restored_state(self._services.journal.reads, self.task_id)

    async def run(self) -> None:
        """Handle messages until passivated."""
        mailbox = self.mailbox
        while not self._stopping:
            for envelope in mailbox.take(limits.BATCH_MAX):
                if envelope is not None:
                    self._handle(envelope)
            envelope = None  # an actor at rest holds neither its last message nor the answer
            if not len(mailbox) and not self._stopping:
                self._rested(self)
            await self._services.journal.wait_room()
            await mailbox.ready()

    @property
    def is_leased(self) -> bool:
        """Whether a session holds its open run, and so will call again."""
        run = None if self._state is None else self._state.open_run
        return run is not None and run.is_leased

    def try_passivate(self) -> bool:
        """Stop, if nothing is lost by it: no message waits, and its last record is on disk. What
        is not in the tables yet, the journal holds."""
        state = self._state
        if len(self.mailbox) or self._stopping:
            return False
        if state is not None and state.last_seq > self._services.journal.durable_seq:
            return False
        self._stopping = True
        self.mailbox.push(None)
        return True

    # --- one command ----------------------------------------------------------------------------

    def _handle(self, envelope: Envelope) -> None:
        reply = envelope.reply
        if self.is_aside:
            self._services.turn_away(envelope, self._services.faults.refusal(self.task_id))
            return
        if reply is not None and reply.abandoned:
            reply.fail(Rejected(Code.OVERLOADED, "the caller is gone"))
            return
        services = self._services
        context = services.context(envelope.caller, services.journal.next_seq)
        try:
            decision = decide(self.task_id, self._state, envelope.command, context)
            self._check_unchanged(envelope.caller.if_match, decision)
            if envelope.caller.once is not None:
                decision = decision.keeping_key(context)
            entry = None
            if decision.events and not envelope.is_trial:
                entry = self._append(decision, context, envelope)
        except Rejected as refusal:
            if reply is not None:
                self._gate(reply, partial(reply.fail, refusal))
            elif envelope.cause is not None:  # none is refused but for damage to what it looks up
                self._put_off(envelope, refusal)
            return
        except StorageError as error:
            if isinstance(error, UnwritableError | DamagedError):
                self._crashed(envelope, error)
                return
            failed = Rejected(Code.STORAGE_FAILED, str(error), "try again later")
            if envelope.is_tried_again:
                self._put_off(envelope, failed)
            elif reply is not None:
                reply.fail(failed)
            return
        except Exception as crash:
            self._crashed(envelope, crash)
            return
        if reply is None:
            return
        if entry is not None:
            entry.settlements.append(Settlement(partial(reply.settle, decision.answer), reply.fail))
        else:
            self._gate(reply, partial(reply.settle, decision.answer))

    def _check_unchanged(self, if_match: IfMatch | None, decision: Decision) -> None:
        """Refuse to write over what the caller has not read. What writes nothing is no harm: the
        task is as the caller wants it, or the request was sent before."""
        if if_match is not None and decision.events and self._state is not None:
            if_match.check(self.task_id, self._state.latest_event_seq)

    def _append(self, decision: Decision, context: Context, envelope: Envelope) -> Entry:
        """The record, with what it means for others; from here on it is true in memory."""
        services, once = self._services, envelope.caller.once
        record = Record(
            seq=context.next_seq,
            id=context.record_id,
            at_ns=context.now_ns,
            address=self.task_id,
            caller=context.caller,
            events=decision.events,
            cause=envelope.cause,
            done=None if once is None else decision.answer.done(once),
        )
        effects = services.graph.effects_of(record, decision.state)
        if effects:
            record = replace(record, effects=effects)
        entry = Entry(record, decision.state, rows_of(record))
        services.journal.append(entry)  # encodes; what it refuses has changed nothing
        self._state = decision.state
        try:
            services.graph.apply(record, decision.state)
        except Exception as crash:
            # The record stands, and what it means is found again at the next start.
            why = f"record {record.seq} was taken, but not by the graph: {type(crash).__name__}"
            _log.error("task %s: %s", self.task_id, why, exc_info=crash)
            services.faults.set_aside(self.task_id, Why.CRASHED, why)
        return entry

    def _gate(self, reply: Settled, deliver: Callable[[], None]) -> None:
        """Deliver what rests on records that may still be on their way, this task's and others'."""
        self._services.journal.when_durable(Settlement(deliver, reply.fail))

    def _put_off(self, envelope: Envelope, refusal: Rejected) -> None:
        """It is refused now, and nobody else would send it again."""
        name = type(envelope.command).__name__
        _log.error("task %s: %s was refused: %s", self.task_id, name, refusal)
        self._services.try_later(self.task_id, envelope, refusal)

    def _crashed(self, envelope: Envelope, crash: Exception) -> None:
        """A bug, or damage: answer the caller, and start anew from the journal, or set it aside."""
        services = self._services
        refusal = services.faults.failed(self.task_id, crash, type(envelope.command).__name__)
        if not self.is_aside:
            try:
                self._state = restored_state(services.journal.reads, self.task_id)
            except Exception as error:
                cause = f"it could not start again from the journal: {type(error).__name__}"
                refusal = refusal_of(services.faults.set_aside(self.task_id, Why.CRASHED, cause))
        if self.is_aside:
            services.turn_away(envelope, refusal)
        elif envelope.reply is not None and not envelope.is_tried_again:
            self._gate(envelope.reply, partial(envelope.reply.fail, refusal))
        elif envelope.crashes < limits.CRASHES_AT_ONCE_MAX:
            envelope.crashes += 1
            self.mailbox.push(envelope)
        else:
            services.try_later(self.task_id, envelope, refusal)
