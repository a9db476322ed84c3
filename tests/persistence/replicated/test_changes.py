"""A slice of a checkpoint is the same changes after it went through the database."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargehand.actors.ports import DamagedError
from chargehand.persistence.replicated.changes import decode_changes, encode_changes
from chargehand.persistence.store import Delete, DeleteRange, Put, Table

keys = st.binary(min_size=1, max_size=511)
tables = st.sampled_from(Table)
changes = st.one_of(
    st.builds(Put, tables, keys, st.binary(max_size=2000)),
    st.builds(Delete, tables, keys),
    st.builds(DeleteRange, tables, st.binary(max_size=511), st.none() | keys),
)


@given(st.lists(changes, max_size=20))
def test_changes_come_back(some):
    assert list(decode_changes(encode_changes(some))) == some


@given(st.lists(changes, min_size=1, max_size=4), st.data())
def test_what_is_cut_is_refused(some, data):
    whole = encode_changes(some)
    cut = whole[: data.draw(st.integers(1, len(whole) - 1))]
    try:
        found = list(decode_changes(cut))
    except DamagedError:
        return
    assert found == some[: len(found)]  # it ends between two of them


def test_what_is_of_no_kind_is_refused():
    with pytest.raises(DamagedError):
        list(decode_changes(b"\x09\x00\x00\x01\x00\x00\x00\x00k"))


def test_each_table_has_a_number():
    for table in Table:
        assert list(decode_changes(encode_changes([Delete(table, b"k")]))) == [Delete(table, b"k")]
