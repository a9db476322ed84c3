"""Streams: each event once, in order, no gap, wherever and whenever one begins to follow."""

import random

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from chargehand.actors import limits
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.task import commands as c
from chargehand.actors.views.streams import CloseReason, StreamClosed
from chargehand.persistence.reading import Reading
from tests.actors.system.desk import agent, started


class Follower:
    """Follows a task; `seqs` are the numbers received, `closed` is why it ended."""

    def __init__(self, desk, task_id, after_seq=0):
        self.desk = desk
        self.task_id = task_id
        self.after_seq = after_seq
        self.seqs = []
        self.types = []
        self.closed = None

    async def run(self, *, task_status=trio.TASK_STATUS_IGNORED):
        with self.desk.system.views.subscribe(self.task_id, self.after_seq) as subscription:
            task_status.started()
            try:
                while True:
                    event = await subscription.receive()
                    self.seqs.append(event.seq)
                    self.types.append(event.event.type)
            except StreamClosed as closed:
                self.closed = closed.reason


def seqs_of(desk, *task_ids) -> list[int]:
    views = desk.system.views
    return sorted(e.seq for task_id in task_ids for e in views.timelines.after(task_id, 0, 10_000))


async def write(desk, rng: random.Random, count: int, tree: list[str]) -> None:
    """Random work on a growing tree; its ids are added to `tree`."""
    for number in range(count):
        task_id = rng.choice(tree)
        match rng.randrange(5):
            case 0 if len(tree) < 12 and task_id.count(".") < 5:
                child = await desk.task(id=f"{task_id}.{number}", parent_task_id=task_id)
                tree.append(child.id)
            case 1 | 0:
                await desk.ask(task_id, c.PatchTask(title=f"title {number}"))
            case 2:
                await desk.ask(task_id, c.PauseTask("x"))
            case 3:
                await desk.ask(task_id, c.ResumeTask())
            case 4:
                await desk.system.checkpointer.checkpoint()
        if rng.random() < 0.3:
            await trio.lowlevel.checkpoint()


@pytest.mark.parametrize("seed", range(12))
async def test_followers_that_come_at_any_moment_see_all_behind_their_number_once(seed):
    rng = random.Random(seed)
    async with started() as desk:
        tree = [(await desk.task(id="root")).id]
        await desk.task(id="stranger")
        followers = []
        async with trio.open_nursery() as nursery:

            async def writer():
                await write(desk, rng, 60, tree)
                await desk.ask("stranger", c.PatchTask(title="not for them"))

            async def come():
                for _ in range(25):
                    after = rng.choice([0, rng.randrange(desk.system.journal.next_seq)])
                    follower = Follower(desk, rng.choice(tree), after)
                    followers.append(follower)
                    await nursery.start(follower.run)
                    for _ in range(rng.randrange(12)):
                        await trio.lowlevel.checkpoint()

            async with trio.open_nursery() as work:
                work.start_soon(writer)
                work.start_soon(come)
            await wait_all_tasks_blocked()
            for follower in followers:
                below = [t for t in tree if (t + ".").startswith(follower.task_id + ".")]
                expected = [seq for seq in seqs_of(desk, *below) if seq > follower.after_seq]
                assert follower.seqs == expected
            nursery.cancel_scope.cancel()


async def test_every_number_to_come_back_with_is_good_before_and_after_a_restart():
    async with started() as desk:
        tree = [(await desk.task(id="root")).id]
        await write(desk, random.Random(1), 40, tree)
        whole = seqs_of(desk, *tree)
        last = desk.system.journal.next_seq
        await check_all_cursors(desk, whole, last)
        store = desk.store.copy()
    async with started(store) as desk:
        await check_all_cursors(desk, whole, last)
        await desk.system.checkpointer.checkpoint()
        await check_all_cursors(desk, whole, last)


async def check_all_cursors(desk, whole, last) -> None:
    followers = [Follower(desk, "root", after_seq) for after_seq in range(last + 1)]
    async with trio.open_nursery() as nursery:
        for follower in followers:
            nursery.start_soon(follower.run)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    for follower in followers:
        assert follower.seqs == [seq for seq in whole if seq > follower.after_seq]


async def test_a_child_that_comes_later_is_followed_from_its_first_event(desk):
    root = await desk.task()
    follower = Follower(desk, root.id)
    async with trio.open_nursery() as nursery:
        await nursery.start(follower.run)
        child = await desk.task(parent_task_id=root.id)
        grandchild = await desk.task(parent_task_id=child.id)
        run = await desk.enqueue(grandchild.id)
        await desk.do("s1", run.id)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert follower.seqs == seqs_of(desk, root.id, child.id, grandchild.id)
    assert follower.types[-1] == "task.status_changed"


async def receive_rest(subscription, seen) -> CloseReason:
    try:
        while True:
            seen.append((await subscription.receive()).seq)
    except StreamClosed as closed:
        return closed.reason


async def test_a_follower_that_falls_behind_is_closed_and_misses_nothing_when_it_comes_back(
    desk, monkeypatch
):
    monkeypatch.setattr(limits, "STREAM_BUFFER_MAX", 8)
    task = await desk.task()
    seen = []
    with desk.system.views.subscribe(task.id, 0) as subscription:
        seen.append((await subscription.receive()).seq)
        for number in range(20):
            await desk.ask(task.id, c.PatchTask(title=f"title {number}"))
        closed = await receive_rest(subscription, seen)
    assert closed is CloseReason.OVERFLOW
    assert len(desk.system.views.streams) == 0
    follower = Follower(desk, task.id, seen[-1])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(follower.run)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert seen + follower.seqs == seqs_of(desk, task.id)


async def test_a_follower_of_a_deleted_task_is_told_after_its_last_event(desk):
    root = await desk.task()
    child = await desk.task(parent_task_id=root.id)
    of_root, of_child = Follower(desk, root.id), Follower(desk, child.id)
    async with trio.open_nursery() as nursery:
        await nursery.start(of_root.run)
        await nursery.start(of_child.run)
        await desk.ask(child.id, c.DeleteTask())
        await wait_all_tasks_blocked()
        assert of_child.closed is CloseReason.DELETED
        assert of_root.closed is None
        assert (of_root.types[-1], of_child.types[-1]) == ("task.deleted", "task.deleted")
        await desk.ask(root.id, c.DeleteTask())
    assert of_root.closed is CloseReason.DELETED
    with pytest.raises(Rejected) as caught:
        desk.system.views.subscribe(child.id, 0)
    assert caught.value.code is Code.TASK_NOT_FOUND


async def test_followers_are_told_that_the_server_stops(desk):
    task = await desk.task()
    follower, late = Follower(desk, task.id), Follower(desk, task.id)
    async with trio.open_nursery() as nursery:
        await nursery.start(follower.run)
        await wait_all_tasks_blocked()
        desk.system.begin_stop()
        await wait_all_tasks_blocked()
        assert follower.closed is CloseReason.SHUTDOWN
        nursery.start_soon(late.run)
    assert late.closed is CloseReason.SHUTDOWN


async def test_a_stop_amid_the_past_leaves_no_gap(desk):
    task = await desk.task()
    for number in range(4):
        await desk.ask(task.id, c.PatchTask(title=f"title {number}"))
    past = seqs_of(desk, task.id)
    seen = []
    with desk.system.views.subscribe(task.id, 0) as subscription:
        seen.append((await subscription.receive()).seq)
        await desk.ask(task.id, c.PatchTask(title="new"))
        desk.system.begin_stop()

        async def go_on() -> None:
            while True:
                seen.append((await subscription.receive()).seq)

        with pytest.raises(StreamClosed) as closed:
            await go_on()
    assert closed.value.reason is CloseReason.SHUTDOWN
    assert seen == past[:1]


async def test_a_follower_that_leaves_is_forgotten(desk):
    task = await desk.task()
    follower = Follower(desk, task.id)
    async with trio.open_nursery() as nursery:
        await nursery.start(follower.run)
        assert len(desk.system.views.streams) == 1
        nursery.cancel_scope.cancel()
    assert len(desk.system.views.streams) == 0


async def test_waiting_with_a_time_limit_again_and_again_loses_no_event(desk):
    """As the edge does it, to send a comment now and then."""
    task = await desk.task()
    seen = []

    async def follow():
        with desk.system.views.subscribe(task.id, 0) as subscription:
            while True:
                event = None
                with trio.move_on_after(0.5):
                    event = await subscription.receive()
                if event is not None:
                    seen.append(event.seq)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(follow)
        for number in range(10):
            await trio.sleep(0.5 if number % 2 else 0.7)
            await desk.ask(task.id, c.PatchTask(title=f"title {number}"))
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert seen == seqs_of(desk, task.id)


async def test_what_is_reported_shows_the_task_and_run_as_they_are(desk):
    run = await desk.queued()
    await desk.do("s1", run.id)
    task_id = (await desk.system.run(run.id)).task.id
    events = desk.system.views.timelines.after(task_id, 0, 100)
    claimed = next(event for event in events if event.event.type == "task.run_claimed")
    assert claimed.run.status.value == "completed"
    assert claimed.record.caller == agent("s1")
    assert len({event.event_id for event in events}) == len(events)


# --- large trees --------------------------------------------------------------------------------


async def _large(desk) -> list[str]:
    """A task with 120 others below it."""
    await desk.task(id="root")
    below = []
    for number in range(10):
        below.append((await desk.task(id=f"c{number}", parent_task_id="root")).id)
        for leaf in range(11):
            child = await desk.task(id=f"c{number}.{leaf}", parent_task_id=f"c{number}")
            below.append(child.id)
    return ["root", *below]


@pytest.fixture
def reads(monkeypatch) -> list[str]:
    """The tasks whose past is read, each time."""
    found: list[str] = []
    timeline = Reading.timeline

    def counted(reading, address, after_seq, limit=None):
        found.append(address)
        return timeline(reading, address, after_seq, limit)

    monkeypatch.setattr(Reading, "timeline", counted)
    return found


async def test_the_past_of_a_large_tree_is_read_bit_by_bit_and_in_order(desk, reads):
    tree = await _large(desk)
    subscription = desk.system.views.subscribe("root", 0)
    assert reads == []
    past, counts = [], []
    while True:
        before = len(reads)
        told = next(subscription._backlog, "all")
        counts.append(len(reads) - before)
        if told == "all":
            break
        if told is not None:
            past.append(told.seq)
    assert max(counts) <= 16
    assert set(reads) == set(tree)
    assert past == sorted(past)
    assert past == seqs_of(desk, *tree)


async def test_who_comes_back_with_a_late_number_reads_only_what_has_moved_since(desk, reads):
    await _large(desk)
    after_seq = desk.system.journal.durable_seq
    await desk.ask("c3.3", c.PatchTask(title="new"))
    with desk.system.views.subscribe("root", after_seq) as subscription:
        assert (await subscription.receive()).task.id == "c3.3"
    assert set(reads) <= {"root", "c3.3"}


@pytest.mark.parametrize("reads_before", [0, 1, 3, 60])
async def test_the_past_of_what_is_deleted_while_it_is_read_is_reported_too(desk, reads_before):
    tree = await _large(desk)
    whole = seqs_of(desk, *tree)
    seen, deleted = [], [f"c{number}.{leaf}" for number in range(10) for leaf in (0, 10)]
    with desk.system.views.subscribe("root", 0) as subscription:
        for _ in range(reads_before):
            told = next(subscription._backlog)
            if told is not None:
                seen.append(told.seq)
        for task_id in deleted:
            await desk.ask(task_id, c.DeleteTask())
        with trio.move_on_after(1):
            while True:
                seen.append((await subscription.receive()).seq)
    assert seen[: len(whole)] == whole
    assert len(seen) == len(whole) + len(deleted)


async def test_nothing_of_a_tree_that_is_deleted_in_the_middle_is_left_out(desk, monkeypatch):
    monkeypatch.setattr(limits, "STREAM_BUFFER_MAX", 4)
    tree = await _large(desk)
    whole = seqs_of(desk, *tree)
    seen = []
    with desk.system.views.subscribe("root", 0) as subscription:
        for task_id in reversed(tree):
            await desk.ask(task_id, c.DeleteTask())
        assert await receive_rest(subscription, seen) is CloseReason.OVERFLOW
    assert seen == whole


async def test_a_large_tree_is_reported_in_short_lists_by_level_and_latest_activity(desk):
    tree = await _large(desk)
    await trio.sleep(1)
    await desk.ask("c5", c.PatchTask(title="new"))
    slices = list(desk.system.views.tree("root"))
    assert max(map(len, slices)) <= 64
    entries = [entry for entries in slices for entry in entries]
    assert sorted(entry.task.id for entry in entries) == sorted(tree)
    assert [entries[0].task.id, entries[1].task.id] == ["root", "c5"]
    order = [(one.depth, -one.task.latest_event_seq) for one in entries]
    assert order == sorted(order)
    assert {(one.depth, one.child_count) for one in entries} == {(0, 10), (1, 11), (2, 0)}
