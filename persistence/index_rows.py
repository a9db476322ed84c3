"""Index rows as the tables keep them: keys of any length and any characters.

LMDB's keys end at 511 bytes, an idempotency key may be longer. So a key that is short is kept as it
is behind `=`, a longer one as its BLAKE2b digest of 32 bytes behind `#`; the two never meet.
"""

from hashlib import blake2b
from typing import Final

from chargehand.actors.ports import DamagedError, DamagedRowError, UnwritableError
from chargehand.actors.record import IndexRow, IndexTable
from chargehand.persistence.seal import seal, unseal, unsealed_as_found
from chargehand.persistence.store import Put, Table

PLAIN_KEY_BYTES_MAX: Final = 400

INDEX_TABLES: Final = {table: Table(table.value) for table in IndexTable}


def row_key(key: str) -> bytes:
    """Raises UnwritableError if the key has no UTF-8 form."""
    try:
        plain = key.encode()
    except UnicodeEncodeError as error:
        raise UnwritableError(f"an index key cannot be written: {error}") from error
    if len(plain) <= PLAIN_KEY_BYTES_MAX:
        return b"=" + plain
    return b"#" + blake2b(plain, digest_size=32).digest()


def encode_row(row: IndexRow) -> Put:
    """The change that stores a row.

    Raises:
        UnwritableError: key or value has no UTF-8 form.
    """
    table, key = INDEX_TABLES[row.table], row_key(row.key)
    try:
        return Put(table, key, seal(table, key, row.value.encode()))
    except UnicodeEncodeError as error:
        raise UnwritableError(f"an index value cannot be written: {error}") from error


def decode_row(table: IndexTable, key: str, value: bytes) -> str:
    """The value of a row.

    Raises:
        DamagedRowError: it fails its checksum.
    """
    try:
        return unseal(INDEX_TABLES[table], row_key(key), value).decode()
    except (DamagedError, UnicodeDecodeError) as error:
        cause = f"its row in the index of {table.value} is damaged"
        raise DamagedRowError(cause, unsealed_as_found(value)) from error
