"""The log and the tables in the database: read by whoever follows, folded by the active node.

Folding has a connection and a fence of its own, so that no append waits behind a slice.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, final

import psycopg

from chargehand.persistence.postgres.address import JournalAddress
from chargehand.persistence.postgres.connection import Database, Rows, said
from chargehand.persistence.postgres.statements import SHARD
from chargehand.persistence.replicated.changes import encode_changes
from chargehand.persistence.replicated.far import FencedError, LogValue, LostError
from chargehand.persistence.store import Change, Delete, DeleteRange, Put, Table

SLICES_KEPT: Final = 1024
"""Who is behind more of them copies the tables anew."""


@final
class PostgresTables:
    """Implements `persistence.replicated.far.FarTables`."""

    def __init__(self, address: JournalAddress) -> None:
        self._database = Database(address)

    def close(self) -> None:
        self._database.drop()

    def interrupt(self) -> None:
        self._database.interrupt()

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

    def slices_after(self, number: int, count: int) -> list[tuple[int, bytes]]:
        found = self._read(
            "SELECT number, changes FROM {s}.slices WHERE shard = %s AND number > %s "
            "ORDER BY number LIMIT %s",
            (SHARD, number, count),
        )
        return [(one, changes) for one, changes in found]

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
        self._database.warnings.clear()
        with self._losses(), self._database.connected().transaction():
            self._next_slice(epoch, number, changes)
            self._make([change for change in changes if change.table is not Table.LOG])
            if trim_to is not None:
                self._trim(trim_to, number)
        if self._database.warnings:
            raise LostError("; ".join(self._database.warnings))

    @contextmanager
    def _losses(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            self._database.drop()
            raise LostError(said(error)) from error

    def _next_slice(self, epoch: int, number: int, changes: Sequence[Change]) -> None:
        moved = self._database.change(
            "UPDATE {s}.fold SET slice = slice + 1 WHERE shard = %s AND epoch = %s AND slice = %s",
            (SHARD, epoch, number),
        )
        if not moved:
            raise FencedError(f"the tables are not of epoch {epoch} and slice {number} any more")
        self._database.change(
            "INSERT INTO {s}.slices VALUES (%s, %s, %b)",
            (SHARD, number + 1, encode_changes(changes)),
        )

    def _trim(self, seq: int, number: int) -> None:
        self._database.change(
            "DELETE FROM {s}.log WHERE shard = %s AND last_seq <= %s", (SHARD, seq)
        )
        self._database.change(
            "DELETE FROM {s}.slices WHERE shard = %s AND number <= %s",
            (SHARD, number - SLICES_KEPT),
        )

    def _make(self, changes: Sequence[Change]) -> None:
        puts: dict[tuple[str, bytes], bytes] = {}
        deletes: set[tuple[str, bytes]] = set()
        for change in changes:
            table = change.table.value
            match change:
                case Put(key=key, value=value):
                    puts[table, key] = value
                    deletes.discard((table, key))
                case Delete(key=key):
                    puts.pop((table, key), None)
                    deletes.add((table, key))
                case DeleteRange(start=start, stop=stop):
                    for known in [one for one in puts if _is_within(one, table, start, stop)]:
                        del puts[known]
                    self._delete_range(table, start, stop)
        if deletes:
            tables, keys = zip(*deletes, strict=True)
            self._database.change(
                "DELETE FROM {s}.rows USING unnest(%b::text[], %b::bytea[]) AS gone(tbl, key) "
                "WHERE rows.shard = %s AND rows.tbl = gone.tbl AND rows.key = gone.key",
                ([*tables], [*keys], SHARD),
            )
        if puts:
            tables, keys = zip(*puts, strict=True)
            self._database.change(
                "INSERT INTO {s}.rows SELECT %s, put.tbl, put.key, put.value "
                "FROM unnest(%b::text[], %b::bytea[], %b::bytea[]) AS put(tbl, key, value) "
                "ON CONFLICT (shard, tbl, key) DO UPDATE SET value = excluded.value",
                (SHARD, [*tables], [*keys], [*puts.values()]),
            )

    def _delete_range(self, table: str, start: bytes, stop: bytes | None) -> None:
        text = "DELETE FROM {s}.rows WHERE shard = %s AND tbl = %s AND key >= %b"
        if stop is None:
            self._database.change(text, (SHARD, table, start))
        else:
            self._database.change(text + " AND key < %b", (SHARD, table, start, stop))


def _is_within(known: tuple[str, bytes], table: str, start: bytes, stop: bytes | None) -> bool:
    name, key = known
    return name == table and key >= start and (stop is None or key < stop)
