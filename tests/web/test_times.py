"""Times in requests are those of RFC 3339, and no others that a parser may happen to read."""

from datetime import UTC, datetime

import pytest

from chargehand.actors.errors import Rejected
from chargehand.web.times import time_ns

NOON = int(datetime(2030, 1, 31, 12, tzinfo=UTC).timestamp()) * 10**9


@pytest.mark.parametrize(
    ("text", "at_ns"),
    [
        ("2030-01-31T12:00:00Z", NOON),
        ("2030-01-31t12:00:00z", NOON),
        (" 2030-01-31T12:00:00Z ", NOON),
        ("2030-01-31T14:30:00+02:30", NOON),
        ("2030-01-31T12:00:00-00:00", NOON),
        ("2030-01-31T12:00:00.5Z", NOON + 500_000_000),
        ("2030-01-31T12:00:00.123456789Z", NOON + 123_456_000),
        ("2030-01-30T23:59:60Z", NOON - 12 * 3600 * 10**9),
        ("2030-01-31T01:59:60+02:00", NOON - 12 * 3600 * 10**9),
        ("0001-01-01T00:00:00Z", None),
        ("1969-12-31T23:59:59Z", None),
        (None, None),
    ],
)
def test_what_the_standard_allows_is_taken(text, at_ns):
    assert time_ns("/deadline_at", text) == at_ns


@pytest.mark.parametrize(
    "text",
    [
        "2030-W01-1T00:00:00Z",
        "2030-031T12:00:00Z",
        "20300131T120000Z",
        "2030-01-31T12:00:00",
        "2030-01-31",
        "2030-01-31 12:00:00Z",
        "2030-01-31T12:00Z",
        "2030-01-31T12Z",
        "2030-01-31T24:00:00Z",
        "2030-01-31T12:00:00,5Z",
        "2030-01-31T12:00:00.Z",
        "2030-01-31T12:00:00+0200",
        "2030-01-31T12:00:00+02",
        "2030-01-31T12:00:00+02:00:30",
        "2030-01-31T12:00:00+24:00",
        "2030-01-31T12:00:00+00:60",
        "2030-01-31T12:00:00-01:99",
        "2030-01-31T12:60:00Z",
        "2030-01-31T12:00:60Z",
        "2030-02-30T12:00:00Z",
        "2030-13-01T12:00:00Z",
        "2030-01-31T12:00:00 Z",
        "٢٠٣٠-01-31T12:00:00Z",
        "9999-12-31T23:59:60Z",
        "+2030-01-31T12:00:00Z",
        "tomorrow",
        "",
    ],
)
def test_what_it_does_not_allow_is_refused_and_reported_by_its_pointer(text):
    with pytest.raises(Rejected) as caught:
        time_ns("/deadline_at", text)
    assert caught.value.pointer == "/deadline_at"
    assert caught.value.next_step


def test_a_time_that_cannot_be_stored_is_refused():
    with pytest.raises(Rejected, match="later than the year 2262"):
        time_ns("/deadline_at", "2262-12-01T00:00:00Z")
