"""The unit of the journal: one operation, whole, or nothing of it."""

from collections.abc import Callable
from typing import NamedTuple, final

from attrs import define, field

from chargehand.actors.choice import Choice
from chargehand.actors.frozen import frozen
from chargehand.actors.idempotency.once import Done
from chargehand.actors.identity import Caller
from chargehand.actors.registry.events import RegistryEvent
from chargehand.actors.registry.state import (
    SESSION_PREFIX,
    WORKSPACE_PREFIX,
    SessionState,
    WorkspaceState,
)
from chargehand.actors.scheduler.events import SchedulerEvent
from chargehand.actors.scheduler.state import SCHEDULER_ADDRESS, SchedulerState
from chargehand.actors.task.effects import Effect
from chargehand.actors.task.events import Event as TaskEvents
from chargehand.actors.task.state import TaskState

AnyEvent = TaskEvents | SchedulerEvent | RegistryEvent
AnyState = TaskState | SchedulerState | SessionState | WorkspaceState


def address_of(state: AnyState) -> str:
    """The address that a state is stored under."""
    match state:
        case TaskState():
            return state.id
        case SchedulerState():
            return SCHEDULER_ADDRESS
        case SessionState():
            return SESSION_PREFIX + state.id
        case WorkspaceState():
            return WORKSPACE_PREFIX + state.id


@final
@frozen
class Cause:
    """Names an effect: the `n`-th of the record that starts at `seq`."""

    seq: int
    n: int


@final
@frozen
class Record:
    """One operation on one address: a task id, or `@scheduler`, `@session/…`, `@workspace/…`.

    Its events take the numbers `seq`, `seq + 1`, … of the journal's one sequence. `cause` is set
    where the record applies an effect of another; a record so named means: it was applied. `done`
    is set where it was asked for under a key.
    """

    seq: int
    id: str
    at_ns: int
    address: str
    caller: Caller
    events: tuple[AnyEvent, ...]
    effects: tuple[Effect, ...] = ()
    cause: Cause | None = None
    done: Done | None = None

    @property
    def last_seq(self) -> int:
        return self.seq + len(self.events) - 1

    def event_id(self, seq: int) -> str:
        """The public id of the event with number `seq`."""
        return event_id(self.id, seq - self.seq)


def event_id(record_id: str, index: int) -> str:
    """The public id of a record's event by its position."""
    return f"evt-{record_id}{index:02x}"


@final
@frozen
class OutstandingEffect:
    """An effect that is on disk and not yet applied."""

    cause: Cause
    at_ns: int
    caller: Caller
    effect: Effect


class Settlement(NamedTuple):
    """An answer that waits until its record is on disk. Neither call raises or blocks.

    Args:
        deliver: gives the answer.
        fail: called instead, with a refusal, if the record will not reach the disk as far as this
            process can tell.
    """

    deliver: Callable[[], None]
    fail: Callable[[Exception], None]


class IndexTable(Choice):
    """The tables that look names up. The values are their names on disk."""

    RUNS = "runs"  # run id -> task id
    REVIEWS = "reviews"  # review id -> task id
    SUBSCRIPTIONS = "subscriptions"  # subscription id -> task id
    KEYS = "keys"  # idempotency key with its caller -> "task id run id"
    ONCE = "once"  # what was done under a key, see `actors.idempotency.once`; forgotten in time


class IndexRow(NamedTuple):
    table: IndexTable
    key: str
    value: str


@final
@define(eq=False)
class Entry:
    """A record on its way to the disk, with what goes along in memory.

    Args:
        record: what is written.
        state: the state of the record's address after it.
        rows: index rows that this record brings.
        settlements: answers that the record brings, to deliver once it is on disk and published
            and what follows from its effects has been done, or to fail if the journal ends before
            it is on disk.
        gated: answers that rest on it, or on records before it, and wait for the disk alone.
    """

    record: Record
    state: AnyState
    rows: tuple[IndexRow, ...] = ()
    settlements: list[Settlement] = field(factory=list)
    gated: list[Settlement] | None = None  # made for the first: most records have none
