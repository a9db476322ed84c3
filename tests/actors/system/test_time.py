"""The wall is set, the process stands still, the host sleeps: no lease is lost that its holder kept
alive, and what is shown follows the wall."""

import logging

import pytest
import trio
from attrs import evolve

from chargehand.actors.clock import VirtualTime
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.limits import TURN_S_MAX
from chargehand.actors.slices import in_turns
from chargehand.actors.task import commands as c
from chargehand.actors.task.review import ReviewOutcome, ReviewPolicy, ReviewStatus
from chargehand.actors.task.state import RunStatus, TriageAction
from chargehand.actors.views.backlog import BacklogFilter
from chargehand.actors.views.choices import ListOrder
from chargehand.actors.views.wanted import Wanted
from tests.actors.system.desk import NOW_NS, NS, OPERATOR, agent, started, waiting

HOUR_S = 3600


def wall(seconds: float = 0) -> VirtualTime:
    return VirtualTime(NOW_NS + int((trio.current_time() + seconds) * NS), watched=True)


async def beat(desk, run_id: str, session_id: str = "s1", seconds: int | None = None):
    return (await desk.ask_run(c.Heartbeat(run_id, seconds), agent(session_id))).the_run


@pytest.mark.parametrize("hours", [2, -2])
async def test_a_step_of_the_wall_ends_no_lease_and_keeps_none_alive(hours):
    async with started(time=(time := wall())) as desk:
        kept, left = await desk.many_queued(2)
        await desk.claim("s1", lease_seconds=60)
        await desk.claim("s2", lease_seconds=60)
        await trio.sleep(30)
        time.step(hours * HOUR_S)
        await trio.sleep(1)
        beaten = await beat(desk, kept.id)
        assert beaten.heartbeat_at_ns == time.wall_ns()
        assert beaten.lease_until_ns == time.wall_ns() + 60 * NS
        await trio.sleep(28)
        assert await desk.status_of(left.id) is RunStatus.CLAIMED
        await trio.sleep(2)
        assert await desk.status_of(left.id) is RunStatus.QUEUED
        assert await desk.status_of(kept.id) is RunStatus.CLAIMED
        await trio.sleep(31)
        assert await desk.status_of(kept.id) is RunStatus.QUEUED


@pytest.mark.parametrize("hours", [2, -2])
async def test_a_lease_is_shown_by_the_wall_as_it_is_now(hours):
    async with started(time=(time := wall())) as desk:
        run = await desk.queued()
        await desk.claim("s1", lease_seconds=60)
        until_ns = time.wall_ns() + 60 * NS
        assert desk.system.views.lease_until_ns(await desk.run(run.id)) == until_ns
        time.step(hours * HOUR_S)
        await trio.sleep(1)
        shown_ns = desk.system.views.lease_until_ns(await desk.run(run.id))
        assert shown_ns == until_ns + hours * HOUR_S * NS
        await trio.sleep(60)
        expired = desk.system.views.timelines.after(
            (await desk.system.run(run.id)).task.id, 0, 100
        )[-1]
        assert expired.event.type == "task.run_lease_expired"
        assert expired.event.lease_until_ns == shown_ns


async def test_the_lease_of_a_canceled_run_is_shown_as_it_was():
    async with started(time=(time := wall())) as desk:
        run = await desk.queued()
        claimed = (await desk.claim("s1", lease_seconds=60)).the_run
        await desk.ask_run(c.CancelRun(run.id))
        time.step(2 * HOUR_S)
        await trio.sleep(1)
        canceled = await desk.run(run.id)
        assert desk.system.views.lease_until_ns(canceled) == claimed.lease_until_ns


@pytest.mark.parametrize("how", ["stall", "suspend"])
@pytest.mark.parametrize("lost_s", [3, 3 * HOUR_S])
async def test_a_stall_longer_than_a_lease_ends_none(how, lost_s):
    async with started(time=(time := wall())) as desk:
        run = await desk.queued()
        await desk.claim("s1", lease_seconds=1)
        await trio.sleep(1 / 3)
        await beat(desk, run.id)
        getattr(time, how)(lost_s)
        assert await desk.status_of(run.id) is RunStatus.CLAIMED
        beaten = await beat(desk, run.id)
        assert beaten.lease_until_ns >= time.wall_ns() + int((1 - TURN_S_MAX) * NS)
        # One that is not kept alive ends as it would have.
        await trio.sleep(1.01)
        assert await desk.status_of(run.id) is RunStatus.QUEUED


async def test_a_lease_gets_the_time_of_a_stall_back_and_no_more():
    async with started(time=(time := wall())) as desk:
        run = await desk.queued()
        await desk.claim("s1", lease_seconds=60)
        await trio.sleep(50)
        time.stall(300)
        await trio.sleep(9)
        assert await desk.status_of(run.id) is RunStatus.CLAIMED
        await trio.sleep(1.5)
        assert await desk.status_of(run.id) is RunStatus.QUEUED


async def test_a_caller_that_waits_and_a_drain_wait_no_longer_for_a_stall():
    answers = []
    async with started(time=(time := wall()), wait_s=25) as desk:
        await desk.queued()
        await desk.claim("s0")

        async def wait():
            answers.append(await desk.claim("s1", wait=True))

        async def drain():
            answers.append(await desk.system.scheduler.drain(None, 20, OPERATOR))

        async with waiting(desk, wait, drain):
            time.stall(26)
            await trio.testing.wait_all_tasks_blocked()
            assert len(answers) == 2
            assert None in answers


@pytest.mark.parametrize("hours", [2, -2, 3 * 365 * 24, -3 * 365 * 24])
async def test_a_start_with_another_wall_ends_no_lease_that_is_kept_alive(hours):
    """A holder that beats every 100 s never hears that the server was started anew."""
    async with started(time=wall()) as desk:
        kept, left = await desk.many_queued(2)
        await desk.claim("s1", lease_seconds=300)
        await desk.claim("s2", lease_seconds=300)
        await trio.sleep(100)
        await beat(desk, kept.id)
        store = desk.store.copy()
    async with started(store, time=(time := wall(hours * HOUR_S))) as desk:
        await trio.sleep(100)
        beaten = await beat(desk, kept.id)
        assert beaten.lease_until_ns == time.wall_ns() + 300 * NS
        assert desk.system.views.lease_until_ns(await desk.run(left.id)) == (
            time.wall_ns() + 100 * NS
        )
        await trio.sleep(99)
        assert await desk.status_of(left.id) is RunStatus.CLAIMED
        await trio.sleep(2)
        assert await desk.status_of(left.id) is RunStatus.QUEUED
        assert await desk.status_of(kept.id) is RunStatus.CLAIMED


async def test_no_lease_outlives_a_start_by_more_than_its_own_length():
    """Also where each start has another idea of the time."""
    store, run_id = None, None
    for years in (0, 3, -3, 0):
        async with started(store, time=wall(years * 365 * 24 * HOUR_S)) as desk:
            run_id = run_id or (await desk.queued()).id
            await desk.claim("s1", lease_seconds=300) if store is None else None
            assert await desk.status_of(run_id) is RunStatus.CLAIMED
            store = desk.store.copy()
    async with started(store, time=wall()) as desk:
        await trio.sleep(299)
        assert await desk.status_of(run_id) is RunStatus.CLAIMED
        await trio.sleep(2)
        assert await desk.status_of(run_id) is RunStatus.QUEUED


async def test_a_lower_grace_at_the_next_start_ends_no_other_lease_early():
    async with started(time=wall()) as desk:
        _, long = await desk.many_queued(2)
        await desk.claim("s1", lease_seconds=10)
        await desk.claim("s2", lease_seconds=600)
        store = desk.store.copy()
    async with started(store, time=wall(), boot_grace_s=300) as desk:
        await trio.sleep(1)
        store = desk.store.copy()
    async with started(store, time=wall(), boot_grace_s=30) as desk:
        await trio.sleep(500)
        assert await desk.status_of(long.id) is RunStatus.CLAIMED
        await trio.sleep(102)
        assert await desk.status_of(long.id) is RunStatus.QUEUED


async def test_one_start_with_a_wrong_clock_is_reported_and_leaves_nothing_behind(caplog):
    """Once a pin: every later time was of the year of that start."""
    ahead_s = 3 * 365 * 24 * HOUR_S
    async with started(time=wall()) as desk:
        before = await desk.task()
        store = desk.store.copy()
    async with started(store, time=wall(ahead_s)) as desk:
        wrong = await desk.task()
        assert wrong.created_at_ns - before.created_at_ns >= ahead_s * NS
        store = desk.store.copy()
        assert desk.system.clock_behind_s == 0
    caplog.clear()
    async with started(store, time=(time := wall())) as desk:
        assert desk.system.clock_behind_s == pytest.approx(ahead_s, abs=2)
        [warning] = [record for record in caplog.records if record.levelno == logging.WARNING]
        assert "but the last record was written at" in warning.getMessage()
        right = await desk.task()
        assert right.created_at_ns == time.wall_ns()
        listed = [wrong.id, before.id]
        assert right.latest_event_seq > wrong.latest_event_seq > before.latest_event_seq
        found = desk.system.views.catalog
        page = await in_turns(found.page(Wanted(), ListOrder.ACTIVITY, None, 10))
        assert [state.id for state in page.items] == [right.id, *listed]
        store = desk.store.copy()
    caplog.clear()
    async with started(store, time=wall()) as desk:
        assert desk.system.clock_behind_s == 0, "it was told once, of the last record alone"
        assert not [record for record in caplog.records if record.levelno == logging.WARNING]


async def reviewed(desk, **request):
    """A review of a completed run."""
    run = await desk.queued()
    await desk.claim("s1")
    await desk.complete("s1", run.id)
    asked = await desk.ask_run(c.RequestReview(run.id, **request))
    return asked.the_review


async def test_a_deadline_that_is_over_by_the_wall_is_refused():
    async with started(time=(time := wall())) as desk:
        asked_ns = time.wall_ns() + HOUR_S * NS
        time.step(2 * HOUR_S)
        await trio.sleep(1)
        with pytest.raises(Rejected) as caught:
            await reviewed(desk, deadline_at_ns=asked_ns)
        assert caught.value.code is Code.INVALID_REQUEST
        assert caught.value.pointer == "/deadline_at"


async def test_a_deadline_that_was_named_moves_with_the_wall():
    async with started(time=(time := wall())) as desk:
        review = await reviewed(desk, deadline_at_ns=time.wall_ns() + HOUR_S * NS)
        await trio.sleep(60)
        time.step(2 * HOUR_S)
        await trio.sleep(1)
        over = (await desk.system.review(review.id)).the_review
        assert over.verdict.outcome is ReviewOutcome.TIMEOUT


@pytest.mark.parametrize("hours", [2, -2])
async def test_the_servers_own_deadline_does_not_move_with_the_wall(hours):
    async with started(time=(time := wall()), review_s=1200) as desk:
        review = await reviewed(desk)
        await trio.sleep(600)
        time.step(hours * HOUR_S)
        await trio.sleep(590)
        assert (await desk.system.review(review.id)).the_review.status is ReviewStatus.REQUESTED
        await trio.sleep(11)
        over = (await desk.system.review(review.id)).the_review
        assert over.verdict.outcome is ReviewOutcome.TIMEOUT


@pytest.mark.parametrize("hours", [2, -2])
async def test_nothing_starves_and_no_session_is_forgotten_by_a_step(hours):
    async with started(time=(time := wall()), starvation_s=300, ended_session_s=HOUR_S) as desk:
        run = await desk.queued()
        await desk.register("s1")
        await desk.system.end_session("s1")
        await trio.sleep(60)
        time.step(hours * HOUR_S)
        await trio.sleep(200)
        assert (await desk.system.scheduler.status()).starved_run_count == 0
        with pytest.raises(Rejected) as caught:
            await desk.claim("s1")
        assert caught.value.code is Code.IDENTITY_STALE
        await trio.sleep(45)
        assert (await desk.system.scheduler.status()).starved_run_count == 1
        starved = desk.system.views.timelines.after(
            (await desk.system.run(run.id)).task.id, 0, 100
        )[-1]
        assert 300_000 <= starved.event.queued_age_ms <= 301_000


async def test_a_heartbeat_without_a_time_renews_by_the_claims_own(desk):
    run = await desk.queued()
    await desk.claim("s1", lease_seconds=3600)
    await trio.sleep(100)
    for seconds in (None, 0):
        beaten = await beat(desk, run.id, seconds=seconds)
        assert beaten.lease_until_ns == desk.system.clock.now_ns() + 3600 * NS
    await beat(desk, run.id, seconds=10)
    beaten = await beat(desk, run.id)
    assert beaten.lease_until_ns == desk.system.clock.now_ns() + 3600 * NS, "not by the last one"


async def test_the_claims_own_time_survives_a_restart_and_ends_with_the_claim(desk):
    run = await desk.queued()
    await desk.claim("s1", lease_seconds=3600)
    async with started(desk.store.copy()) as later:
        beaten = await beat(later, run.id)
        assert beaten.lease_until_ns == later.system.clock.wall_ns(
            later.system.clock.steady_ns() + 3600 * NS
        )
        await later.ask_run(c.ReleaseRun(run.id), agent("s1"))
        await later.claim("s1")
        beaten = await beat(later, run.id)
        assert beaten.lease_seconds == 300


async def test_order_follows_the_sequence_where_the_wall_was_set_back():
    async with started(time=(time := wall())) as desk:
        parent = await desk.task()
        first = await desk.queued(parent_task_id=parent.id)
        time.step(-2 * HOUR_S)
        await trio.sleep(1)
        second = await desk.queued(parent_task_id=parent.id)
        assert second.queued_at_ns < first.queued_at_ns
        tree = [entry for part in desk.system.views.tree(parent.id) for entry in part]
        assert [entry.task.open_run.id for entry in tree[1:]] == [second.id, first.id]
        backlog = desk.system.views.backlog(BacklogFilter(), None, 10)
        assert [row.run_id for row in backlog.runs] == [first.id, second.id]
        first_page = desk.system.views.backlog(BacklogFilter(), None, 1)
        again = desk.system.views.backlog(BacklogFilter(), first_page.next_cursor, 10)
        assert [row.run_id for row in again.runs] == [second.id]
        store = desk.store.copy()
    async with started(store, time=wall(-HOUR_S)) as desk:
        third = await desk.queued()
        for number, run in enumerate((first, second, third)):
            assert (await desk.claim(f"s{number}")).the_run.id == run.id


async def test_what_happens_after_it_was_read_is_unread_also_with_an_earlier_time():
    async with started(time=(time := wall())) as desk:
        task = await desk.task()
        read = (await desk.ask(task.id, c.TriageTask(TriageAction.READ))).task
        assert read.triage[0].has_seen(read)
        time.step(-2 * HOUR_S)
        await trio.sleep(1)
        changed = (await desk.ask(task.id, c.EnqueueRun())).task
        assert changed.last_activity_at_ns < read.triage[0].last_seen_activity_at_ns
        assert not changed.triage[0].has_seen(changed)


async def test_a_run_that_was_queued_before_its_number_was_kept_stands_first(desk):
    run = await desk.queued()
    old = evolve(run, queued_seq=0)
    assert old.queue_order < run.queue_order
    assert old.queue_order < evolve(old, queued_at_ns=old.queued_at_ns + 1).queue_order


@pytest.mark.parametrize("step_s", [-600, -7200])
async def test_a_review_times_out_although_the_wall_was_set_back_before(step_s):
    """The wall says the time of the request twice, and it is the later one that counts."""
    time = wall()
    async with started(time=time, review_policy=ReviewPolicy.ON_SUCCESS, review_s=1200.0) as desk:
        run = await desk.queued()
        await desk.do("s1", run.id)
        [review] = (await desk.system.run(run.id)).task.reviews
        await trio.sleep(300)
        time.step(step_s)
        await trio.sleep(900 + 600 + 10)
        answer = await desk.system.review(review.id)
        assert answer.the_review.verdict.outcome is ReviewOutcome.TIMEOUT
        assert len(desk.system.review_deadlines) == 0


@pytest.mark.parametrize("step_s", [7200, -7200])
async def test_for_how_long_nobody_touched_a_run_does_not_count_a_step_of_the_wall(step_s):
    time = wall()
    async with started(time=time, starvation_s=100.0) as desk:
        run = await desk.queued()
        await desk.ask_run(c.ClaimRun(run.id))
        await desk.ask_run(c.StartRun(run.id))
        await trio.sleep(5)
        time.step(step_s)
        await trio.sleep(200)
        task = (await desk.system.run(run.id)).task
        [told] = [
            entry.event
            for entry in desk.system.views.timelines.after(task.id, 0, 99)
            if entry.event.type == "task.run_without_lease"
        ]
        assert 100_000 <= told.untouched_ms <= 101_000
