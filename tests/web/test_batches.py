"""Claims, heartbeats, releases and ends of many runs in one request: a row for each."""

import pytest
import trio

from chargehand.actors.limits import BATCH_RUNS_MAX
from chargehand.actors.settings import Settings

AGENT = "/api/agent/tasks"


@pytest.fixture
def settings() -> Settings:
    return Settings(max_leases_per_session=10)


@pytest.fixture
def builder(client):
    return client.acting_as("sess-1")


async def claimed(client, builder, count: int) -> list[dict]:
    for _ in range(count):
        await client.queued()
    answered = await builder.post(f"{AGENT}/claim-batch", {"max_runs": count})
    assert answered.status == 200, answered.body
    return answered.json["claims"]


async def results(builder, operation: str, items: list) -> list[dict]:
    answered = await builder.post(f"{AGENT}/{operation}-batch", {"items": items})
    assert answered.status == 200, answered.body
    return answered.json["results"]


async def test_a_batch_of_claims_is_what_single_claims_are(client, builder):
    two = await claimed(client, builder, 2)
    await client.queued()
    one = (await builder.post(f"{AGENT}/claim-next", {})).json["claim"]
    assert [claim.keys() for claim in two] == [one.keys()] * 2
    assert len({claim["run"]["id"] for claim in (*two, one)}) == 3
    assert (await builder.post(f"{AGENT}/claim-batch", {"max_runs": 2})).status == 204


@pytest.mark.parametrize(
    ("operation", "item", "status"),
    [
        ("heartbeat", {"lease_seconds": 60}, "claimed"),
        ("release", {"reason": "later"}, "queued"),
        ("complete", {"result": {"ok": True}}, "completed"),
        ("complete", {"result": None}, "completed"),
        ("fail", {"error": "the build failed"}, "failed"),
    ],
)
async def test_each_run_of_a_batch_is_as_by_its_own_request(
    client, builder, operation, item, status
):
    first, second = await claimed(client, builder, 2)
    items = [{"run_id": claim["run"]["id"], **item} for claim in (second, first)]
    rows = await results(builder, operation, items)
    assert [(row["run_id"], row["ok"]) for row in rows] == [(i["run_id"], True) for i in items]
    assert [row["lease"]["status"] for row in rows] == [status] * 2
    run = (await client.get(f"/api/task-runs/{items[0]['run_id']}")).json["run"]["run"]
    assert run["status"] == status
    assert ("result" in run) == (operation == "complete")


async def test_what_is_wrong_with_an_item_is_in_its_row_and_holds_up_no_other(client, builder):
    first, second = await claimed(client, builder, 2)
    good = {"run_id": first["run"]["id"], "error": "the build failed"}
    rows = await results(
        builder,
        "fail",
        [
            {"error": "no run is named"},
            {"run_id": second["run"]["id"]},
            good,
            good,
            {"run_id": "run-unknown", "error": "x"},
            {"run_id": first["task"]["id"], "error": "x"},
            17,
        ],
    )
    assert [row["ok"] for row in rows] == [False, False, True, False, False, False, False]
    codes = [row["error"]["diagnostic"]["code"] for row in rows if not row["ok"]]
    assert codes == [*["invalid_request"] * 3, *["task_run_not_found"] * 2, "invalid_request"]
    pointers = [
        row["error"]["diagnostic"]["evidence"].get("pointer") for row in rows if not row["ok"]
    ]
    assert pointers[:3] == ["/items/0/run_id", "/items/1/error", "/items/3/run_id"]
    assert pointers[-1] == "/items/6"
    assert [row["run_id"] for row in rows[:2]] == ["", second["run"]["id"]]
    assert rows[-1]["run_id"] == ""


async def test_a_run_id_that_is_no_text_is_in_no_row(builder):
    [row] = await results(builder, "fail", [{"run_id": 17}])
    assert row["run_id"] == ""


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("claim-batch", {}, "/max_runs"),
        ("claim-batch", {"max_runs": 0}, "/max_runs"),
        ("claim-batch", {"max_runs": BATCH_RUNS_MAX + 1}, "/max_runs"),
        ("complete-batch", {}, "/items"),
        ("complete-batch", {"items": []}, "/items"),
        ("complete-batch", {"items": {"run_id": "r"}}, "/items"),
        ("complete-batch", [], "/items"),
        ("heartbeat-batch", {"items": [{"run_id": "r"}] * (BATCH_RUNS_MAX + 1)}, "/items"),
    ],
)
async def test_a_batch_that_is_none_is_refused_as_a_whole(builder, path, body, pointer):
    answered = await builder.post(f"{AGENT}/{path}", body)
    assert answered.status == 422
    assert answered.json["diagnostic"]["evidence"]["pointer"] == pointer


async def test_a_list_in_place_of_the_body_is_told_what_it_must_be(builder):
    answered = await builder.post(f"{AGENT}/complete-batch", [{"run_id": "run-1"}])
    assert answered.status == 422
    assert "the body must be an object with items" in answered.json["error"]
    assert '{"items": [...]}' in answered.json["error"]


async def test_members_that_items_do_not_have_are_named(client, builder):
    [claim] = await claimed(client, builder, 1)
    items = [{"run_id": claim["run"]["id"], "reslt": {}}]
    answered = await builder.post(f"{AGENT}/complete-batch", {"items": items, "more": 1})
    assert answered.headers["chargehand-ignored"] == "/items/0/reslt, /more"


async def test_a_batch_waits_for_work(client, builder):
    answers = []

    async def wait():
        answers.append(await builder.post(f"{AGENT}/claim-batch", {"max_runs": 3, "wait": True}))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        await client.queued()
    assert len(answers[0].json["claims"]) == 1


async def test_a_person_is_no_agent(client):
    assert (await client.post(f"{AGENT}/claim-batch", {"max_runs": 1})).status == 401
    assert (await client.post(f"{AGENT}/fail-batch", {"items": [{}]})).status == 401
