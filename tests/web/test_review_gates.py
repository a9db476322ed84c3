"""A required review holds back the tasks that depend on the reviewed one, over HTTP."""

import pytest

from chargehand.actors.settings import Settings
from chargehand.actors.task.review import ReviewPolicy


@pytest.fixture
def settings() -> Settings:
    return Settings(review_policy=ReviewPolicy.ON_SUCCESS)


async def finish(client, run_id: str) -> str:
    """Completes the run; the id of its review."""
    for step in ("claim", "start", "complete"):
        assert (await client.post(f"/api/task-runs/{run_id}/{step}")).status == 200
    reviews = (await client.get(f"/api/task-runs/{run_id}/reviews")).json["reviews"]
    return reviews[0]["review_id"]


async def judge(client, review_id: str, run_id: str, outcome: str):
    said = {"outcome": outcome, "confidence": 1, "reason": "r", "delivery_id": f"d-{review_id}"}
    if outcome == "rejected":
        said["missing_work"] = ["tests"]
    body = {"run_id": run_id, "verdict": said}
    return await client.post(f"/api/task-reviews/{review_id}/verdict", body)


@pytest.fixture
async def waiting(client) -> tuple[str, str]:
    """`b` depends on `a`, whose run is completed and not judged: that run and its review."""
    await client.created(id="a")
    await client.created(id="b", auto_enqueue_on_ready=True)
    await client.post("/api/tasks/b/dependencies", {"depends_on_task_id": "a"})
    run = (await client.post("/api/tasks/a/start")).json["run"]
    return run["id"], await finish(client, run["id"])


async def status_of(client, task_id: str) -> str:
    return (await client.get(f"/api/tasks/{task_id}")).json["task"]["task"]["status"]


async def told(client, task_id: str = "b") -> dict:
    """What inspection says that a task waits for."""
    seen = (await client.get(f"/api/tasks/{task_id}/inspect")).json["inspect"]
    return seen["diagnostics"][0]


async def reason(client) -> str:
    found = (await client.get("/api/observe/tasks/inbox?lane=blocked")).json["inbox"]
    [item] = found["groups"][0]["items"]
    assert item["task"]["id"] == "b"
    return item["blocking_reason"]


async def test_while_the_review_is_open(client, waiting):
    run_id, review_id = waiting
    assert (await status_of(client, "a"), await status_of(client, "b")) == ("completed", "blocked")
    assert (await client.get("/api/tasks/b/runs")).json["runs"] == []
    hold = await told(client)
    assert hold["code"] == "task_awaiting_dependencies"
    assert (
        hold["message"] == f"b waits for a (completed, the review {review_id} of its run is open)"
    )
    assert hold["suggested_command"].startswith(
        f"chargehand review verdict {review_id} {run_id} approved"
    )
    assert hold["evidence"]["review_ids"] == review_id
    of_a = await told(client, "a")
    assert (of_a["code"], of_a["severity"]) == ("task_awaiting_review", "info")
    assert await reason(client) == "awaiting_review"
    started = await client.post("/api/tasks/b/start")
    assert started.status == 409
    assert "approved where a review is required" in started.json["error"]


async def test_an_approval_makes_it_ready_and_enqueues_it_before_it_is_answered(client, waiting):
    run_id, review_id = waiting
    assert (await judge(client, review_id, run_id, "approved")).status == 200
    assert await status_of(client, "b") == "ready"
    [run] = (await client.get("/api/tasks/b/runs")).json["runs"]
    assert run["idempotency_key"] == f"task.auto_enqueue.b.{run_id}"
    seen = (await client.get("/api/tasks/a/inspect")).json["inspect"]
    assert "diagnostics" not in seen or seen["diagnostics"] == []


async def test_it_goes_on_waiting_after_three_rejections_until_somebody_acts(client, waiting):
    run_id, review_id = waiting
    for _ in range(2):
        answered = await judge(client, review_id, run_id, "rejected")
        assert (await told(client))["message"] == "b waits for a (ready)"
        assert await reason(client) == "awaiting_dependencies"
        run_id = answered.json["continuation_run"]["id"]
        review_id = await finish(client, run_id)
    answered = await judge(client, review_id, run_id, "rejected")
    assert answered.json["circuit_opened"] is True
    assert (await status_of(client, "a"), await status_of(client, "b")) == ("completed", "blocked")
    hold = await told(client)
    assert hold["message"] == (
        f"b waits for a (completed, but the review {review_id} of its run came to rejected)"
    )
    assert hold["suggested_command"] == f"chargehand review request {run_id} --attempt 2"
    assert await reason(client) == "awaiting_review"
    asked = await client.post(f"/api/task-runs/{run_id}/reviews", {"attempt": 2})
    second = asked.json["review"]["review_id"]
    assert (await judge(client, second, run_id, "approved")).status == 200
    assert await status_of(client, "b") == "ready"


async def test_removing_the_dependency_goes_on_without_the_review(client, waiting):
    await client.send("DELETE", "/api/tasks/b/dependencies/a")
    assert await status_of(client, "b") == "ready"
    assert len((await client.get("/api/tasks/b/runs")).json["runs"]) == 1


async def test_the_timeline_says_that_the_policy_required_the_review(client, waiting):
    run_id, _ = waiting
    await client.post(f"/api/task-runs/{run_id}/reviews", {"attempt": 2})
    timeline = (await client.get("/api/tasks/a/timeline")).json["timeline"]
    payloads = [e["payload"] for e in timeline if e["event_type"] == "task.run_review_requested"]
    assert [payload.get("required") for payload in payloads] == [True, None]
