"""Workspaces and sessions over HTTP."""

import pytest
import trio
import trio.testing

from chargehand.actors.faults import Why


async def test_ending_a_session_frees_what_it_claimed_without_a_lease(client):
    run = await client.queued()
    agent, path = client.acting_as("s1"), f"/api/task-runs/{run['id']}"
    assert (await agent.post(f"{path}/claim", {"idempotency_key": "k"})).status == 200
    assert (await agent.post(f"{path}/start", {"idempotency_key": "k"})).status == 200
    assert (await client.send("DELETE", "/api/sessions/s1")).status == 204
    free = (await client.get(path)).json["run"]["run"]
    assert (free["status"], free["queued_at"]) == ("queued", run["queued_at"])
    assert not {"claimed_by", "session_id", "started_at"} & set(free)


async def test_workspaces(client):
    made = await client.post("/api/workspaces", {"root_dir": "/srv/ws"})
    assert made.status == 201
    workspace = made.json["workspace"]
    assert set(workspace) == {"id", "root_dir", "name", "created_at", "updated_at"}
    assert (workspace["root_dir"], workspace["name"]) == ("/srv/ws", "ws")
    resolved = await client.post("/api/workspaces/resolve", {"path": "/srv/ws/"})
    assert (resolved.status, resolved.json) == (200, made.json)
    assert (await client.get(f"/api/workspaces/{workspace['id']}")).json == made.json
    assert (await client.get("/api/workspaces")).json == {"workspaces": [workspace]}


@pytest.mark.parametrize("body", [b"", {"root_dir": ""}, {"root_dir": "relative"}, {"root_dir": 1}])
async def test_a_workspace_needs_a_directory(client, body):
    answered = await client.post("/api/workspaces", body)
    assert (answered.status, answered.pointer) == (400, "/root_dir")


async def test_a_path_to_resolve_is_named_as_it_was_sent(client):
    answered = await client.post("/api/workspaces/resolve", {"path": "relative"})
    assert (answered.status, answered.pointer) == (400, "/path")


async def test_sessions(client):
    workspace = (await client.post("/api/workspaces", {"root_dir": "/srv/ws"})).json["workspace"]
    body = {
        "agent_name": "coder",
        "id": "me@host",
        "name": "first",
        "workspace": "ws",
        "channel": "dev",
        "capabilities": ["go", "a"],
    }
    made = await client.post("/api/sessions", body)
    assert made.status == 201
    session = made.json["session"]
    assert session.pop("created_at") == session.pop("updated_at")
    assert session == {
        "id": "me@host",
        "agent_name": "coder",
        "name": "first",
        "provider": "external",
        "type": "user",
        "state": "active",
        "workspace_id": workspace["id"],
        "workspace_path": "/srv/ws",
        "channel": "dev",
        "capabilities": ["a", "go"],
    }
    assert (await client.get("/api/sessions/me@host")).json == made.json
    in_workspace = f"/api/workspaces/{workspace['id']}/sessions/me@host"
    assert (await client.get(in_workspace)).json == made.json
    assert (await client.get("/api/sessions")).json == {"sessions": [made.json["session"]]}
    again = await client.post("/api/sessions", body)
    assert (again.status, again.code) == (409, "session_already_exists")


async def test_a_session_of_another_workspace_is_not_found_there(client):
    for name in ("one", "two"):
        await client.post("/api/workspaces", {"root_dir": f"/srv/{name}"})
    await client.post("/api/sessions", {"agent_name": "a", "id": "s1", "workspace": "one"})
    found = (await client.get("/api/workspaces")).json["workspaces"]
    answered = await client.get(f"/api/workspaces/{found[1]['id']}/sessions/s1")
    assert (answered.status, answered.code) == (404, "session_not_found")


async def test_sessions_are_shown_without_the_path_of_a_workspace_that_is_set_aside(system, client):
    workspace = (await client.post("/api/workspaces", {"root_dir": "/srv/ws"})).json["workspace"]
    body = {"agent_name": "coder", "id": "s1", "workspace": "ws"}
    assert (await client.post("/api/sessions", body)).json["session"]["workspace_path"] == "/srv/ws"
    system.faults.set_aside(f"@workspace/{workspace['id']}", Why.DAMAGED, "in this test")
    [shown] = (await client.get("/api/sessions")).json["sessions"]
    assert (shown["id"], shown["workspace_id"]) == ("s1", workspace["id"])
    assert "workspace_path" not in shown
    assert (await client.get("/api/sessions/s1")).json["session"] == shown
    assert (await client.get(f"/api/workspaces/{workspace['id']}")).code == "workspace_set_aside"


async def test_a_session_needs_a_known_workspace_and_a_name(client):
    answered = await client.post("/api/sessions", {"agent_name": "a", "workspace": "nowhere"})
    assert (answered.status, answered.code) == (404, "workspace_not_found")
    assert (await client.post("/api/sessions", {})).pointer == "/agent_name"
    for field, value in (("id", "/"), ("channel", "No Channel"), ("capabilities", 1)):
        refused = await client.post("/api/sessions", {"agent_name": "a", field: value})
        assert (refused.status, refused.pointer) == (400, f"/{field}")


async def test_an_ended_session_is_refused_and_its_run_queued_again(client):
    run = await client.queued()
    agent = client.acting_as("s1")
    await agent.post("/api/agent/tasks/claim-next")
    assert (await client.send("DELETE", "/api/sessions/s1")).status == 204
    shown = (await client.get(f"/api/task-runs/{run['id']}")).json["run"]["run"]
    assert shown["status"] == "queued"
    refused = await agent.get("/api/tasks")
    assert (refused.status, refused.code) == (401, "identity_stale")
    assert (await client.send("DELETE", "/api/sessions/s1")).status == 404


async def test_a_session_registers_itself_on_first_contact(client):
    await client.acting_as("s1").get("/api/tasks")
    assert [s["id"] for s in (await client.get("/api/sessions")).json["sessions"]] == ["s1"]


async def test_sessions_say_how_many_of_their_claims_wait(client, nursery):
    for session_id in ("s1", "s2"):
        body = {"agent_name": "coder", "id": session_id}
        assert (await client.post("/api/sessions", body)).status == 201
    agent = client.acting_as("s1")

    async def wait_for_work() -> None:
        await agent.post("/api/agent/tasks/claim-next", {"wait": True})

    nursery.start_soon(wait_for_work)
    nursery.start_soon(wait_for_work)
    await trio.testing.wait_all_tasks_blocked()
    listed = (await client.get("/api/sessions")).json["sessions"]
    assert {one["id"]: one.get("waiting_claims") for one in listed} == {"s1": 2, "s2": None}
    shown = (await client.get("/api/sessions/s1")).json["session"]
    assert shown["waiting_claims"] == 2
    await client.queued()
    await trio.testing.wait_all_tasks_blocked()
    assert (await client.get("/api/sessions/s1")).json["session"]["waiting_claims"] == 1
    nursery.cancel_scope.cancel()
