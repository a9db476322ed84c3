"""Supervision: a bug in one decision disturbs nobody else, and loses nothing."""

import logging

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from chargehand.actors import limits
from chargehand.actors.actor import Envelope
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.ports import StorageError
from chargehand.actors.task import commands as c
from chargehand.actors.task import effects as f
from chargehand.actors.task.decide import _DECIDES
from chargehand.actors.task.state import RunStatus, Scope, TaskStatus
from tests.actors.system.desk import OPERATOR, agent, started


@pytest.fixture(autouse=True)
def logged(caplog):
    caplog.set_level(logging.ERROR, logger="chargehand")
    return caplog


def crash_in(
    monkeypatch, command: type, times: int = 1, error: type[Exception] = KeyError
) -> list[str]:
    """Let the decision on a command fail so often; the tasks that it happened to."""
    decide, crashed = _DECIDES[command], []

    def crashing(changes, given):
        if len(crashed) < times:
            crashed.append(changes.task_id)
            raise error("a bug")
        return decide(changes, given)

    monkeypatch.setitem(_DECIDES, command, crashing)
    return crashed


async def test_the_caller_is_told_and_the_next_command_goes_through(monkeypatch, logged):
    async with started() as desk:
        task = await desk.task()
        crash_in(monkeypatch, c.PatchTask)
        with pytest.raises(Rejected) as caught:
            await desk.ask(task.id, c.PatchTask(title="new"))
        assert caught.value.code is Code.ACTOR_CRASHED
        assert (await desk.system.task(task.id)).title == "work"
        assert (await desk.ask(task.id, c.PatchTask(title="new"))).task.title == "new"
    assert "PatchTask crashed" in logged.text


async def test_a_record_that_cannot_be_written_changes_nothing(logged):
    async with started() as desk:
        system, odd = desk.system, agent("\ud800")  # no JSON text can hold such a name
        create = c.CreateTask(id="phantom", scope=Scope.GLOBAL, title="work")
        with pytest.raises(Rejected) as caught:
            await system.create_task(create, odd)
        assert caught.value.code is Code.ACTOR_CRASHED
        with pytest.raises(Rejected) as caught:
            await desk.task(parent_task_id="phantom")
        assert caught.value.code is Code.TASK_NOT_FOUND
        task = (await system.create_task(create, OPERATOR)).task
        with pytest.raises(Rejected):
            await desk.ask(task.id, c.PatchTask(title="old"), odd)
        assert (await desk.ask(task.id, c.PauseTask("later"))).task.title == "work"
    assert "cannot be written" in logged.text


class Collected:
    """A reply that keeps what it is told."""

    abandoned = False

    def __init__(self, outcomes: list) -> None:
        self._outcomes = outcomes

    def settle(self, value) -> None:
        self._outcomes.append(value.task.title)

    def fail(self, error) -> None:
        self._outcomes.append(error.code)


async def test_messages_around_the_crash_are_handled_on_the_right_state(monkeypatch):
    """All in one batch: what was decided before the crash and is not on disk yet counts."""
    async with started() as desk:
        task, other = await desk.task(), await desk.task()
        crash_in(monkeypatch, c.PauseTask)
        outcomes = []
        for task_id, command in (
            (task.id, c.EnqueueRun()),
            (task.id, c.PauseTask("later")),
            (other.id, c.PatchTask(title="other")),
            (task.id, c.PatchTask(title="new")),
        ):
            desk.system.directory.send(task_id, Envelope(command, OPERATOR, Collected(outcomes)))
        await wait_all_tasks_blocked()
        assert len(outcomes) == 4
        assert set(outcomes) == {"work", Code.ACTOR_CRASHED, "other", "new"}
        after = await desk.system.task(task.id)
        assert (after.title, len(after.runs), after.pause) == ("new", 1, None)
        assert (await desk.claim("s1")).task.id == task.id


async def test_a_crash_while_claiming_is_told_to_the_caller_and_the_run_stays(monkeypatch):
    async with started() as desk:
        run = await desk.queued()
        crash_in(monkeypatch, c.LeaseRun)
        with pytest.raises(Rejected) as caught:
            await desk.claim("s1")
        assert caught.value.code is Code.ACTOR_CRASHED
        assert await desk.claim("s1") is None  # set aside: it might crash on everybody's claim
        assert (await desk.claim("s1", wait=True)).the_run.id == run.id
        assert trio.current_time() == pytest.approx(limits.CRASH_PAUSE_S, abs=1e-6)


async def test_a_timer_that_crashes_is_tried_again(monkeypatch):
    async with started() as desk:
        run = await desk.queued()
        await desk.claim("s1", lease_seconds=1)
        crashed = crash_in(monkeypatch, c.ExpireLease, times=3)
        await trio.sleep(1.000001)
        await wait_all_tasks_blocked()
        assert len(crashed) == 3
        assert await desk.status_of(run.id) is RunStatus.QUEUED


async def test_a_timer_that_cannot_read_is_tried_again(monkeypatch):
    async with started() as desk:
        run = await desk.queued()
        await desk.claim("s1", lease_seconds=1)
        crashed = crash_in(monkeypatch, c.ExpireLease, error=StorageError)
        await trio.sleep(1 + limits.CRASH_PAUSE_S)
        await wait_all_tasks_blocked()
        assert len(crashed) == 1
        assert await desk.status_of(run.id) is RunStatus.QUEUED


async def test_an_effect_that_crashes_is_tried_again(monkeypatch):
    async with started() as desk:
        blocker, task = await desk.task(), await desk.task()
        await desk.ask(task.id, c.AddDependency(blocker.id))
        run = await desk.enqueue(blocker.id)
        crashed = crash_in(monkeypatch, f.BlockerCompleted, times=3)
        await desk.do("s1", run.id)
        assert crashed == [task.id] * 3
        assert (await desk.system.task(task.id)).status is TaskStatus.READY


@pytest.mark.parametrize(
    "error", [Rejected(Code.TASK_SET_ASIDE, "a row is damaged"), StorageError("a read failed")]
)
async def test_an_effect_that_is_refused_holds_nobody_up_and_is_tried_again(
    monkeypatch, logged, error
):
    """Something stored that its decision looks up is damaged, or cannot be read."""
    async with started() as desk:
        blocker, task = await desk.task(), await desk.task()
        await desk.ask(task.id, c.AddDependency(blocker.id))
        run = await desk.enqueue(blocker.id)
        decide, refused = _DECIDES[f.BlockerCompleted], []

        def refusing(changes, effect):
            if not refused:
                refused.append(changes.task_id)
                raise error
            return decide(changes, effect)

        monkeypatch.setitem(_DECIDES, f.BlockerCompleted, refusing)
        with trio.fail_after(1):
            await desk.do("s1", run.id)
        assert refused == [task.id]
        assert len(desk.system.outbox) == 1
        assert (await desk.system.task(task.id)).status is TaskStatus.BLOCKED
        await trio.sleep(limits.CRASH_PAUSE_S)
        await wait_all_tasks_blocked()
        assert len(desk.system.outbox) == 0
        assert (await desk.system.task(task.id)).status is TaskStatus.READY
    assert "BlockerCompleted was refused: " in logged.text
    assert str(error) in logged.text


async def held_by_s1(desk):
    await desk.register("s1")
    run = await desk.queued()
    await desk.claim("s1", lease_seconds=86_400)
    return run


async def test_a_release_of_an_ended_session_that_crashes_is_tried_again(monkeypatch):
    async with started() as desk:
        run = await held_by_s1(desk)
        crashed = crash_in(monkeypatch, c.ReleaseOfEndedSession, limits.CRASHES_AT_ONCE_MAX)
        await desk.system.end_session("s1")
        assert len(crashed) == limits.CRASHES_AT_ONCE_MAX
        assert await desk.status_of(run.id) is RunStatus.QUEUED


async def test_a_release_that_goes_on_crashing_holds_nobody_up_and_is_tried_again(monkeypatch):
    async with started() as desk:
        run = await held_by_s1(desk)
        crash_in(monkeypatch, c.ReleaseOfEndedSession, limits.CRASHES_AT_ONCE_MAX + 1)
        with trio.fail_after(1):
            await desk.system.end_session("s1")
        assert await desk.status_of(run.id) is RunStatus.CLAIMED
        await trio.sleep(limits.CRASH_PAUSE_S)
        await wait_all_tasks_blocked()
        assert await desk.status_of(run.id) is RunStatus.QUEUED


async def test_a_release_comes_back_to_a_task_whose_state_could_not_be_read(monkeypatch):
    async with started() as desk:
        run = await held_by_s1(desk)
        await wait_all_tasks_blocked()
        desk.system.directory._evict()
        assert len(desk.system.directory) == 0
        state, failed = desk.system.journal.reads.state, []

        def failing(address):
            if not failed:
                failed.append(address)
                raise StorageError("a read failed")
            return state(address)

        monkeypatch.setattr(desk.system.journal.reads, "state", failing)
        await desk.system.end_session("s1")
        await trio.sleep(limits.CRASH_PAUSE_S)
        await wait_all_tasks_blocked()
        assert len(failed) == 1
        assert await desk.status_of(run.id) is RunStatus.QUEUED


@pytest.mark.parametrize("checkpoint", [False, True])
async def test_an_effect_that_goes_on_crashing_is_left_for_the_next_start(
    monkeypatch, logged, checkpoint
):
    async with started() as desk:
        blocker = await desk.task()
        sick, sound = await desk.task(), await desk.task()
        for task in (sick, sound):
            await desk.ask(task.id, c.AddDependency(blocker.id))
        run = await desk.enqueue(blocker.id)
        decide = _DECIDES[f.BlockerCompleted]

        def crashing(changes, effect):
            if changes.task_id == sick.id:
                raise KeyError("a bug")
            return decide(changes, effect)

        monkeypatch.setitem(_DECIDES, f.BlockerCompleted, crashing)
        with trio.fail_after(5):
            await desk.do("s1", run.id)  # answered all the same
        assert (await desk.system.task(sound.id)).status is TaskStatus.READY
        assert (await desk.system.task(sick.id)).status is TaskStatus.BLOCKED
        assert (await desk.ask(sick.id, c.PatchTask(title="alive"))).task.title == "alive"
        if checkpoint:
            await desk.system.checkpointer.checkpoint()
        store = desk.store.copy()
    assert "BlockerCompleted crashed" in logged.text
    monkeypatch.undo()
    async with started(store) as desk:
        await wait_all_tasks_blocked()
        assert (await desk.system.task(sick.id)).status is TaskStatus.READY
        assert desk.events(sick.id).count("task.status_changed") == 2
