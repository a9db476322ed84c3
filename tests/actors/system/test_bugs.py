"""A bug in the scheduler or the registry disturbs whoever met it, and nobody else."""

import logging

import pytest
import trio

from chargehand.actors import limits
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.faults import Why
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import RunStatus
from tests.actors.system.desk import started, waiting


@pytest.fixture(autouse=True)
def logged(caplog):
    caplog.set_level(logging.ERROR, logger="chargehand")
    return caplog


def fail_once(monkeypatch, owner, name) -> list[float]:
    """Let a method raise when it is called next; when it did."""
    method, failed = getattr(owner, name), []

    def failing(*args):
        if failed:
            return method(*args)
        failed.append(trio.current_time())
        raise KeyError("a bug")

    monkeypatch.setattr(owner, name, failing)
    return failed


async def crashed(call) -> None:
    with pytest.raises(Rejected) as caught:
        await call
    assert caught.value.code is Code.ACTOR_CRASHED


async def test_a_claim_that_meets_a_bug_is_refused_and_the_next_is_served(desk, monkeypatch):
    run = await desk.queued()
    fail_once(monkeypatch, desk.system.scheduler._dispatch.board.claimable, "best")
    await crashed(desk.claim("s1", idempotency_key="k", wait=True))
    assert (await desk.claim("s1", idempotency_key="k")).the_run.id == run.id


async def test_a_claim_that_meets_a_bug_after_its_pick_was_refused_is_answered(desk, monkeypatch):
    picked = await desk.queued()
    dispatch, held = desk.system.scheduler._dispatch, []
    send = dispatch._send
    monkeypatch.setattr(dispatch, "_send", lambda *message: held.append(message))

    async def claim():
        await crashed(desk.claim("s1", wait=True))
        held.clear()

    async with waiting(desk, claim):
        monkeypatch.undo()
        await desk.ask_run(c.ClaimRun(picked.id))
        await trio.testing.wait_all_tasks_blocked()
        fail_once(monkeypatch, dispatch, "_observe")
        send(*held[0])
        await trio.testing.wait_all_tasks_blocked()
        assert held == []
    assert not dispatch.allowance.has_reserved("s1")
    run = await desk.queued()
    assert (await desk.claim("s1")).the_run.id == run.id


@pytest.mark.parametrize("is_lost", [False, True])
async def test_what_was_picked_before_a_bug_goes_to_nobody(desk, monkeypatch, is_lost):
    """The caller is told of the bug, and the pick is on its way to the task all the same."""
    run = await desk.queued()
    await desk.register("s1")
    dispatch, held = desk.system.scheduler._dispatch, []
    send = dispatch._send

    def send_and_fail(*message):
        monkeypatch.undo()
        held.append(message)
        raise KeyError("a bug")

    monkeypatch.setattr(dispatch, "_send", send_and_fail)
    await crashed(desk.claim("s1", wait=True))
    if is_lost:
        await desk.ask_run(c.ClaimRun(run.id))
    send(*held[0])
    await trio.testing.wait_all_tasks_blocked()
    assert not desk.system.scheduler._dispatch.allowance.has_reserved("s1")
    other = await desk.queued()
    await trio.testing.wait_all_tasks_blocked()
    assert await desk.status_of(other.id) is RunStatus.QUEUED
    assert (await desk.claim("s1")).the_run.id == (other.id if is_lost else run.id)


async def test_a_task_whose_record_the_scheduler_cannot_take_in_is_set_aside(desk, monkeypatch):
    task = await desk.task()
    await trio.testing.wait_all_tasks_blocked()
    fail_once(monkeypatch, desk.system.scheduler._dispatch.board, "update")
    await desk.enqueue(task.id)
    run = await desk.queued()
    [fault] = desk.system.faults
    assert (fault.address, fault.why) == (task.id, Why.CRASHED)
    assert (await desk.claim("s1")).the_run.id == run.id
    assert await desk.claim("s2") is None


async def test_what_is_due_is_looked_at_again_after_a_bug(desk, monkeypatch):
    run = await desk.queued()
    await desk.claim("s1", lease_seconds=5)
    failed = fail_once(monkeypatch, desk.system.scheduler._dispatch, "on_time")
    await trio.sleep(5 + limits.WATCH_PAUSE_S)
    await trio.testing.wait_all_tasks_blocked()
    assert len(failed) == 1
    assert await desk.status_of(run.id) is RunStatus.QUEUED


async def test_a_session_that_cannot_be_forgotten_for_a_bug_is_forgotten_later(monkeypatch):
    async with started(self_registered_idle_s=60.0) as desk:
        registry = desk.system.registry
        failed = fail_once(monkeypatch, registry, "_look_at")
        for session_id in ("s1", "s2"):
            await desk.claim(session_id)
        await trio.sleep(61)
        assert len(failed) == 1
        assert len(desk.system.roster.sessions()) == 1
        await trio.sleep(limits.FORGET_AGAIN_S)
        assert len(desk.system.roster.sessions()) == 0
        fail_once(monkeypatch, registry._session_expiry, "take_due")
        await desk.claim("s3")
        await trio.sleep(61 + limits.WATCH_PAUSE_S)
        assert len(desk.system.roster.sessions()) == 0
