"""The dashboard and the inbox over HTTP."""

import pytest
import trio

DASHBOARD = "/api/observe/tasks/dashboard"
HISTORY = "/api/observe/history"
INBOX = "/api/observe/tasks/inbox"


async def board(client, query: str = ""):
    return (await client.get(f"{DASHBOARD}?{query}")).json["dashboard"]


async def inbox(client, query: str = ""):
    return (await client.get(f"{INBOX}?{query}")).json["inbox"]


def lanes(found) -> dict[str, list[str]]:
    return {
        group["lane"]: [item["task"]["id"] for item in group.get("items", ())]
        for group in found["groups"]
    }


async def test_an_empty_dashboard(client):
    told = await board(client)
    assert told["totals"]["tasks_total"] == told["totals"]["runs_total"] == 0
    assert "status_breakdown" not in told
    assert told["freshness"]["status"] == "empty"
    assert told["freshness"]["latest_activity_at"] == "0001-01-01T00:00:00Z"
    assert "depth" not in told["queue"]
    assert told["active_runs"] == {
        "total": 0, "running": 0, "starting": 0, "claimed": 0, "queued": 0,
    }  # fmt: skip


async def test_shares_are_rounded_half_up_and_come_in_a_fixed_order(client):
    for number in range(8):
        await client.created(id=f"t{number}", draft=number == 0)
    await client.post("/api/tasks/t1/cancel")
    told = (await board(client))["status_breakdown"]
    assert told == [
        {"status": "ready", "count": 6, "share_percent": 75},
        {"status": "canceled", "count": 1, "share_percent": 13},
        {"status": "draft", "count": 1, "share_percent": 13},
    ]


async def test_the_furthest_runs_are_shown_and_the_latest_of_them_first(client, autojump_clock):
    runs = []
    for number in range(6):
        runs.append(await client.queued(id=f"t{number}", title=f"T {number}", priority="high"))
        await trio.sleep(1)
    for run in runs[:3]:
        await client.post(f"/api/task-runs/{run['id']}/claim")
    await client.post(f"/api/task-runs/{runs[0]['id']}/start")
    await trio.sleep(400)
    told = await board(client)
    assert [item["task_id"] for item in told["active_runs"]["items"]] == ["t0", "t2", "t1", "t5"]
    running, claimed, _, queued = told["active_runs"]["items"]
    # Nobody has touched it since, and no lease guards it.
    assert (running["run_status"], running["stuck"]) == ("running", True)
    assert (claimed["health_status"], claimed["stuck"]) == ("warn", True)
    assert claimed["age_ms"] == 400_000
    assert (queued["task_title"], queued["attempt"], queued["max_attempts"]) == ("T 5", 1, 3)
    assert told["health"] == {
        "status": "warn", "stuck_runs": 3, "active_orphan_runs": 0, "queue_backlog": False,
    }  # fmt: skip
    assert told["cards"]["in_progress"]["health_status"] == "warn"
    assert told["cards"]["latency"]["claim_latency_ms"]["samples"] == 3


async def test_runs_that_need_attention_are_on_the_card_of_failures(client, autojump_clock):
    run = await client.queued()
    agent = client.acting_as("s1")
    for _ in range(5):
        await agent.post("/api/agent/tasks/claim-next", {"lease_seconds": 1})
        await trio.sleep(2)
    told = await board(client)
    assert told["totals"]["runs_total"] == 1
    assert told["totals"]["failed_runs"] == told["totals"]["active_runs"] == 0
    card = told["cards"]["failed"]
    assert (card["failed_runs"], card["forced_stops"], card["health_status"]) == (1, 0, "warn")
    [item] = (await inbox(client, "lane=failed_runs"))["groups"][0]["items"]
    assert (item["run"]["id"], item["run"]["status"]) == (run["id"], "needs_attention")
    assert item["blocking_reason"] == "needs_attention"
    await client.post(f"/api/runs/{run['id']}/fail", {"reason": "enough"})
    card = (await board(client))["cards"]["failed"]
    assert (card["failed_runs"], card["forced_stops"]) == (1, 1)


async def test_the_dashboard_is_the_same_for_everybody(client):
    await client.created()
    stranger = {"X-AGH-Agent": "coder"}  # half an identity, refused elsewhere
    told = (await client.get(DASHBOARD, **stranger)).json["dashboard"]
    assert told["totals"]["tasks_total"] == 1


async def test_all_runs_of_matching_tasks_count_whatever_their_own_channel(client):
    task = await client.created(network_channel="alpha")
    await client.post(f"/api/tasks/{task['id']}/runs", {"network_channel": "beta"})
    told = await board(client, "network_channel=alpha")
    assert (told["totals"]["tasks_total"], told["totals"]["queued_runs"]) == (1, 1)
    assert [depth["network_channel"] for depth in told["queue"]["depth"]] == ["beta"]
    assert (await board(client, "network_channel=beta"))["totals"]["runs_total"] == 0


async def test_filters_of_scope_and_origin(client):
    await client.post("/api/workspaces", {"root_dir": "/srv/ws"})
    await client.created(scope="workspace", workspace="ws", owner={"kind": "pool", "ref": "bot"})
    await client.created()
    for query, count in {
        "scope=global": 1,
        "scope=workspace&workspace=ws": 1,
        "owner_kind=pool": 1,
        "owner_ref=bot": 1,
        "owner_kind=human&owner_ref=bot": 0,
        "origin_kind=http": 2,
        "origin_kind=cli": 0,
    }.items():
        assert (await board(client, query))["totals"]["tasks_total"] == count, query


@pytest.mark.parametrize("path", [DASHBOARD, INBOX])
@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("scope=x", "?scope"),
        ("scope=workspace", "?workspace"),
        ("scope=global&workspace=ws", "?workspace"),
        ("workspace=ws", "?scope"),
        ("owner_kind=x", "?owner_kind"),
    ],
)
async def test_a_bad_parameter_of_both(client, path, query, pointer):
    answered = await client.get(f"{path}?{query}")
    assert (answered.status, answered.pointer) == (422, pointer)


@pytest.mark.parametrize("query", ["lane=x", "unread=yes", "limit=-1", "limit=x", "cursor=eA"])
async def test_a_bad_parameter_of_the_inbox(client, query):
    answered = await client.get(f"{INBOX}?{query}")
    assert (answered.status, answered.pointer) == (422, f"?{query.split('=')[0]}")


async def test_a_cursor_belongs_to_one_lane(client):
    for number in range(2):
        await client.created(id=f"t{number}", approval_policy="manual")
    first = await client.get(f"{INBOX}?lane=approvals&limit=1")
    token = first.headers["link"].partition("cursor=")[2].partition(">")[0]
    refused = await client.get(f"{INBOX}?cursor={token}")
    assert (refused.status, refused.pointer) == (422, "?cursor")


async def test_an_inbox_from_unread_to_archived(client):
    await client.created(id="ask", approval_policy="manual", identifier="T-1")
    run = await client.queued(id="broken")
    await client.post(f"/api/runs/{run['id']}/fail", {"reason": "no"})
    await client.created(id="mine", owner={"kind": "human", "ref": "local-user"})
    await client.created(id="wait")
    await client.post("/api/tasks/wait/dependencies", {"depends_on_task_id": "mine"})
    found = await inbox(client)
    assert lanes(found) == {
        "my_work": ["mine"],
        "approvals": ["ask"],
        "failed_runs": ["broken"],
        "blocked": ["wait"],
        "archived": [],
    }
    assert (found["total"], found["unread_total"], found["archived_total"]) == (4, 4, 0)
    [item] = found["groups"][1]["items"]
    assert item["blocking_reason"] == "awaiting_approval"
    assert item["triage"]["updated_at"] == "0001-01-01T00:00:00Z"
    assert "last_seen_activity_at" not in item["triage"]
    await client.post("/api/tasks/broken/triage/archive")
    await client.post("/api/tasks/ask/triage/read")
    await client.post("/api/tasks/wait/triage/dismiss")
    found = await inbox(client)
    assert (found["total"], found["unread_total"], found["archived_total"]) == (3, 1, 1)
    assert lanes(found)["archived"] == ["broken"]
    assert lanes(found)["blocked"] == []
    assert lanes(await inbox(client, "unread=true")) == {
        "my_work": ["mine"], "approvals": [], "failed_runs": [], "blocked": [], "archived": [],
    }  # fmt: skip
    await client.send("PATCH", "/api/tasks/wait", {"title": "waits still"})
    assert lanes(await inbox(client))["blocked"] == ["wait"]


async def test_an_inbox_is_its_callers_own(client):
    await client.created(id="ask", approval_policy="manual")
    run = await client.queued(id="work")
    agent = client.acting_as("s1")
    await agent.post("/api/agent/tasks/claim-next")
    await client.post("/api/tasks/ask/triage/archive")
    assert lanes(await inbox(client))["my_work"] == []
    assert lanes(await inbox(client))["approvals"] == []
    found = await inbox(agent)
    assert lanes(found)["my_work"] == ["work"]
    assert lanes(found)["approvals"] == ["ask"]
    [item] = found["groups"][0]["items"]
    assert item["triage"]["actor"] == {"kind": "agent_session", "ref": "s1"}
    assert item["run"]["id"] == run["id"]
    assert not {"claim_token_hash", "lease_until", "heartbeat_at"} & set(item["run"])


async def test_one_lane_goes_on_by_a_link_and_all_lanes_do_not(client):
    for number in range(5):
        await client.created(id=f"t{number}", approval_policy="manual")
    everything = await client.get(f"{INBOX}?limit=2")
    assert "link" not in everything.headers
    assert everything.json["inbox"]["total"] == 5
    seen, target = [], f"{INBOX}?lane=approvals&limit=2"
    while target:
        page = await client.get(target)
        assert page.json["inbox"]["groups"][0]["count"] == 5
        seen += lanes(page.json["inbox"])["approvals"]
        await client.send("PATCH", "/api/tasks/t4", {"priority": "high"})
        link = page.headers.get("link", "")
        target = link[1 : link.index(">")] if link else ""
    assert seen == ["t4", "t3", "t2", "t1", "t0"]


async def walked(client, target: str, after_first_page) -> list[str]:
    """The tasks that the pages of a lane show. Args: after_first_page: done once that is read."""
    seen, pages = [], 0
    while target:
        page = await client.get(target)
        [group] = page.json["inbox"]["groups"]
        seen += [item["task"]["id"] for item in group["items"]]
        link = page.headers.get("link", "")
        target = link[1 : link.index(">")] if link else ""
        pages += 1
        if pages == 1:
            await after_first_page()
    return seen


@pytest.mark.parametrize("unread", ["", "&unread=true"])
async def test_a_task_that_is_active_after_the_first_page_is_shown_once(client, unread):
    for number in range(5):
        await client.created(id=f"t{number}", approval_policy="manual")

    async def happens():
        await client.send("PATCH", "/api/tasks/t0", {"title": "moved"})
        await client.send("PATCH", "/api/tasks/t4", {"title": "moved"})

    seen = await walked(client, f"{INBOX}?lane=approvals&limit=2{unread}", happens)
    assert seen == ["t4", "t3", "t2", "t1", "t0"]


async def test_a_task_that_is_read_or_unread_anew_after_the_first_page_is_shown_once(client):
    for number in range(5):
        await client.created(id=f"t{number}", approval_policy="manual")
    await client.post("/api/tasks/t0/triage/read")
    await client.post("/api/tasks/t1/triage/read")

    async def happens():
        await client.post("/api/tasks/t4/triage/read")
        await client.post("/api/tasks/t2/triage/read")
        await client.send("PATCH", "/api/tasks/t0", {"title": "moved"})
        await client.created(id="new", approval_policy="manual")

    seen = await walked(client, f"{INBOX}?lane=approvals&limit=2", happens)
    assert seen == ["t4", "t3", "t2", "t1", "t0"]


@pytest.mark.parametrize(
    ("query", "found"),
    [("STRASSE", ["a"]), ("t-7", ["a"]), ("TASK-B", ["task-b"]), ("%", []), ("_", [])],
)
async def test_the_inbox_is_searched_without_wildcards(client, query, found):
    manual = {"approval_policy": "manual"}
    await client.created(id="a", title="Straße", identifier="T-7", **manual)
    await client.created(id="task-b", **manual)
    quoted = query.replace("%", "%25")
    assert lanes(await inbox(client, f"query={quoted}"))["approvals"] == found


async def test_triage_leaves_lists_and_cursors_alone(client):
    for number in range(4):
        await client.created(id=f"t{number}")
    first = await client.get("/api/tasks?limit=2")
    await client.post("/api/tasks/t0/triage/read")
    await client.post("/api/tasks/t1/triage/archive")
    link = first.headers["link"]
    rest = await client.get(link[1 : link.index(">")])
    listed = [task["id"] for task in first.json["tasks"] + rest.json["tasks"]]
    assert listed == ["t3", "t2", "t1", "t0"]


async def test_the_history_has_the_minutes_that_are_asked_for_and_the_one_under_way(client, system):
    await client.created(id="t1")
    run_id = (await client.post("/api/tasks/t1/runs")).json["run"]["id"]
    told = (await client.get(HISTORY)).json["history"]
    row = told["minutes"][-1]
    assert (row["tasks_created"], row["runs_enqueued"], row["queued_run_count"]) == (1, 1, 1)
    assert row["queue_wait"] == {"samples": 0}
    assert row["oldest_claimable_age_ms"] >= 0
    await client.post(f"/api/task-runs/{run_id}/claim")
    await client.post(f"/api/task-runs/{run_id}/cancel")
    told = (await client.get(f"{HISTORY}?minutes=1")).json["history"]
    [row] = told["minutes"]
    assert row["queue_wait"]["samples"] == row["execution"]["samples"] == row["runs_canceled"] == 1
    assert "oldest_claimable_age_ms" not in row
    assert told["since"] <= told["as_of"]


@pytest.mark.parametrize("minutes", ["0", "-1", "1441", "x"])
async def test_a_history_of_no_minute_or_of_more_than_a_day_is_refused(client, minutes):
    answered = await client.get(f"{HISTORY}?minutes={minutes}")
    assert (answered.status, answered.pointer) == (422, "?minutes")
