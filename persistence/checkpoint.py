"""A checkpoint as a sequence of slices, each small enough to ride along with a commit.

1. For each address that changed: its snapshot, and its new records as a chunk of its timeline.
2. Index rows, and what is kept aside as it could not be folded.
3. In one transaction: the outstanding effects, and `checkpoint_seq` moves.
4. The log is trimmed.
5. What may be forgotten is looked for, a part of it each time (see `sweep`).

A crash before 3 leaves everything as it was, as far as anybody reads it: a snapshot that is ahead
of the log's start says so by its `last_seq`. A crash after 3 leaves a part of the log that nobody
reads; the next checkpoint trims it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, final

from chargehand.actors.frozen import frozen
from chargehand.actors.ports import Forgetting
from chargehand.actors.record import AnyState, IndexRow, IndexTable, OutstandingEffect
from chargehand.actors.registry.state import SessionState
from chargehand.actors.task.state import TaskState
from chargehand.persistence.aside import Kept
from chargehand.persistence.codec import encode_outstanding
from chargehand.persistence.framing import address_bytes, sequence_key
from chargehand.persistence.index_rows import encode_row
from chargehand.persistence.layout import checkpoint_moves
from chargehand.persistence.seal import seal
from chargehand.persistence.snapshots.rows import snapshot_changes
from chargehand.persistence.store import Change, Delete, DeleteRange, Put, Store, Table
from chargehand.persistence.sweep import New, Sweep
from chargehand.persistence.timeline import chunk_of, without_chunks

# About 2 ms each, so that a record that waits behind a slice hardly notices.
SLICE_ADDRESSES_MAX: Final = 64
SLICE_BYTES_MAX: Final = 512 * 1024
SLICE_ROWS_MAX: Final = 256
SLICE_LOG_VALUES_MAX: Final = 256


@final
@frozen
class Fold:
    """What a checkpoint writes.

    Args:
        seq: the last number it covers.
        states: each address with records up to `seq`, with its state after them or later ones.
        rows: the index rows that those records brought.
        frames: the new frames of an address up to `seq`, in order. Called on the writer's thread.
        outstanding: the effects not applied as of `seq`.
        sweep: goes round what may be forgotten, by `forgetting`.
        aside: what of the log is damaged, or behind damage; kept before the log is trimmed.
    """

    seq: int
    states: Mapping[str, AnyState]
    rows: Sequence[IndexRow]
    frames: Callable[[str], Sequence[bytes]]
    outstanding: Sequence[OutstandingEffect]
    sweep: Sweep
    forgetting: Forgetting = Forgetting()
    aside: Sequence[Kept] = ()


@final
@frozen
class Slice:
    """Changes for one transaction.

    Args:
        moves_to: the last number that is folded from here on; None: that stays.
    """

    changes: Sequence[Change]
    moves_to: int | None = None


def slices(fold: Fold, store: Store) -> Iterator[Slice]:
    """The slices of a checkpoint. Each must be committed before the next is asked for."""
    yield from _address_slices(fold)
    for start in range(0, len(fold.rows), SLICE_ROWS_MAX):
        yield Slice([encode_row(row) for row in fold.rows[start : start + SLICE_ROWS_MAX]])
    for kept in fold.aside:
        yield Slice([kept.change])
    yield Slice([*_replace_outstanding(fold.outstanding), checkpoint_moves(fold.seq)], fold.seq)
    yield from _trims(fold.seq, store)
    keys = sum(row.table is IndexTable.ONCE for row in fold.rows)
    deleted = sum(isinstance(one, TaskState) and one.deleted for one in fold.states.values())
    for stale in fold.sweep.parts(store, fold.forgetting, New(fold.seq, keys, deleted)):
        yield Slice(stale)


def _address_slices(fold: Fold) -> Iterator[Slice]:
    changes: list[Change] = []
    addresses = size = 0
    for address, state in fold.states.items():
        for change in _address_changes(address, state, fold):
            changes.append(change)
            size += len(change.value) if isinstance(change, Put) else 0
        addresses += 1
        if addresses == SLICE_ADDRESSES_MAX or size >= SLICE_BYTES_MAX:
            yield Slice(changes)
            changes, addresses, size = [], 0, 0
    if changes:
        yield Slice(changes)


def _address_changes(address: str, state: AnyState, fold: Fold) -> Iterator[Change]:
    key = address_bytes(address)
    assert key is not None, "it was checked when the record was appended"
    if isinstance(state, SessionState) and state.forgotten:
        yield Delete(Table.HEADS, key)
        yield without_chunks(key)
        return
    yield from snapshot_changes(key, state)
    if isinstance(state, TaskState) and state.deleted:
        yield without_chunks(key)
    elif tail := fold.frames(address):
        yield chunk_of(key, tail)


def _replace_outstanding(outstanding: Sequence[OutstandingEffect]) -> Iterator[Change]:
    yield DeleteRange(Table.EFFECTS, b"", None)
    for effect in outstanding:
        key = sequence_key(effect.cause.seq) + effect.cause.n.to_bytes(4)
        yield Put(Table.EFFECTS, key, seal(Table.EFFECTS, key, encode_outstanding(effect)))


def _trims(seq: int, store: Store) -> Iterator[Slice]:
    stop = sequence_key(seq + 1)
    while page := store.scan(Table.LOG, b"", stop, SLICE_LOG_VALUES_MAX, len):
        yield Slice([DeleteRange(Table.LOG, page[0][0], page[-1][0] + b"\0")])
