"""Inspection of tasks and runs, over HTTP."""

import trio

from chargehand.actors.views import timelines
from tests.web.client import ContractClient


async def inspected(client: ContractClient, target: str) -> dict:
    answered = await client.get(f"/api/{target}/inspect")
    assert answered.status == 200, answered.body
    return answered.json["inspect"]


async def claimed(client: ContractClient, session_id: str = "s1", **body: object) -> dict:
    """A run that the session has just claimed."""
    await client.queued()
    agent = client.acting_as(session_id)
    return (await agent.post("/api/agent/tasks/claim-next", body)).json["claim"]["run"]


def codes(seen: dict) -> list[str]:
    return [diagnostic["code"] for diagnostic in seen.get("diagnostics", ())]


async def test_a_task_without_a_run(client):
    task = await client.created()
    seen = await inspected(client, f"tasks/{task['id']}")
    assert set(seen) == {
        *("target", "task", "scheduler", "recent_events"),
        *("diagnostics", "next_action", "as_of"),
    }
    [told] = seen["diagnostics"]
    assert (told["code"], told["severity"]) == ("task_without_run", "info")
    assert told["id"] == f"task.inspect.task_without_run.{task['id']}"
    assert told["suggested_command"] == f"chargehand task start {task['id']}"
    assert told["evidence"] == {"task_id": task["id"], "as_of": seen["as_of"]}
    assert (seen["target"], seen["next_action"]) == ("task", "waiting_for_session")
    assert seen["scheduler"] == {"paused": False}
    assert seen["task"]["id"] == task["id"]


async def test_a_claimed_run_and_its_session(client, mock_clock):
    run = await claimed(client)
    mock_clock.jump(7)
    seen = await inspected(client, f"runs/{run['id']}")
    assert seen["target"] == "run"
    assert seen["next_action"] == "running"
    assert seen["current_run"] == {
        "run_id": run["id"],
        "task_id": run["task_id"],
        "status": "claimed",
        "attempt": 1,
        "queued_at": run["queued_at"],
        "claim_token_hash_truncated": run["claim_token_hash"].removeprefix("sha256:")[:8],
        "lease_until": run["lease_until"],
        "heartbeat_at": run["heartbeat_at"],
        "heartbeat_age_seconds": 7,
        "bound_session_id": "s1",
    }
    assert seen["recent_runs"] == [seen["current_run"]]
    bound = seen["bound_session"]
    assert (bound["session_id"], bound["state"], bound["agent_name"]) == ("s1", "active", "coder")


async def test_a_silent_run_is_reported_with_its_facts(client, mock_clock):
    run = await claimed(client)
    mock_clock.jump(121)
    seen = await inspected(client, f"tasks/{run['task_id']}")
    [told] = seen["diagnostics"]
    assert told["id"] == f"task.inspect.task_run_stuck.{run['id']}"
    assert (told["code"], told["severity"], told["category"], told["data_freshness"]) == (
        *("task_run_stuck", "warn"),
        *("task", "live"),
    )
    assert told["evidence"] == {
        "task_id": run["task_id"],
        "run_id": run["id"],
        "status": "claimed",
        "attempt": 1,
        "claim_token_hash_truncated": seen["current_run"]["claim_token_hash_truncated"],
        "lease_until": run["lease_until"],
        "heartbeat_at": run["heartbeat_at"],
        "as_of": seen["as_of"],
        "heartbeat_age_seconds": 121,
        "threshold_seconds": 120,
    }
    assert told["suggested_command"] == f"chargehand run force-release {run['id']}"
    assert seen["next_action"] == "recovery_required"


async def test_a_run_that_has_ended_is_no_orphan(client):
    await client.post("/api/sessions", {"agent_name": "coder", "id": "s1"})
    run = await claimed(client)
    await client.acting_as("s1").post(f"/api/agent/tasks/{run['id']}/complete")
    await client.send("DELETE", "/api/sessions/s1")
    seen = await inspected(client, f"runs/{run['id']}")
    assert (codes(seen), seen["next_action"]) == ([], "terminal")
    assert seen["bound_session"]["state"] == "stopped"


async def test_an_attached_session_that_was_forgotten_is_reported(client, mock_clock):
    run = await client.queued()
    await client.acting_as("s1").get("/api/scheduler")
    await client.post(f"/api/task-runs/{run['id']}/claim")
    attached = await client.post(f"/api/task-runs/{run['id']}/attach-session", {"session_id": "s1"})
    assert attached.status == 200
    mock_clock.jump(1000)  # it registered itself, and was idle for too long
    await client.get("/api/sessions")
    seen = await inspected(client, f"runs/{run['id']}")
    assert codes(seen) == ["run_without_lease", "task_run_orphan"]
    assert seen["bound_session"] == {"session_id": "s1", "state": "missing"}
    assert seen["diagnostics"][1]["evidence"]["session_state"] == "missing"


async def test_a_run_that_no_lease_guards_and_nobody_touches(client, autojump_clock):
    run = await client.queued()
    agent, path = client.acting_as("s1"), f"/api/task-runs/{run['id']}"
    await agent.post(f"{path}/claim", {"idempotency_key": "k"})
    started = (await agent.post(f"{path}/start", {"idempotency_key": "k"})).json["run"]
    dashboard = "/api/observe/tasks/dashboard"
    await trio.sleep(299)
    assert codes(await inspected(client, f"runs/{run['id']}")) == []
    assert (await client.get(dashboard)).json["dashboard"]["health"]["stuck_runs"] == 0
    await trio.sleep(2)
    for target in (f"runs/{run['id']}", f"tasks/{run['task_id']}"):
        seen = await inspected(client, target)
        assert (codes(seen), seen["next_action"]) == (["run_without_lease"], "recovery_required")
        [told] = seen["diagnostics"]
        assert (told["severity"], told["title"]) == ("warn", "Nobody touches the run")
        assert told["suggested_command"] == "chargehand session end s1"
        assert told["evidence"]["untouched_seconds"] == 301
    assert seen["recent_events"][-1]["type"] == "task.run_without_lease"
    assert (await client.get(dashboard)).json["dashboard"]["health"]["stuck_runs"] == 1
    inbox = await client.get("/api/observe/tasks/inbox?lane=failed_runs")
    [item] = inbox.json["inbox"]["groups"][0]["items"]
    assert item["task"]["id"] == run["task_id"]
    assert item["blocking_reason"] == "run_without_lease"
    timeline = await client.get(f"/api/tasks/{run['task_id']}/timeline")
    assert timeline.json["timeline"][-1]["payload"] == {
        "status": "running",
        "task_status": "in_progress",
        "untouched_since": started["started_at"],
        "untouched_ms": 300_000,
        "session_id": "s1",
    }
    assert (await client.send("DELETE", "/api/sessions/s1")).status == 204
    seen = await inspected(client, f"runs/{run['id']}")
    assert "run_without_lease" not in codes(seen)
    inbox = await client.get("/api/observe/tasks/inbox?lane=failed_runs")
    assert run["task_id"] not in inbox.body.decode()


async def test_a_failed_run_says_why_and_a_retry_takes_its_place(client):
    run = await claimed(client)
    body = {"error": "boom: password=hunter2"}
    await client.acting_as("s1").post(f"/api/agent/tasks/{run['id']}/fail", body)
    seen = await inspected(client, f"runs/{run['id']}")
    assert (codes(seen), seen["next_action"]) == (["task_run_crashed"], "recovery_required")
    assert "hunter2" not in str(seen["diagnostics"])
    assert seen["current_run"]["failure_kind"] == "error"
    again = (await client.post(f"/api/runs/{run['id']}/retry")).json["run"]
    assert codes(await inspected(client, f"runs/{run['id']}")) == []
    seen = await inspected(client, f"tasks/{run['task_id']}")
    assert seen["current_run"]["run_id"] == again["id"]
    assert seen["current_run"]["previous_run_id"] == run["id"]
    assert seen["current_run"]["retries"] == 1
    assert [each["run_id"] for each in seen["recent_runs"]] == [again["id"], run["id"]]
    assert seen["next_action"] == "claim_available"


async def test_nobody_there_for_long(client, mock_clock):
    run = await client.queued()
    mock_clock.jump(301)
    seen = await inspected(client, f"runs/{run['id']}")
    assert (codes(seen), seen["next_action"]) == (["task_run_stranded"], "stranded")
    await client.acting_as("s1").get("/api/scheduler")
    assert (await inspected(client, f"runs/{run['id']}"))["next_action"] == "claim_available"


async def test_why_a_task_does_not_run_is_reported_with_what_helps(client):
    """Each cause is lifted by the command that is told with it, here by the request of it."""
    await client.created(id="parent")
    await client.created(id="blocker")
    await client.post(
        "/api/tasks/parent/children",
        {"id": "t", "scope": "global", "title": "t", "approval_policy": "manual"},
    )
    await client.post("/api/tasks/t/dependencies", {"depends_on_task_id": "blocker"})
    await client.post("/api/tasks/t/runs")
    await client.post("/api/tasks/parent/pause", {"reason": "wait"})
    profile = {"worker": {"required_capabilities": ["paint"]}}
    await client.send("PUT", "/api/tasks/t/execution-profile", profile)
    held = [
        ("task_awaiting_approval", "task approve t", "POST", "/api/tasks/t/approve"),
        (
            "task_awaiting_dependencies",
            "task inspect blocker",
            "DELETE",
            "/api/tasks/t/dependencies/blocker",
        ),
        ("task_paused", "task resume parent", "POST", "/api/tasks/parent/resume"),
    ]
    taker = ("task_run_without_taker", "session list")
    for lifted, (last, _, method, path) in enumerate(held):
        told = (await inspected(client, "tasks/t"))["diagnostics"]
        expected = [(code, command) for code, command, _, _ in held[lifted:]]
        if last == "task_paused":
            expected.append(taker)  # only the pause is in its way yet
        assert [(each["code"], each["suggested_command"]) for each in told] == [
            (code, f"chargehand {command}") for code, command in expected
        ]
        assert (await client.send(method, path)).status < 300
    [told] = (await inspected(client, "tasks/t"))["diagnostics"]
    assert (told["code"], told["suggested_command"]) == (taker[0], f"chargehand {taker[1]}")
    assert "paint" in told["message"]
    painter = {"id": "s", "agent_name": "p", "capabilities": ["paint"]}
    await client.post("/api/sessions", painter)
    seen = await inspected(client, "tasks/t")
    assert ("diagnostics" not in seen, seen["next_action"]) == (True, "claim_available")


async def test_pauses_are_reported_and_hold_back(client):
    run = await client.queued()
    await client.acting_as("s1").get("/api/scheduler")
    await client.post(f"/api/tasks/{run['task_id']}/pause", {"reason": "wait"})
    assert (await inspected(client, f"runs/{run['id']}"))["next_action"] == "waiting_for_session"
    await client.post(f"/api/tasks/{run['task_id']}/resume")
    await client.post("/api/scheduler/pause", {"reason": "night"})
    seen = await inspected(client, f"runs/{run['id']}")
    assert seen["next_action"] == "waiting_for_session"
    paused = seen["scheduler"]
    assert (paused["paused"], paused["reason"]) == (True, "night")
    assert paused["paused_by"] == "human:local-user"
    assert paused["paused_at"] == paused["updated_at"]
    await client.post("/api/scheduler/resume")
    resumed = (await inspected(client, f"runs/{run['id']}"))["scheduler"]
    assert resumed == {"paused": False, "updated_at": resumed["updated_at"]}


async def test_recent_events_are_the_latest_ten_in_order(client):
    run = await claimed(client)
    agent = client.acting_as("s1")
    for _ in range(12):
        await agent.post(f"/api/agent/tasks/{run['id']}/heartbeat")
    await agent.post(f"/api/agent/tasks/{run['id']}/release", {"reason": "too hard"})
    events = (await inspected(client, f"tasks/{run['task_id']}"))["recent_events"]
    assert len(events) == 10
    assert [event["type"] for event in events[:9]] == ["task.run_lease_extended"] * 9
    assert events[9] == {
        "id": events[9]["id"],
        "type": "task.run_released",
        "timestamp": events[9]["timestamp"],
        "task_id": run["task_id"],
        "run_id": run["id"],
        "session_id": "s1",
        "outcome": "info",
        "summary": "too hard",
    }


async def test_the_events_of_a_run_are_its_own_however_long_ago(client):
    run = await claimed(client)
    await client.acting_as("s1").post(f"/api/agent/tasks/{run['id']}/fail", {"error": "boom"})
    for number in range(80):
        await client.send("PATCH", f"/api/tasks/{run['task_id']}", {"title": f"t{number}"})
    events = (await inspected(client, f"runs/{run['id']}"))["recent_events"]
    assert [(event["type"], event["outcome"]) for event in events] == [
        ("task.run_enqueued", "info"),
        ("task.run_claimed", "info"),
        ("task.run_failed", "failure"),
    ]
    assert events[2]["summary"] == "boom"


async def test_the_events_of_a_run_are_not_looked_for_without_end(client, monkeypatch):
    monkeypatch.setattr(timelines, "_RUN_RECORDS_MAX", 64)
    run = await client.queued()
    for number in range(80):
        await client.send("PATCH", f"/api/tasks/{run['task_id']}", {"title": f"t{number}"})
    assert "recent_events" not in await inspected(client, f"runs/{run['id']}")
    assert len((await inspected(client, f"tasks/{run['task_id']}"))["recent_events"]) == 10


async def test_a_parked_run_needs_somebody(client, autojump_clock):
    run = await client.queued()
    agent = client.acting_as("s1")
    for _ in range(5):
        await agent.post("/api/agent/tasks/claim-next", {"lease_seconds": 1})
        await trio.sleep(2)  # virtual time: the lease runs out
    seen = await inspected(client, f"runs/{run['id']}")
    assert seen["current_run"]["status"] == "needs_attention"
    assert (codes(seen), seen["next_action"]) == (
        ["task_run_needs_attention"],
        "recovery_required",
    )


async def test_what_is_not_there_is_404(client):
    for target, code in (("tasks/x", "task_not_found"), ("runs/x", "task_run_not_found")):
        answered = await client.get(f"/api/{target}/inspect")
        assert (answered.status, answered.code) == (404, code)
