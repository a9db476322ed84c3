"""The log and the tables in the database: read by whoever follows, folded by the active node.

Folding has a connection and a fence of its own, so that no append waits behind a slice.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, final

import psycopg

from chargehand.actors.frozen import frozen
from chargehand.actors.ports import StorageError
from chargehand.persistence.postgres.address import JournalAddress
from chargehand.persistence.postgres.link import SHARD, connect
from chargehand.persistence.replicated.changes import encode_changes
from chargehand.persistence.store import Change, Delete, DeleteRange, Put, Table

SLICES_KEPT: Final = 1024
"""Who is behind more of them copies the tables anew."""


@final
@frozen
class LogValue:
    """Some records as they were appended together."""

    first_seq: int
    last_seq: int
    frames: bytes


class FencedError(StorageError):
    """Raised when the tables belong to a later epoch. Nothing was changed."""


@final
class FarTables:
    """Used by one thread. What is lost on the way raises `psycopg.Error`."""

    def __init__(self, address: JournalAddress) -> None:
        self._address = address
        self._connection: psycopg.Connection[Any] | None = None
        self._warnings: list[str] = []

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # --- reading --------------------------------------------------------------------------------

    def log_after(self, seq: int, count: int) -> list[LogValue]:
        """Up to `count` values of the log with a number above `seq`, in order."""
        found = self._read(
            "SELECT first_seq, last_seq, frames FROM {s}.log WHERE shard = %s AND first_seq > %s "
            "ORDER BY first_seq LIMIT %s",
            (SHARD, seq, count),
        )
        return [LogValue(first, last, frames) for first, last, frames in found]

    def slice_number(self) -> int:
        """How many slices there were."""
        [(number,)] = self._read("SELECT slice FROM {s}.fold WHERE shard = %s", (SHARD,))
        return int(number)

    def slices_after(self, number: int, count: int) -> list[tuple[int, bytes]]:
        """Up to `count` slices behind that one that are kept, in order, with their numbers."""
        found = self._read(
            "SELECT number, changes FROM {s}.slices WHERE shard = %s AND number > %s "
            "ORDER BY number LIMIT %s",
            (SHARD, number, count),
        )
        return [(one, changes) for one, changes in found]

    def page(self, table: Table, after: bytes, count: int) -> list[tuple[bytes, bytes]]:
        """Up to `count` keys of a table behind `after`, with their values."""
        found = self._read(
            "SELECT key, value FROM {s}.rows WHERE shard = %s AND tbl = %s AND key > %b "
            "ORDER BY key LIMIT %s",
            (SHARD, table.value, after, count),
        )
        return [(key, value) for key, value in found]

    def _read(self, text: str, values: tuple[object, ...]) -> Iterable[tuple[Any, ...]]:
        connection = self._connected()
        return connection.execute(self._named(text), values, binary=True).fetchall()

    # --- folding --------------------------------------------------------------------------------

    def fold(
        self, epoch: int, number: int, changes: Sequence[Change], trim_to: int | None = None
    ) -> None:
        """Make the slice that follows `number`, all of it or nothing.

        Args:
            trim_to: the checkpoint that counts from now on: the log up to it goes.

        Raises:
            FencedError: of another epoch, or another slice follows.
            psycopg.Error: it may have been made, or not.
        """
        connection = self._connected()
        self._warnings.clear()
        with connection.transaction():
            moved = self._execute(
                "UPDATE {s}.fold SET slice = slice + 1 "
                "WHERE shard = %s AND epoch = %s AND slice = %s",
                (SHARD, epoch, number),
            )
            if not moved:
                raise FencedError(
                    f"the tables are not of epoch {epoch} and slice {number} any more"
                )
            self._execute(
                "INSERT INTO {s}.slices VALUES (%s, %s, %b)",
                (SHARD, number + 1, encode_changes(changes)),
            )
            self._make(changes)
            if trim_to is not None:
                self._execute(
                    "DELETE FROM {s}.log WHERE shard = %s AND first_seq <= %s", (SHARD, trim_to)
                )
                self._execute(
                    "DELETE FROM {s}.slices WHERE shard = %s AND number <= %s",
                    (SHARD, number - SLICES_KEPT),
                )
        if self._warnings:
            raise psycopg.OperationalError("; ".join(self._warnings))

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
            self._execute(
                "DELETE FROM {s}.rows USING unnest(%b::text[], %b::bytea[]) AS gone(tbl, key) "
                "WHERE rows.shard = %s AND rows.tbl = gone.tbl AND rows.key = gone.key",
                ([*tables], [*keys], SHARD),
            )
        if puts:
            tables, keys = zip(*puts, strict=True)
            self._execute(
                "INSERT INTO {s}.rows SELECT %s, put.tbl, put.key, put.value "
                "FROM unnest(%b::text[], %b::bytea[], %b::bytea[]) AS put(tbl, key, value) "
                "ON CONFLICT (shard, tbl, key) DO UPDATE SET value = excluded.value",
                (SHARD, [*tables], [*keys], [*puts.values()]),
            )

    def _delete_range(self, table: str, start: bytes, stop: bytes | None) -> None:
        text = "DELETE FROM {s}.rows WHERE shard = %s AND tbl = %s AND key >= %b"
        if stop is None:
            self._execute(text, (SHARD, table, start))
        else:
            self._execute(text + " AND key < %b", (SHARD, table, start, stop))

    def _execute(self, text: str, values: tuple[object, ...]) -> int:
        return self._connected().execute(self._named(text), values).rowcount

    def _named(self, text: str) -> str:
        return text.format(s=self._address.schema)

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._address, self._warnings.append)
        return self._connection


def _is_within(known: tuple[str, bytes], table: str, start: bytes, stop: bytes | None) -> bool:
    name, key = known
    return name == table and key >= start and (stop is None or key < stop)
