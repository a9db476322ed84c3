"""The frame around a record: checksum, version, sequence and address in front of the body.

    offset  size  field
         0     4  CRC-32 of everything behind it
         4     1  version of the body's encoding
         5     2  bytes of the address
         7     4  events: how many numbers of the sequence the record takes
        11     4  bytes of the body
        15     8  sequence number of the first event
        23     …  address (UTF-8), body

All numbers are big-endian. Frames stand one after another in a value of the log and in a chunk of
a timeline, so a fault in one makes everything behind it in the same value unreadable.
"""

from collections.abc import Iterator
from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

from actors.ports import DamagedError, StorageError

VERSION: Final = 1
ADDRESS_BYTES_MAX: Final = 400  # with a sequence behind it, within the 511 bytes of an LMDB key

_CRC = Struct(">I")
_FIELDS = Struct(">BHIIQ")
_HEADER_BYTES = _CRC.size + _FIELDS.size
_EVENTS_AND_SEQ = Struct(">I4xQ")
_EVENTS_OFFSET = 7


class Frame(NamedTuple):
    """A verified frame. `body` is a view into the buffer that was read."""

    seq: int
    last_seq: int
    address: str
    body: memoryview


def address_bytes(address: str) -> bytes | None:
    """The address as keys and frames hold it; None if no record can have it.

    The NUL byte ends an address in the keys of timelines.
    """
    try:
        encoded = address.encode()
    except UnicodeEncodeError:
        return None
    return encoded if 0 < len(encoded) <= ADDRESS_BYTES_MAX and b"\0" not in encoded else None


def sequence_key(seq: int) -> bytes:
    """Big-endian, so that the order of keys is the order of numbers."""
    return seq.to_bytes(8)


def encode_frame(seq: int, events: int, address: bytes, body: bytes) -> bytes:
    """The frame of one record. Returns a copy of the exact size."""
    rest = b"".join((_FIELDS.pack(VERSION, len(address), events, len(body), seq), address, body))
    return _CRC.pack(crc32(rest)) + rest


def span(frame: bytes) -> tuple[int, int]:
    """The first and the last number of a frame that this process encoded or verified."""
    events, seq = _EVENTS_AND_SEQ.unpack_from(frame, _EVENTS_OFFSET)
    return seq, seq + events - 1


def frames(buffer: bytes | memoryview) -> Iterator[Frame]:
    """The frames of a log value or timeline chunk, each verified.

    Raises:
        StorageError: a frame is cut short, its checksum is wrong, or a newer version wrote it.
    """
    view = memoryview(buffer)
    start, seq = 0, 0
    while start < len(view):
        if len(view) - start < _HEADER_BYTES:
            raise DamagedError(f"the record behind number {seq} is cut short")
        (crc,) = _CRC.unpack_from(view, start)
        fields = _FIELDS.unpack_from(view, start + _CRC.size)
        version, address_bytes, events, body_bytes, seq = fields
        body_start = start + _HEADER_BYTES + address_bytes
        end = body_start + body_bytes
        if end > len(view) or crc32(view[start + _CRC.size : end]) != crc:
            raise DamagedError(f"the record at number {seq} fails its checksum")
        if version != VERSION or not events:
            raise StorageError(f"the record at number {seq} has unknown version {version}")
        address = str(view[start + _HEADER_BYTES : body_start], "utf-8")
        yield Frame(seq, seq + events - 1, address, view[body_start:end])
        start = end
