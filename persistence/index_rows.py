"""Index rows as the tables keep them: keys of any length and any characters.

LMDB's keys end at 511 bytes, an idempotency key may be longer. So a key that is short is kept as it
is behind `=`, a longer one as its BLAKE2b digest of 32 bytes behind `#`; the two never meet.
"""

from hashlib import blake2b
from typing import Final, NamedTuple

from actors.ports import (
    KEYS_TABLE,
    ONCE_TABLE,
    REVIEWS_TABLE,
    RUNS_TABLE,
    SUBSCRIPTIONS_TABLE,
    DamagedError,
    DamagedRowError,
    StorageError,
    UnwritableError,
)
from persistence.seal import seal, unseal, unsealed_as_found
from persistence.store import Put, Table

PLAIN_KEY_BYTES_MAX: Final = 400

_TABLES = {
    RUNS_TABLE: Table.RUNS,
    REVIEWS_TABLE: Table.REVIEWS,
    KEYS_TABLE: Table.KEYS,
    ONCE_TABLE: Table.ONCE,
    SUBSCRIPTIONS_TABLE: Table.SUBSCRIPTIONS,
}


class Row(NamedTuple):
    """A row that an entry brought, by the names of the port."""

    table: str
    key: str
    value: str


def row_table(name: str) -> Table:
    """Raises StorageError if the port knows no such table."""
    try:
        return _TABLES[name]
    except KeyError:
        raise StorageError(f"there is no index table {name!r}") from None


def row_key(key: str) -> bytes:
    """Raises UnwritableError if the key has no UTF-8 form."""
    try:
        plain = key.encode()
    except UnicodeEncodeError as error:
        raise UnwritableError(f"an index key cannot be written: {error}") from error
    if len(plain) <= PLAIN_KEY_BYTES_MAX:
        return b"=" + plain
    return b"#" + blake2b(plain, digest_size=32).digest()


def encode_row(row: Row) -> Put:
    """The change that stores a row.

    Raises:
        UnwritableError: key or value has no UTF-8 form.
        StorageError: there is no such table.
    """
    table, key = row_table(row.table), row_key(row.key)
    try:
        return Put(table, key, seal(table, key, row.value.encode()))
    except UnicodeEncodeError as error:
        raise UnwritableError(f"an index value cannot be written: {error}") from error


def decode_row(table: str, key: str, value: bytes) -> str:
    """The value of a row.

    Raises:
        DamagedRowError: it fails its checksum.
    """
    try:
        return unseal(row_table(table), row_key(key), value).decode()
    except (DamagedError, UnicodeDecodeError) as error:
        cause = f"its row in the index of {table} is damaged"
        raise DamagedRowError(cause, unsealed_as_found(value)) from error
