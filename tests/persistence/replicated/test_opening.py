"""A data directory belongs to a server alone, or to a node."""

import pytest

from chargehand.actors.ports import StorageError
from chargehand.persistence.lmdb_store import DATA_FILE, LmdbStore
from chargehand.persistence.opening import open_journal
from chargehand.persistence.replicated.opening import open_near


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
