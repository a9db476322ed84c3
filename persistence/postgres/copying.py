"""Copies a whole journal from a data directory into a database, or back; each copy is read back and
compared."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, final

import psycopg

from chargehand.actors.frozen import frozen
from chargehand.actors.ports import StorageError
from chargehand.persistence.framing import log_frames, sequence_key
from chargehand.persistence.layout import FORMAT, check_layout, checkpoint_seq
from chargehand.persistence.lmdb_store import DATA_FILE, LmdbStore
from chargehand.persistence.postgres.address import JournalAddress
from chargehand.persistence.postgres.connection import connect, said
from chargehand.persistence.postgres.link import ShardLink
from chargehand.persistence.postgres.schema import find
from chargehand.persistence.postgres.statements import SHARD
from chargehand.persistence.postgres.tables import PostgresTables
from chargehand.persistence.recovery import log_last_seq
from chargehand.persistence.replicated.shard import (
    NOBODY,
    Done,
    Found,
    Look,
    Owner,
    Release,
    Take,
)
from chargehand.persistence.store import Put, Store, Table

ROWS_MAX: Final = 512
_OWN_KEYS: Final = frozenset({b"epoch", b"replica"})
"""What a store says of itself alone."""

Rows = Iterator[tuple[Table, bytes, bytes]]


@final
@frozen
class Copied:
    """Args: rows: how many, those of the log included. digest: SHA-256 over all of them."""

    rows: int
    head: int
    digest: str


def to_database(directory: Path, address: JournalAddress) -> Copied:
    """Fill an empty journal with what a data directory has, which no server may have open.

    Raises:
        StorageError: either is not what it must be, or the copy differs. The database is empty
            then, or says so.
    """
    target = find(address)
    if target.head or target.epoch:
        raise StorageError(f"the journal at {address} has been used: copy into a new one")
    store = LmdbStore(directory, read_only=True)
    try:
        if check_layout(store) != FORMAT:
            raise StorageError(
                f"{directory} has a former format: start the server on it once, and stop it"
            )
        head = max(checkpoint_seq(store), log_last_seq(store))
        counted = _Counted(_rows_of_store(store))
        try:
            with connect(address) as connection, connection.transaction():
                _fill(connection, address.schema, counted)
                _set_head(connection, address, head)
        except psycopg.Error as error:
            raise StorageError(f"the copy failed: {said(error)}") from error
        return _compared(counted, _rows_of_database(address), head)
    finally:
        store.close()


def to_directory(address: JournalAddress, directory: Path) -> Copied:
    """Make a data directory of what a journal has, which no node may be writing.

    Raises:
        StorageError: either is not what it must be, or the copy differs.
    """
    if (directory / DATA_FILE).exists():
        raise StorageError(f"{directory} holds data already: copy into a new one")
    find(address)
    with _held(address) as head:
        store = LmdbStore(directory)
        try:
            counted = _Counted(_rows_of_database(address))
            for rows in _batches(counted):
                store.commit([Put(*row) for row in rows])
            return _compared(counted, _rows_of_store(store), head)
        finally:
            store.close()


@contextmanager
def _held(address: JournalAddress) -> Iterator[int]:
    """The head of the journal, which nobody else writes meanwhile."""
    link, owner = ShardLink(address, unreplicated=True), Owner("a copy", "a copy")
    try:
        seen = link.ask(Look())
        if not isinstance(seen, Found):
            raise StorageError("the journal cannot be read")
        if seen.row.owner != NOBODY:
            raise StorageError(
                f"node {seen.row.owner.node} writes the journal: stop all nodes first"
            )
        taken = link.ask(Take(seen.row, owner))
        if not isinstance(taken, Done):
            raise StorageError("a node has begun to write the journal: stop all nodes first")
        try:
            yield taken.row.head
        finally:
            link.ask(Release(taken.row.epoch, owner))
    finally:
        link.drop()


def _rows_of_store(store: Store) -> Rows:
    for table in Table:
        start = b""
        while page := store.page(table, start, ROWS_MAX):
            for key, value in page:
                if table is not Table.META or key not in _OWN_KEYS:
                    yield table, key, value
            start = page[-1][0] + b"\0"


def _rows_of_database(address: JournalAddress) -> Rows:
    tables = PostgresTables(address)
    try:
        for table in Table:
            if table is Table.LOG:
                yield from _log_of(tables)
                continue
            after = b""
            while page := tables.page(table, after, ROWS_MAX):
                for key, value in page:
                    yield table, key, value
                after = page[-1][0]
    finally:
        tables.close()


def _log_of(tables: PostgresTables) -> Rows:
    seq = 0
    while values := tables.log_after(seq, ROWS_MAX):
        for one in values:
            yield Table.LOG, sequence_key(one.first_seq), one.value
        seq = values[-1].last_seq


@final
class _Counted:
    """Rows, counted and digested as they pass."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._digest = hashlib.sha256()
        self.count = 0

    def __iter__(self) -> Rows:
        for table, key, value in self._rows:
            self.count += 1
            head = f"{table.value} {len(key)} {len(value)}\n".encode()
            self._digest.update(head + key + value)
            yield table, key, value

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()


def _compared(written: _Counted, read_back: Rows, head: int) -> Copied:
    found = _Counted(read_back)
    for _ in found:
        pass
    if (found.count, found.digest) != (written.count, written.digest):
        raise StorageError(
            f"the copy differs: {written.count} rows were written, and {found.count} are there"
        )
    return Copied(written.count, head, written.digest)


def _batches(rows: Iterable[tuple[Table, bytes, bytes]]) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for row in rows:
        batch.append(row)
        if len(batch) == ROWS_MAX:
            yield batch
            batch = []
    if batch:
        yield batch


def _fill(connection: psycopg.Connection[Any], schema: str, rows: _Counted) -> None:
    """Into the tables of a journal in which there is what an empty one has."""
    connection.execute(f"DELETE FROM {schema}.rows WHERE shard = %s", (SHARD,))
    into_rows = f"INSERT INTO {schema}.rows VALUES (%s, %s, %b, %b)"
    into_log = f"INSERT INTO {schema}.log VALUES (%s, %s, %s, %b)"
    with connection.cursor() as cursor:
        for batch in _batches(rows):
            log = [row for row in batch if row[0] is Table.LOG]
            others = [row for row in batch if row[0] is not Table.LOG]
            cursor.executemany(
                into_rows, [(SHARD, table.value, key, value) for table, key, value in others]
            )
            cursor.executemany(into_log, [_log_row(key, value) for _, key, value in log])


def _log_row(key: bytes, value: bytes) -> tuple[int, int, int, bytes]:
    first = int.from_bytes(key)
    return SHARD, first, max(frame.last_seq for frame in log_frames(first, value)), value


def _set_head(connection: psycopg.Connection[Any], address: JournalAddress, head: int) -> None:
    changed = connection.execute(
        f"UPDATE {address.schema}.shard SET head = %s WHERE id = %s AND epoch = 0 AND head = 0",
        (head, SHARD),
    ).rowcount
    if not changed:
        raise StorageError(f"a node has begun to use the journal at {address}: stop it first")
