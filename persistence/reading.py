"""What the journal knows, of its tail in memory and of the tables in the store, as one."""

from collections.abc import Sequence
from typing import final

from chargehand.actors.ports import DamagedError, TaskHead
from chargehand.actors.record import AnyState, IndexTable, Record
from chargehand.actors.task.state import TaskState
from chargehand.persistence.codec import decode_record
from chargehand.persistence.framing import address_bytes, frames, span
from chargehand.persistence.index_rows import INDEX_TABLES, decode_row, row_key
from chargehand.persistence.snapshots import blockers_of, decode_head, slim_state
from chargehand.persistence.snapshots.rows import read_snapshot
from chargehand.persistence.store import Store, Table
from chargehand.persistence.tail import Tail
from chargehand.persistence.timeline import Timelines


@final
class Reading:
    """Implements `actors.ports.Reads`."""

    def __init__(self, store: Store, tail: Tail) -> None:
        self._store = store
        self._tail = tail
        self._timelines = Timelines(store)

    def get(self, table: IndexTable, key: str) -> str | None:
        value = self._tail.rows.get((table, key))
        if value is not None:
            return value
        stored = self._store.get(INDEX_TABLES[table], row_key(key))
        return None if stored is None else decode_row(table, key, stored)

    def state(self, address: str) -> AnyState | None:
        """The state of `address`: after its last append if it has records behind the checkpoint,
        else as the tables hold it; None if it has neither."""
        return self._tail.states.get(address) or self._folded_state(address)

    def committed_state(self, address: str) -> AnyState | None:
        return self._tail.committed_state(address) or self._folded_state(address)

    def _folded_state(self, address: str) -> AnyState | None:
        key = address_bytes(address)
        return None if key is None else read_snapshot(self._store, key)

    def heads(self, task_ids: Sequence[str]) -> list[bytes | None]:
        wanted = [(Table.HEADS, task_id.encode()) for task_id in task_ids]
        found = self._store.get_many(wanted)
        return [
            None if value is None else _sound_head(key, value)
            for (_, key), value in zip(wanted, found, strict=True)
        ]

    def read_head(self, task_id: str, head: bytes) -> TaskState:
        return slim_state(task_id, head)

    def blockers(self, head: bytes) -> list[str]:
        return blockers_of(head)

    def tail(self, address: str, after_seq: int = 0) -> Sequence[Record]:
        return [
            _decode(frame) for frame in self._tail.frames(address) if span(frame)[1] > after_seq
        ]

    def is_folded(self, address: str, seq: int) -> bool:
        if seq <= self._tail.checkpoint_seq:
            return True
        behind = self._tail.frames(address)
        return not behind or span(behind[0])[0] > seq

    def timeline(self, address: str, after_seq: int, limit: int | None = None) -> list[Record]:
        records = self._timelines.after(address, after_seq, self._tail.checkpoint_seq, limit)
        for frame in self._committed_frames(address):
            if len(records) == limit:
                break
            if span(frame)[1] > after_seq:
                records.append(_decode(frame))
        return records

    def timeline_latest(self, address: str, count: int) -> list[Record]:
        if count <= 0:
            return []
        behind = [_decode(frame) for frame in self._committed_frames(address)[-count:]]
        folded_count = count - len(behind)
        return self._timelines.latest(address, folded_count, self._tail.checkpoint_seq) + behind

    def _committed_frames(self, address: str) -> Sequence[bytes]:
        return self._tail.frames_to(address, self._tail.durable_seq)


def _sound_head(key: bytes, value: bytes) -> bytes | None:
    try:
        found = decode_head(key, value)
    except DamagedError:
        return None
    return found.head if isinstance(found, TaskHead) else None


def _decode(frame: bytes) -> Record:
    return decode_record(next(frames(frame)))
