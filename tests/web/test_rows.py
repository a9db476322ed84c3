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
    await client.created(id="root")
    await client.created(id="alone", title="first")
    yield
    await client.send("PATCH", "/api/tasks/alone", {"title": "second"})
    yield
    await client.post("/api/tasks/root/children", {"id": "child", "title": "child"})
    yield
    await client.post("/api/tasks/child/start")
    await client.post("/api/tasks/alone/start")
    yield
    await client.post("/api/tasks/root/pause", {"reason": "later"})
    yield
    await client.post("/api/tasks/root/resume")
    yield
    await client.created(id="waits")
    await client.post("/api/tasks/waits/dependencies", {"depends_on_task_id": "alone"})
    yield
    claimed = await client.send("POST", "/api/agent/tasks/claim-next", {}, headers=AGENT)
    run_id = claimed.json["claim"]["run"]["id"]
    yield
    path = f"/api/agent/tasks/{run_id}/fail"
    await client.send("POST", path, {"error": "the build failed"}, headers=AGENT)
    yield
    task_id = claimed.json["claim"]["task"]["id"]
    await client.post(f"/api/tasks/{task_id}/triage/read")
    yield
    await client.post(f"/api/tasks/{task_id}/triage/archive")
    yield
    await client.send("DELETE", "/api/tasks/alone")
    yield
    await client.post("/api/tasks/root/cancel")
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
