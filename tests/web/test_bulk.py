"""Release and fail of many runs at once, over HTTP."""

import pytest

from chargehand.actors.settings import Settings
from tests.web.client import Answered, ContractClient


async def many(client: ContractClient, verb: str, run_ids: list[str], **body: object) -> Answered:
    return await client.post(f"/api/runs/bulk/{verb}", {"run_ids": run_ids, **body})


async def rows(client: ContractClient, verb: str, run_ids: list[str], **body: object) -> list[dict]:
    answered = await many(client, verb, run_ids, **body)
    assert answered.status == 200, answered.body
    return answered.json["results"]


async def test_every_run_is_failed_in_the_order_given(client):
    runs = [await client.queued() for _ in range(3)]
    run_ids = [run["id"] for run in reversed(runs)]
    found = await rows(client, "fail", run_ids, reason="night")
    assert [row["run_id"] for row in found] == run_ids
    for row in found:
        assert set(row) == {"run_id", "ok", "run"}
        assert row["ok"] is True
        assert row["run"]["status"] == "failed"
        assert row["run"]["error"] == "night"
        shown = (await client.get(f"/api/task-runs/{row['run_id']}")).json["run"]["run"]
        assert shown == row["run"]


async def test_a_row_that_fails_stops_no_other(client):
    claimed, queued, last = [await client.queued() for _ in range(3)]
    for run in (claimed, last):
        await client.post(f"/api/task-runs/{run['id']}/claim")
    run_ids = [claimed["id"], queued["id"], "run-none", "no id at all!", last["id"]]
    found = await rows(client, "release", run_ids)
    assert [row["run_id"] for row in found] == run_ids
    assert [row["ok"] for row in found] == [True, False, False, False, True]
    assert found[4]["run"]["status"] == "queued"
    told = [row["error"]["diagnostic"]["code"] for row in found if "error" in row]
    assert told == ["task_run_not_releasable", "task_run_not_found", "task_run_not_found"]
    alone = await client.post(f"/api/runs/{queued['id']}/release")
    assert alone.json == found[1]["error"]


async def test_runs_that_have_ended_are_reported_row_by_row(client):
    run = await client.queued()
    first = await rows(client, "fail", [run["id"]], reason="r")
    again = await rows(client, "fail", [run["id"]], reason="r")
    assert (first[0]["ok"], again[0]["ok"]) == (True, False)
    assert again[0]["error"]["diagnostic"]["code"] == "task_run_already_terminal"


async def test_ids_are_trimmed_and_each_is_done_once(client):
    run = await client.queued()
    found = await rows(client, "fail", [f" {run['id']} ", run["id"], "run-x", "run-x"], reason="r")
    assert [(row["run_id"], row["ok"]) for row in found] == [(run["id"], True), ("run-x", False)]


@pytest.mark.parametrize("verb", ["fail", "release"])
@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({}, "invalid_request", "/run_ids"),
        ({"run_ids": []}, "invalid_request", "/run_ids"),
        ({"run_ids": ["run-x", " "]}, "invalid_request", "/run_ids/1"),
        ({"run_ids": ["run-x", 1]}, "invalid_request", "/run_ids/1"),
        ({"run_ids": ["run-x"] * 51}, "bulk_too_large", "/run_ids"),
    ],
)
async def test_a_request_that_is_wrong_is_422_and_does_nothing(client, verb, body, code, pointer):
    answered = await client.post(f"/api/runs/bulk/{verb}", {"reason": "r", **body})
    assert (answered.status, answered.code, answered.pointer) == (422, code, pointer)


async def test_a_reason_that_is_too_long_is_cut_for_each_run(client):
    run = await client.queued()
    (row,) = await rows(client, "fail", [run["id"]], reason="x" * 5000)
    assert row["run"]["error"].endswith("x… [cut from 5000 characters]")


async def test_too_many_runs_are_counted_before_repeats_are_dropped(client):
    assert len(await rows(client, "fail", ["run-x"] * 50, reason="r")) == 1
    answered = await many(client, "fail", ["run-x"] * 51, reason="r")
    assert answered.json["diagnostic"]["id"] == "task.force.bulk_too_large"
    evidence = answered.json["diagnostic"]["evidence"]
    assert (evidence["limit"], evidence["count"]) == (50, 51)


async def test_fail_needs_a_reason_and_release_none(client):
    run = await client.queued()
    answered = await many(client, "fail", [run["id"]], reason=" ")
    assert (answered.status, answered.code) == (422, "force_op_requires_reason")
    await client.post(f"/api/task-runs/{run['id']}/claim")
    assert (await rows(client, "release", [run["id"]]))[0]["ok"] is True


async def test_metadata_has_its_limit(client):
    run = await client.queued()
    answered = await many(client, "fail", [run["id"]], reason="r", metadata="x" * 16_385)
    assert (answered.status, answered.code) == (413, "payload_too_large")
    shown = (await client.get(f"/api/task-runs/{run['id']}")).json["run"]["run"]
    assert shown["status"] == "queued"


async def test_an_agent_that_goes_on_too_long_is_told_so_in_the_row(client):
    task = await client.created(max_attempts=10)
    run = (await client.post(f"/api/tasks/{task['id']}/runs")).json["run"]
    other = await client.queued()
    agent = client.acting_as("s1")
    for _ in range(10):
        await rows(agent, "release", [run["id"]])
    found = await rows(agent, "fail", [run["id"], other["id"]], reason="r")
    assert [row["ok"] for row in found] == [False, True]
    assert found[0]["error"]["diagnostic"]["code"] == "force_op_rate_limited"


class TestAgentsWithoutForce:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(allow_agent_force=False)

    async def test_each_row_is_refused(self, client):
        runs = [await client.queued() for _ in range(2)]
        run_ids = [run["id"] for run in runs]
        found = await rows(client.acting_as("s1"), "fail", run_ids, reason="r")
        told = [row["error"]["diagnostic"]["code"] for row in found]
        assert told == ["forbidden_operator_action"] * 2
        assert [row["ok"] for row in await rows(client, "fail", run_ids, reason="r")] == [True] * 2


async def test_a_server_that_can_do_nothing_says_so_once(client, system):
    run = await client.queued()
    system.begin_stop()
    answered = await many(client, "fail", [run["id"]], reason="r")
    assert (answered.status, answered.code) == (503, "shutting_down")
    partly = await rows(client, "fail", [run["id"], "run-none"], reason="r")
    assert [row["error"]["diagnostic"]["code"] for row in partly] == [
        "shutting_down",
        "task_run_not_found",
    ]
