"""Data of former formats are upgraded as they are opened, whole, whenever that is interrupted.

These are of an embedded journal: none in a database has ever had a former format.
"""

import gzip
import random
import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from typing import Final

import orjson
import pytest
from attrs import evolve

from chargehand.actors.record import address_of
from chargehand.actors.task.state import TaskState
from chargehand.persistence import upgrade
from chargehand.persistence.epoch import Fence
from chargehand.persistence.layout import FORMAT, check_layout
from chargehand.persistence.lmdb_store import LmdbStore
from chargehand.persistence.memory_store import MemoryStore
from chargehand.persistence.opening import memory_journal, open_journal
from chargehand.persistence.snapshots.rows import read_snapshot
from chargehand.persistence.store import Put, Table
from chargehand.persistence.verify import Problem, verify
from tests.actors.system.desk import CrashStore, started
from tests.persistence.former import encode_former
from tests.persistence.whole_task import WHOLE

ROOT: Final = Path(__file__).parents[2]
# The tables of a store as the last version of format 2 has left them, and what tasks it had.
RECORDED: Final = orjson.loads(
    gzip.decompress(Path(__file__).with_name("format_2.json.gz").read_bytes())
)


def former_store() -> MemoryStore:
    store = MemoryStore()
    store.commit(
        [
            Put(Table(table), b64decode(key), b64decode(value))
            for table, key, value in RECORDED["rows"]
        ]
    )
    return store


def facts_of(state: TaskState) -> list[object]:
    return [
        *(state.status.value, state.last_seq, len(state.runs), state.description),
        [run.id for run in state.runs],
        [review.id for review in state.reviews],
    ]


async def tasks_of(store) -> dict[str, list[object]]:
    async with started(store) as desk:
        views = desk.system.views
        return {task.id: facts_of(views.whole(task.id)) for task in views.catalog}


async def test_what_format_2_has_written_is_there_whole():
    store = former_store()
    assert check_layout(store) == 2
    assert list(verify(store)) == []
    assert await tasks_of(store) == RECORDED["tasks"]
    assert check_layout(store) == FORMAT
    assert store.count(Table.SNAPSHOTS) == 0
    assert list(verify(store)) == []


async def test_an_upgrade_that_is_cut_off_behind_any_commit_is_finished(
    monkeypatch,
):
    monkeypatch.setattr(upgrade, "SNAPSHOTS_MOVED_MAX", 1)
    store = CrashStore(former_store())
    memory_journal(store)
    assert len(store.crash_points) > 10
    for left in store.crash_points:
        assert check_layout(left) == FORMAT, "no former version may open it"
        assert list(verify(left)) == []
        assert await tasks_of(left) == RECORDED["tasks"]


async def test_a_damaged_snapshot_is_damaged_behind_the_upgrade_and_concerns_nothing_else():
    store = former_store()
    sick = next(iter(RECORDED["tasks"]))
    value = bytearray(store.get(Table.SNAPSHOTS, sick.encode()))
    value[60] ^= 1
    store.commit([Put(Table.SNAPSHOTS, sick.encode(), bytes(value))])
    async with started(store) as desk:
        assert [fault.address for fault in desk.system.faults] == [sick]
        assert len(list(desk.system.views.catalog)) == len(RECORDED["tasks"]) - 1
        store = desk.store.copy()
    assert store.get(Table.HEADS, sick.encode()) == bytes(value)  # the evidence
    assert Problem.DAMAGED in {finding.problem for finding in verify(store)}


TASKS: Final = 3_000
# Opens the directory, and says so before and behind each commit.
OPENS: Final = """
import sys
from pathlib import Path
from chargehand.persistence import upgrade
from chargehand.persistence.lmdb_store import LmdbStore
from chargehand.persistence.opening import open_journal

commit = LmdbStore.commit

def told(self, *args):
    print("begins", flush=True)
    commit(self, *args)
    print("done", flush=True)

LmdbStore.commit = told
upgrade.SNAPSHOTS_MOVED_MAX = 50
open_journal(Path(sys.argv[1]))
"""


def test_an_upgrade_on_disk_that_is_killed_at_ten_moments_is_finished(tmp_path):
    made = {f"task-{n:05}": evolve(WHOLE, id=f"task-{n:05}", title=f"{n}") for n in range(TASKS)}
    store = LmdbStore(tmp_path)
    store.commit(
        [
            Put(Table.META, b"application", b"chargehand"),
            Put(Table.META, b"format", (2).to_bytes(8)),
            Put(Table.META, b"checkpoint_seq", (WHOLE.last_seq).to_bytes(8)),
            *(Put(Table.SNAPSHOTS, key.encode(), encode_former(s)) for key, s in made.items()),
        ]
    )
    store.close()
    rng = random.Random(1)
    for _ in range(10):
        with subprocess.Popen(
            [sys.executable, "-c", OPENS, str(tmp_path)],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
        ) as opening:
            for _ in range(rng.randrange(1, 12)):
                assert opening.stdout.readline()
            opening.kill()
    store = LmdbStore(tmp_path, read_only=True)
    assert 0 < store.count(Table.SNAPSHOTS) < TASKS
    store.close()
    open_journal(tmp_path)._store.close()
    store = LmdbStore(tmp_path, read_only=True)
    try:
        assert store.count(Table.SNAPSHOTS) == 0
        assert store.count(Table.HEADS) == store.count(Table.BODIES) == TASKS
        for task_id, state in made.items():
            assert read_snapshot(store, task_id.encode()) == state
    finally:
        store.close()


@pytest.mark.parametrize("state", [WHOLE])
def test_another_process_that_takes_over_ends_an_upgrade(state):
    store = MemoryStore()
    memory_journal(store)
    store.commit([Put(Table.SNAPSHOTS, address_of(state).encode(), encode_former(state))])
    outdated = Fence(store, 1)
    memory_journal(store.copy())
    newer = memory_journal(store)
    assert newer.epoch == 2
    store.commit([Put(Table.SNAPSHOTS, address_of(state).encode(), encode_former(state))])
    with pytest.raises(Exception, match="epoch"):
        upgrade.upgrade(store, outdated)
    assert store.count(Table.SNAPSHOTS) == 1
