"""A refusal leaves when all that it rests on is on disk: whoever looks then sees why."""

from functools import partial

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from chargehand.actors.actor import Envelope
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.mailbox import Reply
from chargehand.actors.registry.commands import RegisterSession
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import Json
from tests.actors.system.desk import Desk, agent


async def refused_at_any_time(desk: Desk, first, second, looks) -> list[Code]:
    """Ask `first`, and `second` in each of the turns after it; `looks` at the moment of each
    refusal of the second. The codes of all refusals."""
    codes = []

    async def ask():
        try:
            await second()
        except Rejected as refusal:
            codes.append(refusal.code)
            looks()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(first)
        for _ in range(12):
            await trio.lowlevel.checkpoint()
            nursery.start_soon(ask)
    return codes


async def test_a_task_is_missed_only_when_its_deletion_can_be_seen(desk):
    await desk.task(id="t")

    def looks() -> None:
        assert desk.system.views.get("t") is None

    delete = partial(desk.ask, "t", c.DeleteTask())
    codes = await refused_at_any_time(
        desk, delete, partial(desk.ask, "t", c.PatchTask(title="x")), looks
    )
    assert set(codes) == {Code.TASK_NOT_FOUND}


async def test_a_parent_is_missed_only_when_its_deletion_can_be_seen(desk):
    await desk.task(id="t")

    def looks() -> None:
        assert desk.system.views.get("t") is None

    delete = partial(desk.ask, "t", c.DeleteTask())
    codes = await refused_at_any_time(desk, delete, partial(desk.task, parent_task_id="t"), looks)
    assert len(codes) > 0


async def test_an_id_is_taken_only_when_its_session_can_be_seen(desk):
    def looks() -> None:
        assert desk.system.roster.find("s1") is not None

    command = RegisterSession(agent_name="bot", id="s1")
    register = partial(desk.system.registry.register_session, command)
    codes = await refused_at_any_time(desk, register, register, looks)
    assert set(codes) == {Code.SESSION_EXISTS}


async def test_a_session_is_missed_only_when_its_end_can_be_seen(desk):
    await desk.register("s1")

    def looks() -> None:
        assert desk.system.roster.is_ended("s1")

    end = partial(desk.system.end_session, "s1")
    codes = await refused_at_any_time(desk, end, end, looks)
    assert set(codes) == {Code.SESSION_NOT_FOUND}


async def test_a_run_of_a_deleted_task_is_missed_only_when_that_can_be_seen(desk):
    run = await desk.queued(id="t")
    await desk.ask_run(c.CancelRun(run.id))

    def looks() -> None:
        assert desk.system.views.get("t") is None

    delete = partial(desk.ask, "t", c.DeleteTask())
    codes = await refused_at_any_time(
        desk, delete, partial(desk.ask_run, c.RetryRun(run.id)), looks
    )
    assert Code.RUN_NOT_FOUND in codes or Code.TASK_NOT_FOUND in codes


async def test_what_writes_nothing_waits_for_the_disk_and_for_no_effects(desk, monkeypatch):
    blocker, task = await desk.task(), await desk.task()
    await desk.ask(task.id, c.AddDependency(blocker.id))
    run = await desk.enqueue(blocker.id)
    await desk.claim("s1")
    monkeypatch.setattr(desk.system.journal, "wait_room", trio.sleep_forever)
    await desk.ask(task.id, c.PatchTask(title="new"))  # its actor takes no effect from here on
    done, again, refused = Reply(), Reply(), Reply()
    complete = c.CompleteLease(run.id, Json(b"{}"))
    for command, reply in ((complete, done), (complete, again), (c.PublishTask(), refused)):
        desk.system.directory.send(blocker.id, Envelope(command, agent("s1"), reply))
    await wait_all_tasks_blocked()
    assert (done.is_settled, again.is_settled, refused.is_settled) == (False, True, True)
    assert (await again.wait()).replayed
    with pytest.raises(Rejected):
        await refused.wait()
