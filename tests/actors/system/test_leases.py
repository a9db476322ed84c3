"""Leases end at the very moment they say, and sessions take theirs along."""

import pytest
import trio

from chargehand.actors import limits
from chargehand.actors.directory import Directory
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.scheduler.actor import Scheduler
from chargehand.actors.scheduler.commands import ClaimNext
from chargehand.actors.scheduler.dispatch import Dispatch
from chargehand.actors.settings import Settings
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import RunStatus
from tests.actors.system.desk import NS, CrashStore, agent, started, waiting


def now_ns(desk) -> int:
    return desk.system.clock.now_ns()


async def until(desk, at_ns: int) -> None:
    await trio.sleep_until(desk.system.clock.trio_time(at_ns))
    await trio.testing.wait_all_tasks_blocked()


@pytest.mark.parametrize("lease_seconds", [1, 7, 300, 86_400 // 24])
async def test_a_lease_ends_at_its_very_nanosecond(desk, lease_seconds):
    await trio.sleep(0.123456789)
    run = await desk.queued()
    lease = (await desk.claim("s1", lease_seconds=lease_seconds)).the_run
    await until(desk, lease.lease_until_ns - 1_000)
    assert await desk.status_of(run.id) is RunStatus.CLAIMED
    await until(desk, lease.lease_until_ns)
    assert await desk.status_of(run.id) is RunStatus.QUEUED
    told = desk.system.views.timelines.after((await desk.system.run(run.id)).task.id, 0, 100)
    [expired] = [one for one in told if one.event.type == "task.run_lease_expired"]
    assert 0 <= expired.record.at_ns - lease.lease_until_ns < 1_000


async def test_what_is_sent_at_the_end_of_a_lease_comes_too_late(desk):
    run = await desk.queued()
    lease = (await desk.claim("s1", lease_seconds=5)).the_run
    await trio.sleep_until(desk.system.clock.trio_time(lease.lease_until_ns))
    with pytest.raises(Rejected) as caught:
        await desk.complete("s1", run.id)
    assert caught.value.code is Code.LEASE_EXPIRED


async def test_a_heartbeat_moves_the_end_of_a_lease(desk):
    run = await desk.queued()
    await desk.claim("s1", lease_seconds=10)
    await trio.sleep(9)
    moved = (await desk.ask_run(c.Heartbeat(run.id, 10), agent("s1"))).the_run
    assert moved.lease_until_ns == now_ns(desk) + 10 * NS
    await until(desk, moved.lease_until_ns - 1_000)
    assert await desk.status_of(run.id) is RunStatus.CLAIMED
    await until(desk, moved.lease_until_ns)
    assert await desk.status_of(run.id) is RunStatus.QUEUED


async def test_a_heartbeat_may_shorten_a_lease(desk):
    run = await desk.queued()
    await desk.claim("s1", lease_seconds=100)
    await desk.ask_run(c.Heartbeat(run.id, 1), agent("s1"))
    await trio.sleep(1.000001)
    await trio.testing.wait_all_tasks_blocked()
    assert await desk.status_of(run.id) is RunStatus.QUEUED


async def expire(desk, times: int) -> None:
    for _ in range(times):
        claimed = await desk.claim("s1", lease_seconds=1)
        await until(desk, claimed.the_run.lease_until_ns)


async def test_five_expiries_in_a_row_need_attention(desk):
    run = await desk.queued()
    await expire(desk, 4)
    assert await desk.status_of(run.id) is RunStatus.QUEUED
    await expire(desk, 1)
    parked = await desk.run(run.id)
    assert (parked.status, parked.session_id) == (RunStatus.NEEDS_ATTENTION, None)
    task = (await desk.system.run(run.id)).task
    assert desk.events(task.id)[-2:] == ["task.run_lease_expired", "task.run_needs_attention"]
    status = await desk.system.scheduler.status()
    assert (status.needs_attention_run_count, status.queued_run_count) == (1, 0)
    assert await desk.claim("s2") is None


async def test_a_release_between_ends_the_row(desk):
    run = await desk.queued()
    await expire(desk, 4)
    await desk.claim("s1")
    await desk.ask_run(c.ReleaseRun(run.id), agent("s1"))
    await expire(desk, 4)
    assert await desk.status_of(run.id) is RunStatus.QUEUED


async def test_a_new_run_takes_the_place_of_one_that_needs_attention(desk):
    run = await desk.queued(max_attempts=2)
    await expire(desk, 5)
    task_id = (await desk.system.run(run.id)).task.id
    again = await desk.enqueue(task_id)
    assert await desk.status_of(run.id) is RunStatus.FAILED
    assert (await desk.claim("s1")).the_run.id == again.id
    assert (await desk.system.scheduler.status()).needs_attention_run_count == 0


@pytest.mark.parametrize("settings", [{"lease_expiries_max": 2}])
async def test_how_many_expiries_is_a_setting_and_a_restart_does_not_forget(desk, settings):
    run = await desk.queued()
    await expire(desk, 1)
    async with started(desk.store.copy(), **settings) as later:
        claimed = await later.claim("s1", lease_seconds=1)
        await until(later, claimed.the_run.lease_until_ns)
        assert await later.status_of(run.id) is RunStatus.NEEDS_ATTENTION


async def test_a_lease_survives_a_restart_with_at_least_the_grace():
    async with started() as desk:
        short, long = await desk.many_queued(2)
        await desk.claim("s1", lease_seconds=1)
        await desk.claim("s2", lease_seconds=3600)
        store = desk.store.copy()
        before = {run.id: await desk.run(run.id) for run in (short, long)}
    async with started(store) as desk:
        begun_ns = desk.system.clock.steady_ns()
        await trio.testing.wait_all_tasks_blocked()
        for run_id, former in before.items():
            run = await desk.run(run_id)
            assert (run.status, run.session_id) == (RunStatus.CLAIMED, former.session_id)
            assert run.lease_until_ns == max(former.lease_until_ns, begun_ns + 30 * NS)
        await until(desk, begun_ns + 30 * NS)
        statuses = {(await desk.run(run_id)).status for run_id in before}
        assert statuses == {RunStatus.QUEUED, RunStatus.CLAIMED}


async def test_ending_a_session_gives_its_runs_back_before_it_returns(desk):
    run = await desk.queued()
    await desk.claim("s1")
    await desk.system.end_session("s1")
    assert await desk.status_of(run.id) is RunStatus.QUEUED
    assert (await desk.claim("s2")).the_run.id == run.id


async def test_ending_a_session_gives_back_a_run_that_was_started(desk):
    run = await desk.queued()
    await desk.claim("s1")
    await desk.ask_run(c.StartRun(run.id))
    await desk.system.end_session("s1")
    assert await desk.status_of(run.id) is RunStatus.QUEUED
    assert (await desk.claim("s2")).the_run.id == run.id


async def test_ending_a_session_releases_what_was_attached_to_it(desk):
    run = await desk.queued()
    await desk.register("s1")
    await desk.ask_run(c.ClaimRun(run.id))
    await desk.system.attach_session(run.id, "s1", agent("s1"))
    await desk.system.end_session("s1")
    assert await desk.status_of(run.id) is RunStatus.QUEUED


async def test_ending_a_session_ends_its_waiting_calls(desk):
    outcomes = []

    async def claim():
        try:
            await desk.claim("s1", wait=True, idempotency_key="k")
        except Rejected as refusal:
            outcomes.append(refusal.code)

    async with waiting(desk, claim, claim):
        await desk.system.end_session("s1")
        await trio.testing.wait_all_tasks_blocked()
        assert outcomes == [Code.IDENTITY_STALE] * 2
        assert desk.parked == 0


async def test_a_call_that_comes_behind_the_end_of_its_session_is_refused(desk):
    """Its identity was looked at before, its claim comes after."""
    session = await desk.system.identify("s1", "bot")
    run = await desk.queued()
    await desk.system.end_session("s1")
    with pytest.raises(Rejected) as caught:
        await desk.system.claim_next(session, ClaimNext(wait=True), agent("s1"))
    assert caught.value.code is Code.IDENTITY_STALE
    assert "task.run_claimed" not in desk.events((await desk.system.run(run.id)).task.id)


async def test_a_claim_under_way_when_its_session_ends_is_given_back(desk, monkeypatch):
    run = await desk.queued()
    append = desk.system.journal.append

    def append_and_end(entry):
        append(entry)
        if entry.record.events[0].type == "task.run_claimed":
            monkeypatch.undo()
            nursery.start_soon(desk.system.end_session, "s1")

    monkeypatch.setattr(desk.system.journal, "append", append_and_end)
    async with trio.open_nursery() as nursery:
        await desk.claim("s1")
    await trio.testing.wait_all_tasks_blocked()
    assert await desk.status_of(run.id) is RunStatus.QUEUED


@pytest.mark.parametrize("restart", [False, True])
async def test_the_id_of_an_ended_session_is_refused_for_a_while(restart):
    store = None
    async with started(ended_session_s=60) as desk:
        await desk.claim("s1")
        await desk.system.end_session("s1")
        ended_ns = now_ns(desk)
        store = desk.store.copy()
        if not restart:
            await refuses_then_takes(desk, ended_ns)
    if restart:
        async with started(store, ended_session_s=60) as desk:
            await refuses_then_takes(desk, ended_ns)


async def refuses_then_takes(desk, ended_ns: int) -> None:
    for at_ns in (now_ns(desk), ended_ns + 60 * NS - 1_000):
        await until(desk, at_ns)
        with pytest.raises(Rejected) as caught:
            await desk.claim("s1")
        assert caught.value.code is Code.IDENTITY_STALE
    await until(desk, ended_ns + 60 * NS)
    assert await desk.claim("s1") is None


def test_an_ended_session_is_refused_for_a_day_by_default():
    assert Settings().ended_session_s == 24 * 3600


async def test_what_a_crash_kept_from_being_released_is_released_at_the_next_start():
    """The end of the session is on disk, the release of its run is not."""
    store = CrashStore()
    async with started(store) as desk:
        run = await desk.queued()
        await desk.claim("s1")
        await trio.testing.wait_all_tasks_blocked()
        store.crash_points.clear()
        await desk.system.end_session("s1")
    async with started(store.crash_points[0]) as desk:
        await trio.testing.wait_all_tasks_blocked()
        assert await desk.status_of(run.id) is RunStatus.QUEUED
        assert (await desk.claim("s2")).the_run.id == run.id


async def test_a_session_that_registered_itself_is_on_disk_no_later_than_its_lease():
    store = CrashStore()
    async with started(store) as desk:
        run = await desk.queued()
        store.crash_points.clear()
        await desk.claim("s1")
        answered_after = len(store.crash_points)
    for point in store.crash_points[:answered_after]:
        async with started(point) as desk:
            is_known = desk.system.roster.find("s1") is not None
            assert is_known or await desk.status_of(run.id) is RunStatus.QUEUED


async def test_leases_that_fall_due_together_expire_a_slice_at_a_time(monkeypatch):
    turns = []
    on_time, send = Dispatch.on_time, Directory.push

    def counted(dispatch):
        turns.append(0)
        on_time(dispatch)

    def pushed(directory, task_id, envelope):
        if isinstance(envelope.command, c.ExpireLease):
            turns[-1] += 1
        send(directory, task_id, envelope)

    monkeypatch.setattr(Dispatch, "on_time", counted)
    monkeypatch.setattr(Directory, "push", pushed)
    async with started(max_residents=100) as desk:
        await desk.many_queued(200)
        for number in range(200):
            await desk.claim(f"s{number}", lease_seconds=60)
        await trio.sleep(61)
        assert (await desk.system.scheduler.status()).active_claim_count == 0
        assert (await desk.system.scheduler.status()).queued_run_count == 200
    assert (sum(turns), max(turns)) == (200, limits.WOKEN_MAX)


async def test_the_runs_of_a_session_that_ends_are_released_a_slice_at_a_time(monkeypatch):
    turns = [0]
    scheduler_later, send = Scheduler.later, Directory.push

    def later(scheduler, turn):
        scheduler_later(scheduler, lambda: (turns.append(0), turn()))

    def pushed(directory, task_id, envelope):
        turns[-1] += isinstance(envelope.command, c.ReleaseOfEndedSession)
        send(directory, task_id, envelope)

    monkeypatch.setattr(Scheduler, "later", later)
    monkeypatch.setattr(Directory, "push", pushed)
    async with started() as desk:
        await desk.register("s1")
        for run in await desk.many_queued(200):
            await desk.ask_run(c.ClaimRun(run.id), agent("s1"))
        await desk.system.end_session("s1")
        status = await desk.system.scheduler.status()
        assert (status.active_claim_count, status.queued_run_count) == (0, 200)
    assert sum(turns) == 200
    assert max(turns) <= limits.SLICE_MAX
