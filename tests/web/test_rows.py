"""Rows of lists are kept, and never show what is not so any more."""

from chargehand.web.shapes import inbox, scheduling, tasks

LISTS = (
    "/api/tasks?include_drafts=true",
    "/api/observe/tasks/inbox",
    "/api/scheduler/backlog?include_paused=true",
)
KEPT = (tasks._listed, inbox._listed, scheduling._listed)
AGENT = {"X-AGH-Session-ID": "sess-1", "X-AGH-Agent": "builder"}


async def lists(client) -> list[object]:
    return [(await client.get(path)).json for path in LISTS]


async def steps(client):
    """What may befall tasks: one thing after the other."""

    async def do(method: str, path: str, body: object = b"", **headers: str) -> dict:
        answered = await client.send(method, path, body, headers)
        assert answered.status < 300, answered.body
        return answered.json if answered.body else {}

    await client.created(id="root")
    await client.created(id="alone", title="first")
    yield
    await do("PATCH", "/api/tasks/alone", {"title": "second"})
    yield
    await do(
        "POST", "/api/tasks/root/children", {"scope": "global", "id": "child", "title": "child"}
    )
    yield
    await do("POST", "/api/tasks/child/start")
    await do("POST", "/api/tasks/alone/start")
    yield
    await do("POST", "/api/tasks/root/pause", {"reason": "later"})
    yield
    await do("POST", "/api/tasks/root/resume")
    yield
    await client.created(id="waits")
    await do("POST", "/api/tasks/waits/dependencies", {"depends_on_task_id": "alone"})
    yield
    claimed = await do("POST", "/api/agent/tasks/claim-next", {}, **AGENT)
    run_id = claimed["claim"]["run"]["id"]
    yield
    path = f"/api/agent/tasks/{run_id}/fail"
    await do("POST", path, {"error": "the build failed"}, **AGENT)
    yield
    task_id = claimed["claim"]["task"]["id"]
    assert task_id == "child"
    await do("POST", "/api/tasks/root/pause", {"reason": "later"})
    yield
    await do("POST", "/api/tasks/root/resume")
    yield
    await do("POST", f"/api/tasks/{task_id}/triage/read")
    yield
    await do("POST", f"/api/tasks/{task_id}/triage/archive")
    yield
    await do("POST", "/api/tasks/alone/cancel")
    yield
    await do("DELETE", "/api/tasks/alone")
    yield
    await do("POST", "/api/tasks/root/cancel")
    yield
    await do("DELETE", "/api/tasks/child")
    yield


async def test_what_is_kept_shows_what_is_so(client):
    kept = 0
    async for _ in steps(client):
        shown = await lists(client)
        assert await lists(client) == shown
        kept += sum(len(rows._kept) for rows in KEPT)
        for rows in KEPT:
            rows._kept.clear()
        made_anew = await lists(client)
        for before, after in zip(shown, made_anew, strict=True):
            assert before == after
        await lists(client)  # so that there are rows to be wrong after the next step
    assert kept > 20
