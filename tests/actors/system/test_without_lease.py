"""A run at work that no lease guards, and that nobody touches, is told of past the threshold."""

import pytest
import trio

from chargehand.actors.task import commands as c
from chargehand.actors.task.state import RunStatus
from chargehand.actors.views.choices import Lane
from chargehand.actors.views.groups import GroupFilter
from chargehand.actors.views.inbox import InboxFilter, blocking_reason
from tests.actors.system.desk import NS, OPERATOR, agent, started

TOLD = "task.run_without_lease"


@pytest.fixture
def settings() -> dict:
    return {"starvation_s": 100.0}


async def told(desk, run) -> int:
    """How often it was told of the run."""
    return desk.events((await desk.system.run(run.id)).task.id).count(TOLD)


def stuck(desk) -> int:
    now_ns = desk.system.clock.now_ns()
    return desk.system.views.dashboard(GroupFilter(), now_ns, lambda _: True).stuck_runs


def lane(desk, wanted: Lane) -> list:
    [group] = desk.system.views.inbox(OPERATOR.actor, InboxFilter(lane=wanted), None, 10)
    return [task.id for task in group.tasks]


async def start(desk, run, caller=OPERATOR) -> None:
    await desk.ask_run(c.ClaimRun(run.id), caller)
    await desk.ask_run(c.StartRun(run.id), caller)


@pytest.mark.parametrize("caller", [OPERATOR, agent("s1")], ids=["operator", "session"])
async def test_a_run_without_a_lease_that_nobody_touches_is_reported_once(desk, caller):
    run = await desk.queued()
    await start(desk, run, caller)
    await trio.sleep(99)
    assert (await told(desk, run), stuck(desk), lane(desk, Lane.FAILED_RUNS)) == (0, 0, [])
    await trio.sleep(2)
    task = (await desk.system.run(run.id)).task
    assert (await told(desk, run), stuck(desk)) == (1, 1)
    assert lane(desk, Lane.FAILED_RUNS) == [task.id]
    assert blocking_reason(task) == "run_without_lease"
    [entry] = [
        e.event for e in desk.system.views.timelines.after(task.id, 0, 99) if e.event.type == TOLD
    ]
    assert entry.untouched_since_ns == task.open_run.started_at_ns
    assert 100_000 <= entry.untouched_ms < 101_000
    assert entry.session_id == (None if caller is OPERATOR else "s1")
    await trio.sleep(1000)
    assert await told(desk, run) == 1


async def test_whoever_touches_it_has_the_full_time_again(desk):
    await desk.register("s1")
    run = await desk.queued()
    await desk.ask_run(c.ClaimRun(run.id))
    await trio.sleep(90)
    await desk.system.attach_session(run.id, "s1", OPERATOR)
    await trio.sleep(90)
    assert await told(desk, run) == 0
    await trio.sleep(20)
    assert (await told(desk, run), stuck(desk)) == (1, 1)
    await desk.ask_run(c.StartRun(run.id))
    assert (await desk.run(run.id)).is_neglected is False
    assert (stuck(desk), lane(desk, Lane.FAILED_RUNS)) == (0, [])
    await trio.sleep(101)
    assert (await told(desk, run), stuck(desk)) == (2, 1)
    await desk.ask_run(c.CompleteRun(run.id))
    assert (stuck(desk), lane(desk, Lane.FAILED_RUNS)) == (0, [])


async def test_a_run_under_a_lease_is_its_leases_business(desk):
    run = await desk.queued()
    await desk.claim("s1", lease_seconds=1000)
    await desk.ask_run(c.StartRun(run.id), agent("s1"))
    await trio.sleep(500)
    assert (await told(desk, run), stuck(desk)) == (0, 0)


async def test_what_ends_the_session_frees_it_and_it_is_reported_no_more(desk):
    await desk.register("s1")
    run = await desk.queued()
    await start(desk, run, agent("s1"))
    await trio.sleep(101)
    assert stuck(desk) == 1
    await desk.system.end_session("s1")
    free = await desk.run(run.id)
    assert (free.status, free.neglected_at_ns) == (RunStatus.QUEUED, None)
    assert (stuck(desk), lane(desk, Lane.FAILED_RUNS)) == (0, [])


async def test_a_restart_gives_the_full_time_and_repeats_nothing():
    async with started(starvation_s=100.0) as desk:
        early, late = await desk.queued(), await desk.queued()
        await start(desk, early)
        await trio.sleep(101)
        assert await told(desk, early) == 1
        await start(desk, late)
    async with started(desk.store, starvation_s=100.0) as desk:
        assert (await desk.run(early.id)).is_neglected
        assert stuck(desk) == 1
        await trio.sleep(101)
        assert (await told(desk, early), await told(desk, late)) == (1, 1)
        assert stuck(desk) == 2


async def test_a_run_that_is_stuck_anyway_is_counted_once():
    async with started(starvation_s=100.0) as desk:
        run = await desk.queued()
        await desk.ask_run(c.ClaimRun(run.id))
        await trio.sleep(101)
        assert stuck(desk) == 1
        await trio.sleep(300)
        assert stuck(desk) == 1


async def test_many_are_found_in_slices():
    async with started(starvation_s=100.0) as desk:
        runs = await desk.many_queued(600)
        for run in runs:
            await desk.ask_run(c.ClaimRun(run.id))
        await trio.sleep(102)
        assert stuck(desk) == 600
        first = await desk.run(runs[0].id)
        assert first.neglected_at_ns - first.claimed_at_ns < 102 * NS
