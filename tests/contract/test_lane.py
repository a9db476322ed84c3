"""The lane answers what the application answers, byte for byte."""

from typing import Final

import pytest
import trio
import trio.testing

from chargehand.web.lane.shortcuts import SHORTCUTS
from chargehand.web.operations import Operation
from tests.contract import day
from tests.contract.likeness import renamed
from tests.contract.recorded import good_answers
from tests.contract.situations import SITUATIONS
from tests.contract.town import Town
from tests.contract.twins import without_date
from tests.web.client import ContractClient


@pytest.fixture
async def client(twins) -> ContractClient:
    return ContractClient(twins)


@pytest.mark.parametrize("recorded", good_answers(), ids=str)
async def test_what_was_recorded_is_answered_alike(client, recorded, autojump_clock):
    town = Town(client)
    await town.settle()
    await SITUATIONS[recorded.operation](town, recorded)
    answered = await town.send(
        recorded.operation.method, recorded.path, recorded.body, **recorded.headers
    )
    assert answered.status == recorded.status


async def test_the_recorded_day_of_the_command_line_goes_alike(client, autojump_clock):
    made = await client.post("/api/workspaces/resolve", {"path": "/home/dev/checkout/ws"})
    names = {day.WORKSPACE_ID: made.json["workspace"]["id"]}
    for session_id, name, agent in day.SESSIONS:
        body = {"agent_name": agent, "name": name, "channel": "default"}
        body["workspace"] = names[day.WORKSPACE_ID]
        names[session_id] = (await client.post("/api/sessions", body)).json["session"]["id"]
    town = Town(client, names)
    for call in day.calls():
        headers = {name: renamed(value, names) for name, value in call.headers.items()}
        answered = await town.send(call.method, call.target, call.body, **headers)
        if call.answer is not None and answered.status == call.status:
            _learn(names, call.answer, answered.json)


def _learn(names: dict[str, str], recorded: object, ours: object) -> None:
    """Ids stand in the same places."""
    match recorded, ours:
        case dict(), dict():
            for name in recorded.keys() & ours.keys():
                _learn(names, recorded[name], ours[name])
        case list(), list():
            for one, other in zip(recorded, ours, strict=False):
                _learn(names, one, other)
        case str(), str():
            if recorded.startswith(("task-", "run-", "review-", "evt-", "bts-", "sess-", "sha256")):
                names.setdefault(recorded, ours)


BODIES: Final = (
    b"",
    b"{}",
    b" \n",
    b'{"error": "broken"}',
    b"null",
    b"[]",
    b"{",
    b'{"lease_seconds": "x"}',
    b'{"lease_seconds": -1}',
    b'{"lease_seconds": 60, "leese": 1}',
    b'{"required_capabilities": ["a", 1]}',
    b'{"idempotency_key": "k", "wait": true, "priority_min": 99}',
    b'{"claim_token_hash": "none", "result": {"a": 1}, "error": "e", "reason": "r"}',
    b'{"result": "' + b"x" * 70_000 + b'"}',
    b'{"metadata": ' + b"[" * 2000 + b"]" * 2000 + b"}",
    b'{"priority_min": 12345678901234567890123}',
    b'{"scope": "global", "title": "T"}',
    b'{"scope": "workspace", "workspace": "nowhere", "title": "T", "priority": "x"}',
    b"\xff",
)
IDENTITIES: Final = (
    {},
    {"X-AGH-Session-ID": "sess-1"},
    {"X-AGH-Agent": "coder"},
    {"X-AGH-Session-ID": "sess-1", "X-AGH-Agent": "coder"},
    {"X-AGH-Session-ID": "sess-2", "X-AGH-Agent": "coder"},
    {"X-AGH-Session-ID": "sess-3", "X-AGH-Agent": "c" * 1000},
    {"X-AGH-Session-ID": "sess-1", "X-AGH-Agent": "coder", "X-AGH-Workspace-ID": "nowhere"},
    {"X-AGH-Session-ID": "..", "X-AGH-Agent": "coder"},
)
MORE: Final = (
    {"If-Match": '"1"'},
    {"If-Match": "none"},
    {"If-Match": "*"},
    {"Idempotency-Key": "again"},
    {"Idempotency-Key": "again"},
    {"Idempotency-Key": "x" * 300},
    {"Content-Encoding": "identity"},
    {"Origin": "https://example.org"},
    {"Expect": "something"},
)
AGENT: Final = IDENTITIES[3]


def many(run_id: str) -> list[bytes]:
    """Bodies of batches."""
    good = f'{{"run_id": "{run_id}", "error": "broken"}}'
    return [
        b'{"max_runs": 2}',
        b'{"max_runs": 0}',
        b'{"max_runs": 2, "items": 1}',
        f'{{"items": [{good}]}}'.encode(),
        f'{{"items": [{good}, {good}, {{"run_id": "other"}}, {{"run_id": "", "a": 1}}]}}'.encode(),
        b'{"items": []}',
        b'{"items": [{"run_id": 1}]}',
        b'{"items": [{"scope": "global", "title": "T", "enqueue": true}, {"title": 1}]}',
        b'{"items": [{"scope": "global", "title": "T"}, 7], "atomic": false}',
    ]


def targets(operation: Operation, run_id: str, task_id: str) -> list[str]:
    """The operation's path, as it may be written, and what is near it."""

    def of(run_id: str, task_id: str) -> str:
        return operation.path.replace("{run_id}", run_id).replace("{id}", task_id)

    path = of(run_id, task_id)
    first = path.replace("/api/", "/%61pi/")
    written = [path, f"{path}/", f"{path}?", f"{path}?a=b&limit=1", first, f"{path}/x", f"{path}//"]
    others = (run_id[:-1], "..", "%20", "a%2Fb", "x" * 200, "r%C3%BCn", "a;b", "claim-next")
    return written + [of(other, other) for other in others]


@pytest.mark.parametrize("is_strict", [False, True], ids=["lenient", "strict"])
@pytest.mark.parametrize("operation", SHORTCUTS, ids=lambda operation: operation.name)
async def test_whatever_is_sent_is_answered_alike(client, operation, autojump_clock):
    await client.queued()
    await client.queued(priority="high")
    task = await client.created()
    claimed = await client.acting_as("sess-1").post("/api/agent/tasks/claim-next")
    run_id = claimed.json["claim"]["run"]["id"]
    path, *others = targets(operation, run_id, task["id"])
    seen = set()
    for headers in IDENTITIES:
        for body in (*BODIES, *many(run_id)):
            seen.add((await client.send("POST", path, body, headers)).status)
    for more in MORE:
        seen.add((await client.send("POST", path, b"{}", {**AGENT, **more})).status)
    for method in ("GET", "HEAD", "OPTIONS", "PUT", "post"):
        seen.add((await client.send(method, path, b"", AGENT)).status)
    for target in others:
        seen.add((await client.send("POST", target, b"{}", AGENT)).status)
    assert {operation.success, 401, 405} <= seen
    assert 500 not in seen


async def test_a_repeated_request_is_answered_alike(client, autojump_clock):
    await client.queued()
    agent = client.acting_as("sess-1", **{"Idempotency-Key": "one"})
    first = await agent.post("/api/agent/tasks/claim-next", {"idempotency_key": "k"})
    again = await agent.post("/api/agent/tasks/claim-next", {"idempotency_key": "k"})
    assert first.json["claim"]["run"]["id"] == again.json["claim"]["run"]["id"]
    path = f"/api/agent/tasks/{first.json['claim']['run']['id']}/complete"
    for body in ({"result": 1}, {"result": 1}, {"result": 2}):
        await client.acting_as("sess-1", **{"Idempotency-Key": "two"}).post(path, body)


async def test_a_stream_is_reported_alike(twins, client, autojump_clock):
    path = f"/api/tasks/{(await client.created())['id']}"
    seen = (await client.get(f"{path}/timeline")).json["timeline"][0]["sequence"]
    for query, headers in (
        ("?after_sequence=0", ""),
        ("?after_sequence=0", f"Last-Event-ID: {seen}\r\n"),
        ("", ""),
    ):
        request = f"GET {path}/stream{query} HTTP/1.1\r\nHost: h\r\n{headers}\r\n".encode()
        streams = [way.connect() for way in twins.ways]
        for stream in streams:
            await stream.send_all(request)
        await trio.testing.wait_all_tasks_blocked()
        run = (await client.post(f"{path}/runs")).json["run"]
        await client.post(f"/api/task-runs/{run['id']}/cancel")
        await trio.testing.wait_all_tasks_blocked()
        await trio.sleep(20)  # and it is still there
        one, other = [without_date(await stream.receive_some()) for stream in streams]
        assert one == other
        assert (b"event: task.created" in one) == (not headers)
        assert one.endswith(b": still here\n\n\r\n")
        assert run["id"].encode() in one
        for stream in streams:
            await stream.aclose()


async def test_a_claim_that_waits_is_answered_alike(client, autojump_clock):
    answered = await client.acting_as("sess-1").post("/api/agent/tasks/claim-next", {"wait": True})
    assert (answered.status, answered.body) == (204, b"")


async def test_a_bug_is_answered_alike(twins, client, monkeypatch, caplog, autojump_clock):
    async def fails(*_):
        raise RuntimeError("a bug")

    for way in (twins.by_the_app, twins.by_the_lane):
        monkeypatch.setattr(way.system, "claim_next", fails)
    answered = await client.acting_as("sess-1").post("/api/agent/tasks/claim-next")
    assert (answered.status, answered.code) == (500, "internal_error")
    assert caplog.text.count("RuntimeError: a bug") >= 2


async def test_requests_behind_one_another_are_answered_alike_and_in_their_order(
    twins, client, autojump_clock
):
    runs = [await client.queued(title=f"work {number}") for number in range(3)]
    agent = "X-AGH-Session-ID: sess-{}\r\nX-AGH-Agent: coder\r\nHost: h\r\n"
    claims = [
        f"POST /api/agent/tasks/claim-next HTTP/1.1\r\n{agent.format(number)}\r\n"
        for number in range(3)
    ]
    end = f"GET /api/tasks HTTP/1.1\r\nConnection: close\r\n{agent.format(1)}\r\n"
    answer = await twins.both("".join([*claims, end]).encode())
    places = [answer.index(f'"id":"{run["id"]}"'.encode()) for run in runs]
    assert places == sorted(places)
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 4
