"""What a session holds, by whatever way it came to it, is free again when the session ends."""

import pytest

from chargehand.actors.identity import agent_actor
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import RunStatus
from tests.actors.system.desk import OPERATOR, agent, started


async def by_claim(desk, run_id):
    """The run in the hands of s1, without a lease."""
    await desk.ask_run(c.ClaimRun(run_id), agent("s1"))


async def by_claim_and_start(desk, run_id):
    await by_claim(desk, run_id)
    await desk.ask_run(c.StartRun(run_id), agent("s1"))


async def by_attachment(desk, run_id):
    await desk.ask_run(c.ClaimRun(run_id))
    await desk.system.attach_session(run_id, "s1", OPERATOR)


async def by_attachment_and_start(desk, run_id):
    await by_attachment(desk, run_id)
    await desk.ask_run(c.StartRun(run_id))


async def by_lease(desk, run_id):
    assert (await desk.claim("s1", lease_seconds=86_400)).the_run.id == run_id


async def by_lease_and_start(desk, run_id):
    await by_lease(desk, run_id)
    await desk.ask_run(c.StartRun(run_id), agent("s1"))


WAYS = [
    by_claim,
    by_claim_and_start,
    by_attachment,
    by_attachment_and_start,
    by_lease,
    by_lease_and_start,
]


@pytest.mark.parametrize("held", WAYS)
async def test_ending_a_session_frees_what_it_holds(desk, held):
    await desk.register("s1")
    run = await desk.queued()
    await held(desk, run.id)
    await desk.system.end_session("s1")
    free = await desk.run(run.id)
    assert (free.status, free.queued_at_ns) == (RunStatus.QUEUED, run.queued_at_ns)
    assert (free.claimed_by, free.session_id, free.started_at_ns) == (None, None, None)
    task_id = (await desk.system.run(run.id)).task.id
    assert desk.events(task_id).count("task.run_released") == 1
    assert (await desk.claim("s2")).the_run.id == run.id


@pytest.mark.parametrize("held", WAYS)
async def test_a_run_that_a_session_holds_is_free_after_a_restart_in_which_it_ends(held):
    async with started() as desk:
        await desk.register("s1")
        run = await desk.queued()
        await held(desk, run.id)
    async with started(desk.store) as desk:
        await desk.system.end_session("s1")
        assert await desk.status_of(run.id) is RunStatus.QUEUED


@pytest.mark.parametrize("held", [by_claim, by_claim_and_start])
async def test_a_session_that_registered_itself_is_known_after_a_restart_by_what_it_holds(held):
    async with started() as desk:
        await desk.system.identify("s1", "bot")
        run = await desk.queued()
        await held(desk, run.id)
    async with started(desk.store) as desk:
        await desk.system.end_session("s1")
        assert await desk.status_of(run.id) is RunStatus.QUEUED


async def test_only_what_the_session_still_holds_is_freed(desk):
    for session_id in ("s1", "s2"):
        await desk.register(session_id)
    taken, ended, attached, others, humans = await desk.many_queued(5)
    await by_claim(desk, taken.id)
    await desk.ask_run(c.ForceRelease(taken.id))
    await desk.ask_run(c.ClaimRun(taken.id), agent("s2"))
    await by_claim_and_start(desk, ended.id)
    await desk.ask_run(c.CompleteRun(ended.id), agent("s1"))
    await by_claim(desk, attached.id)
    await desk.ask_run(c.ClaimRun(others.id), agent("s2"))
    await desk.ask_run(c.ClaimRun(humans.id))
    await desk.ask_run(c.StartRun(humans.id), agent("s1"))
    await desk.system.attach_session(attached.id, "s2", OPERATOR)
    await desk.system.end_session("s1")
    assert (await desk.run(taken.id)).claimed_by == agent_actor("s2")
    assert await desk.status_of(ended.id) is RunStatus.COMPLETED
    assert await desk.status_of(attached.id) is RunStatus.STARTING
    assert await desk.status_of(others.id) is RunStatus.CLAIMED
    assert await desk.status_of(humans.id) is RunStatus.RUNNING
    await desk.system.end_session("s2")
    for run in (taken, attached, others):
        assert await desk.status_of(run.id) is RunStatus.QUEUED


async def test_a_claim_without_a_lease_takes_no_place_of_a_lease(desk):
    await desk.register("s1")
    held, _ = await desk.many_queued(2)
    await by_claim(desk, held.id)
    leased = (await desk.claim("s1")).the_run
    assert leased.is_leased
    assert leased.id != held.id


async def test_many_claims_without_a_lease_are_freed_together(desk):
    await desk.register("s1")
    runs = await desk.many_queued(20)
    for run in runs:
        await by_claim(desk, run.id)
    await desk.system.end_session("s1")
    assert {await desk.status_of(run.id) for run in runs} == {RunStatus.QUEUED}
    status = await desk.system.scheduler.status()
    assert (status.active_claim_count, status.queued_run_count) == (0, 20)
