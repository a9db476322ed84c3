"""Rates and quantiles of what took time."""

from collections.abc import Sequence
from typing import final

from chargehand.actors.frozen import frozen


@final
@frozen
class Figures:
    """One measured thing. Latencies in ms; `rate` in completed operations per second."""

    name: str
    count: int
    rate: float
    p50_ms: float
    p99_ms: float
    p999_ms: float

    @classmethod
    def of(
        cls,
        name: str,
        latencies_s: Sequence[float],
        elapsed_s: float,
        count: int | None = None,
    ) -> "Figures":
        """From the latency of each operation and the time that all of them took together.

        Args:
            count: what was done by all of them, where one may have done several (a batch).
        """
        ordered = sorted(latencies_s)
        count = len(ordered) if count is None else count
        return cls(
            name,
            count,
            count / elapsed_s if elapsed_s > 0 else 0.0,
            quantile_ms(ordered, 0.5),
            quantile_ms(ordered, 0.99),
            quantile_ms(ordered, 0.999),
        )


def quantile_ms(ordered_s: Sequence[float], share: float) -> float:
    """The latency that this share of them stayed below, in ms; 0 where there are none."""
    if not ordered_s:
        return 0.0
    return ordered_s[min(len(ordered_s) - 1, int(len(ordered_s) * share))] * 1000
