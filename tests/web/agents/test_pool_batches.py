"""What the runs of one session claim, renew and end at the same time goes in one request."""

import json
from collections import Counter

import httpx
import pytest
import trio

from chargehand import AgentPool, LeaseLost, Refused, Settings, Unavailable
from chargehand.web.agents.together import Together
from tests.web.agents.conftest import over_http
from tests.web.agents.test_pool import LEASE_S, answer, queued
from tests.web.agents.test_retries import Unsteady, twice_of_three


@pytest.fixture
def settings() -> Settings:
    return Settings(max_leases_per_session=100)


class Listening(httpx.AsyncBaseTransport):
    """Notes the last part of each path, and how many runs the request was about."""

    def __init__(self, inner):
        self._inner = inner
        self.heard: list[tuple[str, int]] = []

    async def handle_async_request(self, request):
        verb = request.url.path.rpartition("/")[2]
        if verb.endswith("-batch"):
            body = json.loads(await request.aread())
            self.heard.append((verb, body.get("max_runs") or len(body["items"])))
        return await self._inner.handle_async_request(request)

    def of(self, verb: str) -> list[int]:
        return [count for heard, count in self.heard if heard == verb]


@pytest.fixture
def listening(system):
    """A client, and what it was heard to ask."""
    made = []

    def wrap(transport):
        made.append(Listening(transport))
        return made[0]

    client = over_http(system, wrap)
    return client, made[0]


async def test_what_is_claimed_and_ends_at_the_same_time_is_one_request_each(system, listening):
    client, heard = listening
    await queued(system, 20)
    metrics = await AgentPool(client, answer, size=20).run(until_empty=True)
    assert metrics.completed == 20
    assert heard.heard == [("claim-batch", 20), ("complete-batch", 20), ("claim-batch", 20)]


async def test_runs_in_process_share_calls_as_well(system, monkeypatch):
    await queued(system, 20)
    asked = []
    inner = system._system.ask_runs

    async def ask_runs(commands, caller):
        asked.append(len(commands))
        return await inner(commands, caller)

    monkeypatch.setattr(system._system, "ask_runs", ask_runs)
    metrics = await AgentPool(system, answer, size=20).run(until_empty=True)
    assert (metrics.completed, asked) == (20, [20])


async def test_a_place_that_becomes_free_does_not_wait_for_a_claim_that_waits(system, listening):
    client, heard = listening
    at_work, goes_on = Counter(), trio.Event()

    async def handle(claim):
        at_work[claim.task_id] += 1
        if at_work.total() == 1:
            await trio.sleep(1)
        else:
            await goes_on.wait()

    pool = AgentPool(client, handle, size=3)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.run)
        await trio.testing.wait_all_tasks_blocked()
        await queued(system)
        await trio.sleep(2)  # one has ended, while a claim for the two others waits
        await trio.testing.wait_all_tasks_blocked()
        assert heard.of("claim-batch") == [3, 2, 1]
        await queued(system, 3)
        await trio.testing.wait_all_tasks_blocked()
        assert pool.metrics.active == 3
        goes_on.set()
        await trio.testing.wait_all_tasks_blocked()
        pool.drain()
    assert pool.metrics.completed == 4


async def test_what_ends_while_a_request_is_under_way_goes_with_the_next(system):
    sent = []
    answered = trio.Event()

    async def send(items):
        sent.append(list(items))
        if len(sent) == 1:
            await answered.wait()
        return [None] * len(items)

    together = Together(send)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(together.ask, 1)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(together.ask, 2)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(together.ask, 3)
        await trio.testing.wait_all_tasks_blocked()
        answered.set()
    assert [sorted(items) for items in sent] == [[1], [2, 3]]


async def test_each_item_is_told_its_own_refusal():
    async def send(items):
        return [Refused("odd", f"{item} is odd") if item % 2 else None for item in items]

    refused = []

    async def ask(item):
        try:
            await together.ask(item)
        except Refused as error:
            refused.append((item, error.message))

    together = Together(send)
    async with trio.open_nursery() as nursery:
        for item in range(4):
            nursery.start_soon(ask, item)
    assert sorted(refused) == [(1, "1 is odd"), (3, "3 is odd")]


@pytest.mark.parametrize("canceled", range(4))
@pytest.mark.parametrize("turns", range(5))
async def test_who_is_canceled_holds_up_none_of_the_others(canceled, turns):
    """Each of the others is sent, and sent again only where it was in a request that was cut."""
    done, scopes = [], [trio.CancelScope() for _ in range(4)]

    async def send(items):
        await trio.sleep(1)
        done.extend(items)
        return [None] * len(items)

    told = []

    async def ask(item):
        with scopes[item]:
            await together.ask(item)
            told.append(item)

    together = Together(send)
    async with trio.open_nursery() as nursery:
        for item in range(4):
            nursery.start_soon(ask, item)
        for _ in range(turns):
            await trio.lowlevel.checkpoint()
        scopes[canceled].cancel()
    assert sorted({*told, canceled}) == [0, 1, 2, 3]
    assert set(told) <= set(done)


async def test_all_leases_of_a_session_are_renewed_by_one_request_a_beat(system, listening):
    client, heard = listening
    await queued(system, 10)

    async def handle(claim):
        await trio.sleep(2 * LEASE_S + 1)

    pool = AgentPool(client, handle, size=10, lease_seconds=LEASE_S)
    assert (await pool.run(until_empty=True)).completed == 10
    assert heard.of("heartbeat-batch") == [10] * 6


async def test_leases_that_were_claimed_one_after_the_other_come_to_be_renewed_together(
    system, listening
):
    client, heard = listening

    async def handle(claim):
        await trio.sleep_forever()

    pool = AgentPool(client, handle, size=6, lease_seconds=LEASE_S)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.run)
        for _ in range(6):
            await queued(system)
            await trio.sleep(3)
        await trio.sleep(2 * LEASE_S)
        assert heard.of("heartbeat-batch")[-5:] == [6] * 5
        assert pool.metrics.active == 6
        pool.drain(0)


async def test_a_lease_that_is_lost_costs_no_other_its_own(system, listening):
    client, _ = listening
    ids = await queued(system, 5)

    async def handle(claim):
        await trio.sleep(2 * LEASE_S)
        return claim.lost

    pool = AgentPool(client, handle, size=5, lease_seconds=LEASE_S)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.run)
        await trio.sleep(LEASE_S / 2)
        await system.cancel_task(ids[2])
        await trio.sleep(2 * LEASE_S)
        pool.drain()
    assert (pool.metrics.completed, pool.metrics.lost) == (4, 1)


async def test_a_result_that_is_refused_fails_its_own_run_alone(system, listening):
    client, heard = listening
    ids = await queued(system, 4)
    results = dict(zip(ids, ("good", object(), "x" * 70_000, {"also": "good"}), strict=True))

    async def handle(claim):
        return results[claim.task_id]

    metrics = await AgentPool(client, handle, size=4).run(until_empty=True)
    assert (metrics.completed, metrics.failed) == (2, 2)
    statuses = [(await system.task(task_id)).runs[0].status for task_id in ids]
    assert statuses == ["completed", "failed", "failed", "completed"]
    assert sum(heard.of("fail-batch")) == 2


async def test_results_that_are_too_large_for_one_request_go_in_several(system, listening):
    client, heard = listening
    await queued(system, 40)

    async def handle(claim):
        return "x" * 60_000

    metrics = await AgentPool(client, handle, size=40).run(until_empty=True)
    assert metrics.completed == 40
    assert len(heard.of("complete-batch")) == 3


async def test_a_drained_pool_gives_back_what_is_left_in_one_request(system, listening):
    client, heard = listening
    await queued(system, 7)
    pool = AgentPool(client, lambda claim: trio.from_thread.run(trio.sleep_forever), size=7)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.run)
        await trio.sleep(1)
        pool.drain(5)
    assert heard.of("release-batch") == [7]
    assert (pool.metrics.released, pool.metrics.lost) == (7, 0)


@pytest.mark.parametrize("size", [7, 30])
async def test_answers_that_are_lost_lose_and_double_nothing(system, size):
    ids = await queued(system, 30)
    done = Counter()

    async def handle(claim):
        done[claim.task_id] += 1
        await trio.sleep(50)
        return claim.task_id

    client = over_http(system, lambda transport: Unsteady(transport, twice_of_three))
    metrics = await AgentPool(client, handle, size=size).run(until_empty=True)
    assert done == dict.fromkeys(ids, 1)
    assert (metrics.claimed, metrics.completed, metrics.lost) == (30, 30, 0)


async def test_a_session_that_is_ended_costs_its_runs_and_the_pool_goes_on(system, listening):
    client, _ = listening
    ids = await queued(system, 3)
    sessions = []

    async def handle(claim):
        sessions.append(claim.agent.session)
        if len(sessions) == 3:
            await system.end_session(claim.agent.session)
        if len(sessions) <= 3:
            await trio.sleep_forever()

    pool = AgentPool(client, handle, size=3)
    assert (await pool.run(until_empty=True)).completed == 3
    assert len(set(sessions)) == 2
    assert pool.metrics.lost == 3
    assert {(await system.task(task_id)).status for task_id in ids} == {"completed"}


@pytest.mark.parametrize("turns", range(0, 40, 3))
async def test_a_pool_that_is_drained_at_any_moment_gives_all_back(system, turns):
    """Also what was just claimed for it, or is on its way."""
    ids = await queued(system, 3)

    async def handle(claim):
        await trio.sleep_forever()

    pool = AgentPool(system, handle, size=3)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.run)
        for _ in range(turns):
            await trio.lowlevel.checkpoint()
        pool.drain(1)
    assert pool.metrics.claimed == pool.metrics.released
    assert {(await system.task(task_id)).runs[0].status for task_id in ids} == {"queued"}


async def test_a_pool_may_hold_fewer_a_session_than_it_might(system, listening):
    client, _ = listening
    await queued(system, 6)
    runs = Counter()

    async def handle(claim):
        runs[claim.agent.session] += 1
        await trio.sleep(5)

    await AgentPool(client, handle, size=6, leases_per_session=2).run(until_empty=True)
    assert sorted(runs.values()) == [2, 2, 2]
    with pytest.raises(ValueError, match="leases_per_session"):
        AgentPool(client, handle, leases_per_session=0)


class TestWhereASessionMayHoldThree:
    @pytest.fixture
    def settings(self):
        return Settings(max_leases_per_session=3)

    @pytest.mark.parametrize("until_empty", [True, False])
    async def test_a_pool_finds_out_and_works_in_as_many_as_it_needs(self, api, until_empty):
        runs = Counter()

        async def handle(claim):
            runs[claim.agent.session] += 1
            await trio.sleep(5)

        pool = AgentPool(api, handle, size=8)
        if until_empty:
            await queued(api, 8)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: pool.run(until_empty=until_empty))
            await trio.testing.wait_all_tasks_blocked()
            if not until_empty:
                await queued(api, 8)
            await trio.testing.wait_all_tasks_blocked()
            assert pool.metrics.active == 8
            assert sorted(runs.values()) == [2, 3, 3]
            await trio.sleep(6)
            pool.drain()
        assert pool.metrics.completed == 8


class TestWhereASessionMayHoldOne:
    @pytest.fixture
    def settings(self):
        return Settings()

    async def test_a_thousand_places_over_http_share_the_claims_that_may_wait(self, listening):
        client, heard = listening
        goes_on = trio.Event()

        async def handle(claim):
            await goes_on.wait()

        pool = AgentPool(client, handle, size=1000)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pool.run)
            await queued(client, 40)
            await trio.testing.wait_all_tasks_blocked()
            assert pool.metrics.active == 40
            goes_on.set()
            await trio.testing.wait_all_tasks_blocked()
            pool.drain()
        assert pool.metrics.completed == 40
        assert len(heard.of("claim-batch")) < 200


# --- the calls ----------------------------------------------------------------------------------


async def test_each_of_a_batch_is_done_or_told_why_not(api):
    from tests.web.agents.test_api import BUILDER

    await queued(api, 5)
    claims = await api.claim_batch(BUILDER, 4, lease_seconds=60)
    assert len({claim.run_id for claim in claims}) == 4
    before = [claim.lease_until for claim in claims]
    await trio.sleep(30)
    assert await api.heartbeat_batch(claims) == [None] * 4
    assert all(claim.lease_until > at for claim, at in zip(claims, before, strict=True))
    one, two, three, four = claims
    assert await api.release_batch([(one, "no time")]) == [None]
    assert await api.fail_batch([(two, "broken", {"n": 1})]) == [None]
    lost, odd, done = await api.complete_batch([(one, 1), (three, object()), (four, {"a": 4})])
    assert (type(lost), lost.status) == (LeaseLost, 409)
    assert (odd.code, odd.status, done) == ("invalid_request", 422, None)
    statuses = [(await api.run(claim.run_id)).status for claim in claims]
    assert statuses == ["queued", "failed", "claimed", "completed"]
    assert await api.heartbeat_batch([]) == []
    assert len(await api.claim_batch(BUILDER, 9, key="k")) == 2
    assert len(await api.claim_batch(BUILDER, 9, key="k")) == 2


async def test_a_batch_that_is_none_is_reported_as_such(api):
    from chargehand import Agent

    await queued(api, 2)
    claims = [await api.claim(Agent("a", f"sess-{n}")) for n in range(2)]
    with pytest.raises(ValueError, match="one agent"):
        await api.heartbeat_batch(claims)
    for wrong in (0, 257):
        with pytest.raises(Refused, match="max_runs") as refused:
            await api.claim_batch(claims[0].agent, wrong)
        assert refused.value.status == 422


async def test_a_batch_that_nobody_answers_is_reported_for_each(system):
    from tests.web.agents.test_api import BUILDER

    await queued(system, 2)
    claims = await system.claim_batch(BUILDER, 2)
    client = over_http(system, lambda transport: Unsteady(transport, lambda _: "before"))
    errors = await client.complete_batch([(claim, None) for claim in claims])
    assert [type(error) for error in errors] == [Unavailable] * 2
