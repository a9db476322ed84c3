"""When a receiver wants to be asked again: `Retry-After`, in seconds or as a date (RFC 9110)."""

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

_SECONDS_CHARS_MAX: Final = 12  # beyond any limit


def retry_after_s(headers: Mapping[str, str], now_s: float) -> float | None:
    """Seconds from now; below 0 where a date is over. None: nothing that can be understood.

    A date counts from the receiver's own `Date`, where it sends one: its clock may not be ours.

    Args:
        headers: of the answer, looked up in any case.
        now_s: seconds since 1970.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:_SECONDS_CHARS_MAX])
    until_s = _date_s(value)
    if until_s is None:
        return None
    sent_s = _date_s(headers.get("date", ""))
    return until_s - (now_s if sent_s is None else sent_s)


def _date_s(value: str) -> float | None:
    """Seconds since 1970; a date without a zone is in UTC, as all of HTTP are."""
    try:
        date = parsedate_to_datetime(value)
        return (date if date.tzinfo is not None else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
