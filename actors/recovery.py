"""Start-up: stored states, the log's tail folded into them, and the effects that nobody applied."""

from collections.abc import Iterator
from itertools import chain
from typing import final

from attrs import define, field

from chargehand.actors.actor import fold
from chargehand.actors.frozen import replace
from chargehand.actors.identity import BOOT_RECOVERY
from chargehand.actors.index import rows_of
from chargehand.actors.limits import LEASE_S_MAX, NS
from chargehand.actors.ports import Damage, DamagedError, Journal, StorageError, TaskHeads
from chargehand.actors.record import AnyState, Cause, Entry, OutstandingEffect, Record, address_of
from chargehand.actors.registry.events import RegistryEvent
from chargehand.actors.registry.state import (
    RegistryState,
    SessionState,
    WorkspaceState,
    evolve_registry,
)
from chargehand.actors.scheduler.events import (
    DrainCompleted,
    DrainStarted,
    SchedulerPaused,
    SchedulerResumed,
)
from chargehand.actors.scheduler.state import SCHEDULER_ADDRESS, SchedulerState, evolve_scheduler
from chargehand.actors.task.head import (
    DELETED,
    AtRest,
    active_seq_of,
    id_of,
    standing_in,
    summary_of,
)
from chargehand.actors.task.state import Pause, TaskState


@final
@define
class Recovered:
    """What a former process left, as of its last record.

    Args:
        at_rest: tasks whose heads say it all, without those that are deleted.
        awaited: those of them on which somebody acts in time, slim.
        tasks: those whose last records lie behind the checkpoint, whole.
        aside: what is damaged, or lies behind damage, by address.
        former: tasks that are set aside, as they once were: other tasks may still hang on them.
    """

    at_rest: list[AtRest] = field(factory=list)
    tasks: dict[str, TaskState] = field(factory=dict)
    awaited: dict[str, TaskState] = field(factory=dict)
    registry: dict[str, RegistryState] = field(factory=dict)
    scheduler: SchedulerState = field(factory=SchedulerState)
    outstanding: dict[Cause, OutstandingEffect] = field(factory=dict)
    aside: dict[str, Damage] = field(factory=dict)
    former: dict[str, TaskState] = field(factory=dict)
    replayed: int = 0  # records
    replayed_from: int = 0  # the first number of the first of them
    last_seq: int = 0
    last_at_ns: int = 0  # what the wall said at the record with that number

    def saw(self, seq: int, at_ns: int) -> None:
        if seq > self.last_seq:
            self.last_seq, self.last_at_ns = seq, at_ns

    def steady_ns(self, boot_grace_s: float) -> int | None:
        """How far the steady scale had come at least when the former process ended; None if
        that is not known, or nothing needs it to go on.

        It is when a lease was last given or renewed: time in which no server ran is charged to no
        lease, and what the wall did meanwhile does not matter.
        """
        grace_ns = int(boot_grace_s * NS)
        runs = [run for state in self.acting() if (run := state.open_run) is not None]
        return max(
            (
                run.lease_end_ns - max((run.lease_seconds or LEASE_S_MAX) * NS, grace_ns)
                for run in runs
                if run.is_leased and run.lease_end_ns is not None
            ),
            default=None,
        )

    def acting(self) -> Iterator[TaskState]:
        """The tasks among which all are on which somebody acts in time."""
        return chain(self.awaited.values(), self.tasks.values())

    def take(self, state: AnyState) -> None:
        match state:
            case TaskState():
                self.awaited.pop(state.id, None)
                self.tasks[state.id] = state
            case SchedulerState():
                self.scheduler = state
            case WorkspaceState() | SessionState():
                self.registry[address_of(state)] = state

    def set_aside(self, damage: Damage) -> None:
        self.aside.setdefault(damage.address, damage)


def recover(journal: Journal) -> Recovered:
    """Read everything, and give the replayed records back to the journal with their states.

    What is damaged is set aside, with all that follows of the same address; nothing of it is
    folded, and the journal keeps it as it is.

    Raises:
        StorageError: it cannot be known what is damaged, or a record is missing.
    """
    found = Recovered()
    for damage in journal.recovery.kept_aside():
        found.set_aside(damage)
    for stored in journal.recovery.heads():
        if isinstance(stored, TaskHeads):
            found.at_rest += stored.tasks
            found.awaited.update((state.id, state) for state in stored.awaited)
        elif isinstance(stored, Damage):
            found.set_aside(stored)
            if stored.address == SCHEDULER_ADDRESS:
                journal.recovery.restore_aside(stored, ())  # the next snapshot replaces it
        else:
            found.take(stored)
            found.saw(*_last_event(stored))
    newest = max(found.at_rest, key=active_seq_of, default=None)
    if newest is not None:
        found.saw(active_seq_of(newest), summary_of(newest[1]).last_activity_at_ns)
    for one in journal.recovery.outstanding():
        if isinstance(one, Damage):
            found.set_aside(one)
            journal.recovery.restore_aside(one, ())
        else:
            found.outstanding[one.cause] = one
    latest = _replay(journal, found)
    for state in latest.values():
        found.take(state)
    if found.aside:
        _leave_aside(journal, found)
    gone = found.aside.keys() | found.tasks.keys()
    found.at_rest = [
        stored
        for stored in found.at_rest
        if not standing_in(stored) & DELETED and id_of(stored) not in gone
    ]
    return found


def _leave_aside(journal: Journal, found: Recovered) -> None:
    """Take what is set aside out of what is there, but for what it once was."""
    for task_id, head, *_ in found.at_rest:
        if task_id in found.aside:
            found.former[task_id] = journal.reads.read_head(task_id, head)
    for address in found.aside:
        former = found.tasks.pop(address, None)
        if former is not None:
            found.former[address] = former
        found.awaited.pop(address, None)
        found.registry.pop(address, None)


def _last_event(state: AnyState) -> tuple[int, int]:
    """A number of the sequence that the state holds, and what the wall said then."""
    match state:
        case TaskState():
            return state.latest_event_seq, state.last_activity_at_ns
        case WorkspaceState():
            return state.last_seq, state.created_at_ns
        case _:
            return state.last_seq, state.updated_at_ns


def _replay(journal: Journal, found: Recovered) -> dict[str, AnyState]:
    """The states of the addresses that have records behind the checkpoint."""
    latest: dict[str, AnyState] = {}
    doubt = found.aside.get(SCHEDULER_ADDRESS)
    if doubt is not None and found.scheduler.last_seq > doubt.seq:
        del found.aside[SCHEDULER_ADDRESS]  # a later record has made up for it
    elif doubt is not None:
        latest[SCHEDULER_ADDRESS] = _in_doubt(found.scheduler, doubt)
    for item in journal.recovery.replay():
        if not found.replayed:
            found.replayed_from = item.seq
        found.replayed += 1
        if isinstance(item, Damage):
            found.set_aside(item)
            journal.recovery.restore_aside(item, ())
            if item.address == SCHEDULER_ADDRESS:
                known = latest.get(item.address, found.scheduler)
                assert isinstance(known, SchedulerState), "there is one state of this address"
                latest[item.address] = _in_doubt(known, item)
            continue
        _take_effects(found, item)
        found.saw(item.seq, item.at_ns)
        if item.address in found.aside and item.address != SCHEDULER_ADDRESS:
            journal.recovery.restore_aside(item, rows_of(item))
            continue
        try:
            before = latest.get(item.address) or journal.reads.state(item.address)
            after = _fold_any(before, item)
        except Exception as error:
            if isinstance(error, StorageError) and not isinstance(error, DamagedError):
                raise
            fault = str(error) if isinstance(error, DamagedError) else type(error).__name__
            cause = f"its record at number {item.seq} does not go with what is stored: {fault}"
            found.set_aside(Damage(item.address, cause, item.seq, item.last_seq))
            journal.recovery.restore_aside(item, rows_of(item))
            continue
        latest[item.address] = after
        journal.recovery.restore(Entry(item, after, rows_of(item)))
    return latest


def _in_doubt(state: SchedulerState, damage: Damage) -> SchedulerState:
    """Nobody knows whether it was paused, so it is, until somebody resumes it."""
    reason = f"what is stored of the scheduler is damaged ({damage.cause}): resume it to go on"
    return replace(state, pause=Pause(BOOT_RECOVERY.actor, state.updated_at_ns, reason))


def _take_effects(found: Recovered, record: Record) -> None:
    for n, effect in enumerate(record.effects):
        cause = Cause(record.seq, n)
        found.outstanding[cause] = OutstandingEffect(cause, record.at_ns, record.caller, effect)
    if record.cause is not None:
        found.outstanding.pop(record.cause, None)


def _fold_any(state: AnyState | None, record: Record) -> AnyState:
    """Fold a record of any kind into the state of its address."""
    if record.address == SCHEDULER_ADDRESS:
        return _fold_scheduler(state, record)
    if record.address.startswith("@"):
        return _fold_registry(state, record)
    assert state is None or isinstance(state, TaskState), f"{record.address} is no task"
    folded = fold(state, record)
    assert folded is not None, f"the record at {record.seq} is empty"
    return folded


def _fold_scheduler(state: AnyState | None, record: Record) -> SchedulerState:
    folded = state if isinstance(state, SchedulerState) else SchedulerState()
    for seq, event in enumerate(record.events, record.seq):
        if seq > folded.last_seq:
            assert isinstance(
                event, SchedulerPaused | SchedulerResumed | DrainStarted | DrainCompleted
            ), f"{record.address} has a record of another kind"
            folded = evolve_scheduler(folded, event, seq, record.at_ns)
    return folded


def _fold_registry(state: AnyState | None, record: Record) -> RegistryState:
    folded = state if isinstance(state, WorkspaceState | SessionState) else None
    for seq, event in enumerate(record.events, record.seq):
        if folded is None or seq > folded.last_seq:
            assert isinstance(event, RegistryEvent), (
                f"{record.address} has a record of another kind"
            )
            folded = evolve_registry(record.address, folded, event, seq, record.at_ns)
    assert folded is not None, f"the record at {record.seq} is empty"
    return folded
