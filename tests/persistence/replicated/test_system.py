"""The whole system over a database: nothing waits for it on Trio's thread, and another node has
everything."""

import pytest
import trio

from chargehand.actors.identity import OriginKind
from chargehand.actors.lifecycle import run_system
from chargehand.actors.settings import Settings
from chargehand.persistence.memory_store import MemoryStore
from chargehand.persistence.replicated import member as member_module
from chargehand.persistence.replicated.member import Member
from chargehand.persistence.replicated.near import Near
from chargehand.persistence.replicated.opening import replicated_journal
from chargehand.persistence.replicated.shard import Owner
from chargehand.web.app import create_app
from tests.persistence.replicated.memory import MemoryLink, MemoryTables, Shared
from tests.web.client import ContractClient

S_MAX = 120
TASKS = 40
AGENT = {"X-AGH-Session-ID": "sess-1", "X-AGH-Agent": "builder"}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(member_module, "LOOKS_S", 0.005)


async def active(shared: Shared, name: str) -> Member:
    near = Near(MemoryStore(), MemoryTables(shared))
    member = Member(Owner(name, name), MemoryLink(shared), near, ttl_s=60)
    member.start()
    with trio.fail_after(S_MAX):
        await member.wait_active()
    return member


async def post(client: ContractClient, path: str, body=None, status=200, **headers) -> dict:
    answered = await client.send("POST", path, {} if body is None else body, headers=headers)
    assert answered.status == status, answered.body
    return answered.json if answered.body else {}


async def shown(client: ContractClient) -> list[object]:
    """What does not change by a takeover, which prolongs leases."""
    tasks = (await client.get("/api/tasks?limit=200")).json["tasks"]
    runs = (await client.get("/api/runs?limit=200")).json["runs"]
    return [
        [(task["id"], task["status"], task["latest_event_seq"]) for task in tasks],
        [(run["run"]["id"], run["run"]["status"], run["task"]["title"]) for run in runs],
        (await client.get("/api/tasks/task-3/timeline")).json,
        (await client.get("/api/tasks/task-5")).json,
    ]


async def test_a_day_of_work_reads_near_and_goes_on_at_another_node():
    shared = Shared(is_far=True)
    member = await active(shared, "one")
    journal = replicated_journal(member, MemoryTables(shared))
    settings = Settings(max_leases_per_session=TASKS)
    async with run_system(journal, settings) as system:
        client = ContractClient(create_app(system, OriginKind.HTTP))
        for number in range(TASKS):
            body = {"scope": "global", "title": f"task {number}", "id": f"task-{number}"}
            await post(client, "/api/tasks", body, 201)
            await post(client, f"/api/tasks/task-{number}/start", status=201)
        with trio.fail_after(S_MAX):
            await journal.checkpoint(())
        for number in range(TASKS):  # of tasks that are at rest, and folded
            claimed = await post(client, "/api/agent/tasks/claim-next", {}, **AGENT)
            run_id = claimed["claim"]["run"]["id"]
            if number % 2:
                path = f"/api/agent/tasks/{run_id}/complete"
                await post(client, path, {"result": {"n": number}}, **AGENT)
        with trio.fail_after(S_MAX):
            await journal.checkpoint(())
        await post(client, "/api/tasks/task-4/pause", {"reason": "wait"})
        before = await shown(client)
    await member.stop()

    member = await active(shared, "two")
    journal = replicated_journal(member, MemoryTables(shared))
    async with run_system(journal, settings) as system:
        client = ContractClient(create_app(system, OriginKind.HTTP))
        assert await shown(client) == before
    await member.stop()
