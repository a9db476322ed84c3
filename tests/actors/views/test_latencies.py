"""Percentiles out of buckets, against the latencies themselves."""

from hypothesis import given
from hypothesis import strategies as some

from chargehand.actors.views.latencies import NO_LATENCIES, NS_IN_MS, Latencies

LATENCIES = some.lists(
    some.integers(0, 40) | some.integers(0, 10**7) | some.integers(0, (2**63 - 1) // NS_IN_MS),
    min_size=1,
    max_size=60,
)


def counted(all_ms: list[int]) -> Latencies:
    latencies = Latencies()
    for ms in all_ms:
        latencies.add(ms * NS_IN_MS + 999)
    return latencies


def percentile(all_ms: list[int], percent: int) -> int:
    return sorted(all_ms)[-(-len(all_ms) * percent // 100) - 1]


@given(LATENCIES)
def test_percentiles_are_exact_below_16_ms_and_off_by_a_sixteenth_at_most(all_ms):
    found = counted(all_ms).summary()
    assert (found.samples, found.maximum_ms) == (len(all_ms), max(all_ms))
    assert found.average_ms == sum(all_ms) // len(all_ms)
    for said, percent in ((found.p50_ms, 50), (found.p95_ms, 95)):
        right = percentile(all_ms, percent)
        assert abs(said - right) <= right / 16
        assert said == right or right >= 16
        assert said <= found.maximum_ms


@given(LATENCIES, LATENCIES)
def test_added_up_they_are_as_counted_together(first, second):
    together = counted(first)
    together.add_all(counted(second))
    assert together.summary() == counted(first + second).summary()


def test_there_are_no_more_buckets_than_needed():
    latencies = Latencies()
    for power in range(63):
        for part in range(16):
            latencies.add(min((16 + part) * 2**power // 16, 2**63 - 1))
    assert len(latencies._buckets) == 329
    assert Latencies().summary() is NO_LATENCIES
