"""Times in requests: those of RFC 3339 and no others."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from chargehand.actors import limits
from chargehand.actors.errors import Rejected, invalid

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

# `date-time` of RFC 3339, section 5.6. Python reads more: weeks, ordinal days, a comma, no zone.
_DATE_TIME: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:)(\d{2})(\.\d+)?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
_FRACTION_CHARS_MAX: Final = 7  # a point and microseconds


def time_ns(pointer: str, value: str | None) -> int | None:
    """Nanoseconds since 1970, exact to a microsecond.

    None where absent, or before 1970: programs in Go write a time that is not set as one
    in the year 1.

    Raises:
        Rejected: no such time, or one too late.
    """
    if value is None:
        return None
    try:
        moment = _moment(value.strip())
        at_ns = (moment - _EPOCH) // _MICROSECOND * 1000
    except (ValueError, OverflowError):
        raise _no_time(pointer) from None
    if at_ns > limits.TIME_NS_MAX:
        raise invalid(pointer, f"{pointer} is later than the year 2262", "send an earlier time")
    return at_ns if at_ns > 0 else None


def _moment(text: str) -> datetime:
    """Raises: ValueError: no such time."""
    parts = _DATE_TIME.fullmatch(text)
    if parts is None:
        raise ValueError(text)
    date, minute, second, fraction, zone = parts.groups()
    if minute.startswith("24"):  # Python takes 24:00 for the next midnight
        raise ValueError(text)
    is_leap = second == "60"  # counted as the second behind it, as most clocks do
    zone = "+00:00" if zone in "Zz" else zone
    fraction = (fraction or "")[:_FRACTION_CHARS_MAX]
    moment = datetime.fromisoformat(f"{date}T{minute}{'59' if is_leap else second}{fraction}{zone}")
    if not is_leap:
        return moment
    utc = moment.astimezone(UTC)
    if (utc.hour, utc.minute) != (23, 59):
        raise ValueError(text)
    return utc + timedelta(seconds=1)


def _no_time(pointer: str) -> Rejected:
    return invalid(
        pointer,
        f"{pointer} is no time as of RFC 3339",
        "send one like 2030-01-31T12:00:00Z, or leave it out",
    )
