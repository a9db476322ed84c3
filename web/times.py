"""Times in requests: RFC 3339, with a zone."""

from datetime import UTC, datetime, timedelta
from typing import Final

from actors.errors import Rejected, invalid

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_NS_MAX: Final = 2**63 - 1  # in the year 2262; later ones cannot be stored


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
        moment = datetime.fromisoformat(value.strip()) if "T" in value.upper() else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise _no_time(pointer)
    try:
        at_ns = (moment - _EPOCH) // _MICROSECOND * 1000
    except OverflowError:
        raise _no_time(pointer) from None
    if at_ns > _NS_MAX:
        raise invalid(pointer, f"{pointer} is later than the year 2262", "send an earlier time")
    return at_ns if at_ns > 0 else None


def _no_time(pointer: str) -> Rejected:
    return invalid(
        pointer,
        f"{pointer} is no time as of RFC 3339",
        "send one like 2030-01-31T12:00:00Z, or leave it out",
    )
