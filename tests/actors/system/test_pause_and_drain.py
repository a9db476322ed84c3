"""Pause, resume and drain of the whole scheduler."""

from functools import partial

import pytest
import trio

from chargehand.actors import limits
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.scheduler.commands import DrainOutcome
from chargehand.actors.scheduler.events import DrainCompleted
from chargehand.actors.scheduler.state import SCHEDULER_ADDRESS
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import RunStatus
from chargehand.actors.times import rfc3339
from chargehand.actors.views.backlog import BacklogFilter
from chargehand.actors.views.streams import EVERYTHING, Changed
from tests.actors.system.desk import NS, OPERATOR, agent, started, waiting


async def drain(desk, timeout_s=None) -> DrainOutcome:
    return await desk.system.scheduler.drain("maintenance", timeout_s, OPERATOR)


async def test_a_pause_says_who_and_why_and_outlives_a_restart():
    async with started() as desk:
        await desk.queued()
        status = await desk.system.scheduler.pause("maintenance", OPERATOR)
        assert (status.pause.by, status.pause.reason) == (OPERATOR.actor, "maintenance")
        store = desk.store.copy()
    async with started(store) as desk:
        await desk.system.checkpointer.checkpoint()
        store = desk.store.copy()
    async with started(store) as desk:
        assert (await desk.system.scheduler.status()).pause == status.pause
        assert await desk.claim("s1") is None
        resumed = await desk.system.scheduler.resume(OPERATOR)
        assert resumed.pause is None
        assert await desk.claim("s1") is not None


async def test_a_pause_leaves_what_is_at_work_alone(desk):
    run = await desk.queued()
    await desk.claim("s1")
    await desk.system.scheduler.pause(None, OPERATOR)
    await desk.ask_run(c.Heartbeat(run.id), agent("s1"))
    await desk.complete("s1", run.id)
    assert await desk.status_of(run.id) is RunStatus.COMPLETED


async def test_a_drain_with_nothing_at_work_ends_at_once_and_pauses(desk):
    await desk.queued()
    outcome = await drain(desk)
    assert (outcome.completed, outcome.timed_out, outcome.remaining_claims) == (True, False, 0)
    assert outcome.status.pause.reason == "maintenance"
    assert await desk.claim("s1") is None


async def test_a_drain_ends_with_the_last_claim(desk):
    runs = await desk.many_queued(2)
    for number in range(2):
        await desk.claim(f"s{number}")
    ended = []

    async def wait():
        ended.append(await drain(desk))

    async with waiting(desk, wait):
        held = {run.id: (await desk.run(run.id)).session_id for run in runs}
        for left, (run_id, session_id) in enumerate(held.items()):
            assert ended == []
            await trio.sleep(1)
            await desk.complete(session_id, run_id)
            await trio.testing.wait_all_tasks_blocked()
            assert len(ended) == left
    assert (ended[0].completed, ended[0].timed_out, ended[0].remaining_claims) == (True, False, 0)
    assert ended[0].completed_at_ns - ended[0].started_at_ns == pytest.approx(2 * NS, abs=1000)


@pytest.mark.parametrize(("timeout_s", "waited_s"), [(None, 60), (3, 3), (0, 0)])
async def test_a_drain_gives_up_after_its_time(desk, timeout_s, waited_s):
    await desk.queued()
    await desk.claim("s1", lease_seconds=600)
    begun = trio.current_time()
    outcome = await drain(desk, timeout_s)
    assert trio.current_time() - begun == pytest.approx(waited_s, abs=1e-6)
    assert (outcome.completed, outcome.timed_out, outcome.remaining_claims) == (False, True, 1)
    assert outcome.status.pause is not None


async def test_a_resume_ends_a_drain(desk):
    await desk.queued()
    await desk.claim("s1")
    ended = []

    async def wait():
        ended.append(await drain(desk))

    async with waiting(desk, wait, wait):
        await desk.system.scheduler.resume(OPERATOR)
        await trio.testing.wait_all_tasks_blocked()
        assert [(o.completed, o.timed_out, o.remaining_claims) for o in ended] == [
            (False, False, 1)
        ] * 2
        assert ended[0].status.pause is None


@pytest.mark.parametrize("turns", range(2, 10))
async def test_a_resume_ends_a_drain_that_has_only_just_begun(desk, turns):
    """Whether or not the beginning of the drain is on disk yet."""
    await desk.queued()
    await desk.claim("s1")
    begun, outcomes = trio.current_time(), []

    async def wait():
        outcomes.append(await drain(desk))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        for _ in range(turns):  # two, and the drain has been asked for
            await trio.lowlevel.checkpoint()
        await desk.system.scheduler.resume(OPERATOR)
    assert trio.current_time() == begun
    [outcome] = outcomes
    assert (outcome.completed, outcome.timed_out, outcome.remaining_claims) == (False, False, 1)


async def test_a_run_on_its_way_to_a_session_counts_for_a_drain(desk, monkeypatch):
    """Picked, not yet claimed: the drain must not say that nothing is at work."""
    await desk.queued()
    dispatch = desk.system.scheduler._dispatch
    await desk.register("s1")
    send, held, ended = dispatch._send, [], []
    monkeypatch.setattr(dispatch, "_send", lambda *message: held.append(message))

    async def wait():
        ended.append(await drain(desk))

    async with waiting(desk, partial(desk.claim, "s1")), waiting(desk, wait):
        assert ended == []
        assert (await desk.system.scheduler.status()).active_claim_count == 1
        monkeypatch.undo()
        send(*held[0])
        await trio.testing.wait_all_tasks_blocked()
        assert ended == []
        assert (await desk.system.scheduler.status()).active_claim_count == 1


async def test_a_negative_time_is_refused(desk):
    with pytest.raises(Rejected) as caught:
        await drain(desk, -1)
    assert caught.value.code is Code.INVALID_REQUEST
    assert (await desk.system.scheduler.status()).pause is None


async def test_a_stop_answers_a_drain_that_waits(desk):
    await desk.queued()
    await desk.claim("s1")
    begun, outcomes = trio.current_time(), []

    async def wait():
        outcomes.append(await drain(desk))

    async with waiting(desk, wait):
        desk.system.begin_stop()
        await trio.testing.wait_all_tasks_blocked()
        assert trio.current_time() == begun
        [outcome] = outcomes
        told = (outcome.completed, outcome.timed_out, outcome.remaining_claims)
        assert told == (False, False, 1)


async def test_a_drain_goes_on_when_its_caller_has_gone(desk):
    run = await desk.queued()
    await desk.claim("s1")
    async with waiting(desk, partial(drain, desk)) as scope:
        scope.cancel()
    assert len(desk.system.scheduler._control.drains) == 1
    await desk.complete("s1", run.id)
    await trio.testing.wait_all_tasks_blocked()
    assert len(desk.system.scheduler._control.drains) == 0
    records = desk.system.journal.reads.timeline(SCHEDULER_ADDRESS, 0)
    assert [type(event) for event in records[-1].events] == [DrainCompleted]


async def under_way(desk):
    return (await desk.system.scheduler.status()).drain


async def test_the_status_shows_a_drain_while_it_is_under_way(desk):
    runs = await desk.many_queued(2)
    for number in range(2):
        await desk.claim(f"s{number}")
    held = {run.id: (await desk.run(run.id)).session_id for run in runs}
    assert await under_way(desk) is None
    begun_ns = (await desk.system.scheduler.status()).as_of_ns
    async with waiting(desk, partial(drain, desk, 90)):
        for session_id in (None, held[runs[0].id]):
            if session_id is not None:
                await trio.sleep(5)
                await desk.complete(session_id, runs[0].id)
            shown = await under_way(desk)
            assert shown.started_at_ns == pytest.approx(begun_ns, abs=1000)
            assert shown.ends_at_ns - shown.started_at_ns == 90 * NS
            assert shown.claims_at_start == 2
        await desk.complete(held[runs[1].id], runs[1].id)
        await trio.testing.wait_all_tasks_blocked()
        assert await under_way(desk) is None


async def test_of_several_drains_the_status_shows_the_one_that_ends_last(desk):
    await desk.queued()
    await desk.claim("s1", lease_seconds=600)
    lengths = []
    async with trio.open_nursery() as nursery:
        for timeout_s in (20, 30, 10):
            nursery.start_soon(drain, desk, timeout_s)
        for now_s in (0, 15, 25):
            await trio.sleep(now_s - trio.current_time())
            await trio.testing.wait_all_tasks_blocked()
            shown = await under_way(desk)
            lengths.append((shown.ends_at_ns - shown.started_at_ns) // NS)
    assert lengths == [30, 30, 30]
    assert await under_way(desk) is None


async def test_a_drain_may_end_later_than_any_time_that_can_be_written(desk):
    await desk.queued()
    await desk.claim("s1")
    async with waiting(desk, partial(drain, desk, 10**12)):
        assert rfc3339((await under_way(desk)).ends_at_ns).startswith("2262-")


async def end_by_work(desk, run):
    await desk.complete("s1", run.id)


async def end_by_time(desk, run):
    await trio.sleep(61)


async def end_by_resume(desk, run):
    await desk.system.scheduler.resume(OPERATOR)


@pytest.mark.parametrize("end", [end_by_work, end_by_time, end_by_resume])
async def test_followers_are_told_when_a_drain_begins_and_ends(desk, end):
    run = await desk.queued()
    await desk.claim("s1", lease_seconds=600)
    newest = desk.system.views.newest_seq
    seen = []

    async def follow(task_status):
        with desk.system.views.subscribe_all(EVERYTHING, newest, hears_changes=True) as subscriber:
            task_status.started()
            while True:
                if await subscriber.receive() is Changed.SCHEDULER:
                    seen.append(await under_way(desk) is not None)

    async with trio.open_nursery() as nursery:
        await nursery.start(lambda task_status: follow(task_status))
        async with waiting(desk, partial(drain, desk)):
            assert seen == [True]
            await end(desk, run)
            await trio.testing.wait_all_tasks_blocked()
            assert seen[-1] is False
        nursery.cancel_scope.cancel()


# --- more than one slice ------------------------------------------------------------------------


async def _tree_of_100(desk) -> None:
    await desk.task(id="root")
    for number in range(10):
        await desk.task(id=f"root.{number}", parent_task_id="root")
        for below in range(9):
            await desk.queued(id=f"root.{number}.{below}", parent_task_id=f"root.{number}")


async def test_nobody_is_given_a_run_of_a_large_tree_once_its_pause_is_answered(desk, monkeypatch):
    monkeypatch.setattr(limits, "AWAITED_EFFECTS_MAX", 2)
    await _tree_of_100(desk)
    await desk.ask("root", c.PauseTask("later"))
    assert await desk.claim("s1") is None
    await trio.testing.wait_all_tasks_blocked()
    assert len(desk.system.scheduler._dispatch.board.claimable) == 0
    assert desk.system.views.backlog(BacklogFilter(), None, 500).total == 0
    await desk.ask("root", c.ResumeTask())
    await trio.testing.wait_all_tasks_blocked()
    assert len(desk.system.scheduler._dispatch.board.claimable) == 90
    assert desk.system.views.backlog(BacklogFilter(), None, 500).total == 90


async def test_a_resume_right_after_a_pause_of_a_large_tree_counts(desk, monkeypatch):
    monkeypatch.setattr(limits, "AWAITED_EFFECTS_MAX", 2)
    await _tree_of_100(desk)
    await desk.ask("root", c.PauseTask("later"))
    await desk.ask("root", c.ResumeTask())
    await trio.testing.wait_all_tasks_blocked()
    assert len(desk.system.scheduler._dispatch.board.claimable) == 90
    assert desk.system.views.backlog(BacklogFilter(), None, 500).total == 90


async def test_all_who_wait_are_served_when_the_scheduler_is_resumed(desk, monkeypatch):
    monkeypatch.setattr(limits, "AWAITED_EFFECTS_MAX", 2)
    await desk.system.scheduler.pause("later", OPERATOR)
    await desk.many_queued(150)
    claimed = []

    async def claim(number: int) -> None:
        claimed.append(await desk.claim(f"s{number}", wait=True))

    async with trio.open_nursery() as nursery:
        for number in range(150):
            nursery.start_soon(claim, number)
        await trio.testing.wait_all_tasks_blocked()
        await desk.system.scheduler.resume(OPERATOR)
    assert len({answer.the_run.id for answer in claimed}) == 150


async def test_while_those_who_wait_are_served_a_new_run_goes_to_all_who_are_due(desk, monkeypatch):
    """One who is still to be served is given an older run, so the new one is for the next."""
    dispatch, got, held = desk.system.scheduler._dispatch, {}, []

    async def claim(session_id, *capabilities):
        answer = await desk.claim(session_id, wait=True, capabilities=capabilities)
        got[session_id] = answer.the_run.id

    await desk.system.scheduler.pause("later", OPERATOR)
    task = await desk.task()
    first, last, new = (
        partial(claim, *who) for who in (("first",), ("last", "c", "d"), ("new", "d"))
    )
    async with waiting(desk, first), waiting(desk, last):
        older = await desk.queued_with(required_capabilities=("c", "d"))
        monkeypatch.setattr(limits, "AWAITED_EFFECTS_MAX", 1)
        monkeypatch.setattr(dispatch, "_later", held.append)  # the rest follows in a later slice
        await desk.system.scheduler.resume(OPERATOR)
        async with waiting(desk, new):
            assert got == {}
            newer = await desk.enqueue(task.id, required_capabilities=("d",))
            await trio.testing.wait_all_tasks_blocked()
            assert got == {"last": older.id, "new": newer.id}
            assert len(dispatch.board.claimable) == 0


async def test_a_slice_of_those_who_are_served_hands_out_a_few_runs_only(desk, monkeypatch):
    dispatch, turns = desk.system.scheduler._dispatch, []
    later, send = dispatch._later, dispatch._send

    def in_a_turn(turn):
        turns.append(0)
        turn()

    def counted(task_id, envelope):
        turns[-1] += 1
        send(task_id, envelope)

    async def claim(number):
        await desk.claim(f"s{number}", wait=True)

    await desk.system.scheduler.pause("later", OPERATOR)
    runs = await desk.many_queued(200)
    async with trio.open_nursery() as nursery:
        for number in range(len(runs)):
            await desk.register(f"s{number}")
            nursery.start_soon(claim, number)
        await trio.testing.wait_all_tasks_blocked()
        monkeypatch.setattr(dispatch, "_send", counted)
        monkeypatch.setattr(dispatch, "_later", lambda turn: later(lambda: in_a_turn(turn)))
        turns.append(0)
        await desk.system.scheduler.resume(OPERATOR)
    assert sum(turns) == len(runs)
    assert turns[0] == limits.AWAITED_EFFECTS_MAX * limits.WOKEN_MAX // limits.SLICE_MAX
    assert max(turns[1:]) == limits.WOKEN_MAX
