"""Checks a whole store that nobody writes: every checksum, every record, and what refers to what.

It changes nothing and goes on behind each fault. Memory does not grow with the tables, only with
the tail of the log, which a checkpoint bounds.
"""

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from functools import lru_cache, partial
from typing import Final, final

from attrs import field

from chargehand.actors.frozen import frozen
from chargehand.actors.idempotency.once import earlier_of
from chargehand.actors.index import rows_of
from chargehand.actors.ports import DamagedError
from chargehand.actors.record import AnyState, IndexTable, Record, address_of
from chargehand.actors.task.events import TaskCreated
from chargehand.actors.task.state import TaskState
from chargehand.persistence.aside import read_aside
from chargehand.persistence.codec import decode_outstanding, decode_record
from chargehand.persistence.epoch import epoch_of
from chargehand.persistence.framing import BadFrame, frames, is_whole, log_frames, sequence_key
from chargehand.persistence.index_rows import INDEX_TABLES, row_key
from chargehand.persistence.layout import check_layout, checkpoint_seq, created_at_ns
from chargehand.persistence.recovery import seq_behind
from chargehand.persistence.seal import unseal
from chargehand.persistence.snapshots import decode_head, decode_snapshot
from chargehand.persistence.snapshots.former import decode_former
from chargehand.persistence.snapshots.rows import read_snapshot
from chargehand.persistence.store import Store, Table

_READ_MAX: Final = 64  # values read in one transaction
_WITH_SNAPSHOTS: Final = (Table.HEADS, Table.SNAPSHOTS)
_STATES_CACHED: Final = 1024
_STEP: Final = 256  # values between two reports of progress

# The tables in the order in which they are checked.
TABLES: Final = (
    Table.META,
    Table.LOG,
    Table.HEADS,
    Table.BODIES,
    Table.SNAPSHOTS,
    Table.TIMELINE,
    *INDEX_TABLES.values(),
    Table.EFFECTS,
    Table.ASIDE,
)


class Problem(Enum):
    """What kind of fault it is, and so what can be done."""

    UNREADABLE = "unreadable"  # nobody can tell what is concerned: no server starts with it
    DAMAGED = "damaged"  # fails its checksum; what it concerns is set aside
    DIRECTORY = "directory"  # of a log value; all its records are sound
    REFERENCE = "reference"  # sound, but does not go with the rest
    STRUCTURE = "structure"  # LMDB cannot read it, so what is behind it was not checked
    KEPT = "kept"  # damaged, found by an earlier start and kept aside


@final
@frozen
class Finding:
    """A fault.

    Args:
        table: where it stands; None for the file as a whole.
        key: under which key, for people; empty for a table as a whole.
        address: what it concerns, where that is known.
        message: what is wrong, in a sentence without a full stop.
    """

    problem: Problem
    table: Table | None
    key: str
    address: str | None
    message: str


ProgressCallback = Callable[[Table, int], None]
"""Told of how many values of a table have been looked at so far."""


@final
@frozen
class _Tail:
    """What stands in the log behind the checkpoint and so may be missing in the tables."""

    addresses: set[str] = field(factory=set)
    rows: set[tuple[IndexTable, str]] = field(factory=set)


def verify(
    store: Store, progress: ProgressCallback = lambda table, count: None
) -> Iterator[Finding]:
    """All that is wrong with a store.

    Raises:
        StorageError: it is not ours, or of a version that this one cannot read.
    """
    try:
        check_layout(store)
        checkpoint = checkpoint_seq(store)
        epoch_of(store)
    except DamagedError as error:
        yield Finding(Problem.UNREADABLE, Table.META, "", None, str(error))
        return
    try:
        created_at_ns(store)
    except DamagedError as error:
        yield Finding(Problem.DAMAGED, Table.META, "", None, str(error))
    yield from _Check(store, checkpoint, progress).all()


@final
class _Check:
    def __init__(self, store: Store, checkpoint: int, progress: ProgressCallback) -> None:
        self._store = store
        self._checkpoint = checkpoint
        self._progress = progress
        self._tail = _Tail()
        self._unread: set[Table] = set()
        self._state = lru_cache(_STATES_CACHED)(self._read_state)

    def all(self) -> Iterator[Finding]:
        yield from self._readable(Table.LOG, self._log())
        yield from self._readable(Table.HEADS, self._heads())
        yield from self._readable(Table.BODIES, self._bodies())
        yield from self._readable(Table.SNAPSHOTS, self._former_snapshots())
        yield from self._readable(Table.TIMELINE, self._timelines())
        for name in IndexTable:
            rows = self._once() if name is IndexTable.ONCE else self._rows(name)
            yield from self._readable(INDEX_TABLES[name], rows)
        yield from self._readable(Table.EFFECTS, self._effects())
        yield from self._readable(Table.ASIDE, self._aside())

    def _readable(self, table: Table, findings: Iterator[Finding]) -> Iterator[Finding]:
        """Those of a table, up to where LMDB cannot read it."""
        try:
            yield from findings
        except DamagedError as error:
            self._unread.add(table)
            message = f"{error}; what is behind that in this table was not checked"
            yield Finding(Problem.STRUCTURE, table, "", None, message)

    def _values(self, table: Table) -> Iterator[tuple[bytes, bytes]]:
        count, start, most = 0, b"", self._store.count(table)
        # A damaged key may lead back to what was read before.
        while count < most and (page := self._store.page(table, start, _READ_MAX)):
            for row in page:
                count += 1
                if count % _STEP == 0:
                    self._progress(table, count)
                yield row
            start = page[-1][0] + b"\0"
        self._progress(table, count)

    # --- the log --------------------------------------------------------------------------------

    def _log(self) -> Iterator[Finding]:
        expected = self._checkpoint + 1
        count = 0
        for key, value in self._values(Table.LOG):
            count += 1
            number = int.from_bytes(key)
            if number <= self._checkpoint:
                seq = seq_behind(self._checkpoint, number, value)
                if seq is not None:
                    message = f"it holds number {seq} in place of {number}"
                    yield Finding(Problem.UNREADABLE, Table.LOG, str(number), None, message)
                continue
            if key != sequence_key(expected):
                message = f"the log goes on at number {number} instead of {expected}"
                yield Finding(Problem.UNREADABLE, Table.LOG, str(number), None, message)
                expected = number
            if not is_whole(value):
                message = "the directory of the value fails its checksum; its records are looked at"
                yield Finding(Problem.DIRECTORY, Table.LOG, str(number), None, message)
            try:
                for frame in log_frames(expected, value):
                    if frame.seq != expected:
                        message = f"it holds number {frame.seq} in place of {expected}"
                        yield Finding(Problem.UNREADABLE, Table.LOG, str(number), None, message)
                    expected = frame.last_seq + 1
                    self._tail.addresses.add(frame.address)
                    if isinstance(frame, BadFrame):
                        message = f"the record at number {frame.seq} fails its checksum"
                        problem = Problem.DAMAGED if frame.certain else Problem.UNREADABLE
                        yield Finding(problem, Table.LOG, str(frame.seq), frame.address, message)
                        continue
                    self._tail.rows.update(
                        (row.table, row.key) for row in rows_of(decode_record(frame))
                    )
            except DamagedError as error:
                yield Finding(Problem.UNREADABLE, Table.LOG, str(number), None, str(error))
        if count != self._store.count(Table.LOG):
            message = "the keys are out of order, so some values are not found"
            yield Finding(Problem.UNREADABLE, Table.LOG, "", None, message)

    # --- snapshots and timelines ----------------------------------------------------------------

    def _heads(self) -> Iterator[Finding]:
        """Each with its body. What of a sound head cannot be read is damage of the body."""
        for key, value in self._values(Table.HEADS):
            body = self._store.get(Table.BODIES, key)
            table = Table.BODIES if _is_sound(key, value) else Table.HEADS
            yield from self._snapshot(table, key, partial(decode_snapshot, key, value, body))

    def _bodies(self) -> Iterator[Finding]:
        for key, _ in self._values(Table.BODIES):
            if not self._holds(Table.HEADS, key):
                address = key.decode("utf-8", "replace")
                message = "there is a body, but no head"
                yield Finding(Problem.REFERENCE, Table.BODIES, address, address, message)

    def _former_snapshots(self) -> Iterator[Finding]:
        """Those that are not upgraded yet."""
        for key, value in self._values(Table.SNAPSHOTS):
            yield from self._snapshot(Table.SNAPSHOTS, key, partial(decode_former, value))

    def _snapshot(
        self, table: Table, key: bytes, decode: Callable[[], AnyState]
    ) -> Iterator[Finding]:
        address = key.decode("utf-8", "replace")
        try:
            state = decode()
            if address_of(state) != address:
                raise DamagedError("the snapshot is that of another")
        except DamagedError as error:
            yield Finding(Problem.DAMAGED, table, address, address, str(error))
            return
        if isinstance(state, TaskState) and not state.deleted:
            for message in self._about(state):
                yield Finding(Problem.REFERENCE, Table.HEADS, address, address, message)

    def _about(self, state: TaskState) -> Iterator[str]:
        """What its snapshot refers to, and is not there."""
        if state.parent_task_id is not None and not self._is_there(state.parent_task_id):
            yield f"its parent {state.parent_task_id} is not there"
        for edge in state.dependencies:
            if not self._is_there(edge.depends_on_task_id):
                yield f"the task {edge.depends_on_task_id} that it depends on is not there"
        if state.last_seq <= self._checkpoint and not self._has_timeline(state.id):
            yield "it has no timeline"
        for table, some_id in (
            *((IndexTable.RUNS, run.id) for run in state.runs),
            *((IndexTable.REVIEWS, review.id) for review in state.reviews),
            *((IndexTable.SUBSCRIPTIONS, subscription.id) for subscription in state.subscriptions),
        ):
            stored = self._holds(INDEX_TABLES[table], row_key(some_id))
            if not stored and (table, some_id) not in self._tail.rows:
                yield f"{some_id} has no row in the index of {table.value}"

    def _timelines(self) -> Iterator[Finding]:
        address, records = "", _Chunks()
        for key, value in self._values(Table.TIMELINE):
            found, number = key[:-9].decode("utf-8", "replace"), int.from_bytes(key[-8:])
            if found != address:
                yield from self._covered(address, records)
                address, records = found, _Chunks()
            try:
                if key[-9:-8] != b"\0":
                    raise DamagedError("the key has no end of an address")
                chunk = [*frames(value)]
                records = records.with_chunk(found, number, [decode_record(one) for one in chunk])
            except DamagedError as error:
                records = records.as_damaged()
                yield Finding(Problem.DAMAGED, Table.TIMELINE, str(number), found, str(error))
        yield from self._covered(address, records)

    def _covered(self, address: str, records: "_Chunks") -> Iterator[Finding]:
        """Whether a timeline goes with its snapshot."""
        if not address or records.is_damaged:
            return
        state = self._state(address)
        message = None
        if state is None:
            if not self._is_there(address):
                message = "there is a timeline, but no snapshot"
        elif isinstance(state, TaskState):
            if not records.begins:
                message = "its timeline does not begin with its creation"
            elif state.last_seq <= self._checkpoint and records.last_seq != state.last_seq:
                message = (
                    f"its timeline ends at number {records.last_seq}, its snapshot at "
                    f"{state.last_seq}"
                )
        if message is not None:
            yield Finding(Problem.REFERENCE, Table.TIMELINE, "", address, message)

    # --- rows -----------------------------------------------------------------------------------

    def _rows(self, name: IndexTable) -> Iterator[Finding]:
        table = INDEX_TABLES[name]
        for key, value in self._values(table):
            shown = _shown_key(table, key)
            try:
                text = unseal(table, key, value).decode()
            except (DamagedError, UnicodeDecodeError) as error:
                yield Finding(Problem.DAMAGED, table, shown, None, str(error))
                continue
            address, _, run_id = text.partition(" ")
            some_id = run_id or (key[1:].decode() if key[:1] == b"=" else "")
            if not self._is_there(address):
                message = f"it names {address}, which is not there"
                yield Finding(Problem.REFERENCE, table, shown, address, message)
            elif some_id and not self._has(address, name, some_id):
                message = f"it names {address}, which has no {some_id}"
                yield Finding(Problem.REFERENCE, table, shown, address, message)

    def _once(self) -> Iterator[Finding]:
        for key, value in self._values(Table.ONCE):
            try:
                earlier_of(unseal(Table.ONCE, key, value).decode())
            except (DamagedError, ValueError) as error:
                message = "what was done under a key fails its checksum"
                if not isinstance(error, DamagedError):
                    message = "what was done under a key is unreadable"
                shown = _shown_key(Table.ONCE, key)
                yield Finding(Problem.DAMAGED, Table.ONCE, shown, None, message)

    def _effects(self) -> Iterator[Finding]:
        for key, value in self._values(Table.EFFECTS):
            shown = f"{int.from_bytes(key[:8])}-{int.from_bytes(key[8:])}"
            try:
                effect = decode_outstanding(unseal(Table.EFFECTS, key, value)).effect
            except DamagedError as error:
                yield Finding(Problem.DAMAGED, Table.EFFECTS, shown, None, str(error))
                continue
            if not self._is_there(effect.target):
                message = f"it is for {effect.target}, which is not there"
                yield Finding(Problem.REFERENCE, Table.EFFECTS, shown, effect.target, message)

    def _aside(self) -> Iterator[Finding]:
        for kept in read_aside(self._store):
            yield Finding(Problem.KEPT, Table.ASIDE, kept.address, kept.address, kept.cause)

    # --- what is there --------------------------------------------------------------------------

    def _is_there(self, address: str) -> bool:
        """Deleted or not, damaged or not."""
        if address in self._tail.addresses:
            return True
        return any(self._holds(table, address.encode()) for table in _WITH_SNAPSHOTS)

    def _holds(self, table: Table, key: bytes) -> bool:
        """True where nothing tells."""
        if Table.LOG in self._unread:
            return True
        try:
            return self._store.get(table, key) is not None
        except DamagedError:
            return True

    def _has_timeline(self, address: str) -> bool:
        """True where nothing tells."""
        start, stop = address.encode() + b"\0", address.encode() + b"\1"
        try:
            return bool(self._store.scan(Table.TIMELINE, start, stop, 1, len))
        except DamagedError:
            return True

    def _read_state(self, address: str) -> AnyState | None:
        """None: there is no sound snapshot."""
        try:
            key = address.encode()
            former = self._store.get(Table.SNAPSHOTS, key)
            return read_snapshot(self._store, key) if former is None else decode_former(former)
        except DamagedError:
            return None

    def _has(self, address: str, table: IndexTable, some_id: str) -> bool:
        """Whether a task has what a row is about; True where nothing tells."""
        state = self._state(address)
        if not isinstance(state, TaskState) or state.deleted:
            return True
        if table is IndexTable.REVIEWS:
            return state.review(some_id) is not None
        if table is IndexTable.SUBSCRIPTIONS:
            return True  # its id stays with its task even when it was deleted
        return state.run(some_id) is not None


def _is_sound(key: bytes, head: bytes) -> bool:
    try:
        decode_head(key, head)
    except DamagedError:
        return False
    return True


@final
@frozen
class _Chunks:
    """What was read so far of one timeline."""

    begins: bool = False
    last_seq: int = 0
    is_damaged: bool = False

    def with_chunk(self, address: str, number: int, records: Sequence[Record]) -> "_Chunks":
        """Raises DamagedError if they do not go on from here."""
        last_seq = self.last_seq
        for record in records:
            if record.address != address or record.seq <= last_seq:
                raise DamagedError(f"record {record.seq} does not belong there")
            last_seq = record.last_seq
        if not records or records[0].seq != number:
            raise DamagedError("the records do not begin with the number that they stand under")
        begins = self.begins or isinstance(records[0].events[0], TaskCreated)
        return _Chunks(begins, last_seq, self.is_damaged)

    def as_damaged(self) -> "_Chunks":
        return _Chunks(self.begins, self.last_seq, True)


def _shown_key(table: Table, key: bytes) -> str:
    """Keys that clients gave are not shown."""
    if table in (Table.KEYS, Table.ONCE) or key[:1] != b"=":
        return f"{key[:1].decode('utf-8', 'replace')}{len(key) - 1} bytes"
    return key[1:].decode("utf-8", "replace")
