"""Start-up: stored states, the log's tail folded into them, and the effects that nobody applied."""

from typing import final

from attrs import define, field

from actors.actor import fold
from actors.index import rows_of
from actors.ports import Journal
from actors.record import AnyState, Cause, Entry, OutstandingEffect, Record
from actors.registry.events import RegistryEvent
from actors.registry.state import RegistryState, SessionState, WorkspaceState, evolve_registry
from actors.scheduler.events import (
    DrainCompleted,
    DrainStarted,
    SchedulerPaused,
    SchedulerResumed,
)
from actors.scheduler.state import SCHEDULER_ADDRESS, SchedulerState, evolve_scheduler
from actors.task.state import TaskState


@final
@define
class Recovered:
    """What a former process left: tasks (slim or whole) and all else, as of its last record."""

    tasks: dict[str, TaskState] = field(factory=dict)
    registry: dict[str, RegistryState] = field(factory=dict)
    scheduler: SchedulerState = field(factory=SchedulerState)
    outstanding: dict[Cause, OutstandingEffect] = field(factory=dict)
    replayed: int = 0  # records
    last_at_ns: int = 0


def recover(journal: Journal) -> Recovered:
    """Read everything, and give the replayed records back to the journal with their states.

    Raises:
        StorageError: a record is damaged or missing.
    """
    found = Recovered()
    for state in journal.heads():
        match state:
            case TaskState():
                found.tasks[state.id] = state
                found.last_at_ns = max(found.last_at_ns, state.last_activity_at_ns)
            case SchedulerState():
                found.scheduler = state
            case WorkspaceState() | SessionState():
                found.registry[state.id] = state
    found.outstanding = {one.cause: one for one in journal.outstanding()}
    latest: dict[str, AnyState] = {}
    for record in journal.replay():
        before = latest.get(record.address) or journal.snapshot(record.address)
        after = latest[record.address] = _fold_any(before, record)
        journal.restore(Entry(record, after, rows_of(record)))
        _take_effects(found, record)
        found.replayed += 1
        found.last_at_ns = max(found.last_at_ns, record.at_ns)
    for state in latest.values():
        match state:
            case TaskState():
                found.tasks[state.id] = state
            case SchedulerState():
                found.scheduler = state
            case WorkspaceState() | SessionState():
                found.registry[state.id] = state
    return found


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
