"""Makes many tasks in one turn: each is decided on as by a request of its own, with those that were
made before it in place, and the records of all of them are one commit."""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import final

from attrs import define, field

from chargehand.actors.actor import Services, restored_state
from chargehand.actors.asking import request_crashed
from chargehand.actors.errors import Code, Rejected, invalid
from chargehand.actors.frozen import replace
from chargehand.actors.idempotency.keys import Keys
from chargehand.actors.idempotency.once import Done, Earlier, Once
from chargehand.actors.identity import Caller
from chargehand.actors.index import rows_of
from chargehand.actors.limits import BATCH_TASKS_MAX
from chargehand.actors.mailbox import Reply
from chargehand.actors.new_tasks.item import NewTask
from chargehand.actors.new_tasks.plan import Plan, plan_of
from chargehand.actors.ports import StorageError
from chargehand.actors.record import Entry, Record, Settlement
from chargehand.actors.task import commands as c
from chargehand.actors.task.decide import decide
from chargehand.actors.task.decide.context import Context
from chargehand.actors.task.effects import EffectCommand
from chargehand.actors.task.events import Event
from chargehand.actors.task.state import TaskState

Outcome = TaskState | Earlier | Rejected
"""What became of an item: it was made, or had been before under the same key, or was refused."""

_log = logging.getLogger("chargehand.actors")


@final
class Creation:
    """No actor knows a task that is not there; so whoever makes many decides for all of them, and
    `made` lets an actor know that was woken for such an id all the same.

    Args:
        made: called with the id of each new task.
    """

    def __init__(self, services: Services, keys: Keys, made: Callable[[str], None]) -> None:
        self._services = services
        self._keys = keys
        self._made = made

    def begin(
        self, items: Sequence[NewTask], caller: Caller, *, atomic: bool
    ) -> tuple[list[Outcome], Reply[None]]:
        """Make the tasks; what became of each item, in their order, is true once the reply is here.

        Args:
            atomic: all of them, or none.

        Raises:
            Rejected: of all at once: none was made.
        """
        if not items or len(items) > BATCH_TASKS_MAX:
            message = f"/items must have from 1 to {BATCH_TASKS_MAX} items"
            raise invalid("/items", message, "send more in several requests")
        turn = _Turn(self._services, caller, self._services.journal.next_seq)
        try:
            outcomes = self._outcomes(items, turn)
            if atomic and any(isinstance(outcome, Rejected) for outcome in outcomes):
                turn.take_back()
                outcomes = _none_made(outcomes)
            reply = self._written(turn)
        except Rejected:
            turn.take_back()
            raise
        except StorageError as error:
            turn.take_back()
            raise Rejected(Code.STORAGE_FAILED, str(error), "try again later") from error
        except Exception as crash:
            turn.take_back()
            _log.exception("making %d tasks crashed", len(items))
            raise request_crashed() from crash
        for task_id in turn.states:
            self._made(task_id)
        return outcomes, reply

    def _outcomes(self, items: Sequence[NewTask], turn: "_Turn") -> list[Outcome]:
        earlier = self._earlier(len(items), turn.caller.once)
        plan = plan_of(
            items, [self._id(item, before) for item, before in zip(items, earlier, strict=True)]
        )
        outcomes: list[Outcome | None] = [*earlier]
        for index in plan.order:
            if outcomes[index] is None:
                try:
                    outcomes[index] = self._one(index, items[index], plan, outcomes, turn)
                except Rejected as refusal:
                    outcomes[index] = _of_item(index, refusal, items[index].command)
        turn.note_children()
        return [turn.latest(outcome) for outcome in outcomes if outcome is not None]

    def _earlier(self, count: int, once: Once | None) -> list[Earlier | None]:
        """What an equal request under the key has made, by item."""
        if once is None or self._keys.find(once) is None:
            return [None] * count
        return [self._keys.find(once.part(str(number))) for number in range(count)]

    def _id(self, item: NewTask, earlier: Earlier | None) -> str:
        if earlier is not None:
            return earlier.address
        if isinstance(item.command, c.CreateTask) and item.command.id is not None:
            return item.command.id
        return f"task-{self._services.ids.suffix(self._services.clock.now_ns())}"

    def _one(
        self,
        index: int,
        asked_for: NewTask,
        plan: Plan,
        outcomes: Sequence[Outcome | None],
        turn: "_Turn",
    ) -> TaskState:
        item = plan.items[index]
        if isinstance(item.command, Rejected):
            raise item.command
        for need in item.needs:
            if need.by_ref and isinstance(outcomes[need.index], Rejected):
                raise Rejected(
                    Code.NEEDED_ITEM_REFUSED,
                    f"{need.pointer} names item {need.index}, which was refused",
                    "correct that item, and send this one again with it",
                    pointer=need.pointer,
                    evidence={"item": need.index},
                )
        return turn.make(index, item.command, enqueue=asked_for.ties.enqueue)

    def _written(self, turn: "_Turn") -> Reply[None]:
        """Hand over the records; the reply comes when they, and all before them, are on disk."""
        reply: Reply[None] = Reply()
        journal = self._services.journal
        entries = turn.entries
        if not entries:
            journal.when_durable(Settlement(partial(reply.settle, None), reply.fail))
            return reply
        settlement = Settlement(_Countdown(len(entries), reply).one_less, reply.fail)
        for entry in entries:
            entry.settlements.append(settlement)
        journal.append_together(entries)
        return reply


@final
@define(eq=False)
class _Turn:
    """What is made in one turn.

    Args:
        next_seq: the number that the next event is to have.
        states: of the new tasks, by id, in the order in which they were made.
        entries: their records.
        effects: on new tasks, of their children.
    """

    services: Services
    caller: Caller
    next_seq: int
    states: dict[str, TaskState] = field(factory=dict)
    entries: list[Entry] = field(factory=list)
    effects: dict[str, list[EffectCommand]] = field(factory=dict)

    def make(self, index: int, command: c.CreateTask, *, enqueue: bool) -> TaskState:
        """Raises: Rejected."""
        task_id = command.id
        assert task_id is not None, "the plan has given it an id"
        context = self.services.context(self.caller, self.next_seq)
        decision = decide(task_id, self._former(task_id), command, context)
        state, events = decision.state, decision.events
        if enqueue:
            behind = replace(context, next_seq=context.next_seq + len(events))
            try:
                decision = decide(task_id, state, c.EnqueueRun(), behind)
            except Rejected as refusal:
                raise replace(refusal, pointer="/enqueue") from refusal
            state, events = decision.state, events + decision.events
        self._take(task_id, state, events, context, self._done(index))
        return state

    def note_children(self) -> None:
        """Have the new tasks know those of their children that are as new: it needs no effects on
        their way, as all of it is one commit."""
        for task_id, commands in self.effects.items():
            context = self.services.context(self.caller, self.next_seq)
            events: list[Event] = []
            state = self.states[task_id]
            for command in commands:
                next_one = replace(context, next_seq=context.next_seq + len(events))
                decision = decide(task_id, state, command, next_one)
                events += decision.events
                state = decision.state
            self._take(task_id, state, tuple(events), context, None)

    def latest(self, outcome: Outcome) -> Outcome:
        """A new task as it is in the end."""
        return self.states[outcome.id] if isinstance(outcome, TaskState) else outcome

    def take_back(self) -> None:
        """Nothing of it will be written."""
        self.services.graph.take_back(reversed(self.states))
        self.states.clear()
        self.entries.clear()

    def _former(self, task_id: str) -> TaskState | None:
        """What has that id already, made in this turn or before, there or deleted."""
        services = self.services
        if task_id in self.states:
            return self.states[task_id]
        services.faults.check(task_id)
        try:
            return restored_state(services.journal.reads, task_id)
        except Exception as error:
            raise services.faults.failed(task_id, error, "reading its state") from error

    def _done(self, index: int) -> Done | None:
        """Under a key each task is found by a part of it; the first brings the whole as well."""
        once = self.caller.once
        if once is None:
            return None
        part = once.part(str(index))
        return Done(part if not self.entries else Once(part.key, part.request))

    def _take(
        self,
        task_id: str,
        state: TaskState,
        events: tuple[Event, ...],
        context: Context,
        done: Done | None,
    ) -> None:
        """From here on it is so for what is decided next."""
        graph = self.services.graph
        record = Record(
            seq=context.next_seq,
            id=context.record_id,
            at_ns=context.now_ns,
            address=task_id,
            caller=context.caller,
            events=events,
            done=done,
        )
        effects = graph.effects_of(record, state)
        if effects:
            for effect in effects:
                if effect.target in self.states:
                    self.effects.setdefault(effect.target, []).append(effect.command)
            others = tuple(effect for effect in effects if effect.target not in self.states)
            record = replace(record, effects=others)
        self.entries.append(Entry(record, state, rows_of(record)))
        self.states[task_id] = state
        self.next_seq = record.last_seq + 1
        graph.apply(record, state)


@final
@define(eq=False)
class _Countdown:
    """Settles the reply once all is there that it waits for."""

    left: int
    reply: Reply[None]

    def one_less(self) -> None:
        self.left -= 1
        if not self.left:
            self.reply.settle(None)


def _of_item(index: int, refusal: Rejected, command: c.CreateTask | Rejected) -> Rejected:
    """The refusal with the item in its pointer; one that was read as such has it there already."""
    if refusal is command:
        return refusal
    return replace(refusal, pointer=f"/items/{index}{refusal.pointer or ''}")


def _none_made(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcome of a batch that was refused as a whole: for each item what is wrong with it."""
    refused = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, Rejected)]
    return [
        outcome
        if isinstance(outcome, Rejected)
        else Rejected(
            Code.BATCH_NOT_MADE,
            f"nothing is wrong with item {index}, but the batch is made as a whole or not at all, "
            f"and item {refused[0]} was refused",
            "correct that item, and send the batch again; or send it with atomic: false",
            pointer=f"/items/{index}",
            evidence={"item": refused[0], "refused": len(refused)},
        )
        for index, outcome in enumerate(outcomes)
    ]
