"""Execution profiles and triage over HTTP."""

import pytest

UNSET = "0001-01-01T00:00:00Z"


def path_of(task) -> str:
    return f"/api/tasks/{task['id']}/execution-profile"


async def test_without_a_profile_the_default_one_is_shown(client):
    task = await client.created()
    answered = await client.get(path_of(task))
    assert answered.json["profile"] == {
        "task_id": task["id"],
        "coordinator": {"mode": "inherit"},
        "worker": {"mode": "inherit"},
        "review": {},
        "participants": {},
        "sandbox": {"mode": "inherit"},
        "runtime": {"mode": "default"},
        "created_at": UNSET,
        "updated_at": UNSET,
    }


async def test_a_profile_is_shown_as_it_was_set_and_replaced_whole(client):
    task = await client.created()
    sections = {
        "coordinator": {"mode": "guided", "guidance": "go slow"},
        "worker": {"mode": "select", "allowed_agent_names": ["a", "b"]},
        "review": {"agent_name": "critic", "allowed_peer_ids": ["p"]},
        "participants": {"preferred_channel_ids": ["c"]},
        "sandbox": {"mode": "ref", "sandbox_ref": "box"},
        "runtime": {"mode": "evidence"},
    }
    answered = await client.send("PUT", path_of(task), sections)
    assert answered.status == 200
    shown = answered.json["profile"]
    assert {name: shown[name] for name in sections} == sections
    assert UNSET not in (shown["created_at"], shown["updated_at"])
    assert (await client.get(path_of(task))).json == answered.json
    later = await client.send("PUT", path_of(task), {"worker": {"mode": ""}})
    assert later.json["profile"]["worker"] == {"mode": "inherit"}
    assert later.json["profile"]["coordinator"] == {"mode": "inherit"}
    assert later.json["profile"]["created_at"] == shown["created_at"]


async def test_a_profile_is_reported_in_the_timeline(client):
    task = await client.created()
    await client.send("PUT", path_of(task), {"sandbox": {"mode": "none"}})
    assert (await client.send("DELETE", path_of(task))).status == 204
    timeline = (await client.get(f"/api/tasks/{task['id']}/timeline")).json["timeline"]
    assert [(event["event_type"], event["payload"]) for event in timeline[1:]] == [
        (
            "task.execution_profile_updated",
            {
                "task_id": task["id"],
                "coordinator_mode": "inherit",
                "worker_mode": "inherit",
                "sandbox_mode": "none",
            },
        ),
        ("task.execution_profile_deleted", {"task_id": task["id"]}),
    ]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"task_id": "another"}, "/task_id"),
        ({"created_at": ""}, "/created_at"),
        ({"updated_at": "2026-01-01"}, "/updated_at"),
        ({"created_at": "2026-01-01T00:00:00"}, "/created_at"),
        ({"worker": {"mode": "guided"}}, "/worker/mode"),
        ({"worker": {"allowed_agent_names": "a"}}, "/worker/allowed_agent_names"),
        ({"review": {"required_capabilities": ["a", "b c"]}}, "/review/required_capabilities/1"),
        ({"sandbox": {"mode": "ref"}}, "/sandbox/sandbox_ref"),
    ],
)
async def test_what_is_wrong_with_a_profile_is_400_and_named(client, body, pointer):
    answered = await client.send("PUT", path_of(await client.created()), body)
    assert (answered.status, answered.pointer) == (400, pointer)


@pytest.mark.parametrize("time", ["2026-01-01T00:00:00Z", "2026-01-01t00:00:00.123456789+01:00"])
async def test_times_and_the_id_of_the_task_may_be_sent_back(client, time):
    task = await client.created()
    body = {"task_id": task["id"], "created_at": time, "updated_at": time}
    answered = await client.send("PUT", path_of(task), body)
    assert answered.status == 200
    assert answered.json["profile"]["created_at"] != time


async def test_a_claim_obeys_the_profile(client):
    run = await client.queued(id="bound")
    await client.send("PUT", path_of({"id": "bound"}), {"worker": {"agent_name": "builder"}})
    path = "/api/agent/tasks/claim-next"
    assert (await client.acting_as("s1", "coder").post(path)).status == 204
    claimed = await client.acting_as("s2", "builder").post(path)
    assert claimed.json["claim"]["run"]["id"] == run["id"]


async def test_triage_is_the_callers_own(client):
    task = await client.created()
    path = f"/api/tasks/{task['id']}/triage"
    agent = client.acting_as("s1")
    archived = (await agent.post(f"{path}/archive")).json["triage"]
    assert archived["actor"] == {"kind": "agent_session", "ref": "s1"}
    read = (await client.post(f"{path}/read")).json["triage"]
    assert read["actor"]["kind"] == "human"
    assert (read["read"], read["archived"], read["dismissed"]) == (True, False, False)
    assert read["last_seen_activity_at"] == task["updated_at"]
    dismissed = (await agent.post(f"{path}/dismiss")).json["triage"]
    assert (dismissed["read"], dismissed["archived"], dismissed["dismissed"]) == (True,) * 3


async def test_triage_is_told_to_nobody(client):
    task = await client.created()
    await client.post(f"/api/tasks/{task['id']}/triage/read")
    timeline = (await client.get(f"/api/tasks/{task['id']}/timeline")).json["timeline"]
    assert [event["event_type"] for event in timeline] == ["task.created"]
