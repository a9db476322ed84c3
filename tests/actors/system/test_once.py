"""Requests under a key, in the core: records, rows, storage that fails, and forgetting."""

from functools import partial

import pytest
import trio
import trio.testing

from chargehand.actors import limits
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.idempotency.once import Once, digest_of
from chargehand.actors.identity import Caller
from chargehand.actors.registry.commands import CreateWorkspace, RegisterSession
from chargehand.actors.scheduler.commands import ClaimNext
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import RunStatus, Scope
from chargehand.actors.views.streams import EVERYTHING, Changed
from chargehand.persistence.store import Table
from tests.actors.system.desk import OPERATOR, CrashStore, agent, started, waiting
from tests.actors.system.hang_ups import STEPS_MAX, check_nothing_is_held, hung_up, picture

CREATE = c.CreateTask(scope=Scope.GLOBAL, title="T")


def under(key: str, request: str = "create", caller: Caller = OPERATOR) -> Caller:
    return Caller(caller.actor, caller.origin, Once(digest_of(key), digest_of(request)))


def rows(store) -> int:
    return len(store.scan(Table.ONCE, b"", None, 100_000, len))


async def test_a_record_names_its_caller_without_the_key_and_effects_have_none(desk):
    parent = await desk.task()
    child = c.CreateTask(scope=Scope.GLOBAL, title="T", parent_task_id=parent.id)
    await desk.system.create_task(child, under("k"))
    cancel = under("c", "cancel")
    await desk.ask(parent.id, c.CancelTask(), cancel)
    records = desk.system.journal.reads.timeline(parent.id, 0)
    assert all(record.caller.once is None for record in records)
    assert [record.done.once for record in records if record.done] == [cancel.once]


async def test_every_crash_leaves_the_effect_with_its_key_or_none_of_both():
    store = CrashStore()
    async with started(store, checkpoint_s=1) as desk:
        task = await desk.system.create_task(CREATE, under("k"))
        await trio.sleep(3)
    assert len(store.crash_points) > 3
    for crashed in store.crash_points:
        async with started(crashed) as desk:
            known = desk.system.views.get(task.task.id)
            again = await desk.system.create_task(CREATE, under("k"))
            assert (again.task.id == task.task.id) == (known is not None)


async def test_after_a_failed_write_nobody_is_told_that_it_was_done():
    """An equal request waits for the one whose write fails."""
    store = CrashStore()
    outcomes = []

    async def create(desk):
        with pytest.raises(Rejected) as caught:
            await desk.system.create_task(CREATE, under("k"))
        outcomes.append(caught.value.code)

    async def three_at_once():
        async with started(store) as desk, trio.open_nursery() as nursery:
            store.fails = True
            for _ in range(3):
                nursery.start_soon(create, desk)

    with pytest.raises(BaseExceptionGroup):
        await three_at_once()
    assert outcomes == [Code.STORAGE_FAILED] * 3


async def test_what_is_too_old_leaves_the_tables():
    async with started(idempotency_s=60, checkpoint_s=1) as desk:
        for number in range(20):
            await desk.system.create_task(CREATE, under(str(number)))
        await trio.sleep(2)
        assert rows(desk.store) == 20
        await trio.sleep(60)
        await desk.task()
        await trio.sleep(2)
        assert rows(desk.store) == 0


async def test_no_key_stays_behind_whatever_becomes_of_its_caller(desk):
    """Canceled at any moment, or refused: the next request under the key is answered."""
    for moment in range(8):
        with trio.CancelScope() as gone:

            async def leave(gone=gone, moment=moment):
                for _ in range(moment):
                    await trio.lowlevel.checkpoint()
                gone.cancel()

            async with trio.open_nursery() as nursery:
                nursery.start_soon(leave)
                await desk.system.create_task(CREATE, under(str(moment)))
        answers = [await desk.system.create_task(CREATE, under(str(moment))) for _ in range(2)]
        assert answers[0].task.id == answers[1].task.id
    with pytest.raises(Rejected):
        await desk.ask("task-unknown", c.DeleteTask(), under("x"))
    assert desk.system._keys._under_way == {}


# --- canceled at every moment, and sent again ---------------------------------------------------


async def create(desk):
    return partial(desk.system.create_task, CREATE, under("k"))


async def start(desk):
    await desk.task(id="t")
    return partial(desk.ask, "t", c.StartTask(), under("k"))


async def delete(desk):
    await desk.task(id="t")
    return partial(desk.ask, "t", c.DeleteTask(), under("k"))


async def attach(desk):
    run = await desk.queued()
    await desk.register("s1")
    await desk.ask_run(c.ClaimRun(run.id))
    return partial(desk.system.attach_session, run.id, "s1", under("k"))


async def claim(desk):
    await desk.many_queued(2)
    session = await desk.system.identify("s1", "bot")
    return partial(desk.system.claim_next, session, ClaimNext(), under("k", caller=agent("s1")))


async def pause(desk):
    return partial(desk.system.scheduler.pause, "hold", under("k"))


async def drain(desk):
    await desk.queued()
    await desk.claim("s1")
    return partial(desk.system.scheduler.drain, "stop", 1, under("k"))


async def register(desk):
    command = RegisterSession(agent_name="bot", id="s9")
    return partial(desk.system.registry.register_session, command, under("k").once)


async def end(desk):
    await desk.queued()
    await desk.claim("s1")
    return partial(desk.system.end_session, "s1", under("k").once)


async def picture_of(setting, steps):
    """What is there after a call under a key that was canceled after so many steps (None: never),
    and sent again; and whether it was answered before."""
    async with started() as desk:
        call = await setting(desk)
        answered = steps is None or not await hung_up(call, steps)
        await call()
        await trio.testing.wait_all_tasks_blocked()
        check_nothing_is_held(desk.system)
        records = sum(
            len(desk.system.journal.reads.timeline(one, 0)) for one in ("@scheduler", "t")
        )
        return (picture(desk.system), records), answered


@pytest.mark.parametrize(
    "setting",
    [create, start, delete, attach, claim, pause, drain, register, end],
    ids=lambda setting: setting.__name__,
)
async def test_canceled_at_any_moment_and_sent_again_it_is_done_once(setting):
    once, _ = await picture_of(setting, None)
    for steps in range(STEPS_MAX):
        left, answered = await picture_of(setting, steps)
        assert left == once, f"not as if it had been sent once, after {steps} steps"
        if answered:
            return
    raise AssertionError("the call never came to an end")


async def test_a_claim_under_a_key_is_the_same_after_the_end_of_its_lease(desk):
    await desk.many_queued(2)
    session = await desk.system.identify("s1", "bot")
    claim = partial(desk.system.claim_next, session, ClaimNext(), under("k", caller=agent("s1")))
    first = await claim()
    await desk.complete("s1", first.the_run.id)
    again = await claim()
    assert (again.the_run.id, again.the_run.status) == (first.the_run.id, RunStatus.COMPLETED)
    await desk.ask(first.task.id, c.DeleteTask())
    with pytest.raises(Rejected) as caught:
        await claim()
    assert caught.value.code is Code.NO_ACTIVE_LEASE


async def test_a_claim_that_asks_for_something_else_does_not_join_one_that_waits(desk):
    session = await desk.system.identify("s1", "bot")
    keyed, other = under("k", caller=agent("s1")), under("k", "other", agent("s1"))
    waits = partial(desk.system.claim_next, session, ClaimNext(wait=True))
    async with waiting(desk, partial(waits, keyed)):
        with pytest.raises(Rejected) as caught:
            await waits(other)
        assert caught.value.code is Code.KEY_REUSED
        assert desk.parked == 1


async def test_a_drain_that_is_sent_again_waits_with_the_first(desk):
    run = await desk.queued()
    await desk.claim("s1")
    outcomes = []

    async def drain_it():
        outcomes.append(await desk.system.scheduler.drain("stop", 60, under("k")))

    async with waiting(desk, drain_it, drain_it):
        assert outcomes == []
        await desk.complete("s1", run.id)
        await trio.testing.wait_all_tasks_blocked()
        assert [outcome.completed for outcome in outcomes] == [True, True]
        assert len({outcome.started_at_ns for outcome in outcomes}) == 1


async def test_followers_are_told_of_a_drain_that_goes_on_because_it_was_sent_again(desk):
    """Nothing is written of it, so no record tells them."""
    await desk.queued()
    await desk.claim("s1", lease_seconds=600)
    drain = partial(desk.system.scheduler.drain, "stop", 10, under("k"))
    await drain()
    newest = desk.system.views.newest_seq
    with (
        trio.fail_after(60),
        desk.system.views.subscribe_all(EVERYTHING, newest, hears_changes=True) as subscriber,
    ):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(drain)
            assert await subscriber.receive() is Changed.SCHEDULER
            shown = (await desk.system.scheduler.status()).drain
            assert shown.ends_at_ns - shown.started_at_ns == 20 * limits.NS
            assert await subscriber.receive() is Changed.SCHEDULER
            assert (await desk.system.scheduler.status()).drain is None


async def test_a_session_that_was_ended_since_is_not_registered_again(desk):
    call = await register(desk)
    session = await call()
    await desk.system.end_session(session.id)
    with pytest.raises(Rejected) as caught:
        await call()
    assert caught.value.code is Code.SESSION_NOT_FOUND


async def claimed_under(desk, key: str, request: str, got: list, **body) -> None:
    session = await desk.system.identify("s1", "bot")
    got.append(
        await desk.system.claim_next(
            session, ClaimNext(wait=True, **body), under(key, request, agent("s1"))
        )
    )


async def check_is_reserved(desk, caller: Caller) -> None:
    """Whatever else is asked under the key is refused, and has no effect."""
    seq, system = desk.system.journal.next_seq, desk.system
    for call in (
        system.create_task(CREATE, caller),
        system.scheduler.pause("stop", caller),
        system.registry.create_workspace(CreateWorkspace("/srv/a"), caller.once),
        system.registry.register_session(RegisterSession("bot"), caller.once),
        system.end_session("s1", caller.once),
        claimed_under(desk, "k", "other claim", [], idempotency_key="b"),
    ):
        with pytest.raises(Rejected) as caught:
            await call
        assert caught.value.code is Code.KEY_REUSED
    assert desk.system.journal.next_seq == seq


async def test_the_key_of_a_claim_that_waits_is_reserved(desk):
    got: list = []
    claim = partial(claimed_under, desk, "k", "claim", got, idempotency_key="a")
    async with waiting(desk, claim, claim):
        await check_is_reserved(desk, under("k", "other", agent("s1")))
        run = await desk.queued()
        await desk.queued()
        await trio.testing.wait_all_tasks_blocked()
        assert [answer.the_run.id for answer in got] == [run.id] * 2
        await check_is_reserved(desk, under("k", "other", agent("s1")))


async def test_the_key_of_a_claim_that_got_nothing_is_free(desk):
    for body in ({"idempotency_key": "a"}, {}):
        async with waiting(desk, partial(claimed_under, desk, "k", "claim", [], **body)):
            pass
        await trio.testing.wait_all_tasks_blocked()
    await desk.system.create_task(CREATE, under("k"))


async def test_the_key_of_a_claim_whose_caller_left_is_reserved_until_that_is_decided(
    desk, monkeypatch
):
    run = await desk.queued()
    dispatch = desk.system.scheduler._dispatch
    send, held = dispatch._send, []
    monkeypatch.setattr(dispatch, "_send", lambda *message: held.append(message))
    async with waiting(desk, partial(claimed_under, desk, "k", "claim", [])):
        pass
    await trio.testing.wait_all_tasks_blocked()
    await check_is_reserved(desk, under("k", "other", agent("s1")))
    monkeypatch.undo()
    for message in held:
        send(*message)
    await trio.testing.wait_all_tasks_blocked()
    got: list = []
    await claimed_under(desk, "k", "claim", got)
    assert got[0].the_run.id == run.id
    await check_is_reserved(desk, under("k", "other", agent("s1")))


@pytest.mark.parametrize("checkpoint", [False, True])
async def test_what_gave_a_run_and_changed_nothing_gives_that_run_again(checkpoint):
    async with started() as desk:
        run = await desk.queued(id="a")
        before = await desk.system.task("a")
        start = under("k", "start")
        first = await desk.ask("a", c.StartTask(), start)
        assert first.the_run.id == run.id
        assert first.task.latest_event_seq == before.latest_event_seq
        assert desk.events("a") == ["task.created", "task.run_enqueued"]
        seq = desk.system.journal.next_seq
        assert (await desk.ask("a", c.StartTask(), start)).the_run.id == run.id
        assert desk.system.journal.next_seq == seq
        await desk.ask_run(c.CancelRun(run.id))
        if checkpoint:
            await desk.system.checkpointer.checkpoint()
        assert (await desk.ask("a", c.StartTask(), start)).the_run.id == run.id
        store = desk.store.copy()
    async with started(store) as desk:
        again = await desk.ask("a", c.StartTask(), start)
        assert (again.the_run.id, again.the_run.status) == (run.id, RunStatus.CANCELED)
        assert (await desk.enqueue("a")).id != run.id
