"""Families of stored tasks, and the changes of a store that make more of the same."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final, NamedTuple, final

from benchmarks.scale.pattern import Pattern
from chargehand.actors.ids import IdSource
from chargehand.actors.ports import TaskHead
from chargehand.persistence.framing import encode_frame, frames
from chargehand.persistence.index_rows import INDEX_TABLES
from chargehand.persistence.layout import checkpoint_moves
from chargehand.persistence.seal import seal, unseal
from chargehand.persistence.snapshots import decode_head, task_snapshot
from chargehand.persistence.store import Change, Put, Store, Table
from chargehand.persistence.timeline import chunk_of

FIRST_SEQ: Final = 10**9  # so that all numbers have the same width, and are taken for nothing else
FIRST_CLONE_SEQ: Final = FIRST_SEQ + 10**6  # behind those of the originals

_MARK: Final = b"c10ec10ec10e"
_ID: Final = re.compile(_MARK + rb"[0-9a-f]{12}")
_TIME: Final = re.compile(rb"(?<!\d)1\d{18}(?!\d)")
_SCANNED: Final = 512


@final
class MarkedIds(IdSource):
    """Ids that are found again in whatever is stored."""

    def __init__(self) -> None:
        self.count = 0

    def suffix(self, now_ns: int) -> str:
        self.count += 1
        return f"{_MARK.decode()}{self.count:012x}"


def begin(store: Store) -> None:
    """Have the numbers of an empty store, which was opened once, begin with `FIRST_SEQ`."""
    store.commit([checkpoint_moves(FIRST_SEQ - 1)])


@final
class Span(NamedTuple):
    """The ids and the numbers that a family took, while nobody else took any."""

    first_id: int
    end_id: int
    first_seq: int
    end_seq: int


@final
class _Member(NamedTuple):
    """A task of a family: its values, but for checksums."""

    key: Pattern
    head: Pattern
    body: Pattern | None
    records: list[tuple[int, int, Pattern]]  # numbers from the family's first on, events, body
    rows: list[tuple[Table, Pattern, Pattern]]


@final
class Stock:
    """What a store holds of tasks that were made with `MarkedIds`. Its log must be folded."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.rows = defaultdict[bytes, list[tuple[Table, bytes, bytes]]](list)
        for table in INDEX_TABLES.values():
            for key, value in _all(store, table):
                text = unseal(table, key, value)
                self.rows[text.partition(b" ")[0]].append((table, key, text))
        self.heads = {
            found[0]: (key, value)
            for key, value in _all(store, Table.HEADS)
            if (found := _ID.findall(key))
        }

    def tasks(self, ids: Iterable[bytes]) -> Iterator["_Stored"]:
        """Those with one of the ids, with all that is stored of them."""
        for key, value in (self.heads[one] for one in ids if one in self.heads):
            head = decode_head(key, value)
            assert isinstance(head, TaskHead), f"{key!r} is no task"
            chunks = self.store.scan(Table.TIMELINE, key + b"\0", key + b"\1", _SCANNED, bytes)
            records = [
                (frame.seq, frame.last_seq, bytes(frame.body))
                for _, chunk in chunks
                for frame in frames(chunk)
            ]
            yield _Stored(
                key, head.head, self.store.get(Table.BODIES, key), records, self.rows[key]
            )


@final
class Family:
    """Tasks that hang together, to be cloned.

    Attributes:
        size: its tasks.
        seqs: numbers that it takes.
    """

    def __init__(self, stock: Stock, span: Span) -> None:
        self.seqs = span.end_seq - span.first_seq
        self._first_seq = span.first_seq
        self._ids = [b"%b%012x" % (_MARK, number) for number in range(span.first_id, span.end_id)]
        stored = list(stock.tasks(self._ids))
        texts = (text for one in stored for text in one.texts)
        self._times = sorted({int(time) for text in texts for time in _TIME.findall(text)})
        self._seqs = range(span.first_seq, span.end_seq)
        known = {
            value: index
            for index, value in enumerate(
                chain(self._ids, _as_texts_and_bytes((*self._seqs, *self._times)))
            )
        }
        found = re.compile(b"|".join(map(re.escape, known)), re.DOTALL)
        self._members = [one.as_member(found, known, span.first_seq) for one in stored]
        self.size = len(self._members)

    def clone(self, number: int, first_seq: int, began_ns: int) -> Iterator[Change]:
        """The changes that store the family once more.

        Args:
            number: of this clone among all of all families; it is in its ids.
            first_seq: the first of its numbers.
            began_ns: the first of its times.
        """
        later_ns = began_ns - self._times[0]
        seqs = range(first_seq, first_seq + self.seqs)
        times = (time + later_ns for time in self._times)
        ids = [b"%012x%012x" % (number, n) for n in range(len(self._ids))]
        values = [*ids, *_as_texts_and_bytes((*seqs, *times))]
        for member in self._members:
            key = member.key.filled(values)
            body = None if member.body is None else member.body.filled(values)
            snapshot = task_snapshot(key, member.head.filled(values), body)
            yield Put(Table.HEADS, key, snapshot.head)
            if body is not None:
                yield Put(Table.BODIES, key, body)
            frames = [
                encode_frame(first_seq + at, events, key, text.filled(values))
                for at, events, text in member.records
            ]
            yield chunk_of(key, frames)
            for table, row_key, text in member.rows:
                row = row_key.filled(values)
                yield Put(table, row, seal(table, row, text.filled(values)))


@final
class _Stored(NamedTuple):
    """What is stored of a task. A record: its first and last number, and its body."""

    key: bytes
    head: bytes
    body: bytes | None
    records: list[tuple[int, int, bytes]]
    rows: list[tuple[Table, bytes, bytes]]

    @property
    def texts(self) -> Iterable[bytes]:
        return (self.head, self.body or b"", *(body for _, _, body in self.records))

    def as_member(
        self, found: re.Pattern[bytes], known: dict[bytes, int], first_seq: int
    ) -> _Member:
        def pattern(text: bytes) -> Pattern:
            return Pattern(text, found, known.__getitem__)

        return _Member(
            pattern(self.key),
            pattern(self.head),
            None if self.body is None else pattern(self.body),
            [
                (seq - first_seq, last_seq - seq + 1, pattern(body))
                for seq, last_seq, body in self.records
            ],
            [(table, pattern(key), pattern(text)) for table, key, text in self.rows],
        )


def others(store: Store) -> Iterator[Change]:
    """What belongs to no task: workspaces and sessions."""
    for table in (Table.HEADS, Table.BODIES, Table.TIMELINE):
        for key, value in _all(store, table):
            if key.startswith(b"@"):
                yield Put(table, key, value)


def _as_texts_and_bytes(numbers: Iterable[int]) -> Iterator[bytes]:
    """As they stand in JSON, and as they stand in heads."""
    for number in numbers:
        yield b"%d" % number
        yield number.to_bytes(8)


def _all(store: Store, table: Table) -> Iterator[tuple[bytes, bytes]]:
    start = b""
    while page := store.page(table, start, _SCANNED):
        yield from page
        start = page[-1][0] + b"\0"
