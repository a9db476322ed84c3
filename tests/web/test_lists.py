"""Runs and reviews of all tasks, over HTTP."""

import re

import pytest

from chargehand.actors import limits
from chargehand.actors.times import rfc3339
from tests.web.test_reviews import VERDICT, asked, ended_run, judged


async def listed(client, query="", kind="runs") -> list[dict]:
    """All pages."""
    path = {"runs": "/api/runs", "reviews": "/api/task-reviews"}[kind]
    target, found = f"{path}?{query}", []
    while target is not None:
        answered = await client.get(target)
        assert answered.status == 200, answered.body
        found += answered.json[kind]
        link = re.fullmatch(r'<(.+)>; rel="next"', answered.headers.get("link", ""))
        target = link and link[1]
    return found


async def ids(client, query="") -> list[str]:
    return [row["run"]["id"] for row in await listed(client, query)]


async def test_a_run_is_shown_in_short_with_its_task(client):
    run = await client.queued(title="Ship it")
    [row] = await listed(client)
    detail = (await client.get(f"/api/task-runs/{run['id']}")).json["run"]
    assert row["task"] == detail["task"]
    assert row["run"]["max_attempts"] == 3
    shown = row["run"].items() - {"max_attempts": 3}.items()
    assert shown <= detail["run"].items()


async def test_no_runs_are_an_empty_list(client):
    answered = await client.get("/api/runs")
    assert (answered.status, answered.json) == (200, {"runs": []})
    answered = await client.get("/api/task-reviews")
    assert (answered.status, answered.json) == (200, {"reviews": []})


@pytest.fixture
async def work(client):
    """A run of each kind, by name; what was done last comes first."""
    runs = {}
    for name in ("done", "forced", "leased", "by hand", "queued"):
        runs[name] = (await client.queued())["id"]
    await client.acting_as("s1").post("/api/agent/tasks/claim-next", {})
    await client.acting_as("s1").post(f"/api/agent/tasks/{runs['done']}/complete", {})
    await client.post(f"/api/runs/{runs['forced']}/fail", {"reason": "bad input"})
    again = await client.post(f"/api/runs/{runs['forced']}/retry", {})
    runs["again"] = again.json["run"]["id"]
    await client.post(f"/api/runs/{runs['again']}/fail", {"reason": "bad input"})
    await client.acting_as("s2", "tester").post("/api/agent/tasks/claim-next", {})
    await client.post(f"/api/task-runs/{runs['by hand']}/claim", {})
    await client.post(f"/api/task-runs/{runs['by hand']}/start", {})
    return runs


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ("by hand", "leased", "again", "forced", "done", "queued")),
        ("limit=1", ("by hand", "leased", "again", "forced", "done", "queued")),
        ("status=completed", ("done",)),
        ("status=Completed,queued", ("done", "queued")),
        ("status=,queued,%20", ("queued",)),
        ("status=active", ("by hand", "leased")),
        ("status=active,failed&limit=2", ("by hand", "leased", "again", "forced")),
        ("status=running", ("by hand",)),
        ("failure_kind=operator_forced", ("again", "forced")),
        ("session_id=s1", ("done",)),
        ("session_id=s2&status=claimed", ("leased",)),
        ("session_id=coder", ()),
        ("agent_name=coder", ("done",)),
        ("agent_name=tester", ("leased",)),
        ("agent_name=local-user", ("by hand",)),
        ("agent_name=s1", ("done",)),
        ("agent_name=nobody", ()),
        ("scope=workspace&workspace=/here", ()),
        ("scope=global&status=claimed", ("leased",)),
    ],
)
async def test_runs_are_found_by_what_they_are(client, work, query, names):
    await client.post("/api/workspaces", {"root_dir": "/here"})
    assert await ids(client, query) == [work[name] for name in names]


async def test_runs_are_found_by_task_and_workspace(client):
    made = await client.post("/api/workspaces", {"root_dir": "/here", "name": "here"})
    workspace_id = made.json["workspace"]["id"]
    local = await client.queued(scope="workspace", workspace=workspace_id)
    other = await client.queued()
    assert await ids(client, "workspace=here") == [local["id"]]
    assert await ids(client, "scope=global") == [other["id"]]
    assert await ids(client, f"task_id={other['task_id']}") == [other["id"]]
    assert await ids(client, f"task_id={other['task_id']}&workspace=here") == []


async def test_runs_are_found_by_the_time_of_their_latest_change(client, system, work):
    task_of = {row["run"]["id"]: row["run"] for row in await listed(client)}
    ended_at = task_of[work["done"]]["ended_at"]
    assert work["done"] in await ids(client, f"since={ended_at}")
    assert work["done"] not in await ids(client, f"until={ended_at}")
    after = rfc3339(system.clock.now_ns() + 10**9)
    assert await ids(client, f"since={after}") == []
    assert len(await ids(client, f"since=2020-01-31T12:00:00%2B02:00&until={after}")) == len(work)


async def test_a_page_that_looks_into_too_many_tasks_is_short_and_leads_on(
    client, system, monkeypatch
):
    monkeypatch.setattr(limits, "PAGE_TASKS_MAX", 2)
    monkeypatch.setattr(limits, "SLICE_MAX", 2)
    runs = [(await ended_run(client))["id"] for _ in range(5)]
    await system.checkpointer.checkpoint()
    answered = await client.get("/api/runs?status=completed&session_id=nobody")
    assert answered.json == {"runs": []}
    assert 'rel="next"' in answered.headers["link"]
    assert await ids(client, "session_id=nobody") == []
    assert await ids(client, "status=completed") == runs[::-1]


@pytest.mark.parametrize(
    ("target", "status", "code", "pointer"),
    [
        ("/api/runs?status=open", 422, "invalid_request", "?status"),
        ("/api/runs?status=failed,open", 422, "invalid_request", "?status"),
        ("/api/runs?failure_kind=x", 422, "invalid_request", "?failure_kind"),
        ("/api/runs?since=yesterday", 422, "invalid_request", "?since"),
        ("/api/runs?until=2026-01-01", 422, "invalid_request", "?until"),
        ("/api/runs?until=9999-01-01T00:00:00Z", 422, "invalid_request", "?until"),
        ("/api/runs?limit=-1", 422, "invalid_request", "?limit"),
        ("/api/runs?cursor=x", 422, "invalid_request", "?cursor"),
        ("/api/runs?cursor=OTkuOTkuMC4w", 422, "invalid_request", "?cursor"),  # ahead: 99.99.0.0
        ("/api/runs?scope=global&workspace=x", 422, "invalid_request", "?workspace"),
        ("/api/task-reviews?status=open", 422, "invalid_request", "?status"),
        ("/api/task-reviews?status=active", 422, "invalid_request", "?status"),
        ("/api/task-reviews?limit=x", 422, "invalid_request", "?limit"),
        ("/api/task-reviews?cursor=My40LjA", 422, "invalid_request", "?cursor"),  # of tasks
    ],
)
async def test_what_cannot_be_is_refused_with_what_was_wrong(client, target, status, code, pointer):
    answered = await client.get(target)
    assert (answered.status, answered.code, answered.pointer) == (status, code, pointer)


@pytest.mark.parametrize("path", ["/api/runs", "/api/task-reviews"])
async def test_what_is_named_and_not_there_is_not_found(client, path):
    answered = await client.get(f"{path}?task_id=task-none")
    assert (answered.status, answered.code) == (404, "task_not_found")
    answered = await client.get(f"{path}?workspace=nowhere")
    assert (answered.status, answered.code) == (404, "workspace_not_found")


async def test_several_statuses_are_named_in_the_refusal(client):
    answered = await client.get("/api/runs?status=open")
    assert "queued, claimed, starting, running" in answered.json["diagnostic"]["message"]
    assert "needs_attention, active" in answered.json["diagnostic"]["message"]


async def test_reviews_of_all_tasks_with_their_tasks(client):
    first, second = [await ended_run(client) for _ in range(2)]
    judged_one, open_one = await asked(client, first), await asked(client, second)
    await judged(client, judged_one, VERDICT)
    found = await listed(client, kind="reviews")
    assert [row["review"]["review_id"] for row in found] == [
        judged_one["review_id"],
        open_one["review_id"],
    ]
    assert found[0]["review"]["outcome"] == "approved"
    [row] = await listed(client, "status=requested", "reviews")
    assert row["review"] == open_one
    assert row["task"]["id"] == second["task_id"]
    assert row["task"]["title"]
    [row] = await listed(client, "status=recorded,canceled&limit=1", "reviews")
    assert row["review"]["review_id"] == judged_one["review_id"]
    assert await listed(client, "status=routed", "reviews") == []
    [row] = await listed(client, f"task_id={second['task_id']}", "reviews")
    assert row["review"] == open_one
