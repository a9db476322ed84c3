"""One operation done to many tasks or runs, by ids or by filter, over HTTP."""

import orjson
import pytest
import trio.testing

from chargehand.actors import limits
from chargehand.actors.identity import OriginKind
from chargehand.actors.settings import Settings
from chargehand.actors.views import recent
from chargehand.web.app import create_app
from chargehand.web.bodies import known_members
from chargehand.web.exchange import Exchange
from chargehand.web.openapi.table import DOCS
from chargehand.web.operations import BULK_RUNS, BULK_TASKS
from chargehand.web.operations import Operation as Op
from chargehand.web.parsing import RequestHead
from tests.actors.system.desk import CrashStore
from tests.actors.system.hang_ups import Countdown
from tests.contract.test_hang_ups import Listening
from tests.web.client import ContractClient
from tests.web.test_sending_again import serving
from tests.web.ways import answered_by_the_app

CANCEL = "/api/tasks/bulk/cancel"
PAUSE = "/api/tasks/bulk/pause"
every_operation = pytest.mark.parametrize(
    "operation", sorted(BULK_TASKS | BULK_RUNS, key=lambda op: op.name), ids=lambda op: op.name
)


async def many(client, path, **body):
    answered = await client.post(path, body)
    assert answered.status == 200, answered.body
    answer = answered.json
    assert answer["changed"] == sum(row["ok"] for row in answer["results"])
    assert answer["refused"] == len(answer["results"]) - answer["changed"]
    return answer


async def slices(client, path, **body):
    """The answers until there is no next one."""
    found = [await many(client, path, **body)]
    while (cursor := found[-1].get("next_cursor")) is not None:
        found.append(await many(client, path, **body, cursor=cursor))
    return found


async def made(client, count: int, **members) -> list[str]:
    ids: list[str] = []
    while len(ids) < count:
        items = min(count - len(ids), limits.BATCH_TASKS_MAX)
        task = {"scope": "global", "title": "work", **members}
        answered = await client.post("/api/tasks/batch", {"items": [task] * items})
        ids += [row["task"]["id"] for row in answered.json["results"]]
    return ids


async def task(client, task_id):
    return (await client.get(f"/api/tasks/{task_id}")).json["task"]["task"]


async def ids_with(client, query):
    listed = await client.get(f"/api/tasks?limit=1000&{query}")
    return {found["id"] for found in listed.json["tasks"]}


def ids_of(answer):
    return [row["id"] for row in answer["results"]]


def codes_of(answer):
    return [row["error"]["diagnostic"]["code"] for row in answer["results"] if "error" in row]


# --- tasks by their ids --------------------------------------------------------------------------


async def test_rows_come_in_the_order_asked_for_and_one_that_is_refused_stops_no_other(client):
    first, second = [(await client.created(title=name))["id"] for name in "ab"]
    done = (await client.queued())["task_id"]
    run_id = (await client.get(f"/api/tasks/{done}/runs")).json["runs"][0]["id"]
    for step in ("claim", "start", "complete"):
        await client.post(f"/api/task-runs/{run_id}/{step}", {})
    named = [second, done, "task-none", "no id at all!", f" {first} ", second]
    answer = await many(client, CANCEL, ids=named, reason="over")
    assert answer["matched"] == 5
    assert "next_cursor" not in answer
    rows = answer["results"]
    assert ids_of(answer) == [second, done, "task-none", "no id at all!", first]
    assert [row["ok"] for row in rows] == [True, False, False, False, True]
    assert rows[0] == {"id": second, "ok": True, "title": "b", "status": "canceled"}
    assert rows[1]["status"] == "completed"
    assert set(rows[2]) == {"id", "ok", "error"}
    assert codes_of(answer) == ["task_invalid_transition", "task_not_found", "task_not_found"]
    alone = await client.post(f"/api/tasks/{done}/cancel", {"reason": "over"})
    assert alone.json == rows[1]["error"]


async def test_what_does_not_apply_is_a_refused_row(client):
    waits = (await client.created(approval_policy="manual"))["id"]
    needs_none = (await client.created())["id"]
    answer = await many(client, "/api/tasks/bulk/approve", ids=[needs_none, waits])
    assert [row["ok"] for row in answer["results"]] == [False, True]
    assert codes_of(answer) == ["task_invalid_transition"]
    assert answer["results"][1]["status"] == "ready"


async def test_pause_and_resume_and_archive(client):
    ids = [(await client.created())["id"] for _ in range(2)]
    await many(client, PAUSE, ids=ids, reason="night", metadata={"a": 1})
    assert [(await task(client, one))["paused"] for one in ids] == [True, True]
    await many(client, "/api/tasks/bulk/resume", ids=ids)
    assert [(await task(client, one)).get("paused", False) for one in ids] == [False, False]
    archived = "/api/observe/tasks/inbox?lane=archived"
    await many(client.acting_as("s1"), "/api/tasks/bulk/archive", ids=ids)
    assert (await client.get(archived)).json["inbox"]["archived_total"] == 0
    theirs = await client.acting_as("s1").get(archived)
    assert theirs.json["inbox"]["archived_total"] == 2


async def test_an_id_of_another_kind_is_explained(client):
    run = await client.queued()
    answer = await many(client, CANCEL, ids=[run["id"]])
    assert answer["results"][0]["error"]["diagnostic"]["evidence"]["meant"] == run["task_id"]


async def test_a_thousand_ids_are_one_request_and_more_go_on_by_cursor(client):
    ids = await made(client, 1500)
    answer = await many(client, PAUSE, ids=ids, reason="r")
    assert ids_of(answer) == ids
    found = await slices(client, "/api/tasks/bulk/resume", ids=ids, limit=1000)
    assert [one["changed"] for one in found] == [1000, 500]
    assert [one["matched"] for one in found] == [1500, 1500]
    assert [one for answer in found for one in ids_of(answer)] == ids


# --- tasks by a filter ---------------------------------------------------------------------------


async def test_three_thousand_tasks_in_slices_each_handled_once_while_they_move(client, system):
    """The operation itself moves what it is done to, others move what is left, and more come."""
    ids = set(await made(client, 3000, priority="low"))
    kept = set(await made(client, 10, priority="high"))
    handled: list[str] = []
    body = {"filter": {"priority": "low"}, "reason": "over"}
    cursor: str | None = None
    changed: set[str] = set()
    while True:
        answer = await many(client, PAUSE, **body, **({"cursor": cursor} if cursor else {}))
        assert len(answer["results"]) <= limits.BULK_SLICE_MAX
        assert answer.get("matched") == (None if cursor else 3000)
        handled += ids_of(answer)
        cursor = answer.get("next_cursor")
        if cursor is None:
            break
        left = sorted(ids - set(handled) - changed)
        await client.send("PATCH", f"/api/tasks/{left[0]}", {"title": "moved"})  # matches still
        await client.send("PATCH", f"/api/tasks/{left[1]}", {"priority": "high"})  # no more
        changed.add(left[1])
        await client.created(priority="low")  # after the first slice: not in it
        await client.send("PATCH", f"/api/tasks/{handled[0]}", {"title": "was handled"})
    assert len(handled) == len(set(handled))
    assert set(handled) == ids - changed
    for one in kept | changed:
        assert not (await task(client, one)).get("paused", False)


async def test_a_tree_that_is_canceled_from_above_is_no_trouble(client):
    parent = (await client.created())["id"]
    children = []
    for _ in range(3):
        body = {"scope": "global", "title": "c"}
        answered = await client.post(f"/api/tasks/{parent}/children", body)
        children.append(answered.json["task"]["id"])
    found = await slices(client, CANCEL, filter={"status": "ready"}, limit=2)
    handled = [one for answer in found for one in ids_of(answer)]
    assert set(handled) == {parent, *children}
    assert not any(answer["refused"] for answer in found)


async def test_more_moves_than_are_remembered_bring_nobody_back(client, monkeypatch):
    monkeypatch.setattr(limits, "MOVES_MAX", 4)
    monkeypatch.setattr(recent, "_FORGET_STEP", 1)
    ids = await made(client, 40)
    found = await slices(client, PAUSE, filter={"status": "ready"}, limit=7, reason="r")
    handled = [one for answer in found for one in ids_of(answer)]
    assert sorted(handled) == sorted(ids)


async def test_a_filter_selects_what_the_list_shows(client):
    await client.created(id="t1", title="Alpha", priority="high")
    await client.created(id="t2", title="alphabet", owner={"kind": "pool", "ref": "x"})
    await client.created(id="t3", title="Beta", approval_policy="manual")
    await client.created(id="t4", title="alpha draft", draft=True)
    await client.post("/api/tasks/t1/children", {"id": "t5", "title": "c", "scope": "global"})
    for given, query in (
        ({"query": "ALPHA"}, "query=ALPHA"),
        ({"query": "ALPHA", "include_drafts": True}, "query=ALPHA&include_drafts=true"),
        ({"priority": "HIGH"}, "priority=HIGH"),
        ({"owner_kind": "pool", "owner_ref": "x"}, "owner_kind=pool&owner_ref=x"),
        ({"approval_state": "pending"}, "approval_state=pending"),
        ({"parent_task_id": "t1"}, "parent_task_id=t1"),
        ({"status": "draft"}, "status=draft"),
        ({"scope": "global"}, "scope=global"),
        ({"all": True}, ""),
        ({"all": True, "include_drafts": True}, "include_drafts=true"),
    ):
        answer = await many(client, PAUSE, filter=given, dry_run=True, reason="r")
        shown = await ids_with(client, query)
        assert (set(ids_of(answer)), answer["matched"]) == (shown, len(shown)), given


@pytest.mark.parametrize(
    ("bulk", "listing"),
    [(Op.BULK_CANCEL_TASKS, Op.LIST_TASKS), (Op.BULK_RETRY_RUNS, Op.LIST_ALL_RUNS)],
)
def test_a_filter_has_the_parameters_of_its_list(bulk, listing):
    inner = known_members(DOCS[bulk].request)["filter"]
    assert set(known_members(inner)) - {"all"} == set(DOCS[listing].query) - {"limit", "order"}


async def test_where_nothing_matches_nothing_is_done(client):
    answer = await many(client, CANCEL, filter={"status": "failed"})
    assert answer == {
        "dry_run": False,
        "changed": 0,
        "refused": 0,
        "results": [],
        "matched": 0,
    }


# --- runs ----------------------------------------------------------------------------------------


async def test_runs_are_canceled_and_tried_again_by_filter(client):
    runs = [(await client.queued(title=f"w{n}"))["id"] for n in range(5)]
    canceled = await slices(
        client, "/api/runs/bulk/cancel", filter={"status": "queued"}, limit=2, reason="r"
    )
    assert sorted(one for answer in canceled for one in ids_of(answer)) == sorted(runs)
    retried = await many(client, "/api/runs/bulk/retry", filter={"status": "failed,canceled"})
    assert retried["matched"] == 5
    for row in retried["results"]:
        assert row["status"] == "canceled"
        new = (await client.get(f"/api/task-runs/{row['new_run_id']}")).json["run"]["run"]
        assert (new["task_id"], new["status"]) == (row["task_id"], "queued")
    again = await many(client, "/api/runs/bulk/retry", filter={"status": "failed,canceled"})
    assert again["refused"] == 5


async def test_of_several_runs_of_one_task_the_first_one_named_is_tried_again(client):
    task_id = (await client.created(max_attempts=5))["id"]
    ids = []
    for _ in range(3):
        ids.append((await client.post(f"/api/tasks/{task_id}/runs")).json["run"]["id"])
        await client.post(f"/api/task-runs/{ids[-1]}/cancel")
    named = [ids[1], ids[0], "run-none", ids[2]]
    answer = await many(client, "/api/runs/bulk/retry", ids=named)
    assert [row["ok"] for row in answer["results"]] == [True, False, False, False]
    assert codes_of(answer) == ["task_has_open_run", "task_run_not_found", "task_has_open_run"]
    assert ids_of(answer) == named


async def test_a_dry_run_counts_the_runs_of_all_pages(client):
    runs = [(await client.queued())["id"] for _ in range(25)]
    answer = await many(
        client, "/api/runs/bulk/cancel", filter={"status": "active,queued"}, dry_run=True
    )
    assert answer["matched"] == 25
    assert len(answer["results"]) == limits.BULK_SHOWN
    rest = await many(
        client,
        "/api/runs/bulk/cancel",
        filter={"status": "active,queued"},
        dry_run=True,
        limit=100,
        cursor=answer["next_cursor"],
    )
    assert sorted(ids_of(answer) + ids_of(rest)) == sorted(runs)


# --- dry runs ------------------------------------------------------------------------------------


async def test_a_dry_run_stores_nothing_and_says_who_would_be_refused(client, system):
    ids = await made(client, 30)
    await client.post(f"/api/tasks/{ids[-1]}/cancel")
    before = system.journal.next_seq
    body = {"filter": {"all": True}, "reason": "r", "dry_run": True}
    answered = await client.send("POST", PAUSE, body, {"Idempotency-Key": "k"})
    answer = answered.json
    assert system.journal.next_seq == before
    assert (answer["dry_run"], answer["matched"]) == (True, 30)
    assert (answer["changed"], answer["refused"]) == (9, 1)
    assert codes_of(answer) == ["task_run_already_terminal"]
    rows = {row["id"]: row["status"] for row in answer["results"]}
    assert rows.pop(ids[-1]) == "canceled"
    assert set(rows.values()) == {"ready"}
    assert await ids_with(client, "status=canceled") == {ids[-1]}
    # The key is free for the request that is meant.
    meant = await client.send("POST", PAUSE, {**body, "dry_run": False}, {"Idempotency-Key": "k"})
    assert (meant.status, meant.json["changed"]) == (200, 29)


async def test_a_dry_run_of_ids_and_more_rows_of_it(client):
    ids = await made(client, 30)
    answer = await many(client, CANCEL, ids=[*ids, "task-none"], dry_run=True)
    assert (answer["matched"], len(answer["results"])) == (31, limits.BULK_SHOWN)
    answer = await many(client, CANCEL, ids=[*ids, "task-none"], dry_run=True, limit=40)
    assert (answer["matched"], answer["changed"], answer["refused"]) == (31, 30, 1)


async def test_a_dry_run_by_an_agent_uses_up_none_of_its_attempts(client):
    task_id = (await client.created())["id"]
    agent = client.acting_as("s1")
    for _ in range(limits.FORCE_OPS_MAX + 1):
        assert (await many(agent, PAUSE, ids=[task_id], reason="r", dry_run=True))["changed"] == 1
    for _ in range(limits.FORCE_OPS_MAX):
        assert (await many(agent, PAUSE, ids=[task_id], reason="r"))["changed"] == 1
    for dry_run in (True, False):
        answer = await many(agent, PAUSE, ids=[task_id], reason="r", dry_run=dry_run)
        assert codes_of(answer) == ["force_op_rate_limited"]


class TestAgentsWithoutForce:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(allow_agent_force=False)

    @pytest.mark.parametrize("dry_run", [True, False])
    async def test_each_row_is_refused(self, client, dry_run):
        ids = await made(client, 2)
        agent = client.acting_as("s1")
        answer = await many(agent, PAUSE, ids=ids, reason="r", dry_run=dry_run)
        assert codes_of(answer) == ["forbidden_operator_action"] * 2


# --- what is wrong with the request --------------------------------------------------------------


@every_operation
@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({}, "invalid_request", "/ids"),
        ({"ids": ["x"], "filter": {"all": True}}, "invalid_request", "/ids"),
        ({"ids": []}, "invalid_request", "/ids"),
        ({"ids": ["x", " "]}, "invalid_request", "/ids/1"),
        ({"ids": ["x"] * (limits.BULK_IDS_MAX + 1)}, "bulk_too_large", "/ids"),
        ({"filter": {}}, "invalid_request", "/filter"),
        ({"filter": {"all": False}}, "invalid_request", "/filter"),
        ({"filter": {"workspace": " "}}, "invalid_request", "/filter"),
        ({"filter": {"all": True, "scope": "global"}}, "invalid_request", "/filter/all"),
        ({"filter": {"scope": "global", "statsu": "x"}}, "unknown_members", "/filter/statsu"),
        ({"filter": {"status": "no such"}}, "invalid_request", "/filter/status"),
        ({"filter": {"scope": "workspace"}}, "invalid_request", "/filter/workspace"),
        ({"filter": {"scope": "global"}, "limit": 0}, "invalid_request", "/limit"),
        (
            {"filter": {"scope": "global"}, "limit": limits.BULK_SLICE_MAX + 1},
            "invalid_request",
            "/limit",
        ),
        ({"filter": {"scope": "global"}, "cursor": "x"}, "invalid_request", "/cursor"),
        ({"filter": {"scope": "global"}, "cursor": "eA"}, "invalid_request", "/cursor"),
        ({"ids": ["x"], "cursor": "eA"}, "invalid_request", "/cursor"),
        ({"filter": {"scope": "global"}, "dry_run": "yes"}, "invalid_request", "/dry_run"),
    ],
)
async def test_a_request_that_is_wrong_does_nothing(client, system, operation, body, code, pointer):
    await client.queued()
    before = system.journal.next_seq
    answered = await client.post(operation.path, {"reason": "r", **body})
    assert (answered.status, answered.code, answered.pointer) == (422, code, pointer)
    assert "parameter" not in answered.json["diagnostic"]["message"]
    assert system.journal.next_seq == before


@pytest.mark.parametrize("given", [{"status": ","}, {"status": " , ,"}, {"session_id": " "}])
async def test_what_is_as_good_as_blank_leaves_nothing_out(client, given):
    answered = await client.post("/api/runs/bulk/cancel", {"filter": given})
    assert (answered.status, answered.pointer) == (422, "/filter")


async def test_an_unknown_workspace_is_not_found(client):
    answered = await client.post(CANCEL, {"filter": {"workspace": "nowhere"}})
    assert (answered.status, answered.code) == (404, "workspace_not_found")
    answered = await client.post("/api/runs/bulk/retry", {"filter": {"task_id": "task-none"}})
    assert (answered.status, answered.code) == (404, "task_not_found")


async def test_a_pause_needs_a_reason_and_metadata_has_its_limit(client, system):
    task_id = (await client.created())["id"]
    before = system.journal.next_seq
    answered = await client.post(PAUSE, {"ids": [task_id], "reason": " "})
    assert (answered.status, answered.code) == (422, "force_op_requires_reason")
    long = {"ids": [task_id], "reason": "r", "metadata": "x" * 65_537}
    for operation in ("tasks/bulk/pause", "tasks/bulk/cancel", "runs/bulk/cancel"):
        answered = await client.post(f"/api/{operation}", long)
        assert (answered.status, answered.code) == (413, "payload_too_large")
    assert system.journal.next_seq == before


async def test_a_reason_that_is_too_long_is_cut(client):
    task_id = (await client.created())["id"]
    await many(client, CANCEL, ids=[task_id], reason="x" * 5000)
    timeline = (await client.get(f"/api/tasks/{task_id}/timeline")).json["timeline"]
    assert "cut from 5000" in str(timeline)


async def test_a_server_that_can_do_nothing_says_so_once(client, system):
    ids = await made(client, 3)
    system.begin_stop()
    answered = await client.post(CANCEL, {"ids": ids})
    assert (answered.status, answered.code) == (503, "shutting_down")
    partly = await many(client, CANCEL, ids=[ids[0], "task-none"])
    assert codes_of(partly) == ["shutting_down", "task_not_found"]


# --- keys ----------------------------------------------------------------------------------------


async def under_key(client, path, body, key="k"):
    answered = await client.send("POST", path, body, {"Idempotency-Key": key})
    assert answered.status == 200, answered.body
    return answered.json


@pytest.mark.parametrize(
    "body",
    [
        {"filter": {"status": "ready"}, "limit": 90},
        {"filter": {"status": "ready", "query": "work"}},
    ],
)
async def test_a_repeat_goes_on_with_what_a_crash_has_left_and_with_nobody_else(body):
    """A filter that those that were done do not match any more."""
    store = CrashStore()
    async with serving(store) as server:
        await made(server.http, 100)
        before = len(store.crash_points)
        whole = await under_key(server.http, CANCEL, body)
    assert whole["changed"] == body.get("limit", 100)
    partly = 0
    for crashed in store.crash_points[before:]:
        async with serving(crashed) as server:
            canceled = await ids_with(server.http, "status=canceled")
            partly += 0 < len(canceled) < whole["changed"]
            again = await under_key(server.http, CANCEL, body)
            assert ids_of(again) == ids_of(whole)
            assert again.get("next_cursor") == whole.get("next_cursor")
            assert await ids_with(server.http, "status=canceled") == set(ids_of(whole))
            written = server.written
            assert ids_of(await under_key(server.http, CANCEL, body)) == ids_of(whole)
            assert server.written == written
    assert partly


async def test_a_repeat_tries_again_what_was_refused_and_changes_nothing_twice(client, system):
    waits = [(await client.created(approval_policy="manual"))["id"] for _ in range(2)]
    other = (await client.created())["id"]
    body = {"ids": [*waits, other]}
    first = await under_key(client, "/api/tasks/bulk/approve", body)
    assert [row["ok"] for row in first["results"]] == [True, True, False]
    await client.send("PATCH", f"/api/tasks/{other}", {"approval_policy": "manual"})
    again = await under_key(client, "/api/tasks/bulk/approve", body)
    assert [row["ok"] for row in again["results"]] == [True] * 3
    before = system.journal.next_seq
    assert await under_key(client, "/api/tasks/bulk/approve", body) == again
    assert system.journal.next_seq == before


async def test_each_slice_has_a_key_of_its_own(client):
    await made(client, 4)
    body = {"filter": {"status": "ready"}, "limit": 2}
    first = await under_key(client, CANCEL, body, "first")
    following = {**body, "cursor": first["next_cursor"]}
    refused = await client.send("POST", CANCEL, following, {"Idempotency-Key": "first"})
    assert (refused.status, refused.code) == (409, "idempotency_key_reused")
    second = await under_key(client, CANCEL, following, "second")
    assert not {*ids_of(first)} & {*ids_of(second)}
    # The first one again does not reach into what was there for the second.
    assert ids_of(await under_key(client, CANCEL, body, "first")) == ids_of(first)


async def test_a_repeat_of_a_slice_of_runs_is_about_the_same_ones(client, system):
    for _ in range(5):
        await client.queued()
    body = {"filter": {"status": "queued"}, "limit": 3}
    first = await under_key(client, "/api/runs/bulk/cancel", body)
    before = system.journal.next_seq
    again = await under_key(client, "/api/runs/bulk/cancel", body)
    assert sorted(ids_of(again)) == sorted(ids_of(first))
    assert system.journal.next_seq == before
    left = await client.get("/api/runs?status=queued")
    assert len(left.json["runs"]) == 2


# --- clients that go away ------------------------------------------------------------------------


@pytest.mark.parametrize("body", [{"filter": {"status": "ready"}}, {"filter": {"all": True}}])
async def test_a_client_that_hangs_up_stops_nothing(body, system, autojump_clock):
    client = ContractClient(create_app(system, OriginKind.HTTP))
    await made(client, 200)
    raw = orjson.dumps(body)
    exchange = Exchange(RequestHead("POST", CANCEL.encode(), "1.1", [], len(raw)), Listening())
    exchange.add(raw)
    exchange.complete()
    with Countdown(40, exchange.hang_up):
        await answered_by_the_app(system)(exchange)
    assert exchange.is_gone
    await trio.testing.wait_all_tasks_blocked()
    assert await ids_with(client, "status=ready") == set()
