"""Many runs in one call: each as by a call of its own, and what can share a commit does."""

from functools import partial

import pytest
import trio

from chargehand.actors.errors import Code, Rejected
from chargehand.actors.frozen import replace
from chargehand.actors.idempotency.once import Once, digest_of
from chargehand.actors.scheduler.commands import ClaimNext
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import Json, RunStatus
from tests.actors.system.desk import CrashStore, Desk, agent, started, waiting

ROOM = {"max_leases_per_session": 10}


async def claim_batch(desk: Desk, session_id: str, count: int, key=None, **request) -> list[str]:
    session = await desk.system.identify(session_id, "bot")
    caller = agent(session_id)
    if key is not None:
        caller = replace(caller, once=Once(digest_of(key), digest_of(str(count))))
    found = await desk.system.claim_batch(session, ClaimNext(**request), count, caller)
    return [answer.the_run.id for answer in found]


def completed(run_ids) -> list[c.CompleteLease]:
    return [c.CompleteLease(run_id, Json(b"{}")) for run_id in run_ids]


async def test_the_best_come_first_and_no_more_than_there_are():
    async with started(**ROOM) as desk:
        runs = [run.id for run in await desk.many_queued(5)]
        assert await claim_batch(desk, "s1", 3) == runs[:3]
        assert await claim_batch(desk, "s2", 3) == runs[3:]
        assert await claim_batch(desk, "s2", 3) == []
        assert [await desk.status_of(run_id) for run_id in runs] == [RunStatus.CLAIMED] * 5


async def test_claims_and_completions_of_a_batch_are_one_commit_each():
    store = CrashStore()
    async with started(store, **ROOM) as desk:
        await desk.many_queued(8)
        await desk.claim("s1")  # so that the session is kept
        await trio.testing.wait_all_tasks_blocked()
        before = len(store.crash_points)
        runs = await claim_batch(desk, "s1", 7)
        assert (len(runs), len(store.crash_points)) == (7, before + 1)
        answers = await desk.system.ask_runs(completed(runs), agent("s1"))
        assert [answer.the_run.status for answer in answers] == [RunStatus.COMPLETED] * 7
        assert len(store.crash_points) == before + 2


async def test_a_session_gets_no_more_than_it_may_hold_and_a_refusal_if_that_is_nothing():
    async with started(max_leases_per_session=3) as desk:
        await desk.many_queued(5)
        first = await claim_batch(desk, "s1", 5)
        assert len(first) == 3
        with pytest.raises(Rejected) as refusal:
            await claim_batch(desk, "s1", 5)
        assert refusal.value.code is Code.LEASE_ALREADY_HELD
        await desk.system.ask_runs(completed(first[:1]), agent("s1"))
        assert len(await claim_batch(desk, "s1", 5)) == 1


async def test_it_waits_for_the_first_one_and_takes_what_else_there_is():
    async with started(**ROOM) as desk:
        got: list[list[str]] = []

        async def wait():
            got.append(await claim_batch(desk, "s1", 3, wait=True))

        async with waiting(desk, wait):
            assert desk.parked == 1
            tasks = [await desk.task() for _ in range(4)]
            async with trio.open_nursery() as nursery:
                for task in tasks:
                    nursery.start_soon(desk.enqueue, task.id)
            await trio.testing.wait_all_tasks_blocked()
        assert len(got[0]) == 3


async def test_it_ends_empty_when_its_time_is_up():
    async with started(wait_s=5, **ROOM) as desk:
        before_s = trio.current_time()
        assert await claim_batch(desk, "s1", 3, wait=True) == []
        assert trio.current_time() - before_s == 5


@pytest.mark.parametrize("queued", [0, 3])
async def test_a_caller_that_is_gone_leaves_nothing_claimed(queued):
    async with started(**ROOM) as desk:
        runs = await desk.many_queued(queued)
        async with waiting(desk, partial(claim_batch, desk, "s1", 3, wait=not queued)) as scope:
            scope.cancel()
        runs += await desk.many_queued(3 - queued)
        await trio.testing.wait_all_tasks_blocked()
        for run in runs:
            if await desk.status_of(run.id) is RunStatus.CLAIMED:
                assert queued, "it was told in time"
        assert desk.parked == 0


@pytest.mark.parametrize("turns", range(12))
async def test_a_caller_that_hangs_up_at_any_moment_keeps_no_run_that_it_was_not_told_of(turns):
    async with started(**ROOM) as desk:
        runs = await desk.many_queued(4)
        told: list[str] = []

        async def claim():
            told.extend(await claim_batch(desk, "s1", 3))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(claim)
            for _ in range(turns):
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        await trio.testing.wait_all_tasks_blocked()
        held = [run.id for run in runs if await desk.status_of(run.id) is RunStatus.CLAIMED]
        assert held == told


async def test_one_may_be_refused_alone():
    async with started(**ROOM) as desk:
        await desk.many_queued(3)
        mine = await claim_batch(desk, "s1", 2)
        [other] = await claim_batch(desk, "s2", 1)
        answers = await desk.system.ask_runs(
            completed([mine[0], "run-unknown", other, mine[1]]), agent("s1")
        )
        codes = [one.code if isinstance(one, Rejected) else None for one in answers]
        assert codes == [None, Code.RUN_NOT_FOUND, Code.FOREIGN_RUN, None]
        assert await desk.status_of(other) is RunStatus.CLAIMED


async def test_under_a_key_a_repeat_gets_what_was_claimed_and_nothing_else():
    store = CrashStore()
    async with started(store, **ROOM) as desk:
        await desk.many_queued(2)
        first = await claim_batch(desk, "s1", 5, key="k")
        assert len(first) == 2
        await desk.many_queued(2)
        assert await claim_batch(desk, "s1", 5, key="k") == first
    async with started(store.copy(), **ROOM) as desk:
        assert await claim_batch(desk, "s1", 5, key="k") == first
        caller = replace(agent("s1"), once=Once(digest_of("c"), digest_of("complete")))
        for _ in range(2):
            answers = await desk.system.ask_runs(completed(first), caller)
            assert [answer.the_run.status for answer in answers] == [RunStatus.COMPLETED] * 2


async def test_under_the_key_of_a_claim_a_repeat_gets_the_same_and_what_else_there_is():
    store = CrashStore()
    async with started(store, **ROOM) as desk:
        await desk.many_queued(2)
        first = await claim_batch(desk, "s1", 4, idempotency_key="k")
        assert len(first) == 2
        more = [run.id for run in await desk.many_queued(1)]
        assert await claim_batch(desk, "s1", 4, idempotency_key="k") == first + more
        await desk.system.ask_runs(completed(first), agent("s1"))
        assert await claim_batch(desk, "s1", 4, idempotency_key="k") == more
    async with started(store.copy(), **ROOM) as desk:
        assert await claim_batch(desk, "s1", 4, idempotency_key="k") == more


async def test_claims_under_a_key_are_one_commit_too():
    store = CrashStore()
    async with started(store, **ROOM) as desk:
        await desk.many_queued(8)
        await desk.claim("s1")  # so that the session is kept
        await trio.testing.wait_all_tasks_blocked()
        before = len(store.crash_points)
        assert len(await claim_batch(desk, "s1", 7, idempotency_key="k")) == 7
        assert len(store.crash_points) == before + 1


@pytest.mark.parametrize("turns", range(12))
async def test_a_caller_with_a_key_that_hung_up_at_any_moment_gets_what_was_claimed_for_it(turns):
    async with started(**ROOM) as desk:
        runs = [run.id for run in await desk.many_queued(4)]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(claim_batch, desk, "s1", 3, idempotency_key="k"))
            for _ in range(turns):
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        await trio.testing.wait_all_tasks_blocked()
        assert sorted(await claim_batch(desk, "s1", 3, idempotency_key="k")) == sorted(runs[:3])


async def test_a_batch_that_waits_under_a_key_may_be_repeated():
    async with started(**ROOM) as desk:
        got: list[list[str]] = []

        async def wait():
            got.append(await claim_batch(desk, "s1", 3, wait=True, idempotency_key="k"))

        async with waiting(desk, wait):
            await desk.many_queued(1)
            await trio.testing.wait_all_tasks_blocked()
        assert await claim_batch(desk, "s1", 3, idempotency_key="k") == got[0]


async def test_both_keys_may_be_given():
    async with started(**ROOM) as desk:
        await desk.many_queued(2)
        first = await claim_batch(desk, "s1", 2, key="k", idempotency_key="other")
        assert len(set(first)) == 2
        assert await claim_batch(desk, "s1", 2, key="k", idempotency_key="other") == first
