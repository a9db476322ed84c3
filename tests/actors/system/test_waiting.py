"""`wait`: woken the moment there is work, in order, one by one, and forgotten when gone."""

from functools import partial

import pytest
import trio

from chargehand.actors.errors import Code, Rejected
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import ApprovalPolicy, RunStatus
from tests.actors.system.desk import OPERATOR, agent, waiting


class Waiters:
    """Sessions that wait; `got` fills up in the order in which they are served."""

    def __init__(self, desk):
        self.desk = desk
        self.got = []
        self.at = []

    async def wait(self, session_id, **request):
        answer = await self.desk.claim(session_id, wait=True, **request)
        self.got.append((session_id, None if answer is None else answer.the_run.id))
        self.at.append(trio.current_time())


async def by_approval(desk):
    task = await desk.task(approval_policy=ApprovalPolicy.MANUAL)
    run = await desk.enqueue(task.id)
    return run.id, partial(desk.ask, task.id, c.ApproveTask())


async def by_unblocking(desk):
    blocker, task = await desk.task(), await desk.task()
    await desk.ask(task.id, c.AddDependency(blocker.id))
    run = await desk.enqueue(task.id)
    return run.id, partial(desk.ask, task.id, c.RemoveDependency(blocker.id))


async def by_resume(desk):
    task = await desk.task()
    await desk.ask(task.id, c.PauseTask("later"))
    run = await desk.enqueue(task.id)
    return run.id, partial(desk.ask, task.id, c.ResumeTask())


async def by_resume_above(desk):
    root = await desk.task()
    task = await desk.task(parent_task_id=root.id)
    await desk.ask(root.id, c.PauseTask("later"))
    run = await desk.enqueue(task.id)
    return run.id, partial(desk.ask, root.id, c.ResumeTask())


async def by_resume_of_the_scheduler(desk):
    await desk.system.scheduler.pause(None, OPERATOR)
    run = await desk.queued()
    return run.id, partial(desk.system.scheduler.resume, OPERATOR)


async def by_release(desk):
    run = await desk.queued()
    await desk.claim("holder")
    return run.id, partial(desk.ask_run, c.ReleaseRun(run.id), agent("holder"))


async def by_forced_release(desk):
    run = await desk.queued()
    await desk.claim("holder")
    return run.id, partial(desk.ask_run, c.ForceRelease(run.id, "stuck"))


async def by_end_of_its_session(desk):
    run = await desk.queued()
    await desk.claim("holder")
    return run.id, partial(desk.system.end_session, "holder")


async def by_expiry(desk):
    run = await desk.queued()
    await desk.claim("holder", lease_seconds=5)
    return run.id, partial(trio.sleep, 5.000001)


@pytest.mark.parametrize(
    "way",
    [
        by_approval,
        by_unblocking,
        by_resume,
        by_resume_above,
        by_resume_of_the_scheduler,
        by_release,
        by_forced_release,
        by_end_of_its_session,
        by_expiry,
    ],
)
async def test_a_waiting_caller_gets_the_run_the_moment_it_becomes_claimable(desk, way):
    run_id, open_up = await way(desk)
    waiters = Waiters(desk)
    async with waiting(desk, partial(waiters.wait, "s1")):
        assert waiters.got == []
        await open_up()
        opened_at = trio.current_time()
        await trio.testing.wait_all_tasks_blocked()
        assert waiters.got == [("s1", run_id)]
        assert waiters.at[0] <= opened_at


async def test_who_waits_gets_nothing_while_the_scheduler_is_paused(desk):
    waiters = Waiters(desk)
    async with waiting(desk, partial(waiters.wait, "s1")):
        await desk.system.scheduler.pause(None, OPERATOR)
        run = await desk.queued()
        await trio.sleep(1)
        assert waiters.got == []
        await desk.system.scheduler.resume(OPERATOR)
        await trio.testing.wait_all_tasks_blocked()
        assert waiters.got == [("s1", run.id)]


async def test_one_enqueue_wakes_exactly_one_the_longest_waiting(desk):
    waiters = Waiters(desk)
    order = [f"s{number}" for number in range(5)]
    async with waiting(desk, partial(waiters.wait, order[0])), trio.open_nursery() as nursery:
        for session_id in order[1:]:
            nursery.start_soon(waiters.wait, session_id)
            await trio.testing.wait_all_tasks_blocked()
        for served, session_id in enumerate(order, start=1):
            run = await desk.queued()
            await trio.testing.wait_all_tasks_blocked()
            assert len(waiters.got) == served
            assert waiters.got[-1] == (session_id, run.id)
    assert desk.parked == 0


async def test_a_blocker_that_completes_wakes_who_waits_for_its_dependent(desk):
    blocker = await desk.task()
    dependent = await desk.task(auto_enqueue_on_ready=True)
    await desk.ask(dependent.id, c.AddDependency(blocker.id))
    run = await desk.enqueue(blocker.id)
    await desk.claim("s1")
    waiters = Waiters(desk)
    async with waiting(desk, partial(waiters.wait, "s2")):
        await desk.complete("s1", run.id)
        await trio.testing.wait_all_tasks_blocked()
        made = (await desk.system.task(dependent.id)).runs[0]
        assert waiters.got == [("s2", made.id)]


@pytest.mark.parametrize("settings", [{}, {"wait_s": 3.0}])
async def test_nothing_to_claim_is_reported_after_exactly_the_time_set(desk, settings):
    begun = trio.current_time()
    assert await desk.claim("s1", wait=True) is None
    waited = trio.current_time() - begun
    assert waited == pytest.approx(settings.get("wait_s", 25.0), abs=1e-6)
    assert desk.parked == 0


async def test_without_wait_the_answer_comes_at_once(desk):
    begun = trio.current_time()
    assert await desk.claim("s1") is None
    assert trio.current_time() == begun


async def test_a_caller_that_hangs_up_while_waiting_is_forgotten(desk):
    with trio.move_on_after(1):
        await desk.claim("s1", wait=True)
    await trio.testing.wait_all_tasks_blocked()
    assert desk.parked == 0
    run = await desk.queued()
    assert await desk.status_of(run.id) is RunStatus.QUEUED
    assert (await desk.claim("s2")).the_run.id == run.id


async def hang_up_when(desk, monkeypatch, moment, **request):
    """A claim by s1 whose caller is gone at the moment named; the run is returned."""
    run = await desk.queued()
    scope = trio.CancelScope()
    if moment == "before the append":
        send = desk.system.scheduler._dispatch._send

        def send_and_hang_up(task_id, envelope):
            scope.cancel()
            nursery.start_soon(deliver, task_id, envelope)

        async def deliver(task_id, envelope):
            await trio.testing.wait_all_tasks_blocked()
            send(task_id, envelope)

        monkeypatch.setattr(desk.system.scheduler._dispatch, "_send", send_and_hang_up)
    else:
        append = desk.system.journal.append

        def append_and_hang_up(entry):
            append(entry)
            if entry.record.events[0].type == "task.run_claimed":
                scope.cancel()

        monkeypatch.setattr(desk.system.journal, "append", append_and_hang_up)
    async with trio.open_nursery() as nursery:
        with scope:
            await desk.claim("s1", **request)
    assert scope.cancelled_caught
    monkeypatch.undo()
    await trio.testing.wait_all_tasks_blocked()
    return run


async def test_a_claim_without_a_caller_is_not_made(desk, monkeypatch):
    run = await hang_up_when(desk, monkeypatch, "before the append")
    assert await desk.status_of(run.id) is RunStatus.QUEUED
    assert "task.run_claimed" not in desk.events((await desk.system.run(run.id)).task.id)
    assert (await desk.claim("s2")).the_run.id == run.id


async def test_a_claim_made_for_nobody_is_given_back_at_once(desk, monkeypatch):
    run = await hang_up_when(desk, monkeypatch, "after the append")
    assert await desk.status_of(run.id) is RunStatus.QUEUED
    claimed, released = desk.events((await desk.system.run(run.id)).task.id)[-2:]
    assert (claimed, released) == ("task.run_claimed", "task.run_released")
    assert (await desk.claim("s2")).the_run.id == run.id
    assert await desk.claim("s1") is None  # and it does not count against its session


@pytest.mark.parametrize("moment", ["before the append", "after the append"])
async def test_a_claim_with_a_key_is_kept_for_its_retry(desk, monkeypatch, moment):
    run = await hang_up_when(desk, monkeypatch, moment, idempotency_key="k1")
    assert await desk.status_of(run.id) is RunStatus.CLAIMED
    again = await desk.claim("s1", idempotency_key="k1")
    assert (again.the_run.id, again.replayed) == (run.id, True)
    assert desk.events(again.task.id).count("task.run_claimed") == 1


async def test_a_run_that_came_while_its_waiter_hung_up_goes_to_the_next(desk):
    """Both at the same moment: the first in line is canceled as the run becomes claimable."""
    waiters = Waiters(desk)
    gone = trio.CancelScope()

    async def impatient():
        with gone:
            await waiters.wait("s1")

    async with waiting(desk, impatient), trio.open_nursery() as nursery:
        nursery.start_soon(waiters.wait, "s2")
        await trio.testing.wait_all_tasks_blocked()
        gone.cancel()
        run = await desk.queued()
    assert waiters.got == [("s2", run.id)]


@pytest.mark.parametrize("settings", [{"max_claimers": 8}])
async def test_too_many_claims_at_a_time_are_refused(desk):
    """Refused by the mailbox, before the scheduler sees them."""
    outcomes = []

    async def claim(number):
        try:
            outcomes.append(await desk.claim(f"s{number}"))
        except Rejected as refusal:
            outcomes.append(refusal.code)

    async with trio.open_nursery() as nursery:
        for number in range(40):
            nursery.start_soon(claim, number)
    assert outcomes.count(Code.OVERLOADED) == 40 - desk.system.settings.max_claimers
    assert outcomes.count(None) == desk.system.settings.max_claimers
