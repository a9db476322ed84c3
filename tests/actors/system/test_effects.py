"""What one task's event means for others: applied once, before the caller is answered, and after
a crash at any moment."""

import threading

import pytest
import trio

from chargehand.actors import limits
from chargehand.actors.directory import Directory
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.graph import effects, nodes
from chargehand.actors.lifecycle import run_system
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import Priority, RunStatus, TaskStatus
from chargehand.persistence.opening import embedded_journal
from tests.actors.system.desk import OPERATOR, CrashStore, Desk, started


async def diamond(desk):
    """A blocker, two that depend on it, and one that depends on those; all enqueue themselves."""
    top = await desk.task(id="top")
    for name, blockers in {"left": [top.id], "right": [top.id], "end": ["left", "right"]}.items():
        await desk.task(id=name, auto_enqueue_on_ready=True)
        for blocker in blockers:
            await desk.ask(name, c.AddDependency(blocker))
    return await desk.enqueue(top.id)


async def tree(desk, depth=3, width=2):
    """Ids by level: a root, its children, theirs, …, each with a queued run."""
    levels = [["root"]]
    await desk.task(id="root")
    await desk.enqueue("root")
    for _ in range(1, depth):
        level = []
        for parent in levels[-1]:
            for number in range(width):
                child = await desk.task(id=f"{parent}.{number}", parent_task_id=parent)
                await desk.enqueue(child.id)
                level.append(child.id)
        levels.append(level)
    return levels


async def status(desk, task_id) -> TaskStatus:
    return (await desk.system.task(task_id)).status


async def test_dependents_are_ready_when_the_completion_is_answered(desk):
    run = await diamond(desk)
    assert await status(desk, "left") is TaskStatus.BLOCKED
    await desk.do("s1", run.id)
    for name in ("left", "right"):
        task = await desk.system.task(name)
        assert (task.status, len(task.runs)) == (TaskStatus.READY, 1)
        assert task.runs[0].idempotency_key == f"task.auto_enqueue.{name}.{run.id}"
    assert await status(desk, "end") is TaskStatus.BLOCKED
    for number in range(2):
        claimed = await desk.claim(f"a{number}")
        await desk.complete(f"a{number}", claimed.the_run.id)
    end = await desk.system.task("end")
    assert (end.status, len(end.runs)) == (TaskStatus.READY, 1)


async def test_a_blocker_that_reopens_blocks_again(desk):
    blocker, task = await desk.task(), await desk.task()
    await desk.ask(task.id, c.AddDependency(blocker.id))
    run = await desk.enqueue(blocker.id)
    await desk.do("s1", run.id)
    assert await status(desk, task.id) is TaskStatus.READY
    await desk.enqueue(blocker.id)
    assert await status(desk, task.id) is TaskStatus.BLOCKED


async def test_a_deleted_blocker_blocks_no_more(desk):
    blocker = await desk.task()
    task = await desk.task(auto_enqueue_on_ready=True)
    await desk.ask(task.id, c.AddDependency(blocker.id))
    await desk.ask(blocker.id, c.DeleteTask())
    left = await desk.system.task(task.id)
    assert (left.status, left.dependencies, len(left.runs)) == (TaskStatus.READY, (), 0)
    assert left.lost_blockers == (blocker.id,)
    with pytest.raises(Rejected) as caught:
        await desk.system.task(blocker.id)
    assert caught.value.code is Code.TASK_NOT_FOUND
    with pytest.raises(Rejected) as caught:
        await desk.task(id=blocker.id)
    assert caught.value.code is Code.TASK_EXISTS


async def test_a_canceled_tree_is_canceled_whole_when_the_caller_is_answered(desk):
    levels = await tree(desk)
    done = levels[1][0]
    await desk.ask(done, c.PatchTask(priority=Priority.URGENT))
    held = await desk.claim("s1")
    assert held.task.id == done
    await desk.complete("s1", held.the_run.id)
    await desk.ask("root", c.CancelTask("enough"))
    for task_id in (task_id for level in levels for task_id in level):
        task = await desk.system.task(task_id)
        expected = TaskStatus.COMPLETED if task_id == done else TaskStatus.CANCELED
        assert (task_id, task.status) == (task_id, expected)
    assert await desk.claim("s2") is None


async def test_a_task_with_children_is_not_deleted_and_a_leaf_is(desk):
    levels = await tree(desk, depth=2, width=1)
    with pytest.raises(Rejected) as caught:
        await desk.ask("root", c.DeleteTask())
    assert caught.value.code is Code.TASK_HAS_CHILDREN
    leaf = levels[1][0]
    await desk.ask_run(c.CancelRun((await desk.system.task(leaf)).runs[0].id))
    await desk.ask(leaf, c.DeleteTask())
    assert desk.system.views.children("root") == []


async def test_a_resumed_ancestor_makes_up_for_what_it_held_back(desk):
    blocker = await desk.task()
    root = await desk.task()
    task = await desk.task(parent_task_id=root.id, auto_enqueue_on_ready=True)
    await desk.ask(task.id, c.AddDependency(blocker.id))
    await desk.ask(root.id, c.PauseTask("later"))
    run = await desk.enqueue(blocker.id)
    await desk.do("s1", run.id)
    assert (await desk.system.task(task.id)).runs == ()
    await desk.ask(root.id, c.ResumeTask())
    made = (await desk.system.task(task.id)).runs
    assert [run.status for run in made] == [RunStatus.QUEUED]
    assert (await desk.claim("s1")).the_run.id == made[0].id


async def test_more_effects_than_are_awaited_finish_in_the_background(desk, monkeypatch):
    monkeypatch.setattr(limits, "AWAITED_EFFECTS_MAX", 3)
    blocker = await desk.task()
    tasks = [await desk.task() for _ in range(6)]
    for task in tasks:
        await desk.ask(task.id, c.AddDependency(blocker.id))
    run = await desk.enqueue(blocker.id)
    await desk.do("s1", run.id)
    await trio.testing.wait_all_tasks_blocked()
    assert {await status(desk, task.id) for task in tasks} == {TaskStatus.READY}


@pytest.mark.parametrize("settings", [{"max_residents": 20}])
async def test_a_large_tree_is_canceled_with_few_actors_in_memory(desk, monkeypatch):
    levels = await tree(desk, depth=4, width=7)
    residents = []
    activate = Directory._activate

    def counted(directory, task_id):
        residents.append(len(directory) + 1)
        return activate(directory, task_id)

    monkeypatch.setattr(Directory, "_activate", counted)
    await desk.ask("root", c.CancelTask("enough"))
    await trio.testing.wait_all_tasks_blocked()
    for task_id in (task_id for level in levels for task_id in level):
        assert (await status(desk, task_id)) is TaskStatus.CANCELED
    assert len(residents) > 300
    assert max(residents) <= 20
    assert len(desk.system.outbox) == 0


async def test_no_record_of_a_large_tree_reaches_more_than_the_children(desk):
    await tree(desk, depth=3, width=9)
    await desk.ask("root", c.CancelTask("enough"))
    await trio.testing.wait_all_tasks_blocked()
    fans = [
        len(record.effects)
        for state in desk.system.views.catalog
        for record in desk.system.journal.reads.timeline(state.id, 0)
    ]
    assert max(fans) == 9


async def test_more_dependents_than_one_record_tells_are_all_told_whenever_the_server_is_killed(
    monkeypatch,
):
    monkeypatch.setattr(nodes, "FAN_OUT_MAX", 3)
    monkeypatch.setattr(effects, "FAN_OUT_MAX", 3)
    store = CrashStore()
    names = [f"t{number}" for number in range(10)]
    async with started(store) as desk:
        blocker = await desk.task()
        for name in names:
            await desk.task(id=name, auto_enqueue_on_ready=True)
            await desk.ask(name, c.AddDependency(blocker.id))
        run = await desk.enqueue(blocker.id)
        await desk.claim("s1")
        await trio.testing.wait_all_tasks_blocked()
        store.crash_points.clear()
        await desk.complete("s1", run.id)
        await trio.testing.wait_all_tasks_blocked()

    async def check(desk):
        for name in names:
            task = await desk.system.task(name)
            assert (task.status, len(task.runs)) == (TaskStatus.READY, 1)

    await check_every_crash(store.crash_points, check)


# --- crashes ------------------------------------------------------------------------------------


def applied(desk) -> dict[tuple[int, int], int]:
    """How often each effect was applied, by the record that it comes from and its place there."""
    counts = {}
    for state in desk.system.views.catalog:
        for record in desk.system.journal.reads.timeline(state.id, 0):
            if record.cause is not None:
                cause = (record.cause.seq, record.cause.n)
                counts[cause] = counts.get(cause, 0) + 1
    return counts


def caused(desk) -> set[tuple[int, int]]:
    return {
        (record.seq, n)
        for state in desk.system.views.catalog
        for record in desk.system.journal.reads.timeline(state.id, 0)
        for n in range(len(record.effects))
    }


async def check_every_crash(points, check) -> None:
    """Start again from each of the crash points; `check` sees the system when it has settled."""
    assert len(points) > 1
    for point in points:
        for with_checkpoint in (False, True):
            store = point.copy()
            if with_checkpoint:  # crash, start, checkpoint, crash, start
                async with started(store) as desk:
                    await desk.system.checkpointer.checkpoint()
                    store = desk.store.copy()
            async with started(store) as desk:
                await trio.testing.wait_all_tasks_blocked()
                assert set(applied(desk)) == caused(desk)
                assert set(applied(desk).values()) <= {1}
                assert len(desk.system.outbox) == 0
                await check(desk)


async def test_dependents_become_ready_once_whenever_the_server_is_killed():
    store = CrashStore()
    async with started(store) as desk:
        run = await diamond(desk)
        await desk.claim("s1")
        await trio.testing.wait_all_tasks_blocked()
        store.crash_points.clear()
        await desk.complete("s1", run.id)

    async def check(desk):
        for name in ("left", "right"):
            task = await desk.system.task(name)
            assert (task.status, len(task.runs)) == (TaskStatus.READY, 1)
            assert desk.events(name).count("task.run_enqueued") == 1

    await check_every_crash(store.crash_points, check)


async def test_a_tree_is_canceled_whole_whenever_the_server_is_killed():
    store = CrashStore()
    async with started(store) as desk:
        levels = await tree(desk, depth=4)
        await trio.testing.wait_all_tasks_blocked()
        store.crash_points.clear()
        await desk.ask("root", c.CancelTask("enough"))

    async def check(desk):
        for task_id in (task_id for level in levels for task_id in level):
            task = await desk.system.task(task_id)
            assert (task.status, task.open_run) == (TaskStatus.CANCELED, None)
            assert desk.events(task_id).count("task.canceled") == 1
        assert (await desk.system.scheduler.status()).queued_run_count == 0

    await check_every_crash(store.crash_points, check)


class HeldStore(CrashStore):
    """A disk that takes its time: a commit waits while `free` is not set."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()
        self.free.set()

    def commit(self, changes, given=None) -> None:
        self.free.wait()
        super().commit(changes, given)


async def test_a_tree_is_canceled_whole_after_a_stop_amid_its_effects(monkeypatch):
    """Its first record reaches the disk when no task's actor can be made any more."""
    store = HeldStore()
    journal = embedded_journal(store)  # on a thread, so that the disk holds nobody else up
    close = journal.close
    canceled = []

    async def close_and_write():
        store.free.set()
        await close()

    async def cancel(desk):
        canceled.append(await desk.ask("root", c.CancelTask("enough")))

    monkeypatch.setattr(journal, "close", close_and_write)
    async with trio.open_nursery() as nursery:
        async with run_system(journal) as system:
            desk = Desk(system, store)
            levels = await tree(desk, depth=4)
            while system.directory.passivate_idle(0):
                pass
            store.free.clear()
            nursery.start_soon(cancel, desk)
            while not journal.statistics().pending:
                await trio.lowlevel.checkpoint()
        assert len(system.outbox) == 2
    assert len(canceled) == 1
    async with started(store.copy()) as desk:
        await trio.testing.wait_all_tasks_blocked()
        for task_id in (task_id for level in levels for task_id in level):
            assert await status(desk, task_id) is TaskStatus.CANCELED
        assert set(applied(desk)) == caused(desk)
        assert set(applied(desk).values()) == {1}
        assert len(desk.system.outbox) == 0


async def test_who_waits_for_effects_that_a_stop_leaves_is_answered(monkeypatch):
    answered = []

    async def complete(desk, run_id):
        answered.append((await desk.complete("s1", run_id)).the_run.status)

    async with trio.open_nursery() as nursery:
        async with started() as desk:
            run = await diamond(desk)
            await desk.claim("s1")
            monkeypatch.setattr(desk.system.journal, "wait_room", trio.sleep_forever)
            for name in ("left", "right"):
                await desk.ask(name, c.PatchTask(title="new"))
            nursery.start_soon(complete, desk, run.id)
            await trio.testing.wait_all_tasks_blocked()
            assert answered == []
        await trio.testing.wait_all_tasks_blocked()
        assert answered == [RunStatus.COMPLETED]
        nursery.cancel_scope.cancel()
    async with started(desk.store.copy()) as desk:
        await trio.testing.wait_all_tasks_blocked()
        for name in ("left", "right"):
            assert await status(desk, name) is TaskStatus.READY


async def test_a_deletion_is_finished_whenever_the_server_is_killed():
    store = CrashStore()
    async with started(store) as desk:
        for number in range(4):
            await desk.task(id=f"t{number}", auto_enqueue_on_ready=True)
        await desk.task(id="blocker")
        for number in range(4):
            await desk.ask(f"t{number}", c.AddDependency("blocker"))
        await trio.testing.wait_all_tasks_blocked()
        store.crash_points.clear()
        await desk.ask("blocker", c.DeleteTask())

    async def check(desk):
        for number in range(4):
            task = await desk.system.task(f"t{number}")
            assert (task.status, task.runs, task.dependencies) == (TaskStatus.READY, (), ())
            assert task.lost_blockers == ("blocker",)

    for point in store.crash_points:
        async with started(point) as desk:
            await trio.testing.wait_all_tasks_blocked()
            await check(desk)
            assert len(desk.system.outbox) == 0
            assert desk.system.views.get("blocker") is None
            await desk.system.checkpointer.checkpoint()
            left = desk.store.copy()
        async with started(left) as desk:  # all of it from tables
            await check(desk)
            await desk.ask("t0", c.StartTask())
            assert desk.system.views.get("t0").lost_blockers == ()
            assert desk.system.views.get("t1").lost_blockers == ("blocker",)


async def test_a_resume_reaches_everything_below_whenever_the_server_is_killed():
    store = CrashStore()
    async with started(store) as desk:
        await desk.task(id="root")
        await desk.ask("root", c.PauseTask("later"))
        for number in range(4):
            name = f"t{number}"
            await desk.task(id=name, parent_task_id="root", auto_enqueue_on_ready=True)
        await trio.testing.wait_all_tasks_blocked()
        store.crash_points.clear()
        await desk.ask("root", c.ResumeTask())

    async def check(desk):
        for number in range(4):
            assert len((await desk.system.task(f"t{number}")).runs) == 1

    await check_every_crash(store.crash_points, check)


# --- look-ups over a restart --------------------------------------------------------------------


@pytest.mark.parametrize("checkpoint", [False, True])
async def test_keys_and_runs_are_known_after_a_restart(checkpoint):
    async with started() as desk:
        task, other = await desk.task(), await desk.task()
        run = await desk.enqueue(task.id, idempotency_key="k")
        await desk.do("s1", run.id)
        if checkpoint:
            await desk.system.checkpointer.checkpoint()
        store = desk.store.copy()
    async with started(store) as desk:
        assert await desk.status_of(run.id) is RunStatus.COMPLETED
        again = await desk.ask(task.id, c.EnqueueRun(c.Enqueueing("k")), OPERATOR)
        assert (again.the_run.id, again.replayed) == (run.id, True)
        with pytest.raises(Rejected) as caught:
            await desk.enqueue(other.id, idempotency_key="k")
        assert caught.value.code is Code.KEY_CONFLICT
        with pytest.raises(Rejected) as caught:
            await desk.task(id=task.id)
        assert caught.value.code is Code.TASK_EXISTS
        repeated = await desk.complete("s1", run.id)
        assert (repeated.replayed, repeated.the_run.result) == (True, b"{}")
