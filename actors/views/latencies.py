"""Many latencies in few numbers: how many, their sum, the longest, and percentiles that are nearly
right.

They are counted in buckets of whole milliseconds: one for each below 16, from there on eight for
each power of two. So a percentile is exact below 16 ms, and above it is off by a sixteenth of
itself at most.
"""

from typing import Final, final

from chargehand.actors.frozen import frozen

NS_IN_MS: Final = 1_000_000
_EXACT_MS: Final = 16
_BITS: Final = 3  # of a number behind its first one that tell buckets apart


@final
@frozen
class LatencySummary:
    """In milliseconds, cut to whole ones; all 0 without samples."""

    samples: int = 0
    average_ms: int = 0
    p50_ms: int = 0
    p95_ms: int = 0
    maximum_ms: int = 0


NO_LATENCIES: Final = LatencySummary()


@final
class Latencies:
    """329 buckets at most, as no latency is longer than 63 bits of ns."""

    __slots__ = ("_buckets", "_maximum_ns", "_samples", "_total_ns")

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self._samples = 0
        self._total_ns = 0
        self._maximum_ns = 0

    def add(self, latency_ns: int) -> None:
        """Args: latency_ns: not negative."""
        bucket = _bucket(latency_ns // NS_IN_MS)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        self._samples += 1
        self._total_ns += latency_ns
        if latency_ns > self._maximum_ns:
            self._maximum_ns = latency_ns

    def add_all(self, others: "Latencies") -> None:
        for bucket, count in others._buckets.items():
            self._buckets[bucket] = self._buckets.get(bucket, 0) + count
        self._samples += others._samples
        self._total_ns += others._total_ns
        self._maximum_ns = max(self._maximum_ns, others._maximum_ns)

    def summary(self) -> LatencySummary:
        if not self._samples:
            return NO_LATENCIES
        maximum_ms = self._maximum_ns // NS_IN_MS
        buckets = sorted(self._buckets.items())
        return LatencySummary(
            self._samples,
            self._total_ns // self._samples // NS_IN_MS,
            min(self._percentile(buckets, 50), maximum_ms),
            min(self._percentile(buckets, 95), maximum_ms),
            maximum_ms,
        )

    def _percentile(self, buckets: list[tuple[int, int]], percent: int) -> int:
        """Of the smallest latencies that are so many of all, the longest."""
        left = -(-self._samples * percent // 100)
        for bucket, count in buckets:
            left -= count
            if left <= 0:
                return _middle_ms(bucket)
        raise AssertionError("the buckets hold all samples")


def _bucket(ms: int) -> int:
    if ms < _EXACT_MS:
        return ms
    shift = ms.bit_length() - _BITS - 1
    return (shift << _BITS) + (ms >> shift)


def _middle_ms(bucket: int) -> int:
    if bucket < _EXACT_MS:
        return bucket
    shift = (bucket >> _BITS) - 1
    return (bucket - (shift << _BITS) << shift) + (1 << shift >> 1)
