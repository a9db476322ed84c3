"""One flipped bit anywhere in a stored value is found, or changes nothing: never a wrong answer.

All but the last of these are of the values alone, wherever they are kept. What a node makes of a
copy that is damaged is in `replicated.test_damaged_copies`.
"""

from collections.abc import Iterator

import pytest

from chargehand.actors.ports import DamagedError, DamagedRowError, EndedError
from chargehand.actors.record import IndexRow, IndexTable
from chargehand.actors.task.head import id_of
from chargehand.persistence.framing import (
    BadFrame,
    encode_frame,
    frames,
    is_whole,
    log_frames,
    log_value,
)
from chargehand.persistence.index_rows import decode_row, encode_row
from chargehand.persistence.seal import seal, unseal
from chargehand.persistence.snapshots import decode_head, decode_snapshot, encode_snapshot
from chargehand.persistence.store import Put, Table
from tests.persistence.places import Replicated, opened_again

BATCH = [
    encode_frame(7, 2, b"task-1", b"[1]"),
    encode_frame(9, 1, b"task-2", b"[]"),
    encode_frame(10, 3, b"@scheduler", b"[22]"),
]
FRAMES = [*frames(b"".join(BATCH))]


def flips(value: bytes) -> Iterator[bytes]:
    for bit in range(8 * len(value)):
        flipped = bytearray(value)
        flipped[bit // 8] ^= 1 << bit % 8
        yield bytes(flipped)


def shown(frame) -> tuple:
    return (*frame[:3], bytes(frame.body))


def test_a_value_of_the_log_gives_its_frames():
    assert list(map(shown, log_frames(7, log_value(BATCH)))) == list(map(shown, FRAMES))
    assert is_whole(log_value(BATCH))


def test_a_value_of_the_former_version_gives_its_frames():
    assert list(map(shown, log_frames(7, b"".join(BATCH)))) == list(map(shown, FRAMES))
    assert is_whole(b"".join(BATCH))


def test_any_flipped_bit_of_a_log_value_leaves_all_but_one_record_and_names_that():
    damaged_count = 0
    for value in flips(log_value(BATCH)):
        found = list(log_frames(7, value))
        assert len(found) == len(FRAMES)
        damaged = 0
        for frame, meant in zip(found, FRAMES, strict=True):
            assert frame[:3] == (meant.seq, meant.last_seq, meant.address)
            if isinstance(frame, BadFrame):
                assert frame.certain
                damaged += 1
            else:
                assert shown(frame) == shown(meant)
        assert damaged <= 1
        assert damaged or not is_whole(value)  # in the directory it is harmless, and verify sees it
        damaged_count += damaged
    assert damaged_count == 8 * sum(map(len, BATCH))


def test_any_flipped_bit_of_a_former_log_value_is_found():
    """What lies behind the damage is read where the damaged record still says its length."""
    refused = named = 0
    for value in flips(b"".join(BATCH)):
        found = []
        try:
            found += log_frames(7, value)
        except DamagedError:
            refused += 1
        for frame, meant in zip(found, FRAMES, strict=False):
            assert frame[:2] == (meant.seq, meant.last_seq)
            if isinstance(frame, BadFrame):
                assert not frame.certain
                named += 1
            else:
                assert shown(frame) == shown(meant)
    assert refused + named == 8 * sum(map(len, BATCH))
    assert named > refused


def test_any_flipped_bit_of_a_snapshot_is_found(model):
    head, body = encode_snapshot(model.new("task-1"))
    for flipped in flips(head):
        with pytest.raises(DamagedError):
            decode_snapshot(b"task-1", flipped, body)
        with pytest.raises(DamagedError):
            decode_head(b"task-1", flipped)
    for flipped in flips(body):
        with pytest.raises(DamagedError):
            decode_snapshot(b"task-1", head, flipped)


def test_any_flipped_bit_of_a_row_is_found():
    put = encode_row(IndexRow(IndexTable.RUNS, "run-1", "task-1"))
    assert decode_row(IndexTable.RUNS, "run-1", put.value) == "task-1"
    for flipped in flips(put.value):
        with pytest.raises(DamagedRowError):
            decode_row(IndexTable.RUNS, "run-1", flipped)


def test_a_row_under_another_key_or_in_another_table_is_damage():
    value = encode_row(IndexRow(IndexTable.RUNS, "run-1", "task-1")).value
    for table, key in ((IndexTable.RUNS, "run-2"), (IndexTable.REVIEWS, "run-1")):
        with pytest.raises(DamagedRowError):
            decode_row(table, key, value)


def test_a_row_of_the_former_version_is_read_as_it_is():
    assert decode_row(IndexTable.RUNS, "run-1", b"task-1") == "task-1"


def test_any_flipped_bit_of_an_outstanding_effect_is_found():
    value = seal(Table.EFFECTS, b"key", b"[1]")
    assert unseal(Table.EFFECTS, b"key", value) == b"[1]"
    assert unseal(Table.EFFECTS, b"key", b"[1]") == b"[1]"
    for flipped in flips(value):
        with pytest.raises(DamagedError):
            unseal(Table.EFFECTS, b"key", flipped)


@opened_again
async def test_a_snapshot_under_another_address_is_damage(model, place):
    """A store of its own goes on without it; a node has it whole as soon as it has another copy."""
    journal = await place.open()
    await place.run(journal)
    records = [model.append(journal, address) for address in ("task-1", "task-2")]
    await model.commit(journal)
    await journal.checkpoint([])
    store = place.store
    store.commit([Put(Table.HEADS, b"task-2", store.get(Table.HEADS, b"task-1"))])
    chunk = store.scan(Table.TIMELINE, b"task-1", b"task-2", 1, bytes)[0][1]
    key = store.scan(Table.TIMELINE, b"task-2", None, 1, bytes)[0][0]
    store.commit([Put(Table.TIMELINE, key, chunk)])
    for _ in range(2):
        with pytest.raises(DamagedError, match="checksum"):
            journal.reads.state("task-2")
        with pytest.raises(DamagedError, match="another"):
            journal.reads.timeline("task-2", 0)
        await journal.close()
        journal = await place.open()
        if isinstance(place, Replicated):
            break
        _, damage = journal.recovery.heads()
        assert damage.address == "task-2"
    else:
        return
    if place.keeps_copy:  # it is given up
        with pytest.raises(EndedError, match="task-2 is damaged"):
            list(journal.recovery.heads())
        journal = await place.open()
    [heads] = journal.recovery.heads()
    assert sorted(map(id_of, heads.tasks)) == ["task-1", "task-2"]
    assert journal.reads.timeline("task-2", 0) == records[1:]
