"""Operations on tasks, over HTTP."""

import base64

import pytest
import trio

from chargehand.actors import limits
from chargehand.actors.identity import OriginKind
from chargehand.web.app import create_app
from tests.web.client import ContractClient


async def test_a_new_task_shows_all_that_was_given(client):
    body = {
        "scope": "global",
        "title": " Ship it ",
        "id": "task-mine",
        "identifier": "REL-1",
        "description": "d",
        "priority": "HIGH",
        "max_attempts": 5,
        "network_channel": "dev",
        "auto_enqueue_on_ready": True,
        "owner": {"kind": "pool", "ref": "coder"},
        "metadata": {"a": [1, None]},
    }
    answered = await client.post("/api/tasks", body)
    assert answered.status == 201
    task = answered.json["task"]
    assert task.pop("created_at") == task.pop("updated_at")
    assert task.pop("latest_event_seq") > 0
    assert task == {
        **body,
        "title": "Ship it",
        "priority": "high",
        "status": "ready",
        "approval_policy": "none",
        "approval_state": "not_required",
        "created_by": {"kind": "human", "ref": "local-user"},
        "origin": {"kind": "http", "ref": "tasks.create"},
    }


async def test_a_plain_task_shows_nothing_that_is_unset(client):
    assert set(await client.created()) == {
        "id",
        "scope",
        "title",
        "priority",
        "max_attempts",
        "status",
        "approval_policy",
        "approval_state",
        "latest_event_seq",
        "created_by",
        "origin",
        "created_at",
        "updated_at",
    }


async def test_the_socket_shows_in_the_origin(system):
    client = ContractClient(create_app(system, OriginKind.UDS))
    assert (await client.created())["origin"] == {"kind": "uds", "ref": "tasks.create"}


async def test_null_metadata_at_creation_is_kept(client):
    assert (await client.created(metadata=None))["metadata"] is None


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"title": " "}, "/title"),
        ({"title": "x" * 501}, "/title"),
        ({"scope": "moon"}, "/scope"),
        ({"scope": "workspace"}, "/workspace"),
        ({"workspace": "nowhere"}, "/workspace"),
        ({"priority": "huge"}, "/priority"),
        ({"max_attempts": 0}, "/max_attempts"),
        ({"owner": {}}, "/owner/kind"),
        ({"owner": {"kind": "pool", "ref": " "}}, "/owner/ref"),
        ({"id": "a/b"}, "/id"),
        ({"network_channel": "No Channel"}, "/network_channel"),
    ],
)
async def test_an_invalid_task_is_refused_by_the_field(client, fields, pointer):
    body = {"scope": "global", "title": "a", **fields}
    answered = await client.post("/api/tasks", body)
    assert (answered.status, answered.code, answered.pointer) == (422, "invalid_request", pointer)


async def test_too_much_metadata_is_413(client):
    body = {"scope": "global", "title": "a", "metadata": "x" * 16_384}
    answered = await client.post("/api/tasks", body)
    assert (answered.status, answered.code) == (413, "payload_too_large")


async def test_an_id_is_given_once(client):
    await client.created(id="task-mine")
    body = {"scope": "global", "title": "a", "id": "task-mine"}
    answered = await client.post("/api/tasks", body)
    assert (answered.status, answered.code) == (409, "task_already_exists")


async def test_a_workspace_is_named_by_id_name_or_path(client):
    made = (await client.post("/api/workspaces", {"root_dir": "/srv/ws", "name": "home"})).json
    workspace_id = made["workspace"]["id"]
    for ref in (workspace_id, "home", "/srv/ws"):
        task = await client.created(scope="workspace", workspace=ref)
        assert task["workspace_id"] == workspace_id
        listed = (await client.get(f"/api/tasks?workspace={ref}&scope=workspace")).json["tasks"]
        assert task["id"] in {row["id"] for row in listed}
    unknown = await client.post(
        "/api/tasks", {"scope": "workspace", "title": "a", "workspace": "other"}
    )
    assert (unknown.status, unknown.code) == (404, "workspace_not_found")
    assert (await client.get("/api/tasks?workspace=other")).status == 404


async def test_an_agent_makes_no_tasks_in_another_workspace(client):
    for name in ("one", "two"):
        await client.post("/api/workspaces", {"root_dir": f"/srv/{name}"})
    agent = client.acting_as("s1", **{"X-AGH-Workspace-ID": "one"})
    made = await agent.post("/api/tasks", {"scope": "workspace", "title": "a", "workspace": "one"})
    assert made.json["task"]["created_by"] == {"kind": "agent_session", "ref": "s1"}
    refused = await agent.post(
        "/api/tasks", {"scope": "workspace", "title": "a", "workspace": "two"}
    )
    assert (refused.status, refused.code) == (403, "identity_unauthorized")


async def test_a_patch_changes_what_it_names(client):
    task = await client.created(description="d")
    path = f"/api/tasks/{task['id']}"
    body = {"title": "b", "description": "", "owner": {"kind": "human", "ref": "x"}}
    changed = (await client.send("PATCH", path, body)).json["task"]
    assert changed["title"] == "b"
    assert "description" not in changed
    assert changed["latest_event_seq"] > task["latest_event_seq"]
    cleared = (await client.send("PATCH", path, {"clear_owner": True})).json["task"]
    assert "owner" not in cleared
    for refused in ({}, {"title": None}, {"priority": ""}, {"clear_owner": False}):
        assert (await client.send("PATCH", path, refused)).status == 422


async def test_delete(client):
    parent = await client.created()
    path = f"/api/tasks/{parent['id']}"
    child = await client.post(f"{path}/children", {"scope": "global", "title": "c"})
    refused = await client.send("DELETE", path)
    assert (refused.status, refused.code) == (400, "task_has_children")
    assert (await client.send("DELETE", f"/api/tasks/{child.json['task']['id']}")).status == 204
    answered = await client.send("DELETE", path)
    assert (answered.status, answered.body) == (204, b"")
    assert (await client.get(path)).status == 404


async def test_lists_are_filtered(client):
    low = await client.created(priority="low", title="Größe", identifier="X-1")
    await client.created(draft=True)
    ids = {
        query: [row["id"] for row in (await client.get(f"/api/tasks?{query}")).json["tasks"]]
        for query in ("priority=LOW", "query=GR%C3%96SSE", "query=x-1", "query=%25", "status=draft")
    }
    assert ids["priority=LOW"] == ids["query=x-1"] == [low["id"]]
    assert ids["query=GR%C3%96SSE"] == [low["id"]]
    assert ids["query=%25"] == []
    assert len(ids["status=draft"]) == 1
    assert len((await client.get("/api/tasks")).json["tasks"]) == 1
    assert len((await client.get("/api/tasks?include_drafts=t")).json["tasks"]) == 2


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=-1", "?limit"),
        ("limit=x", "?limit"),
        ("status=done", "?status"),
        ("include_drafts=yes", "?include_drafts"),
        ("scope=workspace", "?workspace"),
        ("scope=global&workspace=x", "?workspace"),
        ("network_channel=A+B", "?network_channel"),
        ("cursor=eA", "?cursor"),
        ("cursor=%21", "?cursor"),
        ("cursor=OTkuOTguMA", "?cursor"),  # of number 98, which there is not
        ("order=newest", "?order"),
        ("order=created&cursor=OTkuOTguMA", "?cursor"),
    ],
)
async def test_a_bad_parameter_is_named(client, query, pointer):
    answered = await client.get(f"/api/tasks?{query}")
    assert (answered.status, answered.pointer) == (422, pointer)


@pytest.mark.parametrize("order", ["", "&order=activity", "&order=created"])
async def test_the_oldest_task_that_moves_after_the_first_page_is_shown_once(client, order):
    made = [(await client.created())["id"] for _ in range(9)]
    target, found = f"/api/tasks?limit=2{order}", []
    while target:
        answered = await client.get(target)
        found += [row["id"] for row in answered.json["tasks"]]
        link = answered.headers.get("link")
        target = None if link is None else link[1 : link.index(">")]
        if len(found) == 2:
            await client.send("PATCH", f"/api/tasks/{made[0]}", {"title": "moved"})
            await client.created()
    assert sorted(found) == sorted(made)
    assert found[:2] == [made[8], made[7]]


async def test_a_list_in_order_of_creation_is_looked_for_in_turns(client, monkeypatch):
    monkeypatch.setattr(limits, "LOOKED_AT_MAX", 2)
    made = [(await client.created(title=("pear", "plum")[n % 2]))["id"] for n in range(12)]
    answered = await client.get("/api/tasks?order=created&query=pear&limit=3")
    assert [row["id"] for row in answered.json["tasks"]] == [made[10], made[8], made[6]]
    link = answered.headers["link"]
    rest = await client.get(link[1 : link.index(">")])
    assert [row["id"] for row in rest.json["tasks"]] == [made[4], made[2], made[0]]
    assert "link" not in rest.headers


async def test_a_list_in_order_of_creation_is_not_changed_by_what_happens(client):
    made = [(await client.created())["id"] for _ in range(3)]
    await client.send("PATCH", f"/api/tasks/{made[0]}", {"title": "moved"})
    rows = {
        order: [row["id"] for row in (await client.get(f"/api/tasks?order={order}")).json["tasks"]]
        for order in ("activity", "created")
    }
    assert rows == {"activity": [made[0], made[2], made[1]], "created": made[::-1]}


async def test_pages_follow_each_other(client):
    made = [(await client.created())["id"] for _ in range(5)]
    target, found = "/api/tasks?limit=2&priority=medium", []
    while target:
        answered = await client.get(target)
        found.append([row["id"] for row in answered.json["tasks"]])
        link = answered.headers.get("link")
        target = None if link is None else link[1 : link.index(">")]
    assert [len(page) for page in found] == [2, 2, 1]
    assert [task_id for page in found for task_id in page] == made[::-1]


async def test_a_detail_holds_everything_around_a_task(client):
    blocker = await client.created(title="blocker")
    task = await client.created()
    path = f"/api/tasks/{task['id']}"
    added = await client.post(f"{path}/dependencies", {"depends_on_task_id": blocker["id"]})
    assert added.status == 200
    await client.post(f"{path}/children", {"scope": "global", "title": "c", "draft": True})
    await client.post(f"{path}/runs")
    detail = (await client.get(path)).json["task"]
    assert detail["summary"]["child_count"] == detail["summary"]["dependency_count"] == 1
    assert detail["summary"]["active_run"]["status"] == "queued"
    assert detail["dependencies"][0]["depends_on_task_id"] == blocker["id"]
    assert detail["dependency_references"] == detail["summary"]["dependencies"]
    assert detail["dependency_references"][0]["depends_on"]["title"] == "blocker"
    assert detail["children"][0]["draft"] is True
    assert detail["runs"][0]["id"] == detail["summary"]["active_run"]["id"]
    assert detail["task"]["status"] == "blocked"
    types = [event["event_type"] for event in detail["events"]]
    assert types[0] == "task.run_enqueued"
    assert types[-1] == "task.created"
    removed = await client.send("DELETE", f"{path}/dependencies/{blocker['id']}")
    assert removed.json["task"]["task"]["status"] == "ready"
    assert "dependencies" not in removed.json["task"]
    again = await client.send("DELETE", f"{path}/dependencies/{blocker['id']}")
    assert (again.status, again.code) == (404, "task_dependency_not_found")


async def test_a_detail_shows_the_latest_hundred_events(client):
    task = await client.created()
    path = f"/api/tasks/{task['id']}"
    for number in range(110):
        await client.send("PATCH", path, {"title": f"t{number}"})
    events = (await client.get(path)).json["task"]["events"]
    assert len(events) == 100
    assert {event["event_type"] for event in events} == {"task.updated"}


async def test_a_tree_counts_from_the_task_that_is_asked_for(client):
    ids = [(await client.created())["id"]]
    for _ in range(2):
        body = {"scope": "global", "title": "c"}
        ids.append((await client.post(f"/api/tasks/{ids[-1]}/children", body)).json["task"]["id"])
    tree = (await client.get(f"/api/tasks/{ids[1]}/tree")).json["tree"]
    assert (tree["root"]["task"]["id"], tree["root"]["depth"]) == (ids[1], 0)
    assert tree["root"]["parent_task_id"] == ids[0]
    assert [(node["task"]["id"], node["depth"]) for node in tree["descendants"]] == [(ids[2], 1)]
    leaf = (await client.get(f"/api/tasks/{ids[2]}/tree")).json["tree"]
    assert "descendants" not in leaf


async def test_pause_shows_below_too(client):
    parent = await client.created()
    path = f"/api/tasks/{parent['id']}"
    body = {"scope": "global", "title": "c"}
    child = (await client.post(f"{path}/children", body)).json["task"]
    for refused in (b"", {"reason": " "}):
        answered = await client.post(f"{path}/pause", refused)
        assert (answered.status, answered.code) == (422, "force_op_requires_reason")
    paused = (await client.post(f"{path}/pause", {"reason": "hold"})).json["task"]
    assert paused["paused_by"] == "human:local-user"
    assert (paused["paused_reason"], paused["paused_by_task_id"]) == ("hold", parent["id"])
    changed = await client.send("PATCH", f"/api/tasks/{child['id']}", {"title": "d"})
    assert changed.json["task"]["effective_paused"] is True
    assert changed.json["task"]["paused_by_task_id"] == parent["id"]
    assert "paused" not in changed.json["task"]
    resumed = (await client.post(f"{path}/resume")).json["task"]
    assert not {"paused", "paused_at", "effective_paused", "paused_by_task_id"} & set(resumed)


async def test_publish_start_approve_and_reject(client):
    draft = await client.created(draft=True)
    assert draft["draft"] is True
    published = await client.post(f"/api/tasks/{draft['id']}/publish")
    assert (published.status, published.json["task"]["status"]) == (200, "ready")
    assert published.json["run"]["origin"]["ref"] == "tasks.publish"
    assert "idempotency_key" not in published.json["run"]

    task = await client.created()
    started = await client.post(f"/api/tasks/{task['id']}/start", {"idempotency_key": "k"})
    assert (started.status, started.json["run"]["idempotency_key"]) == (201, "k")

    gated = await client.created(approval_policy="manual")
    approved = await client.post(f"/api/tasks/{gated['id']}/approve")
    assert (approved.status, approved.json["task"]["approval_state"]) == (201, "approved")

    other = await client.created(approval_policy="manual")
    rejected = await client.post(f"/api/tasks/{other['id']}/reject")
    assert (rejected.status, rejected.json["task"]["approval_state"]) == (200, "rejected")
    assert (await client.post(f"/api/tasks/{other['id']}/reject")).status == 409


async def test_a_closed_task_says_when(client):
    task = await client.created()
    canceled = await client.post(f"/api/tasks/{task['id']}/cancel", {"reason": "no"})
    assert canceled.json["task"]["status"] == "canceled"
    assert canceled.json["task"]["closed_at"] == canceled.json["task"]["updated_at"]
    assert "closed_at" not in task


async def test_the_timeline_is_paged(client):
    task = await client.created()
    path = f"/api/tasks/{task['id']}"
    for title in "bcd":
        await client.send("PATCH", path, {"title": title})
    whole = (await client.get(f"{path}/timeline")).json["timeline"]
    assert [item["sequence"] for item in whole] == sorted(item["sequence"] for item in whole)
    first = await client.get(f"{path}/timeline?limit=3")
    link = first.headers["link"]
    rest = await client.get(link[1 : link.index(">")])
    assert first.json["timeline"] + rest.json["timeline"] == whole
    assert "link" not in rest.headers
    after = await client.get(f"{path}/timeline?after_sequence={whole[1]['sequence']}")
    assert after.json["timeline"] == whole[2:]
    assert (await client.get(f"{path}/timeline?after_sequence=-1")).status == 422
    assert (await client.get(f"{path}/timeline?cursor=eA")).pointer == "?cursor"


async def test_a_timeline_refuses_a_number_that_was_never_given(client):
    path = f"/api/tasks/{(await client.created())['id']}/timeline"
    newest = (await client.get(path)).json["timeline"][-1]["sequence"]
    assert (await client.get(f"{path}?after_sequence={newest}")).json["timeline"] == []
    ahead = base64.urlsafe_b64encode(str(newest + 1).encode()).decode().rstrip("=")
    for query, pointer in (
        (f"after_sequence={newest + 1}", "?after_sequence"),
        (f"cursor={ahead}", "?cursor"),
    ):
        answered = await client.get(f"{path}?{query}")
        assert (answered.status, answered.code) == (422, "stream_cursor_ahead")
        assert answered.json["diagnostic"]["evidence"] == {"newest": newest, "pointer": pointer}


async def test_a_write_can_be_read_at_once(client):
    async def write(number: int) -> None:
        task = await client.created(title=f"t{number}")
        listed = (await client.get(f"/api/tasks?query={task['id']}")).json["tasks"]
        assert [row["title"] for row in listed] == [f"t{number}"]

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(write, number)
