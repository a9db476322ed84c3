"""What of the dashboard depends on the moment: each border from both sides. And triage, which is no
activity."""

import trio

from chargehand.actors.identity import LOCAL_USER
from chargehand.actors.slices import in_turns
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import RunStatus, Scope, TriageAction
from chargehand.actors.views.catalog import TaskFilter
from chargehand.actors.views.choices import Lane, ListOrder
from chargehand.actors.views.groups import GroupFilter
from chargehand.actors.views.inbox import InboxFilter
from chargehand.actors.views.tally import Count
from chargehand.actors.views.walks import TaskPage
from tests.actors.system.desk import NOW_NS, NS, agent, started


def board(desk, **which):
    def is_live(session_id: str) -> bool:
        session = desk.system.roster.find(session_id)
        return session is not None and session.is_active

    return desk.system.views.dashboard(GroupFilter(**which), desk.system.clock.now_ns(), is_live)


async def test_runs_that_work_too_long_are_stuck_whatever_their_heartbeats():
    async with started(max_leases_per_session=2) as desk:
        start_s = trio.current_time()
        await desk.many_queued(2)
        claimed = (await desk.claim("s1", lease_seconds=3000)).the_run
        await desk.claim("s1", lease_seconds=3000)
        await desk.ask_run(c.StartRun(claimed.id), agent("s1"))
        await trio.sleep_until(start_s + 299)
        assert board(desk).stuck_runs == 0
        await desk.ask_run(c.Heartbeat(claimed.id, 3000), agent("s1"))
        await trio.sleep_until(start_s + 301)
        assert board(desk).stuck_runs == 1  # the one that was not started
        await trio.sleep_until(start_s + 1799)
        assert board(desk).stuck_runs == 1
        await trio.sleep_until(start_s + 1801)
        assert board(desk).stuck_runs == 2
        assert board(desk, scope=Scope.WORKSPACE).stuck_runs == 0


async def test_the_queue_counts_as_old_at_ten_minutes():
    async with started() as desk:
        run = await desk.queued(network_channel="alpha")
        await trio.sleep(599)
        assert not board(desk).is_backlogged
        await trio.sleep(2)
        told = board(desk)
        assert told.is_backlogged
        assert [(d.network_channel, d.count) for d in told.queue] == [("alpha", 1)]
        assert told.oldest_queued_at_ns == run.queued_at_ns


async def test_it_is_stale_when_nothing_happens_although_there_is_work():
    async with started() as desk:
        assert board(desk).latest_activity_ns is None
        task = await desk.task()
        await trio.sleep(200)
        assert not board(desk).is_stale
        await desk.enqueue(task.id)
        await trio.sleep(119)
        assert not board(desk).is_stale
        await trio.sleep(2)
        assert board(desk).is_stale


async def test_a_run_whose_session_is_no_more_is_an_orphan_unless_it_never_had_one():
    async with started(self_registered_idle_s=50) as desk:
        by_hand, attached, more = [await desk.queued() for _ in range(3)]
        for run in (by_hand, attached, more):
            await desk.ask_run(c.ClaimRun(run.id))
        await desk.system.identify("visitor", "bot")
        await desk.system.attach_session(attached.id, "visitor", agent("visitor"))
        for run in (by_hand, more):
            await desk.ask_run(c.StartRun(run.id))
        assert board(desk).orphans == 0
        await trio.sleep(60)
        assert board(desk).orphans == 1
        assert board(desk).runs(RunStatus.STARTING) == 1
        await desk.ask_run(c.CancelRun(attached.id))
        assert board(desk).orphans == 0


async def test_several_runs_of_one_session_are_several_orphans():
    async with started(max_leases_per_session=3, lease_expiries_max=9) as desk:
        for _ in range(3):
            await desk.queued()
            run = (await desk.claim("s1", lease_seconds=3000)).the_run
            await desk.ask_run(c.StartRun(run.id), agent("s1"))
        found = desk.system.views.dashboard(GroupFilter(), NOW_NS, lambda session_id: False)
        assert found.orphans == 3
        await desk.complete("s1", run.id)
        found = desk.system.views.dashboard(GroupFilter(), NOW_NS, lambda session_id: False)
        assert found.orphans == 2


async def test_a_run_that_needs_attention_counts_among_all_runs_alone():
    async with started(lease_expiries_max=1) as desk:
        await desk.queued()
        await desk.claim("s1", lease_seconds=1)
        await trio.sleep(5)
        told = board(desk)
        assert told.count(Count.RUNS) == told.runs(RunStatus.NEEDS_ATTENTION) == 1
        assert told.active_runs == told.runs(RunStatus.FAILED) == 0
        which = InboxFilter(lane=Lane.FAILED_RUNS)
        [group] = desk.system.views.inbox(LOCAL_USER, which, None, 10)
        assert group.count == 1
        assert desk.system.views.latest_run(group.tasks[0]).status is RunStatus.NEEDS_ATTENTION


async def test_deleting_the_slowest_gives_the_next_slowest():
    async with started() as desk:
        for wait_s in (30, 20, 10):
            run = await desk.queued()
            await trio.sleep(wait_s)
            await desk.do("s1", run.id)
        tasks = [state.id for state in desk.system.views.catalog]
        for task_id, slowest_s in zip(tasks, (30, 20, 10), strict=True):
            assert round(board(desk).claims.maximum_ns / NS) == slowest_s
            await desk.ask(task_id, c.DeleteTask())
        assert board(desk).claims.samples == 0
        assert board(desk).count(Count.TASKS) == 0


async def test_the_latest_run_of_a_slim_task_is_read_and_read_anew_after_a_change():
    async with started() as desk:
        task = await desk.task()
        for _ in range(2):
            run = await desk.enqueue(task.id)
            await desk.do("s1", run.id)
            await desk.system.checkpointer.checkpoint()
            [state] = desk.system.views.catalog
            assert state.runs == ()
            for _ in range(2):
                assert desk.system.views.latest_run(state) == await desk.run(run.id)


async def listed(desk, cursor, limit) -> TaskPage:
    found = desk.system.views.page(TaskFilter(), ListOrder.ACTIVITY, cursor, limit)
    return await in_turns(found)


async def test_triage_moves_no_task_up_in_lists():
    async with started() as desk:
        first, second, third = [await desk.task() for _ in range(3)]
        before = await listed(desk, None, 2)
        assert [task.id for task in before.items] == [third.id, second.id]
        for action in TriageAction:
            await desk.ask(first.id, c.TriageTask(action))
            await desk.ask(second.id, c.TriageTask(action), agent("s1"))
        again = await listed(desk, None, 3)
        assert [task.id for task in again.items] == [third.id, second.id, first.id]
        behind = await listed(desk, before.next_cursor, 3)
        assert [task.id for task in behind.items] == [first.id]
        store = desk.store.copy()
    async with started(store) as desk:
        again = await listed(desk, None, 3)
        assert [task.id for task in again.items] == [third.id, second.id, first.id]
