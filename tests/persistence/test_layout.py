import pytest

from chargehand.actors.ports import DamagedError, StorageError
from chargehand.persistence.layout import (
    FORMAT,
    check_layout,
    checkpoint_moves,
    checkpoint_seq,
    open_layout,
)
from chargehand.persistence.store import Delete, Put, Table


def test_an_empty_store_is_made_ours_and_begins_at_zero(any_store):
    store = any_store
    open_layout(store)
    assert checkpoint_seq(store) == 0
    store.commit([checkpoint_moves(7)])
    open_layout(store)
    assert checkpoint_seq(store) == 7


def test_a_newer_format_is_refused_with_what_to_do(any_store):
    store = any_store
    open_layout(store)
    store.commit([Put(Table.META, b"format", (4).to_bytes(8))])
    with pytest.raises(StorageError, match=r"format 4, .* up to 3: start the newer version"):
        open_layout(store)


def test_an_older_format_is_refused(any_store):
    store = any_store
    open_layout(store)
    store.commit([Put(Table.META, b"format", (0).to_bytes(8))])
    with pytest.raises(StorageError, match="format 0, this version reads from 1"):
        open_layout(store)


def test_tables_without_a_mark_are_refused(any_store):
    store = any_store
    store.commit([Put(Table.LOG, b"a", b"")])
    with pytest.raises(StorageError, match="not Chargehand's"):
        open_layout(store)


def test_another_programs_mark_is_refused(any_store):
    store = any_store
    store.commit([Put(Table.META, b"application", b"other")])
    with pytest.raises(StorageError, match="another program"):
        open_layout(store)


def test_a_missing_entry_is_damage(any_store):
    store = any_store
    open_layout(store)
    store.commit([Delete(Table.META, b"checkpoint_seq")])
    with pytest.raises(StorageError, match="checkpoint_seq is missing"):
        open_layout(store)


def test_what_the_former_version_wrote_is_taken_over(any_store):
    store = any_store
    open_layout(store)
    for key, number in ((b"format", 1), (b"checkpoint_seq", 7)):
        store.commit([Put(Table.META, key, number.to_bytes(8))])  # without a checksum
    open_layout(store)
    assert checkpoint_seq(store) == 7
    assert check_layout(store) == FORMAT


@pytest.mark.parametrize("key", ["checkpoint_seq", "epoch"])
@pytest.mark.parametrize("at", range(12))
def test_a_flipped_bit_in_a_number_is_damage(any_store, at, key):
    store = any_store
    open_layout(store)
    value = bytearray(store.get(Table.META, key.encode()))
    value[at] ^= 4
    store.commit([Put(Table.META, key.encode(), bytes(value))])
    with pytest.raises(DamagedError, match=f"{key} fails its checksum"):
        open_layout(store)
