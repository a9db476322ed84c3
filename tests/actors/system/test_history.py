"""The last minutes of a running system, against a count of its records one by one."""

import random

import pytest
import trio

from chargehand.actors import limits
from chargehand.actors.clock import VirtualTime
from chargehand.actors.slices import in_turns
from chargehand.actors.task import commands as c
from chargehand.actors.task.events import RunEvent
from chargehand.actors.views.history import MINUTE_NS, Happened, Past
from tests.actors.system.desk import NOW_NS, NS, agent, started
from tests.actors.system.random_work import Callers

CALLERS = 8
STEPS = 60
HAPPENED = {
    "TaskCreated": Happened.TASK_CREATED,
    "RunEnqueued": Happened.RUN_ENQUEUED,
    "RunRetried": Happened.RUN_ENQUEUED,
    "RunRecovered": Happened.RUN_ENQUEUED,
    "RunClaimed": Happened.RUN_CLAIMED,
    "RunReleased": Happened.RUN_RELEASED,
    "RunLeaseExpired": Happened.LEASE_EXPIRED,
    "RunCompleted": Happened.RUN_COMPLETED,
    "RunFailed": Happened.RUN_FAILED,
    "RunForcedFail": Happened.RUN_FAILED,
    "RunParkedClosed": Happened.RUN_FAILED,
    "RunCanceled": Happened.RUN_CANCELED,
}
QUEUED = {"RunEnqueued", "RunRetried", "RunRecovered", "RunReleased", "RunLeaseExpired"}
ENDED = {"RunCompleted", "RunFailed", "RunForcedFail", "RunParkedClosed", "RunCanceled"}


async def past(desk, minutes: int = limits.HISTORY_MINUTES_MAX) -> Past:
    return await in_turns(desk.system.history.past(minutes))


class Recount:
    """What a system has committed since, by minute; of events alone, not of states."""

    def __init__(self, desk) -> None:
        self.clock = desk.system.clock
        self.counts: dict[int, list[int]] = {}
        self.waits: dict[int, list[int]] = {}
        self.works: dict[int, list[int]] = {}
        self._queued: dict[str, int] = {}
        self._claimed: dict[str, int] = {}
        publish = desk.system.views.publish

        def published(record, state):
            self.take(record)
            publish(record, state)

        desk.system.views.publish = published

    def take(self, record) -> None:
        now_ns = self.clock.elapsed_ns()
        minute = self.clock.now_ns() // MINUTE_NS
        for event in record.events:
            name = type(event).__name__
            if name in HAPPENED:
                counts = self.counts.setdefault(minute, [0] * len(Happened))
                counts[HAPPENED[name]] += 1
            if not isinstance(event, RunEvent):
                continue
            run_id = event.run_id
            if name in QUEUED:
                self._queued[run_id] = now_ns
                self._claimed.pop(run_id, None)
            elif name == "RunClaimed":
                self._claimed[run_id] = now_ns
                self.waits.setdefault(minute, []).append(now_ns - self._queued[run_id])
            elif name in ENDED and run_id in self._claimed:
                self.works.setdefault(minute, []).append(now_ns - self._claimed[run_id])


def facts_of(latencies: list[int]) -> tuple[int, int, int]:
    if not latencies:
        return 0, 0, 0
    average_ns = sum(latencies) // len(latencies)
    return len(latencies), average_ns // 10**6, max(latencies) // 10**6


@pytest.mark.parametrize("seed", range(6))
async def test_random_work_is_counted_as_it_was_committed(seed):
    rng = random.Random(seed)
    async with started(lease_expiries_max=2) as desk:
        recount = Recount(desk)
        await work(desk, rng)
        found = await past(desk)
        for row in found.minutes:
            minute = row.start_ns // MINUTE_NS
            assert list(row.counts) == recount.counts.pop(minute, [0] * len(Happened))
            for told, latencies in (
                (row.queue_wait, recount.waits.pop(minute, [])),
                (row.execution, recount.works.pop(minute, [])),
            ):
                assert (told.samples, told.average_ms, told.maximum_ms) == facts_of(latencies)
        assert not recount.counts
        assert len(found.minutes) > 2
        check_now(desk, found)


async def work(desk, rng, between=lambda: None) -> None:
    for _ in range(4):
        async with trio.open_nursery() as nursery:
            for _ in range(CALLERS):
                nursery.start_soon(Callers(desk, rng, []).work, STEPS)
        between()
        await trio.sleep(rng.choice([5, 70, 200]))


def check_now(desk, found: Past) -> None:
    board, now = desk.system.board, found.minutes[-1]
    assert (now.queued, now.active) == (board.queued_count, board.active_count)
    claimable = board.claimable.runs.values()
    oldest = min(claimable, key=lambda run: run.queue_order, default=None)
    age_ns = None if oldest is None else desk.system.clock.age_ns(oldest.since_ns)
    assert now.oldest_claimable_ns == age_ns


@pytest.mark.parametrize("steps_s", [(-90_000, 4000), (-45, 20)])
@pytest.mark.parametrize("seed", range(3))
async def test_a_wall_that_is_set_loses_nothing_and_makes_no_latency_longer(seed, steps_s):
    rng = random.Random(seed)
    time = VirtualTime(NOW_NS, watched=True)
    async with started(time=time, lease_expiries_max=2) as desk:
        recount = Recount(desk)
        await work(desk, rng, lambda: time.step(rng.choice(steps_s)))
        found = (await past(desk)).minutes
        for place in Happened:
            counted = sum(counts[place] for counts in recount.counts.values())
            assert sum(row.counts[place] for row in found) == counted
        for told, latencies in (
            ([row.queue_wait for row in found], recount.waits),
            ([row.execution for row in found], recount.works),
        ):
            longest_ms = max(latency for some in latencies.values() for latency in some) // 10**6
            assert sum(each.samples for each in told) == sum(map(len, latencies.values()))
            # What the wall says twice is taken for the later time.
            too_short_ms = 4 * 45_000 if -45 in steps_s else 1000
            found_ms = max(each.maximum_ms for each in told)
            assert longest_ms - too_short_ms <= found_ms <= longest_ms + 1000


async def test_a_restart_forgets_and_what_is_replayed_does_not_count():
    async with started() as desk:
        for _ in range(3):
            await desk.queued()
        await desk.claim("s1", lease_seconds=3000)
        first = await past(desk)
        assert first.since_ns == NOW_NS
        assert first.minutes[-1].counts[Happened.RUN_ENQUEUED] == 3
        store = desk.store.copy()
    await trio.sleep(30)
    async with started(store) as desk:
        assert desk.system.replayed_records > 0
        again = await past(desk)
        assert again.since_ns == again.as_of_ns == NOW_NS + 30 * NS
        [row] = again.minutes
        assert not any(row.counts)
        assert (row.queued, row.active, row.oldest_claimable_ns) == (2, 1, 30 * NS)
        await desk.claim("s2")
        [row] = (await past(desk)).minutes
        assert row.queue_wait.maximum_ms == 30_000  # the time without a server too


async def test_a_run_that_was_given_back_has_waited_since_then(monkeypatch):
    monkeypatch.setattr(limits, "HISTORY_GIVEN_BACK_MAX", 1)
    async with started(max_leases_per_session=2) as desk:
        first, second = await desk.many_queued(2)
        await trio.sleep(5)
        for _ in range(2):
            await desk.claim("s1")
        await trio.sleep(20)
        for run in (first, second):
            await desk.ask_run(c.ReleaseRun(run.id), agent("s1"))
        await trio.sleep(3)
        await desk.claim("s1")  # of the first it is forgotten when it was given back
        counted = await past(desk)
        assert counted.minutes[-1].queue_wait.maximum_ms == 28_000
        await desk.claim("s1")
        waits = (await past(desk)).minutes[-1].queue_wait
        assert (waits.samples, waits.average_ms) == (4, (5000 + 5000 + 28_000 + 3000) // 4)
