"""The tasks that wait for a task, over HTTP."""

import re


async def dependents(client, query="") -> list[str]:
    """The ids on all pages."""
    target, found = f"/api/tasks/x1/dependents?{query}", []
    while target is not None:
        answered = await client.get(target)
        assert answered.status == 200, answered.body
        found += [task["id"] for task in answered.json["tasks"]]
        link = re.fullmatch(r'<(.+)>; rel="next"', answered.headers.get("link", ""))
        target = link and link[1]
    return found


async def waits_for_it(client, task_id, **members) -> None:
    await client.created(id=task_id, **members)
    body = {"depends_on_task_id": "x1"}
    answered = await client.post(f"/api/tasks/{task_id}/dependencies", body)
    assert answered.status == 200, answered.body


async def test_those_that_wait_are_listed_the_latest_active_first(client):
    await client.created(id="x1")
    assert await dependents(client) == []
    await waits_for_it(client, "t1")
    await waits_for_it(client, "t2", draft=True)
    await client.created(id="t3")
    assert await dependents(client) == ["t2", "t1"]
    assert await dependents(client, "limit=1") == ["t2", "t1"]


async def test_one_that_is_completed_and_one_that_waits_no_more(client):
    run = await client.queued(id="x1")
    await waits_for_it(client, "t1")
    await waits_for_it(client, "t2")
    await client.send("DELETE", "/api/tasks/t2/dependencies/x1")
    for step in ("claim", "start", "complete"):
        answered = await client.post(f"/api/task-runs/{run['id']}/{step}", {})
        assert answered.status == 200, answered.body
    assert await dependents(client) == ["t1"]


async def test_of_no_task(client):
    assert (await client.get("/api/tasks/x1/dependents")).status == 404
