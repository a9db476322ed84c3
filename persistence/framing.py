"""The frame around a record: checksum, version, sequence and address in front of the body.

    offset  size  field
         0     4  CRC-32 of everything behind it
         4     1  version of the body's encoding
         5     2  bytes of the address
         7     4  events: how many numbers of the sequence the record takes
        11     4  bytes of the body
        15     8  sequence number of the first event
        23     …  address (UTF-8), body

All numbers are big-endian. Frames stand one after another in a chunk of a timeline and in a value
of the log. Behind those of a log value stands a directory, so that one that is damaged still has
its address and its numbers, and those behind it are found:

       …  of each frame what stands between its checksum and its body
       4  bytes of that
       4  CRC-32 of both
       4  "CHD2"

A value without it was written by a former version: it ends with the body of a record, which is JSON
and ends with a bracket. So one flipped bit never makes the one kind look like the other.
"""

from collections.abc import Iterator, Sequence
from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

from chargehand.actors.ports import DamagedError, StorageError

VERSION: Final = 1
ADDRESS_BYTES_MAX: Final = 400  # with a sequence behind it, within the 511 bytes of an LMDB key

_CRC = Struct(">I")
_FIELDS = Struct(">BHIIQ")
_HEADER_BYTES = _CRC.size + _FIELDS.size
_EVENTS_AND_SEQ = Struct(">I4xQ")
_EVENTS_OFFSET = 7
_MAGIC = b"CHD2"
_TRAILER_BYTES = 4 + _CRC.size + len(_MAGIC)


class Frame(NamedTuple):
    """A verified frame. `body` is a view into the buffer that was read."""

    seq: int
    last_seq: int
    address: str
    body: memoryview


class BadFrame(NamedTuple):
    """A frame that fails its checksum.

    Args:
        certain: the address is verified; else it is what the damaged frame itself says.
        raw: as it was found.
    """

    seq: int
    last_seq: int
    address: str
    certain: bool
    raw: bytes


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


def log_value(batch: Sequence[bytes]) -> bytes:
    """The value of the log that holds these frames, in order."""
    directory = b"".join(
        [frame[_CRC.size : _HEADER_BYTES + (frame[5] << 8 | frame[6])] for frame in batch]
    )
    size = len(directory).to_bytes(4)
    crc = _CRC.pack(crc32(size, crc32(directory)))
    return b"".join((*batch, directory, size, crc, _MAGIC))


def frames(buffer: bytes | memoryview) -> Iterator[Frame]:
    """The frames of a timeline chunk, each verified.

    Raises:
        DamagedError: a frame is cut short, or its checksum is wrong.
        StorageError: a newer version wrote it.
    """
    view = memoryview(buffer)
    start, seq = 0, 0
    while start < len(view):
        found = _verified(view, start)
        if found is None:
            which = f"the record after number {seq}" if seq else "the first record"
            raise DamagedError(f"{which} fails its checksum")
        frame, start = found
        seq = frame.last_seq
        yield frame


def log_frames(first_seq: int, buffer: bytes | memoryview) -> Iterator[Frame | BadFrame]:
    """The frames of a value of the log, in order.

    Args:
        first_seq: the number that the value stands under.

    Raises:
        DamagedError: it cannot be known which records the value holds.
        StorageError: a newer version wrote it.
    """
    view = memoryview(buffer)
    directory = _directory(view)
    if directory is None:
        yield from _walked(first_seq, view)
        return
    start = 0
    for header, address, body_bytes, seq, last_seq in directory:
        end = start + _CRC.size + len(header) + body_bytes
        found = _verified(view, start)
        if (
            found is None
            or found[1] != end
            or view[start + _CRC.size : end][: len(header)] != header
        ):
            yield BadFrame(seq, last_seq, address, True, bytes(view[start:end]))
        else:
            yield found[0]
        start = end


def is_whole(buffer: bytes | memoryview) -> bool:
    """Whether a value of the log has a sound directory, or is of a former version."""
    view = memoryview(buffer)
    return bytes(view[-1:]) == b"]" or _directory(view) is not None


class _Listed(NamedTuple):
    header: memoryview
    address: str
    body_bytes: int
    seq: int
    last_seq: int


def _directory(view: memoryview) -> list[_Listed] | None:
    """What a log value says of its frames; None without a sound directory."""
    if len(view) < _TRAILER_BYTES or view[-len(_MAGIC) :] != _MAGIC:
        return None
    end = len(view) - _TRAILER_BYTES
    at = end - int.from_bytes(view[end : end + 4])
    (crc,) = _CRC.unpack_from(view, end + 4)
    if at < 0 or crc32(view[at : end + 4]) != crc:
        return None
    start, listed = at, []
    while at < end:
        version, address_bytes, events, body_bytes, seq = _FIELDS.unpack_from(view, at)
        _check_version(version, events, seq)
        header = view[at : at + _FIELDS.size + address_bytes]
        address = str(header[_FIELDS.size :], "utf-8")
        listed.append(_Listed(header, address, body_bytes, seq, seq + events - 1))
        at += len(header)
    lengths = sum(_CRC.size + len(one.header) + one.body_bytes for one in listed)
    return listed if lengths == start else None


def _walked(first_seq: int, view: memoryview) -> Iterator[Frame | BadFrame]:
    """Frame by frame, without a directory."""
    start, seq, headers = 0, first_seq, 0
    while start < len(view):
        found = _verified(view, start)
        if found is not None:
            frame, end = found
            headers += end - start - _CRC.size - len(frame.body)
            seq = frame.last_seq + 1
            yield frame
        elif headers and len(view) - start == headers + _TRAILER_BYTES:
            return  # the directory itself is what is damaged
        else:
            behind = _next_sound(view, start)
            if behind is None:
                raise DamagedError(f"the records of the log from number {seq} on are unreadable")
            end = behind
            last_seq = _FIELDS.unpack_from(view, end + _CRC.size)[-1] - 1
            address = view[start + _HEADER_BYTES :][: view[start + 5] << 8 | view[start + 6]]
            raw = bytes(view[start:end])
            yield BadFrame(seq, last_seq, bytes(address).decode("utf-8", "replace"), False, raw)
            seq = last_seq + 1
        start = end


def _next_sound(view: memoryview, start: int) -> int | None:
    """Where the frame behind a damaged one begins, if the damaged one still says its length."""
    if len(view) - start < _HEADER_BYTES:
        return None
    _, address_bytes, _, body_bytes, _ = _FIELDS.unpack_from(view, start + _CRC.size)
    end: int = start + _HEADER_BYTES + address_bytes + body_bytes
    return end if end < len(view) and _verified(view, end) is not None else None


def _verified(view: memoryview, start: int) -> tuple[Frame, int] | None:
    """The frame that begins at `start` and where it ends; None if it is not sound."""
    if len(view) - start < _HEADER_BYTES:
        return None
    (crc,) = _CRC.unpack_from(view, start)
    version, address_bytes, events, body_bytes, seq = _FIELDS.unpack_from(view, start + _CRC.size)
    body_start = start + _HEADER_BYTES + address_bytes
    end: int = body_start + body_bytes
    if end > len(view) or crc32(view[start + _CRC.size : end]) != crc:
        return None
    _check_version(version, events, seq)
    address = str(view[start + _HEADER_BYTES : body_start], "utf-8")
    return Frame(seq, seq + events - 1, address, view[body_start:end]), end


def _check_version(version: int, events: int, seq: int) -> None:
    if version != VERSION or not events:
        raise StorageError(f"the record at number {seq} has unknown version {version}")
