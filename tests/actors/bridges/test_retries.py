import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargehand.actors.bridges.retries import hold_s, retry_delay_s
from chargehand.actors.limits import RETRY_AFTER_S_MAX, RETRY_S_MAX

MIDDLE = 0.5


def test_the_first_retry_comes_after_about_a_second():
    assert retry_delay_s(1, 0.0) == pytest.approx(0.8)
    assert retry_delay_s(1, MIDDLE) == pytest.approx(1.0)
    assert retry_delay_s(1, 0.999) == pytest.approx(1.2, abs=0.01)


def test_each_further_one_takes_twice_as_long_up_to_a_bound():
    delays = [retry_delay_s(failures, MIDDLE) for failures in range(1, 12)]
    assert delays == pytest.approx([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300])


@given(failures=st.integers(1, 10**9), chance=st.floats(0, 1, exclude_max=True))
def test_however_many_there_were_it_is_tried_again_and_not_at_once(failures, chance):
    assert 0.8 <= retry_delay_s(failures, chance) <= 1.2 * RETRY_S_MAX


@given(asked_s=st.floats(0, RETRY_AFTER_S_MAX), chance=st.floats(0, 1, exclude_max=True))
def test_who_asks_for_time_gets_it_and_a_little_more(asked_s, chance):
    assert asked_s <= hold_s(asked_s, chance) <= min(1.2 * asked_s, asked_s + RETRY_S_MAX) + 1e-6


@pytest.mark.parametrize("asked_s", [-5.0, 0.0])
def test_who_asks_for_none_gets_none(asked_s):
    assert hold_s(asked_s, 0.999) == 0


@pytest.mark.parametrize("asked_s", [1e12, float("inf")])
def test_there_is_a_limit_to_what_may_be_asked_for(asked_s):
    assert hold_s(asked_s, 0.0) == RETRY_AFTER_S_MAX
