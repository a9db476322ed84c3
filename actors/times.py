"""Times as texts: RFC 3339 in UTC."""

from datetime import UTC, datetime
from functools import lru_cache

from chargehand.actors.limits import NS


@lru_cache(maxsize=8192)
def rfc3339(at_ns: int) -> str:
    """Nanoseconds since 1970, trailing zeros of the fraction trimmed.

    Texts are kept, as the same time is often shown again: in one answer, and in the next list.
    """
    at_s, rest_ns = divmod(at_ns, NS)
    if not rest_ns:
        return f"{_second(at_s)}Z"
    return f"{_second(at_s)}.{f'{rest_ns:09d}'.rstrip('0')}Z"


def to_the_second(at_ns: int) -> str:
    """The same without a fraction, for sentences."""
    return f"{_second(at_ns // NS)}Z"


@lru_cache(maxsize=512)
def _second(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")
