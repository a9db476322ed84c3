"""Pools: who works on what, what becomes of it, and how a pool ends."""

import sys
import threading
import time

import pytest
import trio

from chargehand import AgentPool, Fail, NeedsPerson, PoolMetrics, Refused, Release, Settings

LEASE_S = 60


@pytest.fixture
def settings(request) -> Settings:
    """In process a lease for each session, over HTTP all in one: each way has been tried."""
    ways = getattr(request.node, "callspec", None)
    is_over_http = ways is not None and ways.params.get("api") == "over HTTP"
    return Settings(max_leases_per_session=100 if is_over_http else 1)


async def queued(api, count=1, **fields) -> list[str]:
    """Ids of new tasks, each with a run in the queue."""
    made = [await api.create_task(f"task {number}", **fields) for number in range(count)]
    for task in made:
        await api.start_task(task.id)
    return [task.id for task in made]


async def answer(claim):
    return {"title": claim.title}


async def events_of(api, task_id) -> list[str]:
    timeline = await api.request("GET", f"/api/tasks/{task_id}/timeline")
    return [item["event_type"] for item in timeline["timeline"]]


async def test_each_run_is_completed_with_what_the_handler_returns(api):
    ids = await queued(api, 3, metadata={"n": 1}, description="do it", priority="high")
    seen = []

    async def handle(claim):
        seen.append((claim.task_id, claim.metadata, claim.description, claim.priority))
        return {"attempt": claim.attempt, "lost": claim.lost}

    metrics = await AgentPool(api, handle, size=2).run(until_empty=True)
    assert metrics == PoolMetrics(size=2, claimed=3, completed=3)
    assert sorted(seen) == sorted((task_id, {"n": 1}, "do it", "high") for task_id in ids)
    for task_id in ids:
        task = await api.task(task_id)
        assert (task.status, task.result) == ("completed", {"attempt": 1, "lost": None})


@pytest.mark.parametrize("result", [None, 0, False, [], "done", {"a": [1.5, None]}])
async def test_any_json_is_a_result(api, result):
    [task_id] = await queued(api)

    async def handle(claim):
        return result

    await AgentPool(api, handle).run(until_empty=True)
    task = await api.task(task_id)
    assert (task.status, task.result) == ("completed", result)


async def test_a_pool_works_on_as_many_runs_at_a_time_as_it_has_places(api):
    await queued(api, 9)
    at_work, most = 0, 0

    async def handle(claim):
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await trio.sleep(5)
        at_work -= 1

    metrics = await AgentPool(api, handle, size=4).run(until_empty=True)
    assert (metrics.completed, most) == (9, 4)


async def test_plain_handlers_run_at_the_same_time_in_threads(api):
    await queued(api, 3)
    together = threading.Barrier(3)

    def handle(claim):
        together.wait()
        return threading.current_thread() is not threading.main_thread()

    metrics = await AgentPool(api, handle, size=3).run(until_empty=True)
    assert metrics.completed == 3


async def test_what_is_queued_by_the_end_of_another_task_is_worked_on_before_the_queue_is_empty(
    api,
):
    first = await api.create_task("first")
    second = await api.create_task("second", auto_enqueue_on_ready=True)
    await api.add_dependency(second.id, first.id)
    await api.start_task(first.id)

    async def handle(claim):
        await trio.sleep(10)

    metrics = await AgentPool(api, handle, size=5).run(until_empty=True)
    assert metrics.completed == 2


async def test_a_handler_that_takes_many_leases_keeps_its_own(api):
    [task_id] = await queued(api)

    async def handle(claim):
        until = claim.lease_until
        await trio.sleep(20 * LEASE_S)
        return claim.lease_until > until

    await AgentPool(api, handle, lease_seconds=LEASE_S).run(until_empty=True)
    assert (await api.task(task_id)).result is True
    assert "task.run_lease_expired" not in await events_of(api, task_id)


async def test_a_plain_handler_that_blocks_keeps_its_lease(api):
    [task_id] = await queued(api)
    goes_on = threading.Event()

    def handle(claim):
        goes_on.wait()
        return "blocked"

    async def release_it_later():
        await trio.sleep(10 * LEASE_S)
        goes_on.set()

    pool = AgentPool(api, handle, lease_seconds=LEASE_S)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(release_it_later)
        await pool.run(until_empty=True)
    assert (await api.task(task_id)).result == "blocked"
    assert "task.run_lease_expired" not in await events_of(api, task_id)


async def test_the_handler_of_a_canceled_task_is_canceled_and_told_why(api):
    [task_id] = await queued(api)
    told = []

    async def handle(claim):
        await api.cancel_task(claim.task_id)
        try:
            await trio.sleep_forever()
        finally:
            told.append(claim.lost)

    metrics = await AgentPool(api, handle, lease_seconds=LEASE_S).run(until_empty=True)
    assert (metrics.lost, metrics.completed) == (1, 0)
    [why] = told
    assert "canceled" in why
    assert (await api.task(task_id)).status == "canceled"


async def test_a_plain_handler_sees_that_its_run_is_lost(api):
    await queued(api)
    seen = []

    def handle(claim):
        trio.from_thread.run(api.cancel_task, claim.task_id)
        while claim.lost is None:
            pass
        seen.append(claim.lost)

    metrics = await AgentPool(api, handle).run(until_empty=True)
    assert metrics.lost == 1
    assert len(seen) == 1


async def test_a_pool_whose_session_is_ended_goes_on_under_another(api):
    [task_id] = await queued(api)
    sessions = []

    async def handle(claim):
        sessions.append(claim.agent.session)
        if len(sessions) == 1:
            await api.end_session(claim.agent.session)
            await trio.sleep_forever()
        return "done"

    metrics = await AgentPool(api, handle).run(until_empty=True)
    assert len(set(sessions)) == 2
    assert (metrics.lost, metrics.completed) == (1, 1)
    assert (await api.task(task_id)).result == "done"


@pytest.mark.parametrize("goes_on", [False, True])
@pytest.mark.parametrize("verb", ["complete", "fail"])
async def test_what_a_handler_has_ended_itself_counts_as_that(api, caplog, verb, goes_on):
    """As a program does that calls `chargehand agent complete`; no warning is about it."""
    await queued(api)

    async def handle(claim):
        await getattr(api, verb)(claim, "by itself")
        if goes_on:
            await trio.sleep_forever()
        return "another end"

    metrics = await AgentPool(api, handle, lease_seconds=LEASE_S).run(until_empty=True)
    completed = int(verb == "complete")
    assert (metrics.completed, metrics.failed, metrics.lost) == (completed, 1 - completed, 0)
    assert [one for one in caplog.records if one.levelname == "WARNING"] == []


async def test_what_an_operator_has_failed_is_lost(api):
    await queued(api)

    async def handle(claim):
        path = f"/api/runs/{claim.run_id}/fail"
        await api.request("POST", path, {"reason": "it hangs"})
        await trio.sleep_forever()

    metrics = await AgentPool(api, handle, lease_seconds=LEASE_S).run(until_empty=True)
    assert (metrics.failed, metrics.lost) == (0, 1)


async def test_a_handler_that_fails_as_it_is_canceled_costs_no_more_than_its_run(api):
    """In a nursery of its own, of which one task raises while the others are canceled."""
    ids = await queued(api, 2)

    async def fails_at_the_end():
        try:
            await trio.sleep_forever()
        finally:
            raise OSError("the disk is full")

    async def handle(claim):
        if claim.task_id == ids[0]:
            await api.cancel_task(claim.task_id)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                nursery.start_soon(fails_at_the_end)
        return "done"

    metrics = await AgentPool(api, handle, lease_seconds=LEASE_S).run(until_empty=True)
    assert (metrics.lost, metrics.completed) == (1, 1)


# --- errors -----------------------------------------------------------------------------------


async def fails(claim):
    raise ValueError("no such file")


async def test_an_exception_fails_the_run_and_says_what_it_was(api):
    [task_id] = await queued(api)
    metrics = await AgentPool(api, fails).run(until_empty=True)
    task = await api.task(task_id)
    assert (metrics.failed, task.runs[0].status) == (1, "failed")
    assert task.runs[0].error == "ValueError: no such file"


async def test_exceptions_of_a_nursery_are_reported_one_by_one(api):
    [task_id] = await queued(api)

    async def handle(claim):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fails, claim)

    await AgentPool(api, handle).run(until_empty=True)
    assert (await api.task(task_id)).runs[0].error == "ValueError: no such file"


async def test_a_handler_says_itself_what_becomes_of_its_run(api):
    first, second = await queued(api, 2)
    endings = {first: Fail("tests are red", {"tests": 3}), second: NeedsPerson("which of both?")}

    async def handle(claim):
        raise endings[claim.task_id]

    metrics = await AgentPool(api, handle).run(until_empty=True)
    assert metrics.failed == 2
    assert (await api.task(first)).runs[0].error == "tests are red"
    [review] = (await api.request("GET", f"/api/tasks/{second}/reviews"))["reviews"]
    assert (review["status"], review["reason"]) == ("requested", "which of both?")
    timeline = (await api.request("GET", f"/api/tasks/{second}/timeline"))["timeline"]
    [asked] = [one for one in timeline if "review_requested" in one["event_type"]]
    assert asked["actor"]["kind"] == "agent_session"
    for of in (f"tasks/{second}", f"runs/{review['run_id']}"):
        found = (await api.request("GET", f"/api/{of}/inspect"))["inspect"]
        [told] = found["diagnostics"]
        assert told["suggested_command"] == f"chargehand review show {review['review_id']}"
        assert review["review_id"] in told["message"]
    inbox = (await api.request("GET", "/api/observe/tasks/inbox"))["inbox"]
    why = {
        item["task"]["id"]: item.get("blocking_reason")
        for group in inbox["groups"]
        for item in group.get("items", ())
    }
    assert why == {first: "latest_run_failed", second: "awaiting_review"}


async def test_a_rejected_review_has_the_work_go_on_with_the_guidance(api):
    await queued(api)
    guidance = []

    async def handle(claim):
        if claim.run_metadata is None:
            raise NeedsPerson("which of both?")
        guidance.append(claim.run_metadata)

    await AgentPool(api, handle).run(until_empty=True)
    [task] = await api.tasks()
    [review] = (await api.request("GET", f"/api/tasks/{task.id}/reviews"))["reviews"]
    verdict = {
        "run_id": review["run_id"],
        "verdict": {
            "outcome": "rejected",
            "confidence": 1.0,
            "reason": "it was not decided",
            "delivery_id": "1",
            "next_round_guidance": "the first one",
        },
    }
    await api.request("POST", f"/api/task-reviews/{review['review_id']}/verdict", verdict)
    metrics = await AgentPool(api, handle).run(until_empty=True)
    assert metrics.completed == 1
    assert "the first one" in str(guidance)


async def test_the_rule_of_the_pool_decides_about_exceptions(api):
    [task_id] = await queued(api)
    attempts = []

    async def handle(claim):
        attempts.append(claim.run_id)
        if len(attempts) < 3:
            raise OSError("the network is down")

    def rule(claim, error):
        return Release(f"{claim.title}: {error}")

    metrics = await AgentPool(api, handle, on_error=rule).run(until_empty=True)
    assert (metrics.released, metrics.completed) == (2, 1)
    assert len(set(attempts)) == 1  # one run all the time
    assert (await api.task(task_id)).status == "completed"


async def test_a_rule_that_fails_itself_fails_the_run(api):
    [task_id] = await queued(api)

    def rule(claim, error):
        raise KeyError("rule")

    await AgentPool(api, fails, on_error=rule).run(until_empty=True)
    assert (await api.task(task_id)).runs[0].error == "KeyError: 'rule'"


async def test_a_reason_that_is_too_long_for_a_review_is_cut_and_a_person_is_asked(api):
    [task_id] = await queued(api)

    async def handle(claim):
        raise NeedsPerson("which?" + "x" * 5000)

    await AgentPool(api, handle).run(until_empty=True)
    [review] = (await api.request("GET", f"/api/tasks/{task_id}/reviews"))["reviews"]
    assert review["reason"].startswith("which?x")
    assert len(review["reason"]) == 4096


def exits(claim):
    sys.exit(3)


async def exits_on_trio(claim):
    sys.exit(3)


async def exits_in_a_nursery(claim):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(exits_on_trio, claim)
        nursery.start_soon(trio.sleep_forever)


@pytest.mark.parametrize("handler", [exits, exits_on_trio, exits_in_a_nursery])
async def test_a_handler_that_exits_fails_its_run_and_not_the_pool(api, handler):
    [task_id] = await queued(api)
    metrics = await AgentPool(api, handler).run(until_empty=True)
    assert metrics.failed == 1
    assert (await api.task(task_id)).runs[0].error == "SystemExit: 3"


async def test_a_keyboard_interrupt_ends_the_pool(system):
    [task_id] = await queued(system)

    async def handle(claim):
        raise KeyboardInterrupt

    with pytest.RaisesGroup(KeyboardInterrupt, flatten_subgroups=True):
        await AgentPool(system, handle).run(until_empty=True)
    assert (await system.task(task_id)).runs[0].status == "queued"


async def test_a_rule_that_decides_nothing_fails_the_run_and_says_so(api):
    [task_id] = await queued(api)
    await AgentPool(api, fails, on_error=lambda claim, error: None).run(until_empty=True)
    error = (await api.task(task_id)).runs[0].error
    assert "on_error" in error
    assert "None" in error
    assert "ValueError: no such file" in error


@pytest.mark.parametrize(
    ("options", "kind", "told"),
    [
        ({"handler": 5}, TypeError, "handler"),
        ({"on_error": 5}, TypeError, "on_error"),
        ({"capabilities": "gpu"}, TypeError, "capabilities"),
        ({"drain_seconds": -1}, ValueError, "drain_seconds"),
        ({"drain_seconds": float("nan")}, ValueError, "drain_seconds"),
        ({"priority_min": 41}, ValueError, "priority_min"),
        ({"priority_min": -1}, ValueError, "priority_min"),
        ({"size": 0}, ValueError, "1 to 1000"),
        ({"size": 1001}, ValueError, "1 to 1000"),
        ({"lease_seconds": 0}, ValueError, "lease_seconds"),
        ({"lease_seconds": 86_401}, ValueError, "lease_seconds"),
    ],
)
async def test_what_no_pool_can_be_made_of_is_reported_at_once(system, options, kind, told):
    handler = options.pop("handler", answer)
    with pytest.raises(kind, match=told):
        AgentPool(system, handler, **options)


@pytest.mark.parametrize("result", [object(), "x" * 70_000])
async def test_a_result_that_is_refused_fails_the_run(api, result):
    [task_id] = await queued(api)

    async def handle(claim):
        return result

    metrics = await AgentPool(api, handle).run(until_empty=True)
    task = await api.task(task_id)
    assert (metrics.failed, task.runs[0].status) == (1, "failed")
    assert "its result was refused" in task.runs[0].error


async def test_metadata_that_is_refused_is_left_out(api):
    [task_id] = await queued(api)

    async def handle(claim):
        raise Fail("broken", {"a": object()})

    await AgentPool(api, handle).run(until_empty=True)
    assert (await api.task(task_id)).runs[0].error == "broken"


async def test_a_plain_function_that_returns_a_coroutine_is_told_so(api):
    [task_id] = await queued(api)
    await AgentPool(api, lambda claim: answer(claim)).run(until_empty=True)
    assert "no async function" in (await api.task(task_id)).runs[0].error


@pytest.mark.parametrize(
    ("options", "code"),
    [({"workspace": "nowhere"}, "identity_unauthorized"), ({"capabilities": ["a b"]}, None)],
)
async def test_a_pool_that_can_never_claim_says_why(api, options, code):
    with pytest.raises(Refused) as refused:
        await AgentPool(api, answer, size=3, **options).run()
    assert refused.value.code == code or code is None
    assert refused.value.next_step
    if code is not None:
        assert "there is no such workspace" in refused.value.message
        assert "/api/workspaces" in refused.value.next_step


# --- ends -------------------------------------------------------------------------------------


async def test_a_drained_pool_claims_nothing_more_and_lets_handlers_finish(api):
    first, second = await queued(api, 2)

    async def handle(claim):
        pool.drain()
        await trio.sleep(20)
        return "finished"

    pool = AgentPool(api, handle, drain_seconds=30)
    metrics = await pool.run()
    assert (metrics.completed, metrics.claimed) == (1, 1)
    assert (await api.task(first)).result == "finished"
    assert (await api.task(second)).runs[0].status == "queued"


async def test_what_a_drained_pool_does_not_finish_in_time_is_given_back(api):
    [task_id] = await queued(api)

    async def handle(claim):
        pool.drain()
        await trio.sleep_forever()

    pool = AgentPool(api, handle, drain_seconds=30)
    began_s = trio.current_time()
    metrics = await pool.run()
    assert metrics.released == 1
    assert trio.current_time() - began_s == pytest.approx(30, abs=1)
    [run] = (await api.task(task_id)).runs
    assert (run.status, run.attempt) == ("queued", 1)


async def test_a_thread_that_does_not_end_holds_no_drained_pool(api):
    [task_id] = await queued(api)
    goes_on = threading.Event()
    pool = AgentPool(api, lambda claim: goes_on.wait(), drain_seconds=30)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.run)
        await trio.sleep(1)  # on a clock that jumps when all wait, the thread's handler too
        pool.drain()
    assert pool.metrics.released == 1
    assert (await api.task(task_id)).runs[0].status == "queued"
    goes_on.set()


async def test_a_thread_is_told_that_its_run_was_given_back_by_a_drain(api):
    [task_id] = await queued(api)
    told = []

    def handle(claim):
        trio.from_thread.run_sync(pool.drain)
        while claim.lost is None:
            pass
        told.append(claim.lost)

    pool = AgentPool(api, handle, drain_seconds=0.1)
    metrics = await pool.run()
    assert metrics.released == 1
    await until_told(told)
    assert told == ["its agent pool was drained"]
    assert (await api.task(task_id)).runs[0].status == "queued"


async def test_a_thread_is_told_that_its_run_was_given_back_as_the_pool_was_canceled(api):
    await queued(api)
    told = []

    def handle(claim):
        trio.from_thread.run_sync(scope.cancel)
        while claim.lost is None:
            pass
        told.append(claim.lost)

    pool = AgentPool(api, handle)
    with trio.CancelScope() as scope:
        await pool.run()
    assert pool.metrics.released == 1
    await until_told(told)
    assert told == ["its agent pool was canceled"]


async def until_told(told) -> None:
    """Return once the thread has seen it; a thread that is never told fails the test."""
    for _ in range(10_000):
        if told:
            return
        await trio.to_thread.run_sync(time.sleep, 0.001)
    raise AssertionError("the thread was not told")


async def test_an_async_handler_sees_that_its_pool_was_drained(api):
    await queued(api)
    told = []

    async def handle(claim):
        pool.drain()
        try:
            await trio.sleep_forever()
        finally:
            told.append(claim.lost)

    pool = AgentPool(api, handle, drain_seconds=1)
    await pool.run()
    assert told == ["its agent pool was drained"]


async def test_a_pool_that_has_run_says_that_it_cannot_run_again(api):
    pool = AgentPool(api, answer)
    await pool.run(until_empty=True)
    with pytest.raises(RuntimeError, match="another AgentPool"):
        await pool.run()


async def test_a_pool_that_is_drained_before_it_runs_claims_nothing(api):
    [task_id] = await queued(api)
    pool = AgentPool(api, answer)
    pool.drain()
    assert (await pool.run()).claimed == 0
    assert (await api.task(task_id)).runs[0].status == "queued"


async def test_a_drain_ends_claims_that_wait_at_once(api):
    pool = AgentPool(api, answer, size=5)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.run)
        await trio.testing.wait_all_tasks_blocked()
        began_s = trio.current_time()
        pool.drain()
    assert trio.current_time() - began_s < 1
    [task_id] = await queued(api)
    assert (await api.task(task_id)).runs[0].status == "queued"


async def test_a_canceled_pool_gives_its_runs_back(api):
    [task_id] = await queued(api)
    pool = AgentPool(api, lambda claim: None)

    async def handle(claim):
        scope.cancel()
        await trio.sleep_forever()

    pool = AgentPool(api, handle)
    with trio.CancelScope() as scope:
        await pool.run()
    assert scope.cancelled_caught
    assert pool.metrics.released == 1
    assert (await api.task(task_id)).runs[0].status == "queued"


async def test_the_sessions_of_a_pool_end_with_it(api):
    await queued(api)
    await AgentPool(api, answer, size=3, name="short lived").run(until_empty=True)
    sessions = (await api.request("GET", "/api/sessions"))["sessions"]
    assert [one for one in sessions if one["agent_name"] == "short lived"] == []


# --- whom they work for -----------------------------------------------------------------------


async def test_a_pool_of_a_workspace_and_channel_takes_just_their_runs(api):
    workspace = (await api.request("POST", "/api/workspaces/resolve", {"path": "/srv/shop"}))[
        "workspace"
    ]["id"]
    [ours] = await queued(api, workspace=workspace, channel="build")
    [other] = await queued(api, workspace=workspace, channel="test")
    await queued(api)
    pool = AgentPool(api, answer, size=2, workspace=workspace, channel="build")
    metrics = await pool.run(until_empty=True)
    assert metrics.completed == 1
    assert (await api.task(ours)).status == "completed"
    assert (await api.task(other)).status == "ready"


async def test_a_thousand_places_wait_and_work_at_the_same_time(system):
    count = 1000
    pool = AgentPool(system, answer, size=count)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.run)
        await trio.testing.wait_all_tasks_blocked()
        await queued(system, count)
        await trio.testing.wait_all_tasks_blocked()
        assert pool.metrics.completed == count
        pool.drain()


class RequiringRegistration:
    @pytest.fixture
    def settings(self):
        return Settings(require_registration=True)


class TestWhereSessionsMustBeRegistered(RequiringRegistration):
    async def test_a_pool_registers_its_own(self, api):
        await queued(api, 2)
        metrics = await AgentPool(api, answer, size=2).run(until_empty=True)
        assert metrics.completed == 2
