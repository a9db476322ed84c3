"""Claims with a key, limits of a session, and repeated endings."""

from functools import partial

import pytest
import trio

from chargehand.actors.errors import Code, Rejected
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import Json, RunStatus
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


# --- a key, and calls of it that overtake each other ----------------------------------------------


@pytest.mark.parametrize("settings", [{"max_leases_per_session": 3}])
async def test_a_retry_that_overtakes_the_news_of_a_hang_up_gets_no_second_run(desk, monkeypatch):
    """The first caller's leaving has not reached the scheduler; another equal call waits."""
    scheduler, gone, got, held = desk.system.scheduler, trio.CancelScope(), [], []

    async def first():
        with gone:
            await desk.claim("s1", idempotency_key="k", wait=True)

    async def equal():
        got.append(await desk.claim("s1", idempotency_key="k", wait=True))

    async with waiting(desk, first), waiting(desk, equal):
        monkeypatch.setattr(scheduler, "later", held.append)
        gone.cancel()
        await trio.testing.wait_all_tasks_blocked()
        async with waiting(desk, equal):
            monkeypatch.undo()
            for turn in held:
                scheduler.later(turn)
            first_run, _ = await desk.many_queued(2)
            await trio.testing.wait_all_tasks_blocked()
            assert [answer.the_run.id for answer in got] == [first_run.id] * 2
            assert desk.parked == 0


async def test_who_was_answered_and_is_gone_leaves_no_claim_for_those_who_followed(desk):
    """Both are told that there is nothing, and the first hangs up just then."""
    scheduler, got = desk.system.scheduler, []
    forgotten = trio.Event()

    async def claim():
        got.append(await desk.claim("s1", idempotency_key="k", wait=True))

    async with waiting(desk, claim), waiting(desk, claim):
        leader = next(iter(scheduler._dispatch._parked))
        await trio.sleep(desk.system.settings.wait_s)
        await trio.testing.wait_all_tasks_blocked()
        assert got == [None, None]
        scheduler.later(lambda: (scheduler._dispatch.forget(leader), forgotten.set()))
        await forgotten.wait()
        run = await desk.queued()
        await trio.testing.wait_all_tasks_blocked()
        assert await desk.status_of(run.id) is RunStatus.QUEUED


@pytest.mark.parametrize("key", ["k", None])
@pytest.mark.parametrize("lease_seconds", [60, None])
async def test_a_lease_is_over_when_its_task_says_so(desk, monkeypatch, key, lease_seconds):
    """At its old end a renewal may be on its way to the disk, or none."""
    await desk.many_queued(2)
    first = (await desk.claim("s1", idempotency_key=key, lease_seconds=5)).the_run
    writer, held, outcomes = desk.system.journal._writer, [], []

    async def renew():
        await desk.ask_run(c.Heartbeat(first.id, lease_seconds), agent("s1"))

    async def claim():
        try:
            outcomes.append((await desk.claim("s1", idempotency_key=key)).the_run.id)
        except Rejected as refusal:
            outcomes.append(refusal.code)

    await trio.sleep(4)
    monkeypatch.setattr(writer, "write", held.append)
    async with trio.open_nursery() as nursery:
        if lease_seconds is not None:
            nursery.start_soon(renew)
        await trio.sleep(1)
        nursery.start_soon(claim)
        await trio.testing.wait_all_tasks_blocked()
        assert outcomes == []
        monkeypatch.undo()
        for frame in held:
            writer.write(frame)
    if lease_seconds is None:
        assert outcomes == [first.id]  # anew: it is in the queue again, before the other
    else:
        assert outcomes == [Code.LEASE_ALREADY_HELD if key is None else first.id]
    assert len(desk.system.scheduler._dispatch.board.runs_of("s1")) == 1


# --- attachments that wait for what is on its way -------------------------------------------------


async def _attach(desk, run, outcomes) -> None:
    try:
        await desk.system.attach_session(run.id, "s1", OPERATOR)
    except Rejected as refusal:
        outcomes[run.id] = refusal.code
    else:
        outcomes[run.id] = RunStatus.STARTING


@pytest.mark.parametrize("settings", [{"max_leases_per_session": 2}])
async def test_an_attachment_waits_for_all_that_are_on_their_way(desk, monkeypatch):
    """One of two is bound, the other fails: then there is room for the third."""
    bound, failing, third = await desk.many_queued(3)
    await desk.register("s1")
    for run in (bound, failing, third):
        await desk.ask_run(c.ClaimRun(run.id))
    attachments, held, outcomes = desk.system.scheduler._attachments, [], {}
    send = attachments._send

    def hold(task_id, envelope):
        if envelope.command.run_id == failing.id:
            held.append((task_id, envelope))
        else:
            send(task_id, envelope)

    monkeypatch.setattr(attachments, "_send", hold)
    calls = [partial(_attach, desk, run, outcomes) for run in (failing, bound, third)]
    async with waiting(desk, calls[0]), waiting(desk, calls[1]), waiting(desk, calls[2]):
        assert outcomes == {bound.id: RunStatus.STARTING}
        await desk.ask_run(c.CancelRun(failing.id))
        send(*held[0])
        await trio.testing.wait_all_tasks_blocked()
        assert outcomes == {
            bound.id: RunStatus.STARTING,
            failing.id: Code.TRANSITION,
            third.id: RunStatus.STARTING,
        }


@pytest.mark.parametrize("is_lost", [True, False])
async def test_an_attachment_waits_for_a_pick_that_is_on_its_way(desk, monkeypatch, is_lost):
    attached = await desk.queued()
    await desk.ask_run(c.ClaimRun(attached.id))
    picked = await desk.queued()
    await desk.register("s1")
    dispatch, held, outcomes = desk.system.scheduler._dispatch, [], {}
    send = dispatch._send
    monkeypatch.setattr(dispatch, "_send", lambda *message: held.append(message))
    attach = partial(_attach, desk, attached, outcomes)
    async with waiting(desk, partial(desk.claim, "s1")), waiting(desk, attach):
        assert outcomes == {}
        monkeypatch.undo()
        if is_lost:
            await desk.ask_run(c.ClaimRun(picked.id))
        send(*held[0])
        await trio.testing.wait_all_tasks_blocked()
        found = RunStatus.STARTING if is_lost else Code.SESSION_BOUND
        assert outcomes == {attached.id: found}


async def test_an_attachment_waits_for_the_end_of_a_lease(desk, monkeypatch):
    """By the clock it is over, and its task has not said so."""
    attached = await desk.queued()
    await desk.ask_run(c.ClaimRun(attached.id))
    await desk.queued()
    await desk.claim("s1", lease_seconds=5)
    await trio.sleep(4)
    writer, held, outcomes = desk.system.journal._writer, [], {}
    monkeypatch.setattr(writer, "write", held.append)
    await trio.sleep(1)
    async with waiting(desk, partial(_attach, desk, attached, outcomes)):
        assert outcomes == {}
        monkeypatch.undo()
        for frame in held:
            writer.write(frame)
        await trio.testing.wait_all_tasks_blocked()
        assert outcomes == {attached.id: RunStatus.STARTING}
