"""That the parts of `benchmarks.cluster.costs` measure what they say."""

import signal
import time
from pathlib import Path

import pytest
import trio

from benchmarks.cluster.costs.append import appends
from benchmarks.cluster.costs.checkpoints import Claims, Slices
from benchmarks.cluster.costs.copy import Copy
from benchmarks.cluster.costs.lag import Watched
from benchmarks.cluster.costs.rows import Row, Target
from benchmarks.cluster.costs.stage import in_turn
from benchmarks.cluster.nodes import Cluster, Node
from chargehand.persistence.postgres.schema import find
from tests.process.conftest import S_MAX


@pytest.mark.parametrize(
    ("target", "values", "is_met"),
    [
        (Target(2), [1, 2, 9], True),
        (Target(2), [1, 3, 9], False),
        (Target(2, of_each=True), [1, 2, 9], False),
        (Target(2, of_each=True), [1, 2, 2], True),
        (Target(2, is_least=True), [0, 2, 2], True),
        (Target(2, is_least=True), [0, 0, 9], False),
        (Target(2, is_least=True, of_each=True), [0, 2, 2], False),
        (None, [1], None),
    ],
)
def test_the_median_counts_or_each_value(target, values, is_met):
    assert Row("part", "what", values, target=target).is_met is is_met


async def test_every_second_round_begins_at_the_other_end():
    order = []

    async def one() -> int:
        order.append(1)
        return 10

    async def two() -> int:
        order.append(2)
        return 20

    assert [await in_turn(number, one, two) for number in range(2)] == [[10, 20], [10, 20]]
    assert order == [1, 2, 2, 1]


def test_a_claim_belongs_to_the_checkpoint_that_it_overlaps_with():
    slices = Slices([(at, at + 0.01) for at in (10.0, 10.5, 11.0, 20.0)])
    first, second = slices.checkpoints()
    assert first == pytest.approx((9.95, 11.06))
    assert second == pytest.approx((19.95, 20.06))
    claims = [(9.0, 9.9), (9.0, 10.0), (10.2, 10.3), (11.0, 15.0), (12.0, 13.0), (15.0, 25.0)]
    found = Claims.of(claims, [first, second])
    assert found.without == pytest.approx([0.9, 1.0])
    assert found.during == pytest.approx([0.1, 1.0, 4.0, 10.0])
    assert found.checkpoints == found.fewest == 2


async def test_a_slice_is_seen_when_the_database_has_it(servers, address):
    slices = Slices()
    moments = []
    with trio.fail_after(S_MAX):
        async with trio.open_nursery() as nursery:
            await nursery.start(slices.watch, address)
            for number in range(2):
                before = time.perf_counter()
                await trio.to_thread.run_sync(
                    servers[0].execute, f"UPDATE {address.schema}.fold SET slice = slice + 1"
                )
                moments.append((before, time.perf_counter()))
                await _until(lambda number=number: len(slices.seen) > number)
            nursery.cancel_scope.cancel()
    for (before, after), (begun, ended) in zip(moments, slices.seen, strict=True):
        assert begun <= after
        assert before <= ended


def test_an_append_is_one_of_the_log(address):
    assert min(appends(address, 5)) > 0
    assert find(address).head == 5


def test_an_append_that_is_not_acknowledged_is_not_measured(servers, address):
    servers[0].execute(f"DELETE FROM {address.schema}.fold")  # a take needs it
    with pytest.raises(RuntimeError, match="not acknowledged"):
        appends(address, 1)


def test_a_lag_begins_with_the_answer_and_ends_with_the_look_that_finds_it():
    watched = Watched(
        answered=[(1.0, 5), (2.0, 6), (3.0, 9), (9.0, 10)],
        looks=[(0.9, 4), (1.5, 5), (1.9, 8), (4.0, 9), (9.5, 10)],
        used=[(0.0, 1.0, 0.0), (1.0, 2.0, 0.5), (2.0, 3.0, 0.7), (3.0, 5.0, 1.0), (4.0, 9.0, 9.0)],
    )
    assert watched.lags((0.5, 3.5)) == pytest.approx([0.5, 0.0, 1.0])
    assert watched.look_gaps((0.5, 3.5)) == pytest.approx([0.6, 0.4])
    assert watched.cpu((0.5, 3.5)) == pytest.approx((3.0, 0.5))


async def test_a_standby_that_is_frozen_lags_for_as_long(tmp_path, address):
    url = f"{address.conninfo}?schema={address.schema}"
    cluster = Cluster([Node.over(tmp_path, name, url) for name in ("one", "two")])
    watched = Watched()
    try:
        with trio.fail_after(S_MAX):
            await cluster.start()
            active = await cluster.settled()
            [standby] = (node for node in cluster.nodes if node is not active)
            with Copy(standby.data) as copy:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(watched.look, copy)
                    nursery.start_soon(watched.write, active.port)
                    await _until(lambda: watched.answered)
                    await watched.wait_followed()
                    standby.signal(signal.SIGSTOP)
                    await _until(lambda: _is_stopped(standby.pid))
                    # The next one may have been followed before its answer came.
                    first = len(watched.answered) + 1
                    await _until(lambda: len(watched.answered) >= first + 5)
                    thawed = time.perf_counter()
                    standby.signal(signal.SIGCONT)
                    await watched.wait_followed()
                    nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            await cluster.close()
    numbers = [seq for _, seq in watched.answered]
    assert numbers == sorted(set(numbers))
    lags = watched.lags((0.0, thawed))
    frozen = watched.answered[first : len(lags)]
    assert len(frozen) >= 5
    for lag, (at, _) in zip(lags[first:], frozen, strict=True):
        assert lag >= thawed - at >= 0


async def _until(is_so) -> None:
    while not is_so():  # noqa: ASYNC110 - a process cannot wake it
        await trio.sleep(0.01)


def _is_stopped(pid: int) -> bool:
    """All its threads."""
    states = [
        path.read_text().rpartition(") ")[2].split()[0]
        for path in Path(f"/proc/{pid}/task").glob("*/stat")
    ]
    return set(states) == {"T"}
