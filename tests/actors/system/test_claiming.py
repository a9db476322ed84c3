"""Many callers, few runs: nobody gets another's, and the best run goes first."""

import pytest
import trio

from chargehand.actors.errors import Code, Rejected
from chargehand.actors.task import commands as c
from chargehand.actors.task.profile import ExecutionProfile, WorkerMode, WorkerProfile
from chargehand.actors.task.state import Owner, OwnerKind, Priority, RunStatus
from tests.actors.system.desk import NOW_NS, OPERATOR, agent, waiting

CALLERS = 64


async def all_claim(desk, **request):
    """Each of 64 sessions claims once, all at the same time; what each has got."""
    got = {}

    async def claim(session_id):
        got[session_id] = await desk.claim(session_id, **request)

    async with trio.open_nursery() as nursery:
        for number in range(CALLERS):
            nursery.start_soon(claim, f"s{number}")
    return got


async def test_of_64_callers_one_wins_a_run_and_the_others_get_nothing(desk):
    run = await desk.queued()
    got = await all_claim(desk)
    winners = [session_id for session_id, answer in got.items() if answer is not None]
    assert len(winners) == 1
    held = await desk.run(run.id)
    assert (held.status, held.session_id) == (RunStatus.CLAIMED, winners[0])
    assert (await desk.system.scheduler.status()).active_claim_count == 1


async def test_64_callers_share_64_runs_one_each(desk):
    runs = await desk.many_queued(CALLERS)
    got = await all_claim(desk)
    claimed = [answer.the_run for answer in got.values() if answer is not None]
    assert sorted(run.id for run in claimed) == sorted(run.id for run in runs)
    for session_id, answer in got.items():
        assert answer.the_run.session_id == session_id


async def test_with_wait_the_losers_go_on_waiting(desk):
    await desk.queued()
    got = []

    def claim(number):
        async def call():
            got.append(await desk.claim(f"s{number}", wait=True))

        return call

    async with waiting(desk, *(claim(number) for number in range(CALLERS))):
        assert len(got) == 1
        assert desk.parked == CALLERS - 1


async def test_of_two_operators_that_claim_one_run_one_is_refused(desk):
    run = await desk.queued()
    outcomes = []

    async def claim():
        try:
            outcomes.append((await desk.ask_run(c.ClaimRun(run.id))).the_run.status)
        except Rejected as refusal:
            outcomes.append(refusal.code)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(claim)
        nursery.start_soon(claim)
    assert set(outcomes) == {RunStatus.CLAIMED, Code.RUN_TRANSITION}


@pytest.mark.parametrize("operator_first", [True, False])
@pytest.mark.parametrize("wait", [True, False])
async def test_an_agent_that_races_an_operator_gets_the_run_or_an_answer(
    desk, operator_first, wait
):
    run = await desk.queued()
    outcomes = {}

    async def operator():
        try:
            outcomes["operator"] = (await desk.ask_run(c.ClaimRun(run.id))).the_run
        except Rejected as refusal:
            outcomes["operator"] = refusal.code

    async def session():
        outcomes["session"] = await desk.claim("s1", wait=wait)

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for call in (operator, session) if operator_first else (session, operator):
                nursery.start_soon(call)
    if outcomes["operator"] is Code.RUN_TRANSITION:
        assert outcomes["session"].the_run.id == run.id
    else:
        assert outcomes["session"] is None
    assert (await desk.system.scheduler.status()).active_claim_count == 1


async def test_an_agent_whose_pick_an_operator_took_gets_the_next_run(desk, monkeypatch):
    """The pick is on its way to the task when the operator's claim is already in its mailbox."""
    taken = await desk.queued(priority=Priority.HIGH)
    free = await desk.queued()
    send = desk.system.scheduler._dispatch._send
    claims = []

    def send_late(task_id, envelope):
        if task_id == taken_task and not claims:
            claims.append(task_id)
            nursery.start_soon(desk.ask_run, c.ClaimRun(taken.id))
            nursery.start_soon(deliver, task_id, envelope)
        else:
            send(task_id, envelope)

    async def deliver(task_id, envelope):
        await trio.testing.wait_all_tasks_blocked()
        send(task_id, envelope)

    taken_task = (await desk.system.run(taken.id)).task.id
    monkeypatch.setattr(desk.system.scheduler._dispatch, "_send", send_late)
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            answer = await desk.claim("s1")
    assert claims == [taken_task]
    assert answer.the_run.id == free.id
    assert (await desk.run(taken.id)).claimed_by == OPERATOR.actor
    assert (await desk.system.scheduler.status()).active_claim_count == 2


@pytest.mark.parametrize("paused", ["parent", "child"])
async def test_a_pause_that_overtakes_a_pick_keeps_the_run(desk, monkeypatch, paused):
    """The pause is on disk before the pick reaches the task."""
    await desk.task(id="parent")
    run = await desk.queued(id="child", parent_task_id="parent")
    dispatch = desk.system.scheduler._dispatch
    send, held, got = dispatch._send, [], []
    monkeypatch.setattr(dispatch, "_send", lambda *message: held.append(message))

    async def claim():
        got.append(await desk.claim("s1"))

    async with waiting(desk, claim):
        monkeypatch.undo()
        await desk.ask(paused, c.PauseTask("later"))
        send(*held[0])
        await trio.testing.wait_all_tasks_blocked()
        assert got == [None]
    assert await desk.status_of(run.id) is RunStatus.QUEUED
    await desk.ask(paused, c.ResumeTask())
    assert (await desk.claim("s1")).the_run.id == run.id


async def test_a_caller_is_answered_though_an_operator_attaches_another_to_its_pick(
    desk, monkeypatch
):
    """The operator's claim and its attachment are on disk before the pick reaches the task."""
    picked = await desk.queued()
    await desk.register("s2")
    dispatch = desk.system.scheduler._dispatch
    send, held, got = dispatch._send, [], []
    monkeypatch.setattr(dispatch, "_send", lambda *message: held.append(message))

    async def claim():
        got.append(await desk.claim("s1"))

    async with waiting(desk, claim):
        monkeypatch.undo()
        await desk.ask_run(c.ClaimRun(picked.id))
        await desk.system.attach_session(picked.id, "s2", OPERATOR)
        send(*held[0])
        await trio.testing.wait_all_tasks_blocked()
        assert got == [None]
    assert dispatch._picked == {}
    assert not dispatch.allowance.has_reserved("s1")


async def test_a_call_of_a_session_that_ends_before_its_pick_is_refused_does_not_go_on(
    desk, monkeypatch
):
    picked = await desk.queued()
    await desk.register("s1")
    dispatch = desk.system.scheduler._dispatch
    send, held, refusals = dispatch._send, [], []
    monkeypatch.setattr(dispatch, "_send", lambda *message: held.append(message))

    async def claim():
        with pytest.raises(Rejected) as caught:
            await desk.claim("s1", wait=True)
        refusals.append(caught.value.code)

    async with waiting(desk, claim):
        monkeypatch.undo()
        await desk.ask_run(c.ClaimRun(picked.id))
        await desk.system.end_session("s1")
        send(*held[0])
        await trio.testing.wait_all_tasks_blocked()
        assert refusals == [Code.IDENTITY_STALE]
    assert desk.parked == 0


OVERTAKING = {
    "another agent's": c.SetProfile(
        ExecutionProfile(worker=WorkerProfile(WorkerMode.SELECT, agent_name="builder"))
    ),
    "more asked of it": c.SetProfile(
        ExecutionProfile(
            worker=WorkerProfile(WorkerMode.SELECT, required_capabilities=("gpu",)),
        )
    ),
    "another pool's": c.PatchTask(owner=Owner(OwnerKind.POOL, "builder")),
    "a person's": c.PatchTask(owner=Owner(OwnerKind.HUMAN, "ann")),
    "not urgent enough": c.PatchTask(priority=Priority.LOW),
}


@pytest.mark.parametrize("overtaking", OVERTAKING.values(), ids=OVERTAKING)
async def test_a_change_that_overtakes_a_pick_leads_to_the_next_run(desk, monkeypatch, overtaking):
    """The run is not the claimer's any more when the pick reaches the task."""
    lost = await desk.queued(id="lost", priority=Priority.HIGH)
    free = await desk.queued()
    dispatch = desk.system.scheduler._dispatch
    send, held, got = dispatch._send, [], []
    monkeypatch.setattr(dispatch, "_send", lambda *message: held.append(message))

    async def claim():
        got.append(await desk.claim("s1", priority_min=Priority.MEDIUM.weight))

    async with waiting(desk, claim):
        monkeypatch.undo()
        await desk.ask("lost", overtaking)
        send(*held[0])
        await trio.testing.wait_all_tasks_blocked()
        assert [answer.the_run.id for answer in got] == [free.id]
    assert await desk.status_of(lost.id) is RunStatus.QUEUED


async def test_a_pick_that_the_task_refuses_leads_to_the_next_run(desk):
    """The task is canceled in the same moment in which the scheduler picks its run."""
    first = await desk.queued(priority=Priority.HIGH)
    second = await desk.queued()
    task_id = (await desk.system.run(first.id)).task.id
    got = []

    async def claim():
        got.append(await desk.claim("s1"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(desk.ask, task_id, c.CancelTask())
        nursery.start_soon(claim)
    assert [answer.the_run.id for answer in got] == [second.id]


async def test_runs_are_handed_out_by_priority_then_in_the_order_they_were_queued(desk):
    low = await desk.queued(priority=Priority.LOW)
    old = [await desk.queued(), await desk.queued()]  # of the same moment
    await trio.sleep(1)
    young = await desk.queued()
    urgent = await desk.queued(priority=Priority.URGENT)
    high = await desk.queued(priority=Priority.HIGH)
    assert old[0].queued_at_ns == old[1].queued_at_ns
    expected = [urgent.id, high.id, *(run.id for run in old), young.id, low.id]
    got = [(await desk.claim(f"s{number}")).the_run.id for number in range(len(expected))]
    assert got == expected


async def test_a_released_run_keeps_its_place_in_the_queue(desk):
    first = await desk.queued()
    await trio.sleep(1)
    await desk.queued()
    claimed = await desk.claim("s1")
    await trio.sleep(1)
    await desk.ask_run(c.ReleaseRun(claimed.the_run.id), agent("s1"))
    assert (await desk.claim("s2")).the_run.id == first.id


async def test_a_claim_says_until_when_it_holds(desk):
    await desk.queued()
    answer = await desk.claim("s1", lease_seconds=10)
    run = answer.the_run
    assert run.lease_until_ns == run.claimed_at_ns + 10_000_000_000
    assert run.claimed_at_ns >= NOW_NS
    assert run.claim_token_hash.startswith("sha256:")
