"""Numbers that a store says of itself, each with its checksum."""

from zlib import crc32

from chargehand.actors.ports import DamagedError
from chargehand.persistence.store import Store, Table


def stored_number(store: Store, key: bytes) -> int:
    """Raises DamagedError: it is missing, or fails its checksum."""
    value = store.get(Table.META, key)
    if value is None:
        raise DamagedError(f"{key.decode()} is missing")
    return decode_number(key, value)


def decode_number(key: bytes, value: bytes) -> int:
    """Eight bytes, and behind them their checksum; a former version left that out.

    Raises DamagedError.
    """
    number = int.from_bytes(value[:8])
    if len(value) != 8 and value != encode_number(key, number):
        raise DamagedError(f"{key.decode()} fails its checksum")
    return number


def encode_number(key: bytes, number: int) -> bytes:
    plain = number.to_bytes(8)
    return plain + crc32(key + plain).to_bytes(4)
