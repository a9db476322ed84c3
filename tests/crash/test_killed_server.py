"""The crash proof in its short form, and that what is acknowledged has reached the disk."""

import shutil

import pytest

from benchmarks.chaos.proof import prove
from benchmarks.chaos.syncs import count_syncs
from chargehand.persistence.lmdb_store import LmdbStore


# httpx leaves the iterator over a request's body as it is when the connection breaks on sending it.
@pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")
async def test_a_server_that_is_killed_loses_nothing_and_does_nothing_twice(tmp_path):
    """40 tasks, 6 agents, 3 kills; `prove` raises on whatever is wrong."""
    outcome = await prove(tmp_path, tasks=40, agents=6, kills=3, seed=7, work_s=0.05)
    assert outcome.kills == 3
    assert outcome.claims >= 40
    assert outcome.stream_connections >= 2


async def test_each_acknowledged_write_is_synced(tmp_path):
    """Counted where there is strace; the flags of the store say it everywhere."""
    counted = await count_syncs(tmp_path, writes=20)
    if counted is None:
        assert shutil.which("strace") is None
    else:
        assert counted.syncs >= counted.writes


def test_the_store_syncs_its_data_and_its_root_with_each_commit(tmp_path):
    store = LmdbStore(tmp_path)
    flags = store._env.flags()
    store.close()
    assert flags["sync"]
    assert flags["metasync"]
    assert not flags["map_async"]
    assert not flags["writemap"]
