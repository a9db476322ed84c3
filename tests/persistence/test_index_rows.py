import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargehand.actors.ports import StorageError
from chargehand.actors.record import IndexRow, IndexTable
from chargehand.persistence.index_rows import PLAIN_KEY_BYTES_MAX, encode_row, row_key


@given(st.lists(st.text(max_size=600), unique=True, max_size=5))
def test_different_keys_stay_different_and_fit_lmdb(texts):
    keys = [row_key(text) for text in texts]
    assert len(set(keys)) == len(texts)
    assert all(0 < len(key) <= 511 for key in keys)


def test_long_keys_are_hashed():
    assert row_key("k" * PLAIN_KEY_BYTES_MAX) == b"=" + b"k" * PLAIN_KEY_BYTES_MAX
    assert len(row_key("k" * (PLAIN_KEY_BYTES_MAX + 1))) == 33


@pytest.mark.parametrize(
    "row", [IndexRow(IndexTable.KEYS, "\ud800", "v"), IndexRow(IndexTable.KEYS, "k", "\ud800")]
)
def test_what_cannot_be_stored_is_refused(row):
    with pytest.raises(StorageError):
        encode_row(row)
