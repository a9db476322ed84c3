"""Checks the log, and gathers what stands in its tail."""

from collections.abc import Iterator
from typing import final

from chargehand.actors.index import rows_of
from chargehand.actors.ports import DamagedError
from chargehand.persistence.codec import decode_record
from chargehand.persistence.framing import BadFrame, is_whole, log_frames, sequence_key
from chargehand.persistence.recovery import seq_behind
from chargehand.persistence.store import Store, Table
from chargehand.persistence.verify.contents import LogTail
from chargehand.persistence.verify.findings import Finding, Problem
from chargehand.persistence.verify.values import Values


@final
class LogCheck:
    """Args: tail: takes what is found behind the checkpoint."""

    def __init__(self, store: Store, values: Values, tail: LogTail) -> None:
        self._store = store
        self._values = values
        self._tail = tail
        self._expected = tail.checkpoint_seq + 1  # the number that the next record must have

    def findings(self) -> Iterator[Finding]:
        count = 0
        for key, value in self._values.of(Table.LOG):
            count += 1
            if int.from_bytes(key) <= self._tail.checkpoint_seq:
                yield from self._before(key, value)
            else:
                yield from self._behind(key, value)
        if count != self._store.count(Table.LOG):
            message = "the keys are out of order, so some values are not found"
            yield Finding(Problem.UNREADABLE, Table.LOG, "", None, message)
        self._tail.is_whole = True

    def _before(self, key: bytes, value: bytes) -> Iterator[Finding]:
        """A value that is folded already, unless its key is damaged."""
        number = int.from_bytes(key)
        seq = seq_behind(self._tail.checkpoint_seq, number, value)
        if seq is not None:
            yield _unreadable(number, f"it holds number {seq} in place of {number}")

    def _behind(self, key: bytes, value: bytes) -> Iterator[Finding]:
        number = int.from_bytes(key)
        if key != sequence_key(self._expected):
            message = f"the log goes on at number {number} instead of {self._expected}"
            yield _unreadable(number, message)
            self._expected = number
        if not is_whole(value):
            message = "the directory of the value fails its checksum; its records are looked at"
            yield Finding(Problem.DIRECTORY, Table.LOG, str(number), None, message)
        try:
            yield from self._records(number, value)
        except DamagedError as error:
            yield _unreadable(number, str(error))

    def _records(self, number: int, value: bytes) -> Iterator[Finding]:
        """Those of a value. Raises DamagedError: there are more that cannot be read."""
        for frame in log_frames(self._expected, value):
            if frame.seq != self._expected:
                message = f"it holds number {frame.seq} in place of {self._expected}"
                yield _unreadable(number, message)
            self._expected = frame.last_seq + 1
            self._tail.addresses.add(frame.address)
            if isinstance(frame, BadFrame):
                message = f"the record at number {frame.seq} fails its checksum"
                problem = Problem.DAMAGED if frame.certain else Problem.UNREADABLE
                yield Finding(problem, Table.LOG, str(frame.seq), frame.address, message)
                continue
            self._tail.rows.update((row.table, row.key) for row in rows_of(decode_record(frame)))


def _unreadable(number: int, message: str) -> Finding:
    return Finding(Problem.UNREADABLE, Table.LOG, str(number), None, message)
