"""A database in memory, which loses answers when it is told to."""

import threading
from collections.abc import Sequence
from typing import final

from attrs import define, field

from chargehand.persistence.layout import first_rows
from chargehand.persistence.memory_store import MemoryStore
from chargehand.persistence.replicated.changes import encode_changes
from chargehand.persistence.replicated.far import FencedError, LogValue, LostError
from chargehand.persistence.replicated.shard import (
    Answer,
    Append,
    Found,
    Request,
    Unknown,
)
from chargehand.persistence.store import Change, Table
from tests.persistence.replicated.simulation import Database


@final
@define(eq=False)
class Shared:
    """What all nodes share.

    Attributes:
        losses: of the next requests: whether they happen whose answers are lost.
        fold_losses: the same of slices.
        is_far: calls on Trio's thread fail.
    """

    database: Database = field(factory=Database)
    rows: MemoryStore = field(factory=MemoryStore)
    slices: list[tuple[int, bytes]] = field(factory=list)
    first_seqs: list[int] = field(factory=list)
    slice: int = 0
    slice_epochs: dict[int, int] = field(factory=dict)
    kept: int = 1024
    losses: list[bool] = field(factory=list)
    fold_losses: list[bool] = field(factory=list)
    lock: threading.Lock = field(factory=threading.Lock)
    trimmed_to: int = 0
    is_far: bool = False

    def __attrs_post_init__(self) -> None:
        self.rows.commit(first_rows())


def refuse_here() -> None:
    """Raises AssertionError: on Trio's thread nothing may wait for the database."""
    assert threading.current_thread() is not threading.main_thread(), "a far call on Trio's thread"


class MemoryLink:
    """Implements `Link`."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared

    def ask(self, request: Request) -> Answer:
        shared = self._shared
        if shared.is_far:
            refuse_here()
        with shared.lock:
            happens = shared.losses.pop(0) if shared.losses else None
            if happens is False:
                return Unknown("lost on its way")
            answer = shared.database.make(request)
            if isinstance(request, Append) and not isinstance(answer, Found):
                shared.first_seqs.append(request.head + 1)
            return answer if happens is None else Unknown("the answer is lost")

    def interrupt(self) -> None:
        """Nothing takes long."""

    def end_hung(self, seconds: float) -> None:
        """Nothing takes long."""

    def drop(self) -> None:
        """There is nothing to let go of."""


class MemoryTables:
    """Implements `FarTables`."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared

    def _far(self) -> Shared:
        if self._shared.is_far:
            refuse_here()
        return self._shared

    def journal(self) -> str:
        self._far()
        return "in memory"

    def log_after(self, seq: int, count: int) -> list[LogValue]:
        shared = self._far()
        with shared.lock:
            found = [
                LogValue(first, batch.last_seq, batch.frames)
                for first, batch in zip(shared.first_seqs, shared.database.log, strict=True)
                if first > seq and batch.last_seq > shared.trimmed_to
            ]
        return found[:count]

    def slice_number(self) -> int:
        return self._far().slice

    def slices_after(self, number: int, count: int) -> list[tuple[int, bytes, int]]:
        with self._far().lock:
            kept = self._shared.slices[-self._shared.kept :]
            epochs = self._shared.slice_epochs
        return [(n, part, epochs[n]) for n, part in kept if n > number][:count]

    def slice_epoch(self, number: int) -> int | None:
        with self._far().lock:
            kept = self._shared.slices[-self._shared.kept :]
        found = [self._shared.slice_epochs[one[0]] for one in kept if one[0] == number]
        return found[0] if found else None

    def page(self, table: Table, after: bytes, count: int) -> list[tuple[bytes, bytes]]:
        with self._far().lock:
            return self._shared.rows.page(table, after + b"\0" if after else b"", count)

    def fold(
        self, epoch: int, number: int, changes: Sequence[Change], trim_to: int | None = None
    ) -> None:
        shared = self._far()
        with shared.lock:
            happens = shared.fold_losses.pop(0) if shared.fold_losses else None
            if happens is False:
                raise LostError("lost on its way")
            if (shared.database.row.epoch, shared.slice) != (epoch, number):
                raise FencedError("another epoch or slice")
            shared.rows.commit([one for one in changes if one.table is not Table.LOG])
            shared.slice += 1
            shared.slice_epochs[shared.slice] = epoch
            shared.slices.append((shared.slice, encode_changes(changes)))
            if trim_to is not None:
                shared.trimmed_to = trim_to
            if happens:
                raise LostError("the answer is lost")

    def interrupt(self) -> None:
        """Nothing takes long."""

    def end_hung(self, seconds: float) -> None:
        """Nothing takes long."""

    def close(self) -> None:
        """There is nothing to let go of."""
