"""The queue as an operator sees it, and numbers that equal a recount."""

import pytest
import trio

from chargehand.actors import limits
from chargehand.actors.errors import Rejected
from chargehand.actors.registry.commands import CreateWorkspace
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import Priority, RunStatus, Scope
from chargehand.actors.views import recent
from chargehand.actors.views.backlog import BacklogFilter, BacklogPage
from tests.actors.system.desk import OPERATOR, agent, started


def backlog(desk, limit=500, cursor=None, **which) -> BacklogPage:
    return desk.system.views.backlog(BacklogFilter(**which), cursor, limit)


def run_ids(found: BacklogPage) -> list[str]:
    return [row.run_id for row in found.runs]


async def test_the_backlog_is_in_the_order_of_claims(desk):
    for priority in (Priority.LOW, Priority.URGENT, Priority.MEDIUM, Priority.HIGH):
        for _ in range(2):
            await desk.queued(priority=priority)
            await trio.sleep(1)
    listed = run_ids(backlog(desk))
    claimed = [(await desk.claim(f"s{number}")).the_run.id for number in range(8)]
    assert listed == claimed


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
async def test_pages_join_without_a_gap_while_runs_come_and_go(desk, size):
    runs = [run.id for run in await desk.many_queued(7)]
    whole = run_ids(backlog(desk))
    assert sorted(whole) == sorted(runs)
    seen, cursor, pages = [], None, 0
    while True:
        found = backlog(desk, size, cursor)
        assert found.total == 7 + pages
        seen += run_ids(found)
        cursor = found.next_cursor
        if cursor is None:
            break
        await desk.queued(priority=Priority.URGENT)  # before all that was read
        pages += 1
    assert seen == whole


def rest(desk, cursor) -> list[str]:
    """What the pages behind a cursor show."""
    seen: list[str] = []
    while cursor is not None:
        found = backlog(desk, 1, cursor)
        seen += run_ids(found)
        cursor = found.next_cursor
    return seen


async def patched(desk, run, priority) -> None:
    task_id = (await desk.system.run(run.id)).task.id
    await desk.ask(task_id, c.PatchTask(priority=priority))


async def test_a_run_whose_priority_is_changed_is_shown_where_it_stood(desk):
    first, second, third, fourth = await desk.many_queued(4)
    found = backlog(desk, 1)
    await patched(desk, first, Priority.LOW)  # which was shown
    await patched(desk, fourth, Priority.URGENT)
    assert run_ids(backlog(desk, 1)) == [fourth.id]
    await patched(desk, third, Priority.URGENT)
    await patched(desk, third, Priority.LOW)
    assert run_ids(found) == [first.id]
    assert rest(desk, found.next_cursor) == [second.id, third.id, fourth.id]
    assert run_ids(backlog(desk)) == [fourth.id, second.id, first.id, third.id]


async def test_a_run_whose_priority_was_changed_before_a_restart_is_shown_at_the_end():
    async with started() as desk:
        first, second, third, fourth = await desk.many_queued(4)
        await patched(desk, second, Priority.URGENT)  # before the walk
        cursor = backlog(desk, 2).next_cursor  # behind the second and the first
        await patched(desk, first, Priority.HIGH)
        await patched(desk, fourth, Priority.HIGH)
        await desk.system.checkpointer.checkpoint()
        store = desk.store.copy()
    async with started(store) as desk:
        await patched(desk, third, Priority.URGENT)
        assert rest(desk, cursor) == [third.id, first.id, fourth.id]
        first_page = backlog(desk, 1)
        assert rest(desk, first_page.next_cursor) == run_ids(backlog(desk))[1:]


async def test_a_walk_that_too_much_has_moved_in_is_refused(desk, monkeypatch):
    monkeypatch.setattr(limits, "MOVES_MAX", 4)
    monkeypatch.setattr(recent, "_FORGET_STEP", 1)
    runs = await desk.many_queued(6)
    cursor = backlog(desk, 1).next_cursor
    for run in runs[1:5]:
        await patched(desk, run, Priority.LOW)
        assert len(rest(desk, cursor)) == 5
    await patched(desk, runs[5], Priority.LOW)
    with pytest.raises(Rejected, match="more than 4 queued runs"):
        backlog(desk, 1, cursor)


async def test_a_cursor_of_before_walks_were_kept_goes_on_behind_it(desk):
    _, second, third = await desk.many_queued(3)
    [row, *_] = backlog(desk).runs
    await patched(desk, third, Priority.URGENT)
    found = backlog(desk, 1, f"{row.weight}.{row.queue_order}.{row.run_id}")
    assert run_ids(found) == [second.id]
    assert found.next_cursor is None


async def test_a_cursor_of_other_data_is_refused(desk):
    with pytest.raises(Rejected, match="these data are older"):
        backlog(desk, cursor="walk.99.-20.7.run-1")


async def test_a_cursor_that_is_none_of_ours_is_refused(desk):
    for cursor in ("", "x", "1.2", "a.b.c", "walk.", "walk.1", "walk.x.1.2.c", "walk..1.2.c"):
        with pytest.raises(Rejected):
            backlog(desk, cursor=cursor)


async def test_the_backlog_filters_by_workspace_scope_and_pause(desk):
    here = (await desk.system.registry.create_workspace(CreateWorkspace("/here"))).id
    there = (await desk.system.registry.create_workspace(CreateWorkspace("/there"))).id
    at_home = await desk.queued()
    paused = await desk.queued()
    root = (await desk.system.run(paused.id)).task.id
    below = await desk.queued(parent_task_id=root)
    await desk.ask(root, c.PauseTask("later"))
    local = await desk.queued(scope=Scope.WORKSPACE, workspace_id=here)
    everywhere = {at_home.id, local.id}
    assert set(run_ids(backlog(desk))) == everywhere
    assert set(run_ids(backlog(desk, include_paused=True))) == {
        *everywhere,
        paused.id,
        below.id,
    }
    assert run_ids(backlog(desk, workspace_id=here)) == [local.id]
    assert run_ids(backlog(desk, workspace_id=there)) == []
    assert run_ids(backlog(desk, workspace_id="unknown")) == []
    assert run_ids(backlog(desk, scope=Scope.WORKSPACE)) == [local.id]
    only_global = backlog(desk, scope=Scope.GLOBAL, include_paused=True, limit=1)
    assert (len(only_global.runs), only_global.total) == (1, 3)


async def test_blocked_runs_are_in_the_backlog_too(desk):
    blocker, task = await desk.task(), await desk.task()
    await desk.ask(task.id, c.AddDependency(blocker.id))
    run = await desk.enqueue(task.id)
    assert run_ids(backlog(desk)) == [run.id]


def recount(desk) -> tuple[int, int, int, int]:
    """Active, queued, in need of attention, and paused tasks, from the tasks themselves."""
    states = list(desk.system.views.catalog)
    runs = [state.open_run for state in states if state.open_run is not None]
    return (
        sum(run.status.is_active for run in runs),
        sum(run.status is RunStatus.QUEUED for run in runs),
        sum(run.status is RunStatus.NEEDS_ATTENTION for run in runs),
        sum(state.pause is not None for state in states),
    )


async def counts(desk) -> tuple[int, int, int, int]:
    status = await desk.system.scheduler.status()
    return (
        status.active_claim_count,
        status.queued_run_count,
        status.needs_attention_run_count,
        status.paused_task_count,
    )


async def test_counts_follow_every_way_of_a_run():
    async with started(lease_expiries_max=1) as desk:
        tasks = [await desk.task() for _ in range(8)]
        runs = [await desk.enqueue(task.id) for task in tasks]
        assert await counts(desk) == recount(desk) == (0, 8, 0, 0)
        held = [await desk.claim(f"s{number}", lease_seconds=50) for number in range(5)]
        assert await counts(desk) == recount(desk) == (5, 3, 0, 0)
        await desk.complete("s0", held[0].the_run.id)
        await desk.ask_run(c.FailLease(held[1].the_run.id, "no"), agent("s1"))
        await desk.ask_run(c.ReleaseRun(held[2].the_run.id), agent("s2"))
        await desk.ask(held[3].task.id, c.CancelTask())
        assert await counts(desk) == recount(desk) == (1, 4, 0, 0)
        queued = [run for run in runs if await desk.status_of(run.id) is RunStatus.QUEUED]
        await desk.ask_run(c.ClaimRun(queued[0].id))
        await desk.ask_run(c.StartRun(queued[0].id))
        await desk.ask_run(c.ForceFail(queued[1].id, "by hand"))
        await desk.ask_run(c.CancelRun(queued[2].id))
        kept = (await desk.system.run(queued[3].id)).task.id
        await desk.ask(kept, c.PauseTask("later"))
        assert await counts(desk) == recount(desk) == (2, 1, 0, 1)
        await trio.sleep(60)
        assert await counts(desk) == recount(desk) == (1, 1, 1, 1)
        await desk.ask_run(c.RecoverRun(held[4].the_run.id, "again"), OPERATOR)
        assert await counts(desk) == recount(desk) == (1, 2, 0, 1)
        await desk.ask_run(c.CancelRun(queued[3].id))
        await desk.ask(kept, c.DeleteTask())
        assert await counts(desk) == recount(desk) == (1, 1, 0, 0)
        before = await counts(desk)
        store = desk.store.copy()
    async with started(store) as desk:
        assert await counts(desk) == recount(desk) == before
        await desk.system.checkpointer.checkpoint()
        store = desk.store.copy()
    async with started(store) as desk:
        assert await counts(desk) == recount(desk) == before
