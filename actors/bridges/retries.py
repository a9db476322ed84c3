"""The delay before a retry: growing exponentially up to a bound, with jitter."""

from typing import Final

from chargehand.actors.limits import RETRY_AFTER_S_MAX, RETRY_FIRST_S, RETRY_S_MAX

JITTER: Final = 0.2  # of the delay, to either side

_DOUBLINGS_MAX: Final = (
    32  # a float has room for more; the bound on the delay is reached long before
)


def retry_delay_s(failures: int, chance: float) -> float:
    """How long to wait after so many failures in a row, at least one.

    Args:
        chance: from 0 up to 1, drawn for each delay.
    """
    delay_s = min(RETRY_FIRST_S * 2.0 ** min(failures - 1, _DOUBLINGS_MAX), RETRY_S_MAX)
    return delay_s * (1 - JITTER + 2 * JITTER * chance)


def hold_s(retry_after_s: float, chance: float) -> float:
    """How long to send nothing to a receiver that has asked for so much time.

    Never less than that, unless it is more than the limit; a little more by chance.

    Args:
        chance: as above.
    """
    asked_s = min(max(retry_after_s, 0.0), RETRY_AFTER_S_MAX)
    return asked_s + min(JITTER * asked_s, RETRY_S_MAX) * chance
