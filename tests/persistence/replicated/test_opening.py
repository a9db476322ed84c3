"""A data directory belongs to a server alone, or to a node."""

import mmap
import os
from pathlib import Path

import lmdb
import pytest

from chargehand.actors.ports import StorageError
from chargehand.persistence.lmdb_store import DATA_FILE, NEAR, LmdbStore
from chargehand.persistence.lock import InUseError
from chargehand.persistence.opening import open_journal
from chargehand.persistence.replicated.opening import held_for_node, open_near
from chargehand.persistence.store import Put, Table


async def test_what_a_node_has_copied_is_no_journal_to_begin_anew_beside(tmp_path):
    open_near(tmp_path).close()
    with pytest.raises(StorageError, match="a node's copy of a shared journal: name that one"):
        open_journal(tmp_path)
    assert not (tmp_path / DATA_FILE).exists()
    open_near(tmp_path).close()


async def test_a_node_copies_nothing_into_a_journal(tmp_path):
    LmdbStore(tmp_path).close()
    with pytest.raises(StorageError, match="holds a journal of its own"):
        open_near(tmp_path)


def cut(file: Path) -> None:
    os.truncate(file, 5000)


def wiped(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


def wiped_but_for_its_head(file: Path) -> None:
    """LMDB opens it, and cannot read the pages of its tables."""
    whole = file.read_bytes()
    head = 2 * mmap.PAGESIZE
    file.write_bytes(whole[:head] + bytes(len(whole) - head))


@pytest.mark.parametrize("damage", [cut, wiped, wiped_but_for_its_head])
async def test_a_copy_that_lmdb_does_not_take_is_made_anew(tmp_path, damage):
    first = open_near(tmp_path)
    first.commit([Put(Table.HEADS, b"key", b"value")])
    first.close()
    damage(tmp_path / NEAR / DATA_FILE)
    store = open_near(tmp_path)
    assert store.count(Table.HEADS) == 0
    store.commit([Put(Table.HEADS, b"key", b"value")])
    store.close()
    store = open_near(tmp_path)
    assert store.get(Table.HEADS, b"key") == b"value"
    store.close()


async def test_a_data_directory_is_held_between_the_turns_of_its_node(tmp_path):
    with held_for_node(tmp_path):
        open_near(tmp_path).close()
        with pytest.raises(InUseError), held_for_node(tmp_path):
            pass
    with held_for_node(tmp_path):
        pass


async def test_a_copy_that_is_another_programs_is_refused_at_once(tmp_path):
    open_near(tmp_path).close()
    (tmp_path / NEAR / DATA_FILE).unlink()
    with (
        lmdb.open(str(tmp_path / NEAR), max_dbs=1) as env,
        env.begin(write=True) as transaction,
    ):
        transaction.put(b"key", b"value")
    with pytest.raises(StorageError, match="not Chargehand's"), held_for_node(tmp_path):
        pass
