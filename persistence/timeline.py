"""Timelines: the folded records of one address, in chunks.

A checkpoint writes all that is new of an address as one chunk. A checkpoint that a crash cut short
leaves chunks behind `checkpoint_seq`; nobody reads them, for the log still holds their records, and
the next checkpoint writes them anew under the same keys.
"""

from collections.abc import Iterator, Sequence
from typing import Final, final

from chargehand.actors.ports import DamagedError
from chargehand.actors.record import Record
from chargehand.persistence.codec import decode_record
from chargehand.persistence.framing import Frame, address_bytes, frames, sequence_key, span
from chargehand.persistence.store import DeleteRange, Put, Store, Table

CHUNKS_READ_MAX: Final = 16  # in one read transaction


@final
class Timelines:
    """Reads the chunks of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def after(
        self, address: str, after_seq: int, checkpoint_seq: int, limit: int | None
    ) -> list[Record]:
        """The first `limit` records up to `checkpoint_seq` with a number above `after_seq`."""
        records: list[Record] = []
        prefix = address_bytes(address)
        if prefix is None or after_seq >= checkpoint_seq:
            return records
        for chunk in self._chunks_from(prefix, max(after_seq, 0), checkpoint_seq):
            for frame in _frames_of(address, chunk):
                if len(records) == limit:
                    return records
                if frame.last_seq > after_seq:
                    records.append(decode_record(frame))
        return records

    def latest(self, address: str, count: int, checkpoint_seq: int) -> list[Record]:
        """The last `count` records up to `checkpoint_seq`, in order."""
        prefix = address_bytes(address)
        if prefix is None or count <= 0:
            return []
        newest_first: list[Record] = []
        for chunk in self._chunks_backwards(prefix, checkpoint_seq):
            wanted = count - len(newest_first)
            newest_first += map(decode_record, reversed([*_frames_of(address, chunk)][-wanted:]))
            if len(newest_first) == count:
                break
        return newest_first[::-1]

    def _chunks_from(self, prefix: bytes, after_seq: int, checkpoint_seq: int) -> Iterator[bytes]:
        start, stop = _chunk_key(prefix, after_seq + 1), _chunk_key(prefix, checkpoint_seq + 1)
        # The chunk before may reach beyond `after_seq`.
        for key, _ in self._store.scan(
            Table.TIMELINE, _chunk_key(prefix, 0), start, 1, len, reverse=True
        ):
            start = key
        while page := self._store.scan(Table.TIMELINE, start, stop, CHUNKS_READ_MAX, bytes):
            yield from (chunk for _, chunk in page)
            start = page[-1][0] + b"\0"

    def _chunks_backwards(self, prefix: bytes, checkpoint_seq: int) -> Iterator[bytes]:
        start, stop = _chunk_key(prefix, 0), _chunk_key(prefix, checkpoint_seq + 1)
        while page := self._store.scan(
            Table.TIMELINE, start, stop, CHUNKS_READ_MAX, bytes, reverse=True
        ):
            yield from (chunk for _, chunk in page)
            stop = page[-1][0]


def _frames_of(address: str, chunk: bytes) -> Iterator[Frame]:
    """Raises DamagedError if the chunk is damaged, or is another's."""
    for frame in frames(chunk):
        if frame.address != address:
            raise DamagedError(f"record {frame.seq} of another address stands in its timeline")
        yield frame


def chunk_of(address: bytes, tail: Sequence[bytes]) -> Put:
    """The change that stores frames of an address as one chunk; at least one, in order."""
    first_seq, _ = span(tail[0])
    return Put(Table.TIMELINE, _chunk_key(address, first_seq), b"".join(tail))


def without_chunks(address: bytes) -> DeleteRange:
    """The change that removes all chunks of an address."""
    return DeleteRange(Table.TIMELINE, address + b"\0", address + b"\1")


def _chunk_key(address: bytes, first_seq: int) -> bytes:
    return address + b"\0" + sequence_key(first_seq)
