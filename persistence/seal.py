"""Small values with a checksum, which covers where they stand as well as what they say.

    offset  size  field
         0     1  0xFF
         1     4  CRC-32 of table, key and text
         5     …  text

A former version kept the text alone. It begins with a letter, a digit or a bracket, so one flipped
bit never makes the one kind look like the other.
"""

from typing import Final
from zlib import crc32

from chargehand.actors.ports import DamagedError
from chargehand.persistence.store import Table

_MARK: Final = b"\xff"
_BEGINS: Final = 5


def seal(table: Table, key: bytes, text: bytes) -> bytes:
    """The value that holds `text` under `key`."""
    return _MARK + _crc(table, key, text) + text


def unseal(table: Table, key: bytes, value: bytes | memoryview) -> bytes:
    """The text.

    Raises:
        DamagedError: it fails its checksum.
    """
    found = bytes(value)
    if found[:1] == b"[" or found[:1].isalnum():
        return found
    text = found[_BEGINS:]
    if found[:1] != _MARK or found[1:_BEGINS] != _crc(table, key, text):
        raise DamagedError(f"a row of {table.value} fails its checksum")
    return text


def unsealed_as_found(value: bytes) -> bytes:
    """The text of a damaged value, to be believed only where something else says the same."""
    return value[_BEGINS:]


def _crc(table: Table, key: bytes, text: bytes) -> bytes:
    return crc32(text, crc32(key, crc32(table.value.encode()))).to_bytes(4)
