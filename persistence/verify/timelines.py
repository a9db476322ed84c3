"""Checks timelines, each chunk and whether all of them go with the snapshot."""

from collections.abc import Iterator, Sequence
from typing import final

from chargehand.actors.frozen import frozen
from chargehand.actors.ports import DamagedError
from chargehand.actors.record import Record
from chargehand.actors.task.events import TaskCreated
from chargehand.actors.task.state import TaskState
from chargehand.persistence.codec import decode_record
from chargehand.persistence.framing import frames
from chargehand.persistence.store import Table
from chargehand.persistence.verify.contents import Contents
from chargehand.persistence.verify.findings import Finding, Problem
from chargehand.persistence.verify.values import Values


@final
@frozen
class _Chunks:
    """What was read so far of one timeline."""

    begins: bool = False
    last_seq: int = 0
    is_damaged: bool = False

    def with_chunk(self, address: str, number: int, records: Sequence[Record]) -> "_Chunks":
        """Raises DamagedError if they do not go on from here."""
        last_seq = self.last_seq
        for record in records:
            if record.address != address or record.seq <= last_seq:
                raise DamagedError(f"record {record.seq} does not belong there")
            last_seq = record.last_seq
        if not records or records[0].seq != number:
            raise DamagedError("the records do not begin with the number that they stand under")
        begins = self.begins or isinstance(records[0].events[0], TaskCreated)
        return _Chunks(begins, last_seq, self.is_damaged)

    def as_damaged(self) -> "_Chunks":
        return _Chunks(self.begins, self.last_seq, True)


@final
class TimelineCheck:
    def __init__(self, values: Values, contents: Contents) -> None:
        self._values = values
        self._contents = contents

    def findings(self) -> Iterator[Finding]:
        address, chunks = "", _Chunks()
        for key, value in self._values.of(Table.TIMELINE):
            found, number = key[:-9].decode("utf-8", "replace"), int.from_bytes(key[-8:])
            if found != address:
                yield from self._whole(address, chunks)
                address, chunks = found, _Chunks()
            try:
                if key[-9:-8] != b"\0":
                    raise DamagedError("the key has no end of an address")
                chunk = [*frames(value)]
                records = [decode_record(frame) for frame in chunk]
                chunks = chunks.with_chunk(found, number, records)
            except DamagedError as error:
                chunks = chunks.as_damaged()
                yield Finding(Problem.DAMAGED, Table.TIMELINE, str(number), found, str(error))
        yield from self._whole(address, chunks)

    def _whole(self, address: str, chunks: _Chunks) -> Iterator[Finding]:
        """Whether a timeline, all of which was read, goes with its snapshot."""
        if not address or chunks.is_damaged:
            return
        state = self._contents.state(address)
        message = None
        if state is None:
            if not self._contents.is_there(address):
                message = "there is a timeline, but no snapshot"
        elif isinstance(state, TaskState):
            if not chunks.begins:
                message = "its timeline does not begin with its creation"
            elif self._contents.is_folded(state) and chunks.last_seq != state.last_seq:
                message = (
                    f"its timeline ends at number {chunks.last_seq}, its snapshot at "
                    f"{state.last_seq}"
                )
        if message is not None:
            yield Finding(Problem.REFERENCE, Table.TIMELINE, "", address, message)
