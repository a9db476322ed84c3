"""A task whose blocker was deleted undone: ready, not enqueued, and told of."""

import pytest


async def lost(client, *before_deletion: str, **fields) -> dict:
    """`task` depended on `blocker`, which is gone; what its timeline says of that."""
    await client.created(id="blocker")
    await client.created(id="task", **fields)
    await client.post("/api/tasks/task/dependencies", {"depends_on_task_id": "blocker"})
    for step in before_deletion:
        assert (await client.post(f"/api/tasks/blocker/{step}")).status == 200
    assert (await client.send("DELETE", "/api/tasks/blocker")).status == 204
    timeline = (await client.get("/api/tasks/task/timeline")).json["timeline"]
    [told] = [item for item in timeline if item["event_type"] == "task.dependency_removed"]
    return told["payload"]


async def blocked_lane(client) -> list[dict]:
    found = (await client.get("/api/observe/tasks/inbox?lane=blocked")).json["inbox"]
    return found["groups"][0].get("items", [])


@pytest.mark.parametrize("steps", [(), ("cancel",)])
async def test_it_is_ready_and_not_enqueued_and_inspect_and_inbox_say_why(client, steps):
    told = await lost(client, *steps, auto_enqueue_on_ready=True)
    assert told["deleted_undone"] is True
    detail = (await client.get("/api/tasks/task")).json["task"]
    assert (detail["task"]["status"], detail.get("runs", [])) == ("ready", [])
    seen = (await client.get("/api/tasks/task/inspect")).json["inspect"]
    [diagnostic, _] = seen["diagnostics"]
    assert diagnostic["code"] == "task_dependency_deleted_undone"
    assert diagnostic["severity"] == "info"
    assert diagnostic["message"].startswith("task depended on blocker, which was deleted before")
    assert diagnostic["suggested_command"] == "chargehand task start task"
    assert diagnostic["evidence"]["deleted_task_ids"] == "blocker"
    [item] = await blocked_lane(client)
    assert (item["task"]["id"], item["blocking_reason"]) == ("task", "dependency_deleted_undone")
    # Somebody decides, and nothing is told any more.
    assert (await client.post("/api/tasks/task/start")).status == 201
    seen = (await client.get("/api/tasks/task/inspect")).json["inspect"]
    assert "task_dependency_deleted_undone" not in {d["code"] for d in seen["diagnostics"]}
    assert await blocked_lane(client) == []


async def test_a_dependency_that_is_removed_by_hand_enqueues(client):
    await client.created(id="blocker")
    await client.created(id="task", auto_enqueue_on_ready=True)
    await client.post("/api/tasks/task/dependencies", {"depends_on_task_id": "blocker"})
    await client.send("DELETE", "/api/tasks/task/dependencies/blocker")
    runs = (await client.get("/api/tasks/task/runs")).json["runs"]
    assert [run["status"] for run in runs] == ["queued"]
    assert await blocked_lane(client) == []


async def test_a_blocker_that_is_deleted_after_its_completion_is_not_missed(client):
    await client.created(id="blocker")
    await client.created(id="task", auto_enqueue_on_ready=True)
    await client.post("/api/tasks/task/dependencies", {"depends_on_task_id": "blocker"})
    run = (await client.post("/api/tasks/blocker/start")).json["run"]
    for step in ("claim", "start", "complete"):
        await client.post(f"/api/task-runs/{run['id']}/{step}")
    assert (await client.send("DELETE", "/api/tasks/blocker")).status == 204
    runs = (await client.get("/api/tasks/task/runs")).json["runs"]
    assert [run["status"] for run in runs] == ["queued"]
    seen = (await client.get("/api/tasks/task/inspect")).json["inspect"]
    assert "task_dependency_deleted_undone" not in {d["code"] for d in seen["diagnostics"]}
