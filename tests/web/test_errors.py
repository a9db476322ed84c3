"""What never reaches an operation, and what an operation could not expect."""

import logging
import re

import pytest

from chargehand.actors.faults import Why
from chargehand.actors.identity import OriginKind
from chargehand.actors.limits import BODY_BYTES_MAX
from chargehand.web.app import create_app
from chargehand.web.operations import Operation
from chargehand.web.problems import EdgeCode
from tests.web.client import ContractClient

WITH_IDS = [operation for operation in Operation if "{" in operation.path]


@pytest.mark.parametrize("path", ["/x", "/api", "/api/nothing", "/api/tasks/a%2Fb", "//api/tasks"])
async def test_an_unknown_path_is_reported_as_json(client, path):
    answered = await client.get(path)
    assert (answered.status, answered.code) == (404, "not_found")
    assert answered.headers["content-type"] == "application/json"


async def test_an_unknown_path_is_reported_with_what_is_served_near_it(client):
    assert "/api/scheduler/backlog" in (await client.get("/api/scheduler/x")).json["error"]
    assert "/api/tasks" in (await client.get("/tasks")).json["error"]
    assert "GET /docs describes them" in (await client.get("/nothing")).json["error"]
    told = (await client.get("/api/tasks/agh_claim_secret/x/y")).json["error"]
    assert "secret" not in told


@pytest.mark.parametrize("method", ["PUT", "DELETE", "TRACE"])
async def test_a_wrong_method_is_reported_with_those_allowed(client, method):
    answered = await client.send(method, "/api/tasks")
    assert (answered.status, answered.code) == (405, "method_not_allowed")
    assert set(answered.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


async def test_options_lists_what_is_allowed(client):
    answered = await client.send("OPTIONS", "/api/tasks")
    assert (answered.status, answered.body) == (204, b"")
    assert set(answered.headers["allow"].split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}
    assert (await client.send("OPTIONS", "/api/nothing")).status == 404
    named = await client.send("OPTIONS", "/api/workspaces/resolve")  # which is no id of a workspace
    assert set(named.headers["allow"].split(", ")) == {"POST", "OPTIONS"}
    with_id = await client.send("OPTIONS", "/api/workspaces/w/")
    assert set(with_id.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


async def test_a_slash_at_the_end_does_not_matter(client):
    assert (await client.get("/api/tasks/")).status == 200


@pytest.mark.parametrize(
    "task_id", ["%00", "%ff", "a%20b", "%F0%9F%92%A9", "x" * 600, "-", "%20", "task-unknown", "'"]
)
async def test_an_id_that_no_task_can_have_is_not_found(client, task_id):
    for suffix in ("", "/runs", "/tree", "/timeline", "/stream"):
        answered = await client.get(f"/api/tasks/{task_id}{suffix}")
        assert (answered.status, answered.code) == (404, "task_not_found")
    for path in (f"/api/task-runs/{task_id}/start", f"/api/runs/{task_id}/release"):
        answered = await client.post(path)
        assert (answered.status, answered.code) == (404, "task_run_not_found")
    ended = await client.send("DELETE", f"/api/sessions/{task_id}")
    assert ended.code == "session_not_found"
    assert "look at those that are active" in ended.json["error"]
    assert (await client.get(f"/api/workspaces/{task_id}")).code == "workspace_not_found"


async def test_a_body_over_the_cap_is_refused(client):
    answered = await client.post("/api/tasks", b" " * (BODY_BYTES_MAX + 1))
    assert (answered.status, answered.code) == (413, "payload_too_large")


async def test_a_bug_is_reported_without_its_details(system, monkeypatch, caplog):
    async def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("chargehand.actors.system.System.task", broken)
    client = ContractClient(create_app(system, OriginKind.HTTP))
    with caplog.at_level(logging.CRITICAL):
        answered = await client.get("/api/tasks/task-1")
    assert (answered.status, answered.code) == (500, EdgeCode.INTERNAL.code)
    assert b"secret detail" not in answered.body


@pytest.mark.parametrize(
    "odd", ["%00", "a%0d%0ab", "%ff", "%F3%B9%AE%B2", "%20", "a" * 500, "%2e%2e"]
)
async def test_an_id_that_none_can_have_is_no_bad_request(client, odd):
    for operation in WITH_IDS:
        target = re.sub(r"\{\w+\}", odd, operation.path)
        answered = await client.send(operation.method, target, {"reason": "r"})
        assert answered.status in operation.refusals, f"{operation.name}: {answered.body!r}"


async def test_head_has_the_headers_of_get(client):
    answered = await client.send("HEAD", "/api/tasks")
    assert answered.status == 200


async def test_readiness_says_what_became_of_time(system, client):
    system.clock_behind_s = 7200
    assert (await client.get("/readyz")).json["time"] == {
        "stalls": 0,
        "stalled_seconds": 0.0,
        "suspends": 0,
        "suspended_seconds": 0.0,
        "wall_steps": 0,
        "wall_stepped_seconds": 0.0,
        "behind_last_record_seconds": 7200,
    }


async def test_health_and_readiness(system, client):
    assert (await client.get("/healthz")).json == {"status": "ok"}
    assert (await client.get("/readyz")).json == {"status": "ready", "epoch": 1}
    system.availability.failure = "the disk is gone"
    answered = await client.get("/readyz")
    assert (answered.status, answered.code) == (503, "storage_failed")
    assert "the disk is gone" in answered.json["error"]
    refused = await client.post("/api/tasks", {"scope": "global", "title": "a"})
    assert (refused.status, refused.code) == (503, "storage_failed")
    assert refused.headers["retry-after"] == "1"


async def test_what_is_set_aside_is_named_and_refused_and_the_server_stays_ready(system, client):
    for task_id in ("sick", "sound"):
        await client.post("/api/tasks", {"scope": "global", "title": "a", "id": task_id})
    system.faults.set_aside("sick", Why.DAMAGED, "the body of a snapshot fails its checksum")
    answered = await client.get("/readyz")
    assert answered.status == 200
    assert answered.json["status"] == "ready"
    assert answered.json["set_aside_count"] == 1
    [fault] = answered.json["set_aside"]
    assert (fault["address"], fault["why"]) == ("sick", "damaged")
    assert "checksum" in fault["cause"]
    for refused in (
        await client.get("/api/tasks/sick"),
        await client.get("/api/tasks/sick/timeline"),
        await client.get("/api/tasks/sick/stream"),
        await client.post("/api/tasks/sick/start", {}),
        await client.post("/api/tasks/sick/pause", {"reason": "r"}),
        await client.send("DELETE", "/api/tasks/sick"),
    ):
        assert (refused.status, refused.code) == (503, "task_set_aside")
        assert "chargehand verify" in refused.json["error"]
        assert refused.headers["retry-after"] == "60"
    assert (await client.get("/api/tasks/sound")).status == 200
    assert (await client.get("/api/tasks")).status == 200
