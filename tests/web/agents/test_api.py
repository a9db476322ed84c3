"""The calls of a program: the same answers and refusals in process and over HTTP."""

import pytest
import trio

from chargehand import (
    Agent,
    AgentPool,
    BatchRefused,
    ChargehandError,
    Claim,
    LeaseLost,
    NewTask,
    Refused,
    Task,
    Unavailable,
)
from chargehand.actors import limits
from chargehand.web.agents.task_pages import FILTERS
from chargehand.web.ignored import known_parameters
from chargehand.web.operations import Operation
from tests.web.agents.conftest import over_http

BUILDER = Agent("builder", "sess-1")


async def claimed(api, **fields) -> Claim:
    task = await api.create_task("work", **fields)
    await api.start_task(task.id)
    claim = await api.claim(BUILDER, lease_seconds=60)
    assert claim is not None
    return claim


async def test_a_task_is_shown_as_it_was_made(api):
    made = await api.create_task(
        "Ship it", id="ship-it", description="now", metadata={"a": 1}, priority="urgent"
    )
    assert (made.id, made.title, made.priority, made.status) == (
        "ship-it",
        "Ship it",
        "urgent",
        "ready",
    )
    assert made.data["metadata"] == {"a": 1}
    run = await api.start_task("ship-it")
    assert (run.status, run.attempt) == ("queued", 1)
    assert (await api.task("ship-it")).runs == (await api.run(run.id),)
    assert [task.id for task in await api.tasks(status="ready")] == ["ship-it"]


async def test_children_and_dependencies_are_made(api):
    root = await api.create_task("root")
    child = await api.create_task("child", parent=root.id, draft=True)
    await api.add_dependency(root.id, child.id)
    assert child.data["parent_task_id"] == root.id
    assert child.status == "draft"
    assert (await api.task(root.id)).status == "blocked"


async def test_a_claim_holds_what_there_is_to_know(api):
    claim = await claimed(api, metadata={"a": 1}, description="do it")
    assert (claim.title, claim.description, claim.metadata, claim.run_metadata) == (
        "work",
        "do it",
        {"a": 1},
        None,
    )
    assert (claim.attempt, claim.priority, claim.lease_seconds) == (1, "medium", 60)
    assert claim.data["run"]["id"] == claim.run_id
    assert claim.data["task"]["id"] == claim.task_id
    assert claim.data["lease"]["claim_token_hash"] == claim.token


async def test_there_may_be_nothing_to_claim(api):
    assert await api.claim(BUILDER) is None
    assert await api.claim(BUILDER, wait=True) is None


async def test_a_claim_that_waits_is_answered_when_there_is_work(api):
    got = []

    async def claim():
        got.append(await api.claim(BUILDER, wait=True))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(claim)
        await trio.testing.wait_all_tasks_blocked()
        task = await api.create_task("work")
        await api.start_task(task.id)
    assert got[0].task_id == task.id


async def test_a_heartbeat_renews_the_lease_for_what_the_claim_asked(api):
    claim = await claimed(api)
    before = claim.lease_until
    await trio.sleep(30)
    after = await api.heartbeat(claim)
    assert after == claim.lease_until
    assert (after - before).total_seconds() == pytest.approx(30, abs=1)


async def test_each_end_may_be_reported_twice(api):
    for end in (api.complete, api.fail):
        claim = await claimed(api)
        await end(claim, "so it was")
        await end(claim, "so it was")
        run = await api.run(claim.run_id)
        assert run.result == "so it was" or run.error == "so it was"


async def test_a_released_run_is_queued_again(api):
    claim = await claimed(api)
    await api.release(claim, "no time")
    assert (await api.run(claim.run_id)).status == "queued"


@pytest.mark.parametrize("verb", ["heartbeat", "complete", "release"])
async def test_whoever_has_lost_the_lease_is_told(api, verb):
    claim = await claimed(api)
    await trio.sleep(90)
    with pytest.raises(LeaseLost) as lost:
        await getattr(api, verb)(claim)
    assert lost.value.code in ("AUTONOMY_LEASE_EXPIRED", "AUTONOMY_NO_ACTIVE_LEASE")
    assert lost.value.status == 409


async def test_many_tasks_are_made_at_once_and_name_each_other(api):
    old = await api.create_task("old")
    build = NewTask("Build", metadata={"a": 1}, parent=old.id, enqueue=True)
    test = NewTask("Test", id="test", parent=build, depends_on=[old.id])
    deploy = NewTask("Deploy", depends_on=[test, build], auto_enqueue_on_ready=True)
    made = await api.create_tasks([deploy, test, build], key="once")
    assert [task.title for task in made] == ["Deploy", "Test", "Build"]
    assert [task.status for task in made] == ["blocked", "blocked", "ready"]
    assert made[1].data["parent_task_id"] == made[2].id
    assert made[2].data["parent_task_id"] == old.id
    assert [[run.status for run in (await api.task(task.id)).runs] for task in made] == [
        [],
        [],
        ["queued"],
    ]
    again = await api.create_tasks([deploy, test, build], key="once")
    assert [task.id for task in again] == [task.id for task in made]


async def test_of_many_tasks_none_is_made_where_one_is_refused_or_each_that_can_be(api):
    await api.create_task("old", id="old")
    tasks = [NewTask("a"), NewTask("b", id="old"), NewTask(" ")]
    tasks.append(NewTask("d", parent=tasks[1]))
    with pytest.raises(BatchRefused) as refused:
        await api.create_tasks(tasks)
    error = refused.value
    assert (error.code, error.status) == ("task_already_exists", 409)
    codes = {index: one.code for index, one in error.refusals.items()}
    assert codes == {
        1: "task_already_exists",
        2: "invalid_request",
        3: "task_batch_item_refused",
    }
    assert error.message == f"item 1: {error.refusals[1].message}"
    assert error.refusals[2].next_step
    assert len(await api.tasks()) == 1
    made, *others = await api.try_create_tasks(tasks)
    assert isinstance(made, Task)
    assert [one.code for one in others] == [*codes.values()]
    with pytest.raises(Refused, match="not among them"):
        await api.create_tasks([NewTask("e", depends_on=[NewTask("f")])])
    with pytest.raises(Refused) as none:
        await api.create_tasks([])
    assert not isinstance(none.value, BatchRefused)


async def test_a_claim_under_a_key_is_given_again(api):
    for _ in range(2):
        task = await api.create_task("work")
        await api.start_task(task.id)
    first = await api.claim(BUILDER, key="one")
    again = await api.claim(BUILDER, key="one")
    assert (again.run_id, again.token) == (first.run_id, first.token)
    with pytest.raises(Refused, match="lease") as refused:
        await api.claim(BUILDER, key="two")
    assert refused.value.code == "AUTONOMY_LEASE_ALREADY_HELD"
    assert "which is 1 (max_leases_per_session)" in refused.value.message
    assert "--max-leases-per-session" in refused.value.next_step


async def test_a_write_under_a_key_is_done_once(api):
    first = await api.create_task("work", key="once")
    assert (await api.create_task("work", key="once")).id == first.id
    with pytest.raises(Refused) as refused:
        await api.create_task("other", key="once")
    assert (refused.value.code, refused.value.status) == ("idempotency_key_reused", 409)


async def test_a_refusal_says_what_was_wrong_and_what_to_do(api):
    with pytest.raises(Refused) as refused:
        await api.task("nothing")
    error = refused.value
    assert (error.code, error.status) == ("task_not_found", 404)
    assert "nothing" in error.message
    assert error.next_step
    assert str(error) == f"Task not found: {error.message} (next: {error.next_step})"


async def test_what_is_no_json_is_refused_before_it_is_sent(api):
    with pytest.raises(Refused, match="JSON"):
        await api.create_task("work", metadata={"a": object()})


async def test_any_operation_can_be_asked(api):
    task = await api.create_task("work")
    paused = await api.request("POST", f"/api/tasks/{task.id}/pause", {"reason": "later"})
    assert paused["task"]["paused"] is True
    assert await api.request("DELETE", f"/api/tasks/{task.id}") is None
    with pytest.raises(Refused) as refused:
        await api.request("GET", "/api/nonsense")
    assert refused.value.status == 404


async def test_an_agent_may_ask_as_itself(api):
    task = await api.create_task("work")
    await api.request("POST", f"/api/tasks/{task.id}/pause", {"reason": "x"}, agent=BUILDER)
    assert (await api.task(task.id)).data["paused_by"] == "agent_session:sess-1"


async def test_a_registered_session_is_an_agent(api):
    agent = await api.register_session("builder", channel="build", capabilities=["go"])
    session = (await api.request("GET", f"/api/sessions/{agent.session}"))["session"]
    assert (session["channel"], session["capabilities"]) == ("build", ["go"])
    await api.end_session(agent.session)
    with pytest.raises(Refused) as refused:
        await api.claim(agent)
    assert refused.value.code == "identity_stale"


async def test_an_idle_session_is_ended_by_whoever_waits_for_it(system):
    got = []

    async def claim():
        with pytest.raises(Refused) as refused:
            await system.claim(BUILDER, wait=True)
        got.append(refused.value.code)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(claim)
        await trio.testing.wait_all_tasks_blocked()
        await system.end_session(BUILDER.session)
    assert got == ["identity_stale"]


async def test_events_come_in_order_until_the_task_is_deleted(system):
    task = await system.create_task("work")
    seen = []
    async with system.events(task.id) as events, trio.open_nursery() as nursery:

        async def follow():
            async for event in events:
                seen.append(event)

        nursery.start_soon(follow)
        await trio.testing.wait_all_tasks_blocked()
        run = await system.start_task(task.id)
        await system.request("POST", f"/api/task-runs/{run.id}/cancel")
        await system.request("DELETE", f"/api/tasks/{task.id}")
    types = [event.type for event in seen]
    assert types[0] == "task.created"
    assert "task.run_enqueued" in types
    assert [event.seq for event in seen] == sorted({event.seq for event in seen})
    assert {event.task_id for event in seen} == {task.id}
    assert run.id in {event.run_id for event in seen}
    assert seen[0].actor == "human:local-user"


async def test_events_behind_a_number_alone_are_reported(system):
    task = await system.create_task("work")
    await system.start_task(task.id)
    async with system.events(task.id) as events:
        first = await anext(events)
    async with system.events(task.id, after=first.seq) as events:
        assert (await anext(events)).seq > first.seq


async def test_events_of_all_tasks_come_from_now_on_or_from_behind_a_number(system, monkeypatch):
    await system.create_task("work", id="before")
    seen = []
    async with system.all_events() as events, trio.open_nursery() as nursery:

        async def follow():
            async for event in events:
                seen.append(event)

        nursery.start_soon(follow)
        await trio.testing.wait_all_tasks_blocked()
        for task_id in ("one", "other"):
            await system.create_task("work", id=task_id)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert [(event.task_id, event.type) for event in seen] == [
        ("one", "task.created"),
        ("other", "task.created"),
    ]
    async with system.all_events(after=0) as events:
        assert [(await anext(events)).task_id for _ in range(3)] == ["before", "one", "other"]
    with pytest.raises(Refused) as refused:
        async with system.all_events(workspace="nowhere") as events:
            await anext(events)
    assert refused.value.code == "workspace_not_found"
    monkeypatch.setattr(limits, "STREAM_BEHIND_TASKS_MAX", 2)
    with pytest.raises(Refused) as refused:
        async with system.all_events(after=0) as events:
            await anext(events)
    assert refused.value.code == "stream_cursor_behind"


async def test_events_of_no_task_are_refused(system):
    with pytest.raises(Refused):
        async with system.events("nothing") as events:
            await anext(events)


async def test_a_system_that_has_ended_refuses_everything():
    from chargehand import open_system

    async with open_system(None) as system:
        task = await system.create_task("work")
    with pytest.raises(Refused) as refused:
        await system.start_task(task.id)
    assert refused.value.code == "shutting_down"


def test_an_agent_is_named_in_letters_that_headers_can_hold():
    for wrong in (("café", "s"), ("a", "s\n"), ("a", "s", "/srv/Ü")):
        with pytest.raises(ValueError, match="printable ASCII"):
            Agent(*wrong)


def test_errors_can_be_told_apart():
    assert issubclass(LeaseLost, Refused)
    assert not issubclass(Unavailable, Refused)


async def test_a_list_is_of_so_many_tasks_as_were_asked_for_or_of_all(api, monkeypatch):
    monkeypatch.setattr("chargehand.web.agents.task_pages.LIST_MAX", 2)
    await api.create_tasks([NewTask(f"task {n}", id=f"t{n}") for n in range(5)])
    await api.create_task("other", draft=True)
    assert len(await api.tasks(limit=3)) == 3
    for limit in (0, -1, 1001):
        with pytest.raises(ValueError, match="limit must be 1 to 1,000"):
            await api.tasks(limit=limit)
    listed = [task.id async for task in api.all_tasks(status="ready")]
    assert sorted(listed) == ["t0", "t1", "t2", "t3", "t4"]
    assert listed == [task.id for task in await api.tasks(status="ready")]
    assert [task async for task in api.all_tasks(status="failed")] == []
    async for task in api.all_tasks():
        assert task.status in ("ready", "draft")
        break  # leaves nothing behind


async def test_a_filter_that_is_none_is_refused(api):
    for ask in (api.tasks, api.all_tasks):
        with pytest.raises(TypeError, match=r"'statsu': known are scope, .*status"):
            await ask(statsu="ready")
    with pytest.raises(TypeError, match="include_drafts must be a text"):
        await api.tasks(include_drafts=True)


def test_the_filters_are_those_of_the_api():
    assert {*FILTERS, "limit", "cursor"} == known_parameters(Operation.LIST_TASKS)


async def test_what_is_wrong_with_many_tasks_says_with_which(api):
    with pytest.raises(Refused) as refused:
        await api.create_tasks([NewTask("a"), NewTask("e", depends_on=[NewTask("f")])])
    assert "item 1 ('e') names 'f' as a dependency, which is not among" in refused.value.message
    with pytest.raises(Refused, match=r"'e'.* names 'f' as its parent"):
        await api.create_tasks([NewTask("e", parent=NewTask("f"))])
    with pytest.raises(Refused, match=r"item 1 \('b'\): a value cannot be written as JSON"):
        await api.create_tasks([NewTask("a"), NewTask("b", metadata=object())])
    with pytest.raises(TypeError, match="item 1 must be a NewTask, not 'b'"):
        await api.create_tasks([NewTask("a"), "b"])
    assert await api.tasks() == []


async def test_a_text_is_not_taken_for_a_list_of_letters(api):
    for one in ("abc", NewTask("a")):
        with pytest.raises(TypeError, match="depends_on must be a list"):
            NewTask("b", depends_on=one)
    for call in (
        lambda: api.claim(BUILDER, capabilities="go"),
        lambda: api.claim_batch(BUILDER, 2, capabilities="go"),
        lambda: api.register_session("builder", capabilities="go"),
    ):
        with pytest.raises(TypeError, match=r"give \['go'\]"):
            await call()
    with pytest.raises(TypeError, match=r"give \['go'\]"):
        AgentPool(api, print, capabilities="go")


@pytest.mark.parametrize(
    ("wrong", "kind", "said"),
    [
        (("blk", "x y"), ValueError, "session must be 1 to 128 of .* not 'x y'"),
        (("blk", ""), ValueError, "session must not be empty"),
        ((" ", "s1"), ValueError, "name must not be empty"),
        (("a" * 201, "s1"), ValueError, "at most 200"),
        (("a", 1), TypeError, "session must be a text, not 1"),
        ((None, "s1"), TypeError, "name must be a text"),
    ],
)
def test_an_agent_that_no_scheduler_would_take_is_refused_at_once(wrong, kind, said):
    with pytest.raises(kind, match=said):
        Agent(*wrong)


async def test_a_client_that_was_closed_says_so(system):
    client = over_http(system)
    await client.aclose()
    with pytest.raises(ChargehandError, match="the client is closed") as refused:
        await client.tasks()
    assert refused.value.code == "client_closed"
    with pytest.raises(ChargehandError, match="the client is closed"):
        async with client.events("any") as events:
            await anext(events)
