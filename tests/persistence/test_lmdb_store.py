"""What only the store on disk has: growth, the lock, and what it finds in a directory."""

import os
import subprocess
import sys

import lmdb
import pytest

from chargehand.actors.ports import DamagedError, StorageError
from chargehand.persistence.lmdb_store import LmdbStore
from chargehand.persistence.lock import DirectoryLock
from chargehand.persistence.store import Put, Table

SECOND = """
import sys
from pathlib import Path
from chargehand.actors.ports import StorageError
from chargehand.persistence.lock import DirectoryLock
try:
    DirectoryLock(Path(sys.argv[1]))
except StorageError as error:
    print(error)
"""


def test_a_full_map_grows_until_the_commit_fits(tmp_path):
    store = LmdbStore(tmp_path, map_bytes=64 * 1024)
    value = bytes(1_000_000)
    store.commit([Put(Table.LOG, b"a", value)])
    assert store.growths >= 4
    assert store.get(Table.LOG, b"a") == value
    store.close()


def test_what_was_committed_is_there_after_reopening(tmp_path):
    store = LmdbStore(tmp_path, map_bytes=64 * 1024)
    store.commit([Put(Table.LOG, b"a", bytes(1_000_000))])
    store.close()
    store = LmdbStore(tmp_path, map_bytes=64 * 1024)
    assert store.get(Table.LOG, b"a") == bytes(1_000_000)
    store.commit([Put(Table.LOG, b"b", b"1")])
    store.close()


def test_a_second_process_is_told_which_one_has_the_directory(tmp_path):
    lock = DirectoryLock(tmp_path)
    command = [sys.executable, "-c", SECOND, str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == f"{tmp_path} is in use by process {os.getpid()}"
    lock.release()


def test_a_released_directory_can_be_locked_again(tmp_path):
    DirectoryLock(tmp_path).release()
    DirectoryLock(tmp_path).release()


def test_a_second_store_in_the_same_process_is_refused(tmp_path):
    store = LmdbStore(tmp_path)
    with pytest.raises(StorageError, match="in use by process"):
        LmdbStore(tmp_path)
    store.close()
    LmdbStore(tmp_path).close()


def test_a_file_that_is_no_lmdb_database_is_refused_and_unlocked(tmp_path):
    (tmp_path / "data.mdb").write_bytes(b"something else " * 1000)
    for _ in range(2):
        with pytest.raises(DamagedError, match=r"structure is damaged \(MDB_INVALID"):
            LmdbStore(tmp_path)


def test_another_programs_database_is_refused_and_not_touched(tmp_path):
    with lmdb.open(str(tmp_path)) as env, env.begin(write=True) as transaction:
        transaction.put(b"theirs", b"1")
    with pytest.raises(StorageError, match="not Chargehand's"):
        LmdbStore(tmp_path)
    with lmdb.open(str(tmp_path)) as env, env.begin() as transaction:
        assert [key for key, _ in transaction.cursor()] == [b"theirs"]


def test_a_directory_that_cannot_be_made_is_a_storage_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot make"):
        LmdbStore(tmp_path / "file" / "data")


def test_a_new_store_has_the_format_that_it_is_read_in_whatever_the_environment_says(tmp_path):
    """A variable of the binding chooses LMDB's second format for new files."""
    twice = "; ".join(["LmdbStore(Path(sys.argv[1])).close()"] * 2)
    subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path\n"
            f"from chargehand.persistence.lmdb_store import LmdbStore; {twice}",
            tmp_path,
        ],
        env={**os.environ, "LMDB_DEFAULT_LIB_VERSION": "1"},
        check=True,
    )


def test_a_system_without_file_locks_is_told_what_is_needed():
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.modules['fcntl'] = None; import chargehand; chargehand.open_system",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.endswith(": a data directory can be opened on Linux and macOS alone\n")
