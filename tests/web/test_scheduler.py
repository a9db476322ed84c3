"""The scheduler over HTTP."""

from datetime import datetime

import pytest
import trio


async def test_status_pause_and_resume(client):
    await client.queued()
    status = (await client.get("/api/scheduler")).json["scheduler"]
    status.pop("as_of")
    assert status == {
        "paused": False,
        "active_claim_count": 0,
        "queued_run_count": 1,
        "paused_task_count": 0,
        "starved_run_count": 0,
        "needs_attention_run_count": 0,
    }
    paused = (await client.post("/api/scheduler/pause", {"reason": " maint "})).json["scheduler"]
    assert (paused["paused"], paused["paused_by"]) == (True, "human:local-user")
    assert paused["paused_reason"] == "maint"
    assert (await client.acting_as("s1").post("/api/agent/tasks/claim-next")).status == 204
    resumed = (await client.post("/api/scheduler/resume", {"reason": "x"})).json["scheduler"]
    assert not {"paused_by", "paused_at", "paused_reason"} & set(resumed)
    assert resumed["paused"] is False


async def test_a_reason_has_its_bounds(client):
    for verb in ("pause", "drain"):
        answered = await client.post(f"/api/scheduler/{verb}", {"reason": "x" * 4097})
        assert (answered.status, answered.pointer) == (422, "/reason")


async def test_drain_waits_for_claims(client, autojump_clock):
    run = await client.queued()
    agent = client.acting_as("s1")
    await agent.post("/api/agent/tasks/claim-next")
    at_once = (await client.post("/api/scheduler/drain", {"timeout_seconds": 0})).json
    assert (at_once["completed"], at_once["timed_out"]) == (False, True)
    assert at_once["remaining_claims"] == 1
    [left] = at_once["remaining_runs"]
    assert (left["id"], left["status"], left["session_id"]) == (run["id"], "claimed", "s1")
    refused = await client.post("/api/scheduler/drain", {"timeout_seconds": -1})
    assert (refused.status, refused.pointer) == (422, "/timeout_seconds")
    async with trio.open_nursery() as nursery:

        async def drain() -> None:
            answered = (await client.post("/api/scheduler/drain", {"timeout_seconds": 90})).json
            assert answered["completed"] is True
            assert "timed_out" not in answered
            assert answered["remaining_claims"] == 0
            assert "remaining_runs" not in answered

        nursery.start_soon(drain)
        await trio.sleep(80)  # longer than an answer may take to be sent
        shown = (await client.get("/api/scheduler")).json["scheduler"]["drain"]
        assert set(shown) == {"started_at", "ends_at", "claims_at_start"}
        started, ends = (datetime.fromisoformat(shown[name]) for name in ("started_at", "ends_at"))
        assert (ends - started).total_seconds() == 90
        assert shown["claims_at_start"] == 1
        await agent.post(f"/api/agent/tasks/{run['id']}/heartbeat")
        await agent.post(f"/api/agent/tasks/{run['id']}/complete")


async def test_the_backlog_is_filtered_and_paged(client):
    made = (await client.post("/api/workspaces", {"root_dir": "/srv/ws"})).json["workspace"]
    low = await client.queued(priority="low")
    urgent = await client.queued(priority="urgent")
    local = await client.queued(scope="workspace", workspace="ws")
    first = await client.get("/api/scheduler/backlog?limit=2")
    assert first.json["backlog"]["total"] == 3
    link = first.headers["link"]
    rest = await client.get(link[1 : link.index(">")])
    rows = first.json["backlog"]["runs"] + rest.json["backlog"]["runs"]
    assert [row["run"]["id"] for row in rows] == [urgent["id"], local["id"], low["id"]]
    assert rows[0]["task"]["priority"] == "urgent"
    for query in ("workspace=ws", f"workspace={made['id']}", "scope=workspace"):
        found = (await client.get(f"/api/scheduler/backlog?{query}")).json["backlog"]
        assert [row["run"]["id"] for row in found["runs"]] == [local["id"]]
    empty = (await client.get("/api/scheduler/backlog?workspace=nowhere")).json["backlog"]
    assert empty == {"runs": [], "total": 0}


async def test_a_run_whose_priority_changes_after_the_first_page_is_shown_once(client):
    made = [await client.queued() for _ in range(5)]
    seen, target = [], "/api/scheduler/backlog?limit=2"
    while target:
        answered = await client.get(target)
        seen += [row["run"]["id"] for row in answered.json["backlog"]["runs"]]
        link = answered.headers.get("link", "")
        target = link[1 : link.index(">")] if link else ""
        if len(seen) == 2:
            for run, priority in ((made[4], "urgent"), (made[0], "low"), (made[2], "high")):
                await client.send("PATCH", f"/api/tasks/{run['task_id']}", {"priority": priority})
    assert seen == [run["id"] for run in made]


async def test_a_claim_under_a_pause_is_204_and_the_scheduler_says_who_paused_it_since_when(
    client, autojump_clock
):
    await client.queued()
    operator, agent = client.acting_as("boss", "ops"), client.acting_as("s1")
    await operator.post("/api/scheduler/pause", {"reason": "upgrade"})
    for body in ({}, {"wait": True}):
        answered = await agent.post("/api/agent/tasks/claim-next", body)
        assert (answered.status, answered.body) == (204, b"")
        assert "retry-after" not in answered.headers  # a claim with wait is the way to wait
    told = (await agent.get("/api/scheduler")).json["scheduler"]
    assert told["paused_by"] == "agent_session:boss"
    assert told["paused_reason"] == "upgrade"
    assert told["paused_at"] == "2026-09-21T14:13:20.1234567Z"


async def test_the_backlog_hides_paused_tasks(client):
    run = await client.queued()
    await client.post(f"/api/tasks/{run['task_id']}/pause", {"reason": "hold"})
    assert (await client.get("/api/scheduler/backlog")).json["backlog"]["total"] == 0
    shown = (await client.get("/api/scheduler/backlog?include_paused=1")).json["backlog"]
    assert shown["runs"][0]["task"]["paused_by_task_id"] == run["task_id"]


@pytest.mark.parametrize("query", ["limit=-1", "include_paused=x", "scope=x", "cursor=eA"])
async def test_a_bad_parameter_of_the_backlog(client, query):
    answered = await client.get(f"/api/scheduler/backlog?{query}")
    assert (answered.status, answered.pointer) == (422, f"?{query.split('=')[0]}")
