"""A file that is cut is refused before a read behind its end could kill the process."""

import random
import re
from contextlib import closing

import pytest

from chargehand.actors.ports import DamagedError
from chargehand.persistence.lmdb_file import check_length
from chargehand.persistence.lmdb_store import DATA_FILE, LmdbStore
from chargehand.persistence.store import Delete, DeleteRange, Put, Table

PAGE = 4096


@pytest.fixture
def path(tmp_path):
    """Of a file whose last page is in use."""
    path = tmp_path / DATA_FILE
    with closing(LmdbStore(tmp_path)) as store:
        store.commit([Put(Table.LOG, b"%03d" % n, bytes(900)) for n in range(100)])
        store.commit([Put(Table.ASIDE, b"a", bytes(3 * PAGE))])
    check_length(path)
    return path


@pytest.mark.parametrize(
    "kept",
    [
        lambda size: size - 1,
        lambda size: size - PAGE + 1,
        lambda size: size - PAGE,
        lambda size: size // 2,
        lambda size: 2 * PAGE,
        lambda size: 2 * PAGE - 1,
        lambda size: PAGE,
        lambda size: 200,
    ],
    ids=["a byte", "most of a page", "a page", "half", "all but metas", "a meta", "one", "200"],
)
def test_a_cut_file_is_refused_with_both_lengths_and_left_as_it_is(path, kept):
    size = path.stat().st_size
    cut = path.read_bytes()[: kept(size)]
    path.write_bytes(cut)
    for read_only in (True, False):
        with pytest.raises(DamagedError) as refused:
            LmdbStore(path.parent, read_only=read_only)
        needed = size if len(cut) >= 2 * PAGE else r"\d+"  # the newest meta page may be missing
        assert re.match(
            rf"data.mdb has {len(cut)} bytes where {needed} are needed: the file is cut$",
            str(refused.value),
        )
        assert path.read_bytes() == cut


@pytest.mark.parametrize("read_only", [True, False])
def test_an_empty_file_is_not_taken_as_a_new_store(path, read_only):
    path.write_bytes(b"")
    with pytest.raises(DamagedError, match=r"data\.mdb is empty"):
        LmdbStore(path.parent, read_only=read_only)
    assert path.stat().st_size == 0


def test_a_file_without_a_whole_meta_page_is_refused(path):
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DamagedError, match="MDB_INVALID"):
        LmdbStore(path.parent)


def test_a_missing_file_is_nothing_to_look_at(tmp_path):
    check_length(tmp_path / DATA_FILE)


def test_a_sound_file_may_end_before_the_last_page_that_its_meta_page_names(tmp_path):
    chance = random.Random(1)
    path = tmp_path / DATA_FILE
    short = 0
    with closing(LmdbStore(tmp_path)) as store:
        for n in range(200):
            # What is written and taken away in one transaction takes pages that are never written.
            store.commit(
                [
                    Put(Table.ASIDE, b"gone", bytes(chance.randrange(20) * PAGE)),
                    *(
                        Put(Table.LOG, b"%03d" % chance.randrange(300), bytes(600))
                        for _ in range(chance.randrange(20))
                    ),
                    Delete(Table.ASIDE, b"gone"),
                    DeleteRange(Table.LOG, b"%03d" % chance.randrange(300), b"%03d" % n),
                ]
            )
            check_length(path)
            last_page = store._env.info()["last_pgno"]
            short += path.stat().st_size < (last_page + 1) * PAGE
    assert short, "no such file was made"
    with closing(LmdbStore(tmp_path, read_only=True)) as store:
        assert store.scan(Table.LOG, b"", None, 999, len)


@pytest.mark.parametrize("at", [PAGE, 0], ids=["second", "first"])
def test_a_size_of_pages_that_is_none_is_refused(path, at):
    raw = bytearray(path.read_bytes())
    for meta in {at, 0}:
        raw[meta + 40 : meta + 44] = bytes(4)
    path.write_bytes(raw)
    with pytest.raises(DamagedError, match="size of the store's pages is damaged"):
        LmdbStore(path.parent)


@pytest.mark.parametrize("at", [16, 20, PAGE + 16, PAGE + 20])
def test_what_lmdb_does_not_take_for_its_own_is_damaged(path, at):
    for bit in range(8):
        raw = bytearray(path.read_bytes())
        raw[at] ^= 1 << bit
        path.write_bytes(raw)
        with pytest.raises(DamagedError) as refused:
            LmdbStore(path.parent)
        assert str(path.parent) not in str(refused.value)
        raw[at] ^= 1 << bit
        path.write_bytes(raw)


def test_a_damaged_page_is_named_as_what_it_is(path):
    raw = bytearray(path.read_bytes())
    for at in range(2 * PAGE, len(raw), PAGE):
        if raw[at + 10] == 2:  # a leaf
            raw[at + 10] = 0x40  # no kind of page
    path.write_bytes(raw)
    with pytest.raises(DamagedError, match=r"structure is damaged \(MDB_CORRUPTED"):
        LmdbStore(path.parent)
