"""No work below a canceled task, nor for one that waits for it, over HTTP: statuses and bodies."""

import pytest

BELOW = "task_below_canceled"
WAITS = "task_dependency_canceled"


async def completed(client, **fields) -> str:
    """A task's id, and it is done."""
    parent_id = fields.pop("parent_id", None)
    path = "/api/tasks" if parent_id is None else f"/api/tasks/{parent_id}/children"
    task = (await client.post(path, {"scope": "global", "title": "t", **fields})).json["task"]
    run = (await client.post(f"/api/tasks/{task['id']}/start")).json["run"]
    for step in ("claim", "start", "complete"):
        assert (await client.post(f"/api/task-runs/{run['id']}/{step}")).status == 200
    return task["id"]


@pytest.fixture
async def tree(client):
    """`root`, which is canceled, above `done`, which was completed before."""
    await client.created(id="root")
    await completed(client, id="done", parent_id="root")
    answered = await client.post("/api/tasks/root/cancel")
    assert (answered.status, answered.json["task"]["status"]) == (200, "canceled")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/tasks/root/children", {"scope": "global", "title": "t"}),
        ("/api/tasks/done/children", {"scope": "global", "title": "t"}),
        ("/api/tasks/done/start", {}),
        ("/api/tasks/done/runs", {}),
    ],
)
async def test_what_would_be_work_below_a_canceled_task_is_refused(client, tree, path, body):
    answered = await client.post(path, body)
    assert (answered.status, answered.json["diagnostic"]["code"]) == (409, BELOW)
    told = answered.json["diagnostic"]
    assert told["evidence"]["canceled_task_id"] == "root"
    assert told["suggested_command"] == "chargehand task show root"
    assert "a canceled task is final" in answered.json["error"]
    runs = (await client.get("/api/tasks/done/runs")).json["runs"]
    assert [run["status"] for run in runs] == ["completed"]
    tree = (await client.get("/api/tasks/root/tree")).json["tree"]
    assert tree["root"]["child_count"] == 1


async def test_what_failed_below_a_canceled_task_is_not_tried_again(client):
    await client.created(id="root")
    body = {"scope": "global", "title": "t", "id": "child", "max_attempts": 1}
    await client.post("/api/tasks/root/children", body)
    run = (await client.post("/api/tasks/child/start")).json["run"]
    await client.post(f"/api/runs/{run['id']}/fail", {"reason": "stuck"})
    await client.post("/api/tasks/root/cancel")
    retried = await client.post(f"/api/runs/{run['id']}/retry")
    assert (retried.status, retried.json["diagnostic"]["code"]) == (409, BELOW)
    patched = await client.send("PATCH", "/api/tasks/child", {"max_attempts": 2})
    assert (patched.status, patched.json["diagnostic"]["code"]) == (409, BELOW)
    assert (await client.get("/api/tasks/child")).json["task"]["task"]["max_attempts"] == 1


async def test_a_dependency_on_a_canceled_task_is_refused(client):
    await client.created(id="root")
    await client.created(id="task")
    await client.post("/api/tasks/root/cancel")
    answered = await client.post("/api/tasks/task/dependencies", {"depends_on_task_id": "root"})
    assert (answered.status, answered.json["diagnostic"]["code"]) == (409, WAITS)
    assert "will never be completed" in answered.json["error"]


@pytest.mark.parametrize(
    ("operation", "fields"),
    [
        ("start", {}),
        ("runs", {}),
        ("publish", {"draft": True}),
        ("approve", {"approval_policy": "manual"}),
    ],
)
async def test_no_run_is_made_that_waits_for_a_canceled_task(client, operation, fields):
    await client.created(id="blocker")
    await client.created(id="task", **fields)
    await client.post("/api/tasks/task/dependencies", {"depends_on_task_id": "blocker"})
    await client.post("/api/tasks/blocker/cancel")
    answered = await client.post(f"/api/tasks/task/{operation}")
    assert (answered.status, answered.json["diagnostic"]["code"]) == (409, WAITS)
    told = answered.json["diagnostic"]
    assert told["suggested_command"] == "chargehand task remove-dependency task blocker"
    await client.send("DELETE", "/api/tasks/task/dependencies/blocker")
    assert (await client.post(f"/api/tasks/task/{operation}")).status in (200, 201)


async def test_canceling_a_completed_root_cancels_what_is_open_below_it(client):
    await completed(client, id="root")
    await completed(client, id="done", parent_id="root")
    for parent, name in [("root", "open"), ("done", "deep")]:
        body = {"scope": "global", "title": "t", "id": name}
        await client.post(f"/api/tasks/{parent}/children", body)
        await client.post(f"/api/tasks/{name}/start")
    before = (await client.get("/api/tasks/root")).json["task"]["task"]
    answered = await client.post("/api/tasks/root/cancel", {"reason": "no budget"})
    assert (answered.status, answered.json["task"]) == (200, before)
    for name, status in [("done", "completed"), ("open", "canceled"), ("deep", "canceled")]:
        detail = (await client.get(f"/api/tasks/{name}")).json["task"]
        assert detail["task"]["status"] == status
    (told,) = [e for e in detail["events"] if e["event_type"] == "task.canceled"]
    assert told["payload"]["propagated_from_task_id"] == "root"
    assert told["payload"]["reason"] == "no budget"
    again = await client.post("/api/tasks/root/cancel")
    assert (again.status, again.json["diagnostic"]["code"]) == (409, "task_invalid_transition")
