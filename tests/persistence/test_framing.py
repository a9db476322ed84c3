import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargehand.actors.ports import StorageError
from chargehand.persistence.framing import address_bytes, encode_frame, frames, span

BODIES = st.binary(max_size=60)


@given(st.lists(st.tuples(st.integers(1, 9), BODIES), min_size=1, max_size=5))
def test_frames_one_after_another_come_back_in_order(parts):
    seq, buffer, expected = 5, b"", []
    for events, body in parts:
        frame = encode_frame(seq, events, b"task-1", body)
        assert span(frame) == (seq, seq + events - 1)
        buffer += frame
        expected.append((seq, seq + events - 1, "task-1", body))
        seq += events
    assert [(*frame[:3], bytes(frame.body)) for frame in frames(buffer)] == expected


@given(BODIES, st.integers(0, 7), st.data())
def test_any_flipped_bit_is_noticed(body, bit, data):
    damaged = bytearray(encode_frame(300, 2, b"task-1", body))
    place = data.draw(st.integers(0, len(damaged) - 1))
    damaged[place] ^= 1 << bit
    with pytest.raises(StorageError):
        list(frames(bytes(damaged)))


@given(BODIES, st.data())
def test_a_frame_that_is_cut_short_is_noticed(body, data):
    whole = encode_frame(300, 2, b"task-1", body)
    length = data.draw(st.integers(1, len(whole) - 1))
    with pytest.raises(StorageError):
        list(frames(whole[:length]))


def test_the_error_names_the_number():
    good, bad = encode_frame(41, 1, b"t", b"[]"), bytearray(encode_frame(42, 1, b"t", b"[]"))
    bad[-1] ^= 1
    with pytest.raises(StorageError, match="the record after number 41 fails its checksum"):
        list(frames(good + bad))
    with pytest.raises(StorageError, match="the first record fails its checksum"):
        list(frames(bad))


@pytest.mark.parametrize("address", ["", "a\0b", "\ud800", "x" * 401])
def test_what_cannot_be_an_address(address):
    assert address_bytes(address) is None


def test_what_can_be_an_address():
    assert address_bytes("@session/" + "x" * 128) == b"@session/" + b"x" * 128
