"""What every store promises. A new store joins the parameters of `any_store` and nothing else.

A replicated journal has no store of its own kind: it reads "near", and its writes are those of
`replicated.far.FarTables`, which `postgres.test_tables` holds to them.
"""

import pytest

from chargehand.actors.ports import StorageError
from chargehand.persistence.store import ConditionError, Delete, DeleteRange, Given, Put, Table


def keys(store, start=b"", stop=None, count=100, reverse=False):
    return [key for key, _ in store.scan(Table.LOG, start, stop, count, len, reverse=reverse)]


def fill(store, *names):
    store.commit([Put(Table.LOG, name, b"of " + name) for name in names])


def test_a_value_that_was_put_is_found_in_its_table_only(any_store):
    fill(any_store, b"a")
    assert any_store.get(Table.LOG, b"a") == b"of a"
    assert any_store.get(Table.META, b"a") is None
    assert any_store.get(Table.LOG, b"b") is None


def test_putting_again_replaces_the_value(any_store):
    fill(any_store, b"a", b"b")
    any_store.commit([Put(Table.LOG, b"a", b"new")])
    assert any_store.get(Table.LOG, b"a") == b"new"
    assert keys(any_store) == [b"a", b"b"]


def test_a_scan_is_in_order_of_keys_and_ends_before_stop(any_store):
    fill(any_store, b"c", b"a", b"d", b"b")
    assert keys(any_store) == [b"a", b"b", b"c", b"d"]
    assert keys(any_store, b"b", b"d") == [b"b", b"c"]
    assert keys(any_store, b"bb") == [b"c", b"d"]
    assert keys(any_store, b"b", count=2) == [b"b", b"c"]
    assert keys(any_store, b"e") == []


@pytest.mark.parametrize(
    ("start", "stop", "count", "expected"),
    [
        (b"", None, 9, [b"d", b"c", b"b", b"a"]),
        (b"", None, 1, [b"d"]),
        (b"b", b"d", 9, [b"c", b"b"]),
        (b"", b"cc", 2, [b"c", b"b"]),
        (b"", b"a", 9, []),
        (b"e", b"f", 9, []),
        (b"c", b"z", 9, [b"d", b"c"]),
    ],
)
def test_a_reverse_scan_begins_at_the_end_of_the_range(any_store, start, stop, count, expected):
    fill(any_store, b"a", b"b", b"c", b"d")
    assert keys(any_store, start, stop, count, reverse=True) == expected


def test_a_scan_of_an_empty_table_finds_nothing(any_store):
    assert keys(any_store) == []
    assert keys(any_store, reverse=True) == []


def test_a_scan_returns_what_read_makes_of_the_values(any_store):
    fill(any_store, b"a")
    assert any_store.scan(Table.LOG, b"", None, 9, bytes) == [(b"a", b"of a")]


def test_deleting_what_is_not_there_is_harmless(any_store):
    fill(any_store, b"a", b"b")
    any_store.commit([Delete(Table.LOG, b"a"), Delete(Table.LOG, b"x")])
    assert keys(any_store) == [b"b"]


@pytest.mark.parametrize(
    ("start", "stop", "left"),
    [
        (b"b", b"d", [b"a", b"d"]),
        (b"b", None, [b"a"]),
        (b"", None, []),
        (b"", b"b", [b"b", b"c", b"d"]),
        (b"x", None, [b"a", b"b", b"c", b"d"]),
    ],
)
def test_a_range_is_deleted_up_to_its_stop(any_store, start, stop, left):
    fill(any_store, b"a", b"b", b"c", b"d")
    any_store.commit([DeleteRange(Table.LOG, start, stop)])
    assert keys(any_store) == left


def test_changes_are_made_in_order(any_store):
    any_store.commit(
        [
            Put(Table.LOG, b"a", b"1"),
            DeleteRange(Table.LOG, b"", None),
            Put(Table.LOG, b"a", b"2"),
        ]
    )
    assert any_store.get(Table.LOG, b"a") == b"2"


def test_an_append_that_is_not_behind_all_others_changes_nothing(any_store):
    any_store.commit([Put(Table.LOG, b"b", b"", append=True)])
    with pytest.raises(StorageError, match="not behind"):
        any_store.commit([Put(Table.META, b"m", b""), Put(Table.LOG, b"a", b"", append=True)])
    with pytest.raises(StorageError, match="not behind"):
        any_store.commit([Put(Table.LOG, b"b", b"", append=True)])
    assert any_store.get(Table.META, b"m") is None
    assert keys(any_store) == [b"b"]


def test_a_commit_with_a_condition_is_made_only_if_it_holds(any_store):
    fill(any_store, b"a")
    any_store.commit([Put(Table.META, b"m", b"1")], Given(Table.LOG, b"a", b"of a"))
    any_store.commit([Put(Table.META, b"m", b"2")], Given(Table.LOG, b"b", None))
    for given, found in (
        (Given(Table.LOG, b"a", b"of b"), b"of a"),
        (Given(Table.LOG, b"a", None), b"of a"),
        (Given(Table.LOG, b"b", b"of b"), None),
    ):
        with pytest.raises(ConditionError) as refused:
            any_store.commit([Put(Table.META, b"m", b"3")], given)
        assert refused.value.found == found
    assert any_store.get(Table.META, b"m") == b"2"


def test_a_large_value_comes_back_whole(any_store):
    value = bytes(range(256)) * 1024
    any_store.commit([Put(Table.LOG, b"a", value)])
    assert any_store.get(Table.LOG, b"a") == value


def test_closing_twice_is_harmless(any_store):
    any_store.close()
    any_store.close()
