"""What a program may set of the core, and what is refused at once."""

import pytest

from chargehand import ReviewPolicy, Settings


def test_a_review_policy_may_be_named_by_its_word():
    for policy in ReviewPolicy:
        assert Settings(review_policy=policy.value).review_policy is policy
        assert Settings(review_policy=policy).review_policy is policy


@pytest.mark.parametrize("wrong", ["sometimes", "NONE", "", None, 3])
def test_an_unknown_review_policy_is_refused_with_those_that_there_are(wrong):
    with pytest.raises(ValueError, match="review_policy must be one of 'none', 'on_success'"):
        Settings(review_policy=wrong)


@pytest.mark.parametrize(
    ("name", "wrong", "expected"),
    [
        ("wait_s", "x", "a number"),
        ("wait_s", None, "a number"),
        ("wait_s", True, "a number"),
        ("max_leases_per_session", 1.5, "a whole number"),
        ("max_leases_per_session", True, "a whole number"),
        ("require_registration", "no", "True or False"),
        ("require_registration", 0, "True or False"),
    ],
)
def test_a_setting_of_another_type_is_refused_by_its_name(name, wrong, expected):
    with pytest.raises(TypeError, match=f"{name} must be {expected}, not {wrong!r}"):
        Settings(**{name: wrong})


@pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf")])
def test_a_time_that_is_no_time_is_refused_by_its_name(wrong):
    with pytest.raises(ValueError, match="wait_s"):
        Settings(wait_s=wrong)


def test_whole_seconds_are_times():
    assert Settings(wait_s=3).wait_s == 3
