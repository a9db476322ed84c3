"""What a receiver says of when to come again; what cannot be understood says nothing."""

import pytest

from chargehand.web.retry_after import retry_after_s

NOW_S = 784_111_777  # Sun, 06 Nov 1994 08:49:37 GMT


def asked(value, **headers):
    return retry_after_s({"retry-after": value, **headers}, NOW_S)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("30", 30),
        (" 120 ", 120),
        ("9" * 400, 999_999_999_999),
        ("Sun, 06 Nov 1994 08:50:37 GMT", 60),
        ("Sunday, 06-Nov-94 08:50:37 GMT", 60),
        ("Sun Nov  6 08:50:37 1994", 60),
        ("Sun, 06 Nov 1994 08:48:37 GMT", -60),
    ],
)
def test_seconds_and_the_three_forms_of_a_date(value, seconds):
    assert asked(value) == seconds


@pytest.mark.parametrize(
    "value", ["", "-1", "1.5", "soon", "\u0663", "Sun, 99 Nov 1994 08:50:37 GMT", "1e3"]
)
def test_anything_else_says_nothing(value):
    assert asked(value) is None
    assert retry_after_s({}, NOW_S) is None


def test_a_date_counts_from_the_clock_of_the_receiver():
    date = "Sun, 06 Nov 1994 10:00:00 GMT"
    assert asked("Sun, 06 Nov 1994 10:00:30 GMT", date=date) == 30
    assert asked("Sun, 06 Nov 1994 08:50:37 GMT", date="nonsense") == 60
