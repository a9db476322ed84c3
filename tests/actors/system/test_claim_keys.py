"""Claims with a key, limits of a session, and repeated endings."""

import pytest
import trio

from actors.errors import Code, Rejected
from actors.task import commands as c
from actors.task.state import Json, RunStatus
from tests.actors.system.desk import OPERATOR, agent, started, waiting


async def refused_with(call) -> Code:
    with pytest.raises(Rejected) as caught:
        await call
    return caught.value.code


async def test_the_same_key_gives_the_same_claim_to_the_same_session(desk):
    await desk.many_queued(3)
    first = await desk.claim("s1", idempotency_key="k")
    again = await desk.claim("s1", idempotency_key="k")
    other = await desk.claim("s2", idempotency_key="k")
    assert (first.replayed, again.replayed, other.replayed) == (False, True, False)
    assert again.the_run == first.the_run
    assert other.the_run.id != first.the_run.id


async def test_equal_calls_at_the_same_time_get_one_claim(desk):
    await desk.many_queued(3)
    got = []

    async def claim():
        got.append(await desk.claim("s1", idempotency_key="k", wait=True))

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(claim)
    assert len({answer.the_run.id for answer in got}) == 1
    assert (await desk.system.scheduler.status()).active_claim_count == 1


async def test_equal_calls_that_wait_are_served_together(desk):
    got = []

    async def claim():
        got.append(await desk.claim("s1", idempotency_key="k", wait=True))

    async with waiting(desk, claim, claim, claim):
        assert desk.parked == 1
        run = await desk.queued()
        await trio.testing.wait_all_tasks_blocked()
        assert [answer.the_run.id for answer in got] == [run.id] * 3


async def test_an_equal_call_goes_on_waiting_when_the_first_hangs_up(desk):
    got = []
    gone = trio.CancelScope()

    async def first():
        with gone:
            await desk.claim("s1", idempotency_key="k", wait=True)

    async def second():
        got.append(await desk.claim("s1", idempotency_key="k", wait=True))

    async with waiting(desk, first), waiting(desk, second):
        gone.cancel()
        await trio.testing.wait_all_tasks_blocked()
        run = await desk.queued()
        await trio.testing.wait_all_tasks_blocked()
        assert [answer.the_run.id for answer in got] == [run.id]


async def test_a_key_is_free_again_when_its_lease_has_ended(desk):
    runs = await desk.many_queued(2)
    first = await desk.claim("s1", idempotency_key="k", lease_seconds=5)
    await desk.complete("s1", first.the_run.id)
    second = await desk.claim("s1", idempotency_key="k", lease_seconds=5)
    assert second.replayed is False
    assert {first.the_run.id, second.the_run.id} == {run.id for run in runs}
    await trio.sleep(6)
    third = await desk.claim("s1", idempotency_key="k")
    assert (third.replayed, third.the_run.id) == (False, second.the_run.id)


async def test_a_key_that_found_nothing_may_claim_later(desk):
    assert await desk.claim("s1", idempotency_key="k") is None
    run = await desk.queued()
    assert (await desk.claim("s1", idempotency_key="k")).the_run.id == run.id


async def test_a_key_outlives_a_restart():
    async with started() as desk:
        await desk.many_queued(2)
        first = await desk.claim("s1", idempotency_key="k")
        store = desk.store.copy()
    async with started(store) as desk:
        again = await desk.claim("s1", idempotency_key="k")
        assert (again.the_run.id, again.replayed) == (first.the_run.id, True)


async def test_an_equal_call_is_served_anew_when_the_pick_of_one_who_left_is_refused(
    desk, monkeypatch
):
    """The first caller hangs up, and an operator takes the run that was picked for it."""
    picked = await desk.queued()
    dispatch = desk.system.scheduler._dispatch
    send, held = dispatch._send, []
    monkeypatch.setattr(dispatch, "_send", lambda *message: held.append(message))
    gone = trio.CancelScope()
    got = []

    async def first():
        with gone:
            await desk.claim("s1", idempotency_key="k", wait=True)

    async def second():
        got.append(await desk.claim("s1", idempotency_key="k", wait=True))

    async with waiting(desk, first), waiting(desk, second):
        gone.cancel()
        await desk.ask_run(c.ClaimRun(picked.id))
        monkeypatch.undo()
        for message in held:
            send(*message)
        await trio.testing.wait_all_tasks_blocked()
        assert got == []
        run = await desk.queued()
        await trio.testing.wait_all_tasks_blocked()
        assert [answer.the_run.id for answer in got] == [run.id]


async def test_one_lease_a_session_is_the_default(desk):
    await desk.many_queued(2)
    await desk.claim("s1")
    assert await refused_with(desk.claim("s1")) is Code.LEASE_ALREADY_HELD
    assert await refused_with(desk.claim("s1", wait=True)) is Code.LEASE_ALREADY_HELD


@pytest.mark.parametrize("settings", [{"max_leases_per_session": 3}])
async def test_a_setting_allows_more_and_racing_claims_do_not_pass_it(desk):
    await desk.many_queued(10)
    outcomes = []

    async def claim():
        try:
            outcomes.append((await desk.claim("s1")).the_run.id)
        except Rejected as refusal:
            outcomes.append(refusal.code)

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(claim)
    assert outcomes.count(Code.LEASE_ALREADY_HELD) == 5
    assert len(set(outcomes)) == 4


async def test_a_session_at_its_limit_is_passed_over_when_it_waits(desk):
    """Two calls of one session wait; the first run ends the second call."""
    outcomes = []

    async def claim(session_id):
        try:
            outcomes.append((session_id, (await desk.claim(session_id, wait=True)).the_run.id))
        except Rejected as refusal:
            outcomes.append((session_id, refusal.code))

    async def twice():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(claim, "s1")
            nursery.start_soon(claim, "s1")

    async def other():
        await claim("s2")

    async with waiting(desk, twice), waiting(desk, other):
        first = await desk.queued()
        second = await desk.queued()
        await trio.testing.wait_all_tasks_blocked()
        assert outcomes[0] == ("s1", first.id)
        assert sorted(outcomes[1:], key=str) == sorted(
            [("s1", Code.LEASE_ALREADY_HELD), ("s2", second.id)], key=str
        )


async def test_an_attached_run_counts_as_a_lease(desk):
    run, _ = await desk.many_queued(2)
    await desk.register("s1")
    await desk.ask_run(c.ClaimRun(run.id))
    attached = await desk.system.attach_session(run.id, "s1", OPERATOR)
    assert (attached.the_run.status, attached.the_run.session_id) == (RunStatus.STARTING, "s1")
    assert await refused_with(desk.claim("s1")) is Code.LEASE_ALREADY_HELD
    await desk.ask_run(c.StartRun(run.id))
    await desk.ask_run(c.CompleteRun(run.id))
    assert await desk.claim("s1") is not None


async def test_a_session_at_its_limit_is_not_attached(desk):
    run, _ = await desk.many_queued(2)
    await desk.ask_run(c.ClaimRun(run.id))
    await desk.claim("s1")
    attach = desk.system.attach_session(run.id, "s1", OPERATOR)
    assert await refused_with(attach) is Code.SESSION_BOUND


async def test_an_attachment_and_a_claim_that_race_do_not_both_pass_the_limit(desk):
    run, _ = await desk.many_queued(2)
    await desk.register("s1")
    await desk.ask_run(c.ClaimRun(run.id))
    outcomes = []

    async def attach():
        try:
            outcomes.append((await desk.system.attach_session(run.id, "s1", OPERATOR)).the_run.id)
        except Rejected as refusal:
            outcomes.append(refusal.code)

    async def claim():
        try:
            outcomes.append((await desk.claim("s1")).the_run.id)
        except Rejected as refusal:
            outcomes.append(refusal.code)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(attach)
        nursery.start_soon(claim)
    refusals = {Code.SESSION_BOUND, Code.LEASE_ALREADY_HELD}
    assert len([outcome for outcome in outcomes if outcome in refusals]) == 1


async def test_a_refused_attachment_leaves_the_place_free(desk):
    first, _ = await desk.many_queued(2)
    await desk.register("s1")
    attach = desk.system.attach_session(first.id, "s1", OPERATOR)
    assert await refused_with(attach) is Code.RUN_TRANSITION
    assert await desk.claim("s1") is not None


async def test_only_an_active_session_is_attached(desk):
    run = await desk.queued()
    await desk.ask_run(c.ClaimRun(run.id))
    attach = desk.system.attach_session(run.id, "nobody", OPERATOR)
    assert await refused_with(attach) is Code.SESSION_NOT_FOUND


async def test_a_repeated_complete_gives_the_stored_end_and_writes_nothing(desk):
    await desk.queued()
    run = (await desk.claim("s1")).the_run
    first = await desk.complete("s1", run.id, b'{"x":1}')
    seq = desk.system.journal.next_seq
    again = await desk.complete("s1", run.id, b'{"x":1}')
    assert (again.replayed, again.the_run) == (True, first.the_run)
    assert desk.system.journal.next_seq == seq
    assert await refused_with(desk.complete("s1", run.id, b'{"x":2}')) is Code.LEASE_EXPIRED
    assert await refused_with(desk.complete("s2", run.id, b'{"x":1}')) is Code.NO_ACTIVE_LEASE


async def test_a_repeated_fail_gives_the_stored_end(desk):
    await desk.queued()
    run = (await desk.claim("s1")).the_run
    fail = c.FailLease(run.id, "no luck", Json(b'{"why":"x"}'))
    first = await desk.ask_run(fail, agent("s1"))
    again = await desk.ask_run(fail, agent("s1"))
    assert (again.replayed, again.the_run) == (True, first.the_run)
    other = desk.ask_run(c.FailLease(run.id, "bad luck"), agent("s1"))
    assert await refused_with(other) is Code.LEASE_EXPIRED
    assert await refused_with(desk.complete("s1", run.id)) is Code.LEASE_EXPIRED


async def test_who_holds_no_lease_is_told_why(desk):
    run = await desk.queued()
    heartbeat = c.Heartbeat(run.id)
    assert await refused_with(desk.ask_run(heartbeat, agent("s1"))) is Code.NO_ACTIVE_LEASE
    await desk.claim("s1", lease_seconds=5)
    assert await refused_with(desk.ask_run(heartbeat, agent("s2"))) is Code.FOREIGN_RUN
    await trio.sleep(6)
    assert await refused_with(desk.ask_run(heartbeat, agent("s1"))) is Code.LEASE_EXPIRED
    unknown = desk.ask_run(c.Heartbeat("run-unknown"), agent("s1"))
    assert await refused_with(unknown) is Code.RUN_NOT_FOUND


@pytest.mark.parametrize("turns", range(30))
async def test_a_retry_is_answered_whenever_it_comes(desk, turns):
    """Also in the very turn in which the first call's claim has just been committed."""
    run = await desk.queued()
    await desk.register("s1")
    answers = []

    async def claim():
        answers.append(await desk.claim("s1", idempotency_key="k"))

    with trio.fail_after(1):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(claim)
            for _ in range(turns):
                await trio.lowlevel.checkpoint()
                nursery.start_soon(claim)
    assert [answer.the_run.id for answer in answers] == [run.id] * (turns + 1)
