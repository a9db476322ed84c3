"""Making the tables of a journal, and looking at what is there."""

import uuid
from typing import Any, Final, final

import psycopg

from chargehand.actors.frozen import frozen
from chargehand.actors.ports import StorageError
from chargehand.persistence.layout import first_rows
from chargehand.persistence.postgres.address import JournalAddress
from chargehand.persistence.postgres.connection import connect, said
from chargehand.persistence.postgres.statements import FORMAT, SHARD, Statements

_FIND: Final = "SELECT to_regclass(%s) IS NOT NULL"
_READ: Final = "SELECT journal, format, epoch, head, node FROM {s}.shard WHERE id = %s"


@final
@frozen
class Found:
    """What a database says of the journal in it.

    Args:
        journal: tells it from all others; a copy of the database has the same.
        head: the last number of its log.
        node: the name of who wrote last; empty once that has stepped down.
    """

    journal: str
    epoch: int
    head: int
    node: str


def create(address: JournalAddress) -> Found:
    """Make an empty journal: all tables, or none.

    Raises:
        StorageError: there is one already, or the database does not let us.
    """
    try:
        with connect(address) as connection:
            try:
                if _exists(connection, address):
                    raise StorageError(f"there is a journal at {address} already")
                _make(connection, address.schema)
                return _found(connection, address)
            except psycopg.errors.InsufficientPrivilege as error:
                granted = _grant(connection, address.schema)
                raise StorageError(
                    f"no journal could be made in schema {address.schema} at {address}: "
                    f"{said(error)}: let an administrator run, in this database: {granted}"
                ) from error
    except psycopg.Error as error:
        raise StorageError(f"no journal could be made at {address}: {said(error)}") from error


def find(address: JournalAddress) -> Found:
    """What is there.

    Raises:
        StorageError: no journal, or one of a format that this version does not read; or the
            database cannot be reached.
    """
    try:
        with connect(address) as connection:
            if not _exists(connection, address):
                raise StorageError(
                    f"there is no journal at {address} (next: chargehand journal init)"
                )
            return _found(connection, address)
    except psycopg.Error as error:
        raise StorageError(f"the journal at {address} cannot be read: {said(error)}") from error


def _make(connection: psycopg.Connection[Any], schema: str) -> None:
    with connection.transaction():
        # A role that owns its schema, and nothing else, may not make one, even if it is there.
        if not _has(connection, schema):
            connection.execute(f"CREATE SCHEMA {schema}")
        for text in Statements.of(schema).tables:
            connection.execute(text)
        connection.execute(
            f"INSERT INTO {schema}.shard VALUES (%s, %s, %s, 0, 0, 0, '', '', '', 0)",
            (SHARD, uuid.uuid4(), FORMAT),
        )
        connection.execute(f"INSERT INTO {schema}.fold VALUES (%s, 0, 0)", (SHARD,))
        for row in first_rows():
            connection.execute(
                f"INSERT INTO {schema}.rows VALUES (%s, %s, %b, %b)",
                (SHARD, row.table.value, row.key, row.value),
            )


def _has(connection: psycopg.Connection[Any], schema: str) -> bool:
    there = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (schema,))
    return there.fetchone() is not None


def _grant(connection: psycopg.Connection[Any], schema: str) -> str:
    """What lets the role make a journal."""
    row = connection.execute("SELECT quote_ident(current_user)").fetchone()
    assert row is not None, "it is one value"
    if _has(connection, schema):
        return f"GRANT USAGE, CREATE ON SCHEMA {schema} TO {row[0]}"
    return f"CREATE SCHEMA {schema} AUTHORIZATION {row[0]}"


def _exists(connection: psycopg.Connection[Any], address: JournalAddress) -> bool:
    row = connection.execute(_FIND, (f"{address.schema}.shard",)).fetchone()
    assert row is not None, "it is one value"
    return bool(row[0])


def _found(connection: psycopg.Connection[Any], address: JournalAddress) -> Found:
    row = connection.execute(_READ.format(s=address.schema), (SHARD,)).fetchone()
    if row is None:
        raise StorageError(f"the tables at {address} hold no journal")
    journal, version, epoch, head, node = row
    if version != FORMAT:
        raise StorageError(
            f"the journal at {address} has format {version}, this version reads {FORMAT}: "
            "start the version that wrote it"
        )
    return Found(str(journal), epoch, head, node)
