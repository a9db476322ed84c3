"""Records, states and stores for the tests of persistence."""

from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Union, get_args, get_origin

import attrs
import pytest
import trio
from attrs import evolve as replace
from hypothesis import strategies as st
from trio.testing import wait_all_tasks_blocked

from chargehand.actors.identity import Actor, ActorKind, Caller, Origin, OriginKind
from chargehand.actors.ports import StorageError
from chargehand.actors.record import Entry, Record
from chargehand.actors.task.events import StatusChanged, TaskDeleted
from chargehand.actors.task.state import (
    ApprovalPolicy,
    ApprovalState,
    Json,
    Priority,
    Scope,
    TaskState,
    TaskStatus,
)
from chargehand.persistence import checkpoint
from chargehand.persistence.lmdb_store import LmdbStore
from chargehand.persistence.memory_store import MemoryStore
from tests.cluster.fixtures import address, left_out, servers
from tests.persistence.places import KINDS, S_MAX, id_of, place_of

pytest_terminal_summary = left_out

__all__ = ["address", "servers"]

HUMAN = Actor(ActorKind.HUMAN, "local-user")
CALLER = Caller(HUMAN, Origin(OriginKind.HTTP, "tasks.create"))
MOVED = StatusChanged(TaskStatus.READY, TaskStatus.IN_PROGRESS, "run_started")


JSON_TEXTS = [
    b"{}",
    b' { "a" : [ 1 , 2.50 , -0.0 , 1e400 ] } ',
    b'{"a":1,"a":2}',
    b"123456789012345678901234567890",
    '"\u00e9\\u00e9\\ud800 \\" \\\\"'.encode(),
    b"null",
]
TEXTS = st.text(max_size=12)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
SIMPLE = {
    str: TEXTS,
    bool: st.booleans(),
    int: INTEGERS,
    float: st.floats(0, 1),
    bytes: st.just(b""),  # what a slim state holds of ended runs; the states here are whole
}


@cache
def values(kind):
    """Any value of a type that a record or a state may hold."""
    if kind is Json:
        return st.sampled_from(JSON_TEXTS).map(Json)
    if get_origin(kind) is tuple:
        return st.lists(values(get_args(kind)[0]), max_size=3).map(tuple)
    if get_origin(kind) is frozenset:
        return st.frozensets(values(get_args(kind)[0]), max_size=3)
    if get_origin(kind) in (UnionType, Union):
        return st.one_of(*map(values, get_args(kind)))
    if kind is NoneType:
        return st.none()
    if issubclass(kind, Enum):
        return st.sampled_from(kind)
    if attrs.has(kind):
        fields = attrs.fields(attrs.resolve_types(kind))
        return st.builds(kind, **{field.alias: values(field.type) for field in fields})
    return SIMPLE[kind]


class Model:
    """Counts the events of a task in `max_attempts`: a fold that misses or repeats one shows."""

    @staticmethod
    def new(address):
        return TaskState(
            id=address,
            scope=Scope.GLOBAL,
            workspace_id=None,
            parent_task_id=None,
            identifier=None,
            title="Title",
            description="Description",
            network_channel=None,
            priority=Priority.MEDIUM,
            max_attempts=0,
            auto_enqueue_on_ready=False,
            approval_policy=ApprovalPolicy.NONE,
            approval_state=ApprovalState.NOT_REQUIRED,
            owner=None,
            metadata=None,
            created_by=HUMAN,
            origin=CALLER.origin,
            created_at_ns=1,
            updated_at_ns=1,
            last_activity_at_ns=1,
            status=TaskStatus.READY,
        )

    @staticmethod
    def record(seq, address, events=1, *, deletes=False):
        happened = (TaskDeleted(),) if deletes else (MOVED,) * events
        return Record(seq, f"{seq:024x}", seq, address, CALLER, happened)

    @classmethod
    def fold(cls, state, record):
        if state is None:
            state = cls.new(record.address)
        if record.last_seq <= state.last_seq:
            return state
        count = state.max_attempts + len(record.events)
        deleted = any(isinstance(event, TaskDeleted) for event in record.events)
        return replace(
            state,
            max_attempts=count,
            last_seq=record.last_seq,
            deleted=state.deleted or deleted,
            description=None if deleted else state.description,
        )

    @classmethod
    def state_of(cls, journal, address):
        """As an actor would have it: the state with the tail behind it."""
        state = journal.reads.state(address)
        for record in journal.reads.tail(address):
            state = cls.fold(state, record)
        return state

    @classmethod
    def check(cls, journal, addresses, records):
        """The journal knows of exactly `records`, and folds to what they fold to."""
        for one in addresses:
            expected = [record for record in records if record.address == one]
            state = None
            for record in expected:
                state = cls.fold(state, record)
            assert cls.state_of(journal, one) == state
            assert journal.reads.timeline(one, 0) == expected
            assert journal.reads.timeline_latest(one, 3) == expected[-3:]

    @classmethod
    def append(cls, journal, address, events=1, rows=(), *, deletes=False):
        record = cls.record(journal.next_seq, address, events, deletes=deletes)
        state = cls.fold(cls.state_of(journal, address), record)
        journal.append(Entry(record, state, rows))
        return record

    @classmethod
    async def commit(cls, journal):
        """Return when everything appended so far is on disk. Of a journal without a thread that
        takes no time of Trio's clock."""
        await wait_all_tasks_blocked()
        with trio.fail_after(S_MAX):
            while True:
                if not journal.statistics().pending:
                    return
                await trio.sleep(0.001)

    @classmethod
    def restart(cls, journal):
        """What the system does at start-up. Returns the records behind the checkpoint."""
        replayed = []
        for record in journal.recovery.replay():
            state = cls.fold(cls.state_of(journal, record.address), record)
            journal.recovery.restore(Entry(record, state))
            replayed.append(record)
        return replayed


class FaultyStore:
    """Keeps what a crash before each commit would leave, and fails where it is told to.

    `fail_at` counts the commits from now on; `acknowledged` is for the test to keep.
    """

    def __init__(self, inner):
        self.inner = inner
        self.fail_at = None
        self.acknowledged = 0
        self.crashes = []

    def commit(self, changes, given=None):
        self.crashes.append((self.inner.copy(), self.acknowledged))
        if self.fail_at is not None:
            self.fail_at -= 1
            if self.fail_at == 0:
                raise StorageError("the disk is gone")
        self.inner.commit(changes, given)

    def __getattr__(self, name):
        return getattr(self.inner, name)


@pytest.fixture
def model():
    """Makes records and states of tasks, and folds them as the system would."""
    return Model


@pytest.fixture
async def running(nursery):
    """Starts a journal; returns a list that fills with the records it has committed."""

    async def start(journal):
        told = []
        await nursery.start(journal.run, lambda entries: told.extend(e.record for e in entries))
        return told

    return start


@pytest.fixture
def small_slices(monkeypatch):
    """Each address, row and value of the log in a slice of its own: more places to crash."""
    for bound in ("SLICE_ADDRESSES_MAX", "SLICE_ROWS_MAX", "SLICE_LOG_VALUES_MAX"):
        monkeypatch.setattr(checkpoint, bound, 1)


@pytest.fixture
def anything():
    """Gives a strategy for any value of a type that a record or a state may hold."""
    return values


@pytest.fixture
def faulty():
    return FaultyStore


@pytest.fixture
def faulty_store():
    return FaultyStore(MemoryStore())


@pytest.fixture(params=["memory", "lmdb", "near"])
def any_store(request, tmp_path):
    """Each store that there is; "near" is how a node keeps its copy."""
    match request.param:
        case "memory":
            store = MemoryStore()
        case kind:
            store = LmdbStore(tmp_path, map_bytes=1 << 20, durable=kind == "lmdb")
    yield store
    store.close()


@pytest.fixture(params=KINDS, ids=id_of)
def kind(request):
    """A test that opens a journal again has more of them: `places.opened_again`."""
    return request.param


@pytest.fixture
def address_if_needed(kind, request):
    return request.getfixturevalue("address") if kind.needs_postgres else None


@pytest.fixture
async def place(kind, address_if_needed, tmp_path):
    """A journal that nobody has opened, in each place where one may be."""
    async with trio.open_nursery() as nursery:
        place = place_of(kind, nursery, tmp_path, address_if_needed)
        try:
            yield place
        finally:
            with trio.CancelScope(shield=True):
                await place.end()
