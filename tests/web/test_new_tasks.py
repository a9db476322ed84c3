"""Many tasks in one request: what is answered, and where what is wrong is told."""

import orjson
import pytest

from chargehand.actors.limits import BATCH_TASKS_MAX

PATH = "/api/tasks/batch"
TASK = {"scope": "global", "title": "T"}


def row_of(row: dict) -> object:
    """`ok`, or the code and the pointer."""
    if row["ok"]:
        return "ok"
    told = row["error"]["diagnostic"]
    return told["code"], told["evidence"].get("pointer")


async def test_tasks_of_a_batch_are_what_single_ones_are(client):
    workspace = (await client.post("/api/workspaces", {"root_dir": "/srv/a"})).json["workspace"]
    members = {
        "scope": "workspace",
        "workspace": "/srv/a",
        "title": " Build ",
        "identifier": "A-1",
        "description": "all of it",
        "network_channel": "builds",
        "owner": {"kind": "pool", "ref": "bot"},
        "priority": "",
        "max_attempts": 5,
        "auto_enqueue_on_ready": True,
        "draft": True,
        "approval_policy": "manual",
        "metadata": None,
    }
    single = (await client.post("/api/tasks", members)).json["task"]
    answered = await client.post(PATH, {"items": [{**members, "ref": " a "}]})
    assert answered.status == 200
    [row] = answered.json["results"]
    assert (row["ok"], row["ref"]) == (True, "a")
    own = ("id", "latest_event_seq", "created_at", "updated_at")
    assert {**row["task"], **{name: single[name] for name in own}} == single
    assert row["task"]["workspace_id"] == workspace["id"]
    assert (await client.get(f"/api/tasks/{row['task']['id']}")).json["task"]["task"] == row["task"]


async def test_parents_and_dependencies_show_in_the_tree_and_in_details(client):
    await client.created(id="old")
    items = [
        {**TASK, "ref": "c", "parent_ref": "a", "depends_on": [{"ref": "b"}, {"task_id": "old"}]},
        {**TASK, "ref": "b", "parent_ref": "a", "depends_on": [{"ref": "old", "kind": ""}]},
        {**TASK, "ref": "a", "parent_task_id": "old", "depends_on": []},
        {**TASK, "ref": "old"},
    ]
    rows = (await client.post(PATH, {"items": items})).json["results"]
    ids = {row["ref"]: row["task"]["id"] for row in rows}
    assert [row["ref"] for row in rows] == ["c", "b", "a", "old"]
    tree = (await client.get("/api/tasks/old/tree")).json["tree"]
    assert [node["depth"] for node in tree["descendants"]] == [1, 2, 2]
    detail = (await client.get(f"/api/tasks/{ids['c']}")).json["task"]
    assert [edge["depends_on_task_id"] for edge in detail["dependencies"]] == [ids["b"], "old"]
    assert detail["task"]["status"] == "blocked"


async def test_items_that_ask_for_it_have_a_run_that_waits_for_what_they_depend_on(client):
    items = [
        {**TASK, "ref": "b", "depends_on": [{"ref": "a"}], "enqueue": True},
        {**TASK, "ref": "a", "enqueue": True},
        {**TASK, "draft": True, "enqueue": True},
    ]
    answered = await client.post(PATH, {"items": items, "atomic": False})
    rows = answered.json["results"]
    assert [row_of(row) for row in rows] == [
        "ok",
        "ok",
        ("task_invalid_transition", "/items/2/enqueue"),
    ]
    builder = client.acting_as("sess-1")
    second, first = rows[0]["task"]["id"], rows[1]["task"]["id"]
    for task_id in (first, second):
        claimed = await builder.post("/api/agent/tasks/claim-next", {})
        run = claimed.json["claim"]["run"]
        assert run["task_id"] == task_id
        done = await builder.post(f"/api/agent/tasks/{run['id']}/complete", {})
        assert done.status == 200


WRONG = [
    {**TASK, "ref": "a"},
    {**TASK, "id": "old"},
    {**TASK, "ref": "b", "title": " "},
    {**TASK, "parent_ref": "b"},
    {**TASK, "scope": "workspace", "workspace": "nowhere", "ref": "c"},
    {**TASK, "depends_on": [{"task_id": "old"}, {"ref": "c"}]},
    {**TASK, "depends_on": {"ref": "a"}},
    {**TASK, "depends_on": [{"task_id": "old"}, {"kind": "waits", "ref": "a"}]},
    {**TASK, "depends_on": [17]},
    {**TASK, "depends_on": [{}]},
    {**TASK, "ref": 17},
    {**TASK, "ref": "x" * 129},
    {**TASK, "depends_on": [{"task_id": "run-1"}]},
    17,
]
EXPECTED = [
    "ok",
    ("task_already_exists", "/items/1/id"),
    ("invalid_request", "/items/2/title"),
    ("task_batch_item_refused", "/items/3/parent_ref"),
    ("workspace_not_found", "/items/4"),
    ("task_batch_item_refused", "/items/5/depends_on/1/ref"),
    ("invalid_request", "/items/6/depends_on"),
    ("invalid_request", "/items/7/depends_on/1/kind"),
    ("invalid_request", "/items/8/depends_on/0"),
    ("invalid_request", "/items/9/depends_on/0"),
    ("invalid_request", "/items/10/ref"),
    ("invalid_request", "/items/11/ref"),
    ("task_not_found", "/items/12/depends_on/0"),
    ("invalid_request", "/items/13"),
]


async def test_each_for_itself_what_is_wrong_with_an_item_is_reported_in_its_row(client):
    await client.created(id="old")
    answered = await client.post(PATH, {"items": WRONG, "atomic": False})
    assert answered.status == 200
    assert [row_of(row) for row in answered.json["results"]] == EXPECTED
    assert len((await client.get("/api/tasks")).json["tasks"]) == 2


async def test_all_or_none_the_answer_is_that_of_the_first_at_fault_with_a_row_for_each(client):
    await client.created(id="old")
    answered = await client.post(PATH, {"items": WRONG})
    single = await client.post("/api/tasks", WRONG[1])
    assert (
        (answered.status, answered.code)
        == (single.status, single.code)
        == (
            409,
            "task_already_exists",
        )
    )
    assert answered.pointer == "/items/1/id"
    rows = [row_of(row) for row in answered.json["results"]]
    assert rows == [("task_batch_not_made", "/items/0"), *EXPECTED[1:]]
    assert len((await client.get("/api/tasks")).json["tasks"]) == 1


@pytest.mark.parametrize(
    ("item", "status", "code"),
    [
        ({"scope": "global"}, 422, "invalid_request"),
        ({**TASK, "parent_task_id": "unknown"}, 404, "task_not_found"),
        ({**TASK, "metadata": "x" * 17_000}, 413, "payload_too_large"),
        ({**TASK, "ref": "a", "parent_ref": "a"}, 409, "task_dependency_cycle"),
        ({**TASK, "ref": "a", "depends_on": [{"ref": "a"}]}, 422, "invalid_request"),
    ],
)
async def test_the_status_is_that_of_the_refusal(client, item, status, code):
    answered = await client.post(PATH, {"items": [{**TASK, "parent_ref": "a"}, item]})
    expected = (status, code) if "ref" in item else (422, "invalid_request")
    assert (answered.status, answered.code) == expected
    answered = await client.post(PATH, {"items": [item]})
    assert (answered.status, answered.code) == (status, code)
    assert answered.json["diagnostic"]["evidence"]["pointer"].startswith("/items/0")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/items"),
        ([], "/items"),
        ({"items": []}, "/items"),
        ({"items": {"title": "T"}}, "/items"),
        ({"items": [TASK] * (BATCH_TASKS_MAX + 1)}, "/items"),
        ({"items": [TASK], "atomic": "no"}, "/atomic"),
    ],
)
async def test_a_batch_that_is_none_is_refused_as_a_whole(client, body, pointer):
    answered = await client.post(PATH, body)
    assert (answered.status, answered.pointer) == (422, pointer)
    assert "results" not in answered.json


async def test_members_that_are_unknown_are_named(client):
    items = [{**TASK, "depends": [], "ref": "a"}, {**TASK, "depends_on": [{"ref": "a", "x": 1}]}]
    answered = await client.post(PATH, {"items": items, "all": True})
    assert answered.status == 200
    named = "/items/0/depends, /items/1/depends_on/0/x, /all"
    assert answered.headers["chargehand-ignored"] == named


async def test_a_task_may_be_called_batch(client):
    await client.created(id="batch")
    assert (await client.get("/api/tasks/batch")).json["task"]["task"]["id"] == "batch"
    assert (await client.send("PATCH", "/api/tasks/batch", {"title": "B"})).status == 200
    assert (await client.send("DELETE", "/api/tasks/batch")).status == 204


async def test_an_agent_makes_them_in_its_own_workspace_alone(client):
    for name in "ab":
        await client.post("/api/workspaces", {"root_dir": f"/srv/{name}", "name": name})
    session = {"id": "s1", "agent_name": "coder", "workspace": "a"}
    assert (await client.post("/api/sessions", session)).status == 201
    items = [{"scope": "workspace", "title": "T", "workspace": name} for name in "ab"]
    answered = await client.acting_as("s1").post(PATH, {"items": items, "atomic": False})
    assert [row_of(row) for row in answered.json["results"]] == [
        "ok",
        ("identity_unauthorized", "/items/1"),
    ]
    [row, _] = answered.json["results"]
    assert row["task"]["created_by"] == {"kind": "agent_session", "ref": "s1"}


async def test_a_repeat_under_a_key_is_answered_as_the_first(client):
    body = {"items": [{**TASK, "parent_ref": "a"}, {**TASK, "ref": "a"}]}
    headers = {"Idempotency-Key": "k"}
    first = await client.send("POST", PATH, body, headers)
    again = await client.send("POST", PATH, orjson.dumps(body), headers)
    assert (again.status, again.json) == (first.status, first.json)
    other = await client.send("POST", PATH, {**body, "atomic": False}, headers)
    assert (other.status, other.code) == (409, "idempotency_key_reused")
    assert len((await client.get("/api/tasks")).json["tasks"]) == 2


async def test_a_dependency_that_is_no_object_is_told_how_it_is_written(client):
    items = [{**TASK, "ref": "b"}, {**TASK, "depends_on": ["b"]}]
    answered = await client.post(PATH, {"items": items})
    assert answered.status == 422
    assert "item 1: /depends_on/0 must be an object" in answered.json["error"]
    assert '(next: send {"ref": "..."} or {"task_id": "..."})' in answered.json["error"]
