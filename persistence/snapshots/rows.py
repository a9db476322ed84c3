"""Where the values of a snapshot stand."""

from collections.abc import Iterator

from chargehand.actors.record import AnyState
from chargehand.persistence.snapshots import decode_snapshot, encode_snapshot
from chargehand.persistence.store import Change, Delete, Put, Store, Table


def snapshot_changes(key: bytes, state: AnyState) -> Iterator[Change]:
    """Writes the snapshot of a state in place of an earlier one."""
    head, body = encode_snapshot(state)
    yield Put(Table.HEADS, key, head)
    yield Delete(Table.BODIES, key) if body is None else Put(Table.BODIES, key, body)


def read_snapshot(store: Store, key: bytes) -> AnyState | None:
    """The state whose snapshot is stored; None if there is none.

    Raises:
        DamagedError: it is damaged, or of a kind that this version does not know.
    """
    head, body = store.get_many(((Table.HEADS, key), (Table.BODIES, key)))
    return None if head is None else decode_snapshot(key, head, body)
