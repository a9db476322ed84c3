"""Operations on runs, by agents, operators and by force, over HTTP."""

import pytest
import trio

from chargehand.actors.limits import DESCRIPTION_BYTES_MAX, METADATA_BYTES_MAX
from chargehand.actors.settings import Settings
from tests.web.client import ContractClient


async def claimed(agent: ContractClient, **body: object) -> dict:
    answered = await agent.post("/api/agent/tasks/claim-next", body)
    assert answered.status == 200, answered.body
    return answered.json["claim"]


async def test_a_claim_has_task_run_and_lease(client):
    run = await client.queued(priority="urgent")
    claim = await claimed(client.acting_as("s1"), lease_seconds=60)
    assert claim["run"]["id"] == claim["lease"]["run_id"] == run["id"]
    assert claim["task"]["latest_event_seq"] > 0
    assert claim["lease"] == {
        "task_id": run["task_id"],
        "run_id": run["id"],
        "status": "claimed",
        "session_id": "s1",
        "claimed_by": {"kind": "agent_session", "ref": "s1"},
        "claim_token_hash": claim["run"]["claim_token_hash"],
        "lease_until": claim["run"]["lease_until"],
        "heartbeat_at": claim["run"]["claimed_at"],
    }
    assert claim["lease"]["claim_token_hash"].startswith("sha256:")
    assert "agh_claim_" not in str(claim)


WORK = {"description": "Kürze\nwith lines", "metadata": {"repo": "a/b", "n": [1.50, None]}}


async def claimed_by_hand(client: ContractClient, run: dict, **body: object) -> dict:
    answered = await client.post(f"/api/task-runs/{run['id']}/claim", body)
    assert answered.status == 200, answered.body
    return answered.json


async def test_a_claim_carries_the_work(client):
    await client.queued(**WORK)
    claim = await claimed(client.acting_as("s1"))
    assert {member: claim["task"][member] for member in WORK} == WORK


async def test_a_claim_of_a_named_run_carries_the_work(client):
    told = await claimed_by_hand(client, await client.queued(**WORK))
    assert told["task"]["id"] == told["run"]["task_id"]
    assert {member: told["task"][member] for member in WORK} == WORK


async def test_a_claim_of_a_task_that_says_no_more_has_no_empty_members(client):
    run = await client.queued()
    assert "description" not in (await claimed(client.acting_as("s1")))["task"]
    assert "metadata" not in (await claimed_by_hand(client, await client.queued()))["task"]
    detail = await client.get(f"/api/task-runs/{run['id']}")
    assert "description" not in detail.json["run"]["task"]


async def test_other_answers_name_a_task_in_short(client):
    run = await client.queued(**WORK)
    detail = (await client.get(f"/api/task-runs/{run['id']}")).json["run"]["task"]
    assert detail.keys() & WORK.keys() == set()


async def test_a_claim_carries_description_and_metadata_up_to_their_limits(client):
    description = "ü" * (DESCRIPTION_BYTES_MAX // 2)
    metadata = {"text": "x" * (METADATA_BYTES_MAX - len('{"text":""}'))}
    await client.queued(description=description, metadata=metadata)
    claim = await claimed(client.acting_as("s1"))
    assert claim["task"]["description"] == description
    assert claim["task"]["metadata"] == metadata


@pytest.mark.parametrize("repeated", ["in its body", "by its header"])
async def test_a_claim_that_is_asked_for_again_carries_the_work_too(
    client, system, repeated, autojump_clock
):
    """Also when its task is held in short by then."""
    await client.queued(**WORK)
    agent = client.acting_as("s1")
    body = {"lease_seconds": 3600}
    if repeated == "in its body":
        body["idempotency_key"] = "call-1"
    else:
        agent = client.acting_as("s1", **{"Idempotency-Key": "call-1"})
    first = await claimed(agent, **body)
    await system.checkpointer.checkpoint()
    assert system.views.catalog.whole(first["task"]["id"]) is None
    again = await claimed(agent, **body)
    assert again == first


async def test_a_claim_in_a_workspace_has_the_channel(client):
    await client.post("/api/workspaces", {"root_dir": "/srv/ws"})
    run = await client.queued(scope="workspace", workspace="ws")
    agent = client.acting_as("s1", **{"X-AGH-Workspace-ID": "ws"})
    claim = await claimed(agent, workspace_id="/srv/ws")
    assert claim["coordination_channel"]["id"] == f"coord-{run['id']}"
    assert claim["coordination_channel"]["last_activity_at"] == run["queued_at"]
    assert claim["run"]["coordination_channel"] == claim["coordination_channel"]
    assert claim["lease"]["coordination_channel"] == claim["coordination_channel"]
    beat = await agent.post(f"/api/agent/tasks/{run['id']}/heartbeat")
    assert "coordination_channel" not in beat.json["lease"]
    assert beat.json["lease"]["coordination_channel_id"] == f"coord-{run['id']}"


async def test_nothing_to_claim_is_204(client):
    agent = client.acting_as("s1")
    answered = await agent.post("/api/agent/tasks/claim-next")
    assert (answered.status, answered.body) == (204, b"")
    assert "content-type" not in answered.headers


async def test_a_claim_that_waits_gets_the_next_run(client, autojump_clock):
    started_at = trio.current_time()
    async with trio.open_nursery() as nursery:

        async def wait() -> None:
            claim = await claimed(client.acting_as("s1"), wait=True)
            assert claim["task"]["title"] == "late"

        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        await trio.sleep(20)
        await client.queued(title="late")
    waited = await client.acting_as("s2").post("/api/agent/tasks/claim-next", {"wait": True})
    assert waited.status == 204
    assert 44 < trio.current_time() - started_at < 47


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"lease_seconds": -1}, "/lease_seconds"),
        ({"lease_seconds": 86_401}, "/lease_seconds"),
        ({"priority_min": -1}, "/priority_min"),
        ({"priority_min": 1.5}, "/priority_min"),
        ({"required_capabilities": ["a b"]}, "/required_capabilities/0"),
    ],
)
async def test_an_invalid_claim_is_422(client, body, pointer):
    answered = await client.acting_as("s1").post("/api/agent/tasks/claim-next", body)
    assert (answered.status, answered.pointer) == (422, pointer)


async def test_a_claim_for_another_workspace_is_403(client):
    await client.post("/api/workspaces", {"root_dir": "/srv/ws"})
    for workspace in ("ws", "nowhere"):
        body = {"workspace_id": workspace}
        answered = await client.acting_as("s1").post("/api/agent/tasks/claim-next", body)
        assert (answered.status, answered.code) == (403, "identity_unauthorized")


async def test_an_agent_without_identity_is_401_before_anything_else(client):
    for path in ("claim-next", "x/heartbeat", "x/release", "x/complete", "x/fail"):
        answered = await client.post(f"/api/agent/tasks/{path}", b"{")
        assert (answered.status, answered.code) == (401, "identity_required")
        assert answered.json["diagnostic"]["id"] == "agentidentity.identity_required"


@pytest.mark.parametrize("header", ["X-AGH-Session-ID", "X-AGH-Agent"])
async def test_half_an_identity_is_401_everywhere(client, header):
    for target in ("/api/tasks", "/api/scheduler"):
        answered = await client.get(target, **{header: "x"})
        assert (answered.status, answered.code) == (401, "identity_required")
    blank = await client.get("/api/tasks", **{header: "  "})
    assert blank.status == 200


async def test_an_impossible_identity_is_401(client):
    for agent in (client.acting_as("s1", "x" * 201), client.acting_as("a b", "coder")):
        assert (await agent.get("/api/scheduler")).status == 401


async def test_another_agents_name_is_401(client):
    await client.acting_as("s1").get("/api/tasks")
    answered = await client.acting_as("s1", "reviewer").get("/api/tasks")
    assert (answered.status, answered.code) == (401, "identity_mismatch")


async def test_heartbeat_release_and_claim_again(client):
    run = await client.queued()
    agent = client.acting_as("s1")
    await claimed(agent)
    path = f"/api/agent/tasks/{run['id']}"
    beat = (await agent.post(f"{path}/heartbeat", {"lease_seconds": 5})).json["lease"]
    assert beat["heartbeat_at"] < beat["lease_until"]
    released = (await agent.post(f"{path}/release", {"reason": "later"})).json["lease"]
    assert released == {"task_id": run["task_id"], "run_id": run["id"], "status": "queued"}
    assert (await claimed(agent))["run"]["id"] == run["id"]


async def test_a_completed_lease_is_shown_again(client):
    run = await client.queued()
    agent = client.acting_as("s1")
    await claimed(agent)
    path = f"/api/agent/tasks/{run['id']}/complete"
    first = await agent.post(path, {"result": {"b": 1, "a": [None]}})
    assert first.json["lease"]["status"] == "completed"
    assert "lease_until" not in first.json["lease"]
    assert (await agent.post(path, {"result": {"b": 1, "a": [None]}})).json == first.json
    other = await agent.post(path, {"result": 2})
    assert (other.status, other.code) == (409, "AUTONOMY_LEASE_EXPIRED")
    detail = (await client.get(f"/api/task-runs/{run['id']}")).json["run"]
    ended_at = detail["run"]["ended_at"]
    assert other.json["error"] == (
        f"Lease has ended: the session's own completion of run {run['id']}, stored at"
        f" {ended_at[:19]}Z, stands; this call changed nothing"
        " (next: nothing is left to do on this run)"
    )
    assert other.json["diagnostic"]["evidence"] == {
        "run_id": run["id"],
        "status": "completed",
        "ended_at": ended_at,
    }
    assert detail["run"]["result"] == {"b": 1, "a": [None]}
    assert detail["task"]["status"] == "completed"
    assert detail["session"]["session_id"] == "s1"
    assert detail["summary"]["last_activity_at"] == detail["run"]["ended_at"]


async def test_a_late_call_that_names_its_claim_is_fenced_off(client, autojump_clock):
    run = await client.queued()
    agent = client.acting_as("s1")
    path = f"/api/agent/tasks/{run['id']}"
    first = (await claimed(agent, lease_seconds=1))["lease"]["claim_token_hash"]
    await trio.sleep(2)
    second = (await claimed(agent, lease_seconds=60))["lease"]["claim_token_hash"]
    for action, body in (
        ("heartbeat", {}),
        ("release", {"reason": "late"}),
        ("complete", {"result": 1}),
        ("fail", {"error": "late"}),
    ):
        late = await agent.post(f"{path}/{action}", {**body, "claim_token_hash": first})
        assert (late.status, late.code) == (409, "AUTONOMY_LEASE_EXPIRED")
        assert "is not the current one" in late.json["error"]
    done = {"result": 2, "claim_token_hash": second}
    completed = await agent.post(f"{path}/complete", done)
    assert (completed.status, completed.json["lease"]["claim_token_hash"]) == (200, second)
    assert (await agent.post(f"{path}/complete", done)).json == completed.json
    late = await agent.post(f"{path}/complete", {"result": 2, "claim_token_hash": first})
    assert (late.status, late.code) == (409, "AUTONOMY_LEASE_EXPIRED")
    wrong = await agent.post(f"{path}/heartbeat", {"claim_token_hash": 1})
    assert (wrong.status, wrong.pointer) == (422, "/claim_token_hash")


async def test_a_null_result_is_kept_and_an_absent_one_left_out(client):
    for body, shown in (({"result": None}, True), ({}, False)):
        run = await client.queued()
        agent = client.acting_as("s1")
        await claimed(agent)
        await agent.post(f"/api/agent/tasks/{run['id']}/complete", body)
        detail = (await client.get(f"/api/task-runs/{run['id']}")).json["run"]
        assert ("result" in detail["run"]) is shown


async def test_fail_by_its_agent(client):
    run = await client.queued()
    agent = client.acting_as("s1")
    await claimed(agent)
    path = f"/api/agent/tasks/{run['id']}/fail"
    assert (await agent.post(path, {"error": " "})).pointer == "/error"
    refused = await agent.post(path, {"error": "e", "metadata": {"x": {"Claim_Token": 1}}})
    assert (refused.status, refused.pointer) == (422, "/metadata")
    failed = await agent.post(path, {"error": "boom"})
    assert failed.json["lease"]["status"] == "failed"


async def test_a_failure_whose_text_is_too_long_ends_the_run_all_the_same(client):
    run = await client.queued()
    agent = client.acting_as("s1")
    await claimed(agent)
    failed = await agent.post(f"/api/agent/tasks/{run['id']}/fail", {"error": "x" * 81_920})
    assert (failed.status, failed.json["lease"]["status"]) == (200, "failed")
    again = await agent.post(f"/api/agent/tasks/{run['id']}/fail", {"error": "x" * 81_920})
    assert (again.status, again.json) == (200, failed.json)
    shown = (await client.get(f"/api/task-runs/{run['id']}")).json["run"]["run"]["error"]
    assert len(shown.encode()) == 65_536
    assert shown.endswith("x… [cut from 81920 bytes]")


async def test_a_result_that_is_too_large_is_refused(client):
    run = await client.queued()
    agent = client.acting_as("s1")
    await claimed(agent)
    path = f"/api/agent/tasks/{run['id']}"
    for action, body in (
        ("complete", {"result": "x" * 65_536}),
        ("fail", {"error": "e", "metadata": {"log": "x" * 65_536}}),
    ):
        assert (await agent.post(f"{path}/{action}", body)).status == 413
    assert (await agent.post(f"{path}/heartbeat")).status == 200


async def test_reasons_of_what_ends_or_gives_back_are_cut(client):
    long = {"reason": "x" * 5000}
    shown = "x" * (4096 - 28) + "… [cut from 5000 characters]"
    run = await client.queued(max_attempts=9)
    agent, run_id = client.acting_as("s1"), run["id"]
    for release in (f"/api/agent/tasks/{run_id}/release", f"/api/runs/{run_id}/release"):
        await claimed(agent)
        assert (await agent.post(release, long)).status == 200
    failed = await client.post(f"/api/runs/{run_id}/fail", long)
    assert (failed.status, failed.json["run"]["error"]) == (200, shown)
    retried = (await client.post(f"/api/runs/{run_id}/retry")).json["run"]
    assert (await client.post(f"/api/task-runs/{retried['id']}/cancel", long)).status == 200
    assert (await client.post(f"/api/tasks/{run['task_id']}/cancel", long)).status == 200
    events = (await client.get(f"/api/tasks/{run['task_id']}/timeline?limit=1000")).json["timeline"]
    payloads = [event.get("payload", {}) for event in events]
    reasons = [payload["reason"] for payload in payloads if "reason" in payload]
    assert [len(reason) for reason in reasons if reason.startswith("xx")] == [4096] * 5

    other = await client.queued()
    refused = await client.post(f"/api/tasks/{other['task_id']}/pause", long)
    assert (refused.status, refused.pointer) == (422, "/reason")


async def test_who_may_not_touch_a_run(client):
    run = await client.queued()
    await claimed(client.acting_as("s1"))
    path = f"/api/agent/tasks/{run['id']}/heartbeat"
    foreign = await client.acting_as("s2").post(path)
    assert (foreign.status, foreign.code) == (403, "AUTONOMY_FOREIGN_RUN")
    unknown = await client.acting_as("s2").post("/api/agent/tasks/run-none/heartbeat")
    assert (unknown.status, unknown.code) == (404, "task_run_not_found")
    second = await client.acting_as("s1").post("/api/agent/tasks/claim-next")
    assert (second.status, second.code) == (409, "AUTONOMY_LEASE_ALREADY_HELD")


async def test_a_run_in_the_hands_of_an_operator(client):
    run = await client.queued()
    path = f"/api/task-runs/{run['id']}"
    held = (await client.post(f"{path}/claim")).json["run"]
    assert held["claimed_by"] == {"kind": "human", "ref": "local-user"}
    assert not {"lease_until", "session_id", "claim_token_hash"} & set(held)
    assert (await client.post(f"{path}/claim")).status == 409
    started = (await client.post(f"{path}/start")).json["run"]
    assert (started["status"], "started_at" in started) == ("running", True)
    done = (await client.post(f"{path}/complete", {"result": 1})).json["run"]
    assert (done["status"], done["result"]) == ("completed", 1)
    assert "session" not in (await client.get(path)).json["run"]


async def test_attach_fail_and_cancel(client):
    session = {"agent_name": "coder", "id": "s1", "name": "first"}
    assert (await client.post("/api/sessions", session)).status == 201
    run = await client.queued()
    path = f"/api/task-runs/{run['id']}"
    await client.post(f"{path}/claim")
    assert (await client.post(f"{path}/attach-session")).pointer == "/session_id"
    assert (await client.post(f"{path}/attach-session", {"session_id": " "})).status == 422
    unknown = await client.post(f"{path}/attach-session", {"session_id": "s2"})
    assert (unknown.status, unknown.code) == (404, "session_not_found")
    attached = (await client.post(f"{path}/attach-session", {"session_id": "s1"})).json["run"]
    assert (attached["status"], attached["session_id"]) == ("starting", "s1")
    detail = (await client.get(path)).json["run"]
    assert (detail["session"]["name"], detail["session"]["state"]) == ("first", "active")
    failed = (await client.post(f"{path}/fail", {"error": "boom"})).json["run"]
    assert (failed["status"], failed["error"]) == ("failed", "boom")

    other = await client.queued()
    canceled = await client.post(f"/api/task-runs/{other['id']}/cancel", {"reason": "no"})
    assert canceled.json["run"]["status"] == "canceled"


async def test_agents_name_the_runs_that_they_make_or_take(client):
    run = await client.queued()
    task = await client.created()
    agent = client.acting_as("s1")
    for path in (
        f"/api/tasks/{task['id']}/runs",
        f"/api/task-runs/{run['id']}/claim",
        f"/api/task-runs/{run['id']}/start",
    ):
        answered = await agent.post(path, {"idempotency_key": " "})
        assert (answered.status, answered.pointer) == (422, "/idempotency_key")
    made = await agent.post(f"/api/tasks/{task['id']}/runs", {"idempotency_key": "k"})
    again = await agent.post(f"/api/tasks/{task['id']}/runs", {"idempotency_key": "k"})
    assert made.json == again.json


async def test_runs_of_a_task_are_filtered_and_paged(client):
    run = await client.queued(max_attempts=5)
    path = f"/api/tasks/{run['task_id']}/runs"
    ids = [run["id"]]
    for _ in range(3):
        await client.post(f"/api/runs/{ids[-1]}/fail", {"reason": "r"})
        ids.append((await client.post(f"/api/runs/{ids[-1]}/retry")).json["run"]["id"])
    assert [row["id"] for row in (await client.get(path)).json["runs"]] == ids[::-1]
    queued = (await client.get(f"{path}?status=queued")).json["runs"]
    assert [row["id"] for row in queued] == ids[-1:]
    assert (await client.get(f"{path}?session_id=s9")).json["runs"] == []
    target, found = f"{path}?status=failed&limit=2", []
    while target:
        answered = await client.get(target)
        found += [row["id"] for row in answered.json["runs"]]
        link = answered.headers.get("link")
        target = None if link is None else link[1 : link.index(">")]
    assert found == ids[2::-1]
    assert (await client.get(f"{path}?status=done")).pointer == "?status"
    assert (await client.get(f"{path}?cursor=eA")).pointer == "?cursor"


async def test_force_operations(client):
    run = await client.queued()
    path = f"/api/runs/{run['id']}"
    refused = await client.post(f"{path}/release")
    assert (refused.status, refused.code) == (409, "task_run_not_releasable")
    await claimed(client.acting_as("s1"))
    released = (await client.post(f"{path}/release", {"reason": "stuck"})).json["run"]
    assert released["status"] == "queued"
    missing = await client.post(f"{path}/fail", {"reason": ""})
    assert (missing.status, missing.code) == (422, "force_op_requires_reason")
    failed = (await client.post(f"{path}/fail", {"reason": "op"})).json["run"]
    assert (failed["error"], failed["failure_kind"]) == ("op", "operator_forced")
    retried = await client.post(f"{path}/retry", {"metadata": {"a": 1}})
    assert retried.status == 201
    assert retried.json["previous_run"]["id"] == retried.json["run"]["previous_run_id"] == run["id"]
    assert retried.json["run"]["metadata"] == {"a": 1}
    recovered = await client.post(f"{path}/recover")
    assert (recovered.status, recovered.code) == (409, "task_run_not_recoverable")


class TestParked:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(lease_expiries_max=1)

    async def test_recover_gives_both_runs(self, client, autojump_clock):
        run = await client.queued()
        await claimed(client.acting_as("s1"), lease_seconds=1)
        await trio.sleep(2)
        parked = (await client.get(f"/api/task-runs/{run['id']}")).json["run"]["run"]
        assert parked["status"] == "needs_attention"
        status = (await client.get("/api/scheduler")).json["scheduler"]
        assert status["needs_attention_run_count"] == 1
        answered = await client.post(f"/api/runs/{run['id']}/recover", {"reason": "again"})
        assert answered.status == 201
        assert answered.json["previous_run"]["status"] == "failed"
        assert answered.json["run"]["previous_run_id"] == run["id"]


class TestAgentsWithoutForce:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(allow_agent_force=False)

    async def test_force_is_403_for_them(self, client):
        run = await client.queued()
        answered = await client.acting_as("s1").post(f"/api/runs/{run['id']}/fail", {"reason": "r"})
        assert (answered.status, answered.code) == (403, "forbidden_operator_action")


async def test_agents_are_rate_limited(client):
    run = await client.queued()
    agent = client.acting_as("s1")
    answers = [await agent.post(f"/api/runs/{run['id']}/release") for _ in range(11)]
    assert {answered.status for answered in answers[:-1]} == {409}
    assert (answers[-1].status, answers[-1].code) == (429, "force_op_rate_limited")
