"""A fault stays where it is: what goes on crashing is set aside alone, and all else goes on."""

import logging
from contextlib import suppress

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from chargehand.actors import limits
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.faults import Why
from chargehand.actors.ports import DamagedError
from chargehand.actors.task import commands as c
from chargehand.actors.task import effects as f
from chargehand.actors.task.decide import _DECIDES
from chargehand.actors.task.review import ReviewStatus
from chargehand.actors.task.state import RunStatus, TaskStatus
from tests.actors.system.desk import OPERATOR, started


@pytest.fixture(autouse=True)
def logged(caplog):
    caplog.set_level(logging.ERROR, logger="chargehand")
    return caplog


@pytest.fixture
def crash(monkeypatch):
    """Lets the decision on a command fail, for one task or for all, so often or for ever."""

    def arm(command, task_id=None, times=None):
        decide, crashed = _DECIDES[command], []

        def crashing(changes, given):
            if task_id in (None, changes.task_id) and (times is None or len(crashed) < times):
                crashed.append(trio.current_time())
                raise KeyError("a bug")
            return decide(changes, given)

        monkeypatch.setitem(_DECIDES, command, crashing)
        return crashed

    return arm


async def refusal(call) -> Rejected:
    with pytest.raises(Rejected) as caught:
        await call
    return caught.value


async def set_aside_by_crashes(desk, task_id, crash) -> None:
    crash(c.PatchTask, task_id)
    for _ in range(limits.CRASHES_MAX):
        refused = await refusal(desk.ask(task_id, c.PatchTask(title="new")))
        assert refused.code is Code.ACTOR_CRASHED
    refused = await refusal(desk.ask(task_id, c.PatchTask(title="new")))
    assert refused.code is Code.TASK_SET_ASIDE


# --- crashes -------------------------------------------------------------------------------------


async def test_a_task_that_goes_on_crashing_is_set_aside_and_named(crash, logged):
    async with started() as desk:
        sick, sound = await desk.task(), await desk.task()
        run = await desk.enqueue(sick.id)
        await set_aside_by_crashes(desk, sick.id, crash)
        system = desk.system
        for call in (
            desk.ask(sick.id, c.PauseTask("later")),
            system.task(sick.id),
            system.run(run.id),
            desk.ask_run(c.CancelRun(run.id)),
            desk.task(parent_task_id=sick.id),
            desk.ask(sound.id, c.AddDependency(sick.id)),
        ):
            assert (await refusal(call)).code is Code.TASK_SET_ASIDE
        for read in (
            lambda: system.views.timelines.after(sick.id, 0, 10),
            lambda: system.views.timelines.latest(sick.id, 10),
            lambda: system.views.subscribe(sick.id, 0),
            lambda: system.views.tree(sick.id),
        ):
            with pytest.raises(Rejected) as caught:
                read()
            assert caught.value.code is Code.TASK_SET_ASIDE
        [fault] = system.faults
        assert (fault.address, fault.why) == (sick.id, Why.CRASHED)
        assert "PatchTask crashed with KeyError" in fault.cause
        assert system.faults.crash_count == limits.CRASHES_MAX + 1
        assert (await desk.ask(sound.id, c.PatchTask(title="new"))).task.title == "new"
        store = desk.store.copy()
    assert f"{sick.id} is set aside" in logged.text
    async with started(store) as desk:  # a start tries it again
        assert (await desk.system.task(sick.id)).title == "work"
        assert (await desk.claim("s1")).the_run.id == run.id


async def test_crashes_now_and_then_set_nothing_aside(crash):
    async with started() as desk:
        task = await desk.task()
        crash(c.PatchTask, task.id)
        for _ in range(3 * limits.CRASHES_MAX):
            refused = await refusal(desk.ask(task.id, c.PatchTask(title="new")))
            assert refused.code is Code.ACTOR_CRASHED
            await trio.sleep(limits.CRASH_WINDOW_S / limits.CRASHES_MAX + 1)
        assert not len(desk.system.faults)


async def test_what_is_set_aside_is_offered_to_nobody_and_holds_nobody_up(crash):
    async with started() as desk:
        held = await desk.queued()
        await desk.claim("s1")
        queued = await desk.queued()
        for run in (held, queued):
            await set_aside_by_crashes(desk, (await desk.system.run(run.id)).task.id, crash)
        assert await desk.claim("s2") is None
        sound = await desk.queued()
        assert (await desk.claim("s1")).the_run.id == sound.id  # its other run counts no more
        await desk.complete("s1", sound.id)
        outcome = await desk.system.scheduler.drain("stop", 5, OPERATOR)
        assert outcome.completed
        status = await desk.system.scheduler.status()
        assert (status.active_claim_count, status.queued_run_count) == (0, 0)


async def test_a_task_that_crashes_on_each_claim_ends_the_offers(crash):
    async with started() as desk:
        run = await desk.queued()
        crashed = crash(c.LeaseRun)
        with trio.move_on_after(3600):
            while True:
                with suppress(Rejected):
                    await desk.claim("s1", wait=True)
        assert len(crashed) < 3600 / limits.CRASH_PAUSE_S + 2
        assert await desk.status_of(run.id) is RunStatus.QUEUED


# --- outside of decisions ------------------------------------------------------------------------


async def test_an_error_while_effects_are_found_ends_that_request_alone(monkeypatch):
    async with started() as desk:
        sick, sound = await desk.task(), await desk.task()
        graph, effects_of = desk.system._graph, desk.system._graph.effects_of

        def failing(record, state):
            if record.address == sick.id:
                raise KeyError("a bug")
            return effects_of(record, state)

        monkeypatch.setattr(
            type(graph), "effects_of", lambda _, record, state: failing(record, state)
        )
        refused = await refusal(desk.ask(sick.id, c.PatchTask(title="new")))
        assert refused.code is Code.ACTOR_CRASHED
        assert (await desk.ask(sound.id, c.PatchTask(title="new"))).task.title == "new"
        assert (await desk.system.task(sick.id)).title == "work"


async def test_a_record_that_the_graph_cannot_take_sets_its_task_aside(monkeypatch):
    """The record stands, so its caller is answered; memory may be wrong, so nobody else is."""
    async with started() as desk:
        sick, sound = await desk.task(), await desk.task()
        apply = type(desk.system._graph).apply

        def failing(graph, record, state):
            if record.address == sick.id:
                raise KeyError("a bug")
            apply(graph, record, state)

        monkeypatch.setattr(type(desk.system._graph), "apply", failing)
        assert (await desk.ask(sick.id, c.PatchTask(title="new"))).task.title == "new"
        assert (await refusal(desk.system.task(sick.id))).code is Code.TASK_SET_ASIDE
        assert (await desk.ask(sound.id, c.PatchTask(title="new"))).task.title == "new"
        store = desk.store.copy()
    monkeypatch.undo()
    async with started(store) as desk:
        assert (await desk.system.task(sick.id)).title == "new"


@pytest.fixture
def damage(monkeypatch):
    """Lets the journal find what is stored of a task damaged."""

    def arm(desk, task_id):
        reads = type(desk.system.journal.reads)

        def spoiled(read):
            def damaged(journal, address):
                if address == task_id:
                    raise DamagedError("the body of a snapshot fails its checksum")
                return read(journal, address)

            return damaged

        for name in ("state", "committed_state"):
            monkeypatch.setattr(reads, name, spoiled(getattr(reads, name)))

    return arm


async def stored_runs(count):
    """A store with so many tasks with a queued run each, all folded; with those runs."""
    async with started() as desk:
        runs = await desk.many_queued(count)
        tasks = [(await desk.system.run(run.id)).task.id for run in runs]
        await desk.system.checkpointer.checkpoint()
        return desk.store.copy(), tasks, runs


async def test_a_damaged_task_is_set_aside_when_it_is_claimed_and_the_caller_gets_another(damage):
    store, (sick, sound), (sick_run, sound_run) = await stored_runs(2)
    async with started(store) as desk:
        damage(desk, sick)
        assert (await desk.claim("s1")).the_run.id == sound_run.id
        assert (await refusal(desk.system.run(sick_run.id))).code is Code.TASK_SET_ASIDE
        [fault] = desk.system.faults
        assert (fault.address, fault.why) == (sick, Why.DAMAGED)
        assert (await desk.complete("s1", sound_run.id)).task.id == sound


async def test_a_damaged_task_is_set_aside_when_it_is_read(damage):
    store, (sick, sound), _ = await stored_runs(2)
    async with started(store) as desk:
        damage(desk, sick)
        assert (await refusal(desk.system.task(sick))).code is Code.TASK_SET_ASIDE
        assert (await refusal(desk.ask(sick, c.PauseTask("x")))).code is Code.TASK_SET_ASIDE
        assert (await desk.system.task(sound)).id == sound


# --- timers and effects --------------------------------------------------------------------------


async def test_a_lease_whose_end_crashed_ends_after_a_pause_as_often_as_it_takes(crash):
    async with started() as desk:
        run = await desk.queued()
        await desk.claim("s1", lease_seconds=1)
        crashed = crash(c.ExpireLease, times=6)
        begun = trio.current_time()
        await trio.sleep(5)
        assert len(crashed) == 1 + limits.CRASHES_AT_ONCE_MAX
        assert await desk.status_of(run.id) is RunStatus.CLAIMED
        await trio.sleep(3 * limits.CRASH_PAUSE_S)
        assert await desk.status_of(run.id) is RunStatus.QUEUED
        pauses = [round(at - begun - 1) for at in crashed[1 + limits.CRASHES_AT_ONCE_MAX :]]
        assert pauses == [limits.CRASH_PAUSE_S, 2 * limits.CRASH_PAUSE_S]


async def test_a_timer_that_never_stops_crashing_ends_when_its_task_is_set_aside(crash):
    async with started() as desk:
        run = await desk.queued()
        await desk.claim("s1", lease_seconds=1)
        crashed = crash(c.ExpireLease)
        await trio.sleep(3600)
        assert len(crashed) == limits.CRASHES_MAX + 1
        assert (await refusal(desk.system.run(run.id))).code is Code.TASK_SET_ASIDE
        assert (await desk.claim("s1")) is None


async def test_a_review_whose_deadline_crashed_is_over_after_a_pause(crash):
    async with started() as desk:
        run = await desk.queued()
        await desk.do("s1", run.id)
        task_id = (await desk.system.run(run.id)).task.id
        await desk.ask_run(c.RequestReview(run.id))
        crashed = crash(c.TimeOutReview, times=5)
        await trio.sleep(limits.REVIEW_S_DEFAULT + 3 * limits.CRASH_PAUSE_S)
        assert len(crashed) == 5
        [review] = (await desk.system.task(task_id)).reviews
        assert review.status is not ReviewStatus.REQUESTED


async def test_an_effect_on_what_is_set_aside_waits_for_the_next_start_and_holds_nobody_up(crash):
    async with started() as desk:
        blocker, sick = await desk.task(), await desk.task()
        await desk.ask(sick.id, c.AddDependency(blocker.id))
        run = await desk.enqueue(blocker.id)
        await set_aside_by_crashes(desk, sick.id, crash)
        with trio.fail_after(5):
            await desk.do("s1", run.id)
        await desk.system.checkpointer.checkpoint()
        store = desk.store.copy()
    async with started(store) as desk:
        await wait_all_tasks_blocked()
        assert (await desk.system.task(sick.id)).status is TaskStatus.READY


async def test_an_effect_that_crashed_is_applied_after_a_pause(crash):
    async with started() as desk:
        blocker, sick = await desk.task(), await desk.task()
        await desk.ask(sick.id, c.AddDependency(blocker.id))
        run = await desk.enqueue(blocker.id)
        crash(f.BlockerCompleted, times=5)
        with trio.fail_after(5):
            await desk.do("s1", run.id)  # answered meanwhile
        assert (await desk.system.task(sick.id)).status is TaskStatus.BLOCKED
        await trio.sleep(3 * limits.CRASH_PAUSE_S)
        assert (await desk.system.task(sick.id)).status is TaskStatus.READY


# --- streams -------------------------------------------------------------------------------------


async def test_a_damaged_descendant_ends_no_stream_of_its_root(monkeypatch):
    async with started() as desk:
        root = await desk.task()
        sick, sound = [await desk.task(parent_task_id=root.id) for _ in range(2)]
        timeline = type(desk.system.journal.reads).timeline

        def damaged(journal, address, *args):
            if address == sick.id:
                raise DamagedError("a record fails its checksum")
            return timeline(journal, address, *args)

        monkeypatch.setattr(type(desk.system.journal.reads), "timeline", damaged)
        seen = []
        with desk.system.views.subscribe(root.id, 0) as subscription:
            with trio.move_on_after(1):
                while True:
                    seen.append((await subscription.receive()).task.id)
        assert set(seen) == {root.id, sound.id}
        assert sick.id in desk.system.faults
