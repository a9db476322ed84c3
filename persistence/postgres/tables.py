"""The log and the tables in the database: read by whoever follows, folded by the active node.

Folding has a connection and a fence of its own, so that no append waits behind a slice.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, final

import psycopg
from attrs import define, field

from chargehand.persistence.postgres.address import JournalAddress
from chargehand.persistence.postgres.connection import Database, Rows, said
from chargehand.persistence.postgres.statements import SHARD
from chargehand.persistence.replicated.changes import encode_changes
from chargehand.persistence.replicated.far import FencedError, LogValue, LostError
from chargehand.persistence.store import Change, Delete, DeleteRange, Put, Table

SLICES_KEPT: Final = 1024
"""Who is behind more of them copies the tables anew."""


# One statement, as all writes are. Were it a transaction of several, a node that is frozen within
# it would hold the row of `fold`, and no other node could take. No row is deleted and put by it.
_FOLD: Final = """WITH moved AS (
    UPDATE {s}.fold SET slice = slice + 1
    WHERE shard = %(shard)s AND epoch = %(epoch)s AND slice = %(number)s
    RETURNING shard, slice, epoch
), kept AS (
    INSERT INTO {s}.slices SELECT shard, slice, %(changes)b, epoch FROM moved
), put AS (
    SELECT * FROM unnest(%(put_tables)b::text[], %(put_keys)b::bytea[], %(put_values)b::bytea[])
        AS put(tbl, key, value)
), gone AS (
    DELETE FROM {s}.rows USING moved,
        unnest(%(gone_tables)b::text[], %(gone_keys)b::bytea[]) AS gone(tbl, key)
    WHERE rows.shard = moved.shard AND rows.tbl = gone.tbl AND rows.key = gone.key
), ranged AS (
    DELETE FROM {s}.rows USING moved,
        unnest(%(range_tables)b::text[], %(range_starts)b::bytea[], %(range_stops)b::bytea[])
        AS ranged(tbl, start, stop)
    WHERE rows.shard = moved.shard AND rows.tbl = ranged.tbl AND rows.key >= ranged.start
        AND (ranged.stop IS NULL OR rows.key < ranged.stop)
        AND NOT EXISTS (SELECT FROM put WHERE put.tbl = rows.tbl AND put.key = rows.key)
), written AS (
    INSERT INTO {s}.rows SELECT moved.shard, put.tbl, put.key, put.value FROM moved, put
    ON CONFLICT (shard, tbl, key) DO UPDATE SET value = excluded.value
), trimmed AS (
    DELETE FROM {s}.log USING moved WHERE log.shard = moved.shard AND last_seq <= %(trim_to)s
), forgotten AS (
    DELETE FROM {s}.slices USING moved
    WHERE slices.shard = moved.shard AND number <= %(old)s
) SELECT count(*) FROM moved"""


@final
class PostgresTables:
    """Implements `persistence.replicated.far.FarTables`."""

    def __init__(self, address: JournalAddress) -> None:
        self._database = Database(address)

    def close(self) -> None:
        self._database.drop()

    def interrupt(self) -> None:
        self._database.interrupt()

    def end_hung(self, seconds: float) -> None:
        self._database.end_hung(seconds)

    # --- reading --------------------------------------------------------------------------------

    def journal(self) -> str:
        [(journal,)] = self._read("SELECT journal FROM {s}.shard WHERE id = %s", (SHARD,))
        return str(journal)

    def log_after(self, seq: int, count: int) -> list[LogValue]:
        found = self._read(
            "SELECT first_seq, last_seq, frames FROM {s}.log WHERE shard = %s AND first_seq > %s "
            "ORDER BY first_seq LIMIT %s",
            (SHARD, seq, count),
        )
        return [LogValue(first, last, frames) for first, last, frames in found]

    def slice_number(self) -> int:
        [(number,)] = self._read("SELECT slice FROM {s}.fold WHERE shard = %s", (SHARD,))
        return int(number)

    def slices_after(self, number: int, count: int) -> list[tuple[int, bytes, int]]:
        found = self._read(
            "SELECT number, changes, epoch FROM {s}.slices WHERE shard = %s AND number > %s "
            "ORDER BY number LIMIT %s",
            (SHARD, number, count),
        )
        return [(one, changes, epoch) for one, changes, epoch in found]

    def slice_epoch(self, number: int) -> int | None:
        found = self._read(
            "SELECT epoch FROM {s}.slices WHERE shard = %s AND number = %s", (SHARD, number)
        )
        return int(found[0][0]) if found else None

    def page(self, table: Table, after: bytes, count: int) -> list[tuple[bytes, bytes]]:
        found = self._read(
            "SELECT key, value FROM {s}.rows WHERE shard = %s AND tbl = %s AND key > %b "
            "ORDER BY key LIMIT %s",
            (SHARD, table.value, after, count),
        )
        return [(key, value) for key, value in found]

    def _read(self, text: str, values: tuple[object, ...]) -> Rows:
        with self._losses():
            return self._database.rows(text, values)

    # --- folding --------------------------------------------------------------------------------

    def fold(
        self, epoch: int, number: int, changes: Sequence[Change], trim_to: int | None = None
    ) -> None:
        final = _Final.of(one for one in changes if one.table is not Table.LOG)
        values = {
            "shard": SHARD,
            "epoch": epoch,
            "number": number,
            "changes": encode_changes(changes),
            "trim_to": -1 if trim_to is None else trim_to,
            "old": -1 if trim_to is None else number - SLICES_KEPT,
            **final.values(),
        }
        self._database.warnings.clear()
        with self._losses():
            [(moved,)] = self._database.rows(_FOLD, values)
        if self._database.warnings:
            raise LostError("; ".join(self._database.warnings))
        if not moved:
            raise FencedError(
                f"the database takes nothing of epoch {epoch} any more, as a later one has begun, "
                f"or it has more than the {number} parts of checkpoints that this node knows of"
            )

    @contextmanager
    def _losses(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            self._database.drop()
            raise LostError(said(error)) from error


@final
@define
class _Final:
    """What a slice leaves of each key, whatever it did to it before."""

    puts: dict[tuple[str, bytes], bytes] = field(factory=dict)
    deletes: set[tuple[str, bytes]] = field(factory=set)
    ranges: list[tuple[str, bytes, bytes | None]] = field(factory=list)

    @classmethod
    def of(cls, changes: Iterable[Change]) -> "_Final":
        final = cls()
        for change in changes:
            final._take(change)
        return final

    def _take(self, change: Change) -> None:
        table = change.table.value
        match change:
            case Put(key=key, value=value):
                self.puts[table, key] = value
                self.deletes.discard((table, key))
            case Delete(key=key):
                self.puts.pop((table, key), None)
                self.deletes.add((table, key))
            case DeleteRange(start=start, stop=stop):
                for known in [one for one in self.puts if _is_within(one, table, start, stop)]:
                    del self.puts[known]
                self.ranges.append((table, start, stop))

    def values(self) -> dict[str, object]:
        return {
            "put_tables": [table for table, _ in self.puts],
            "put_keys": [key for _, key in self.puts],
            "put_values": [*self.puts.values()],
            "gone_tables": [table for table, _ in self.deletes],
            "gone_keys": [key for _, key in self.deletes],
            "range_tables": [table for table, _, _ in self.ranges],
            "range_starts": [start for _, start, _ in self.ranges],
            "range_stops": [stop for _, _, stop in self.ranges],
        }


def _is_within(known: tuple[str, bytes], table: str, start: bytes, stop: bytes | None) -> bool:
    name, key = known
    return name == table and key >= start and (stop is None or key < stop)
