"""Streams of all tasks: each event once, in order, no gap, or a refusal that says to list again."""

import random

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from chargehand.actors import limits
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.registry.commands import CreateWorkspace
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import Scope
from chargehand.actors.views import recent
from chargehand.actors.views.streams import EVERYTHING, CloseReason, StreamClosed, StreamFilter
from tests.actors.system.desk import started


class Watcher:
    """Follows all tasks; without a number from now on. `seen` are the number, type and task of each
    event."""

    def __init__(self, desk, after_seq=0, which=EVERYTHING):
        self.desk = desk
        self.after_seq = desk.system.views.newest_seq if after_seq is None else after_seq
        self.which = which
        self.seen = []
        self.closed = None

    async def run(self, *, task_status=trio.TASK_STATUS_IGNORED):
        with self.desk.system.views.subscribe_all(self.which, self.after_seq) as subscription:
            task_status.started()
            try:
                while True:
                    event = await subscription.receive()
                    self.seen.append((event.seq, event.event.type, event.task.id))
            except StreamClosed as closed:
                self.closed = closed.reason


async def seen_since(desk, after_seq, which=EVERYTHING) -> list[tuple[int, str, str]]:
    """What one who comes now is sent of the past."""
    watcher = Watcher(desk, after_seq, which)
    async with trio.open_nursery() as nursery:
        await nursery.start(watcher.run)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    return watcher.seen


async def write(desk, rng: random.Random, count: int, *, deletes=True) -> None:
    """Random work on tasks that come and go, with checkpoints in between."""
    living: list[str] = [(await desk.task()).id]
    for number in range(count):
        task_id = rng.choice(living)
        match rng.randrange(6):
            case 0 | 1:
                living.append((await desk.task(parent_task_id=rng.choice([None, *living[:3]]))).id)
            case 2:
                await desk.ask(task_id, c.PatchTask(title=f"title {number}"))
            case 3:
                await desk.ask(task_id, c.PauseTask("x"))
            case 4 if deletes and len(living) > 6 and task_id not in living[:3]:
                await desk.ask(task_id, c.DeleteTask())
                living.remove(task_id)
            case 4 | 5:
                await desk.system.checkpointer.checkpoint()
        if rng.random() < 0.3:
            await trio.lowlevel.checkpoint()


@pytest.mark.parametrize("seed", range(12))
async def test_watchers_that_come_at_any_moment_see_all_behind_their_number_once(seed):
    rng = random.Random(seed)
    async with started() as desk, trio.open_nursery() as nursery:
        first = Watcher(desk)
        await nursery.start(first.run)
        watchers = []

        async def come():
            for _ in range(20):
                watcher = Watcher(desk, rng.randrange(desk.system.views.newest_seq + 1))
                watchers.append(watcher)
                await nursery.start(watcher.run)
                for _ in range(rng.randrange(12)):
                    await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as work:
            work.start_soon(write, desk, rng, 80)
            work.start_soon(come)
        await wait_all_tasks_blocked()
        assert len(first.seen) > 60
        for watcher in (first, *watchers):
            seqs = [seq for seq, *_ in watcher.seen]
            assert seqs == sorted(set(seqs))
            deleted = {task_id for _, what, task_id in first.seen if what == "task.deleted"}
            expected = [event for event in first.seen if event[0] > watcher.after_seq]
            # Of what is deleted by now all but the deletion may be missing.
            assert [e for e in watcher.seen if e[2] not in deleted or e[1] == "task.deleted"] == [
                e for e in expected if e[2] not in deleted or e[1] == "task.deleted"
            ]
            assert set(watcher.seen) <= set(expected)
        nursery.cancel_scope.cancel()


async def test_without_a_number_it_begins_now(desk):
    before = await desk.task()
    assert await seen_since(desk, None) == []
    assert [task_id for *_, task_id in await seen_since(desk, 0)] == [before.id]


async def test_a_crash_loses_nothing_of_it():
    async with started() as desk:
        await write(desk, random.Random(4), 60, deletes=False)
        await desk.system.checkpointer.checkpoint()
        cursor = desk.system.views.newest_seq
        gone, stays = await desk.task(), await desk.task()
        await desk.ask(gone.id, c.DeleteTask())
        await desk.ask(stays.id, c.PatchTask(title="new"))
        everything = await seen_since(desk, 0)
        latest = await seen_since(desk, cursor)
        store = desk.store.copy()
    assert [(what, task_id) for _, what, task_id in latest] == [
        ("task.created", stays.id),
        ("task.deleted", gone.id),
        ("task.updated", stays.id),
    ]
    async with started(store) as desk:
        assert await seen_since(desk, cursor) == latest
        await desk.system.checkpointer.checkpoint()
        assert await seen_since(desk, cursor) == latest
        with pytest.raises(Rejected) as refused:  # it may have missed deletions
            desk.system.views.subscribe_all(EVERYTHING, cursor - 1)
        assert refused.value.code is Code.STREAM_CURSOR_BEHIND
    assert everything[-3:] == latest


async def test_who_was_away_while_too_many_changed_lists_again(desk, monkeypatch):
    monkeypatch.setattr(limits, "STREAM_BEHIND_TASKS_MAX", 3)
    tasks = [await desk.task() for _ in range(4)]
    with pytest.raises(Rejected) as refused:
        desk.system.views.subscribe_all(EVERYTHING, 0)
    newest = desk.system.views.newest_seq
    assert refused.value.code is Code.STREAM_CURSOR_BEHIND
    assert refused.value.evidence == {"newest": newest}
    await desk.ask(tasks[0].id, c.PatchTask(title="new"))
    assert [task_id for *_, task_id in await seen_since(desk, newest)] == [tasks[0].id]


async def test_deletions_that_are_forgotten_are_no_gap(desk, monkeypatch):
    monkeypatch.setattr(limits, "MOVES_MAX", 4)
    monkeypatch.setattr(recent, "_FORGET_STEP", 2)
    for _ in range(6):
        task = await desk.task()
        desk.system.views.subscribe_all(EVERYTHING, 0)
        await desk.ask(task.id, c.DeleteTask())
    with pytest.raises(Rejected) as refused:
        desk.system.views.subscribe_all(EVERYTHING, 0)
    assert refused.value.code is Code.STREAM_CURSOR_BEHIND


async def test_only_what_the_filter_names_is_sent(desk):
    work = await desk.system.registry.create_workspace(CreateWorkspace("/srv/shop"))
    watcher = Watcher(desk, None, StreamFilter(Scope.WORKSPACE, work.id))
    async with trio.open_nursery() as nursery:
        await nursery.start(watcher.run)
        await desk.task()
        theirs = await desk.task(scope=Scope.WORKSPACE, workspace_id=work.id)
        await desk.ask(theirs.id, c.PatchTask(title="new"))
        await desk.ask(theirs.id, c.DeleteTask())
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert [what for _, what, _ in watcher.seen] == [
        "task.created",
        "task.updated",
        "task.deleted",
    ]
    assert await seen_since(desk, 0, watcher.which) == watcher.seen[-1:]
    assert await seen_since(desk, 0, StreamFilter(Scope.GLOBAL)) != []


async def test_it_ends_with_the_server(desk):
    watcher = Watcher(desk)
    async with trio.open_nursery() as nursery:
        await nursery.start(watcher.run)
        desk.system.begin_stop()
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert watcher.closed is CloseReason.SHUTDOWN
