"""Who asked, and by which way, is known of a request at a standby as of one at the active node."""

import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, final

import httpx
import pytest

from tests.cluster.conftest import NodeProcess, Three
from tests.process.conftest import S_MAX

AGENT = {"X-AGH-Session-ID": "sess-1", "X-AGH-Agent": "builder"}
_numbers = itertools.count(1)


@final
class Ways:
    """The active node and a standby, each by its TCP port, its Unix socket and its lane's port."""

    def __init__(self, active: dict[str, httpx.Client], standby: dict[str, httpx.Client]) -> None:
        self.active = active
        self.standby = standby


def clients_of(node: NodeProcess, stack: ExitStack) -> dict[str, httpx.Client]:
    report = node.report()
    made = {
        "http": httpx.Client(base_url=report["http"], timeout=S_MAX),
        "socket": httpx.Client(
            transport=httpx.HTTPTransport(uds=report["socket"]),
            base_url="http://chargehand",
            timeout=S_MAX,
        ),
        "lane": httpx.Client(base_url=report["lane"], timeout=S_MAX),
    }
    return {name: stack.enter_context(client) for name, client in made.items()}


@pytest.fixture
def ways(make_node) -> Iterator[Ways]:
    nodes = [make_node(name).start("--lane=127.0.0.1:0") for name in ("one", "two")]
    active = Three(nodes).active()
    [standby] = Three(nodes).others(active)
    with ExitStack() as stack:
        yield Ways(clients_of(active, stack), clients_of(standby, stack))


def post(client: httpx.Client, path: str, body: Any = None, **headers: str) -> Any:
    answered = client.post(path, json={} if body is None else body, headers=headers)
    assert answered.is_success, answered.text
    return answered.json()


def signs(found: Any) -> Any:
    """All that an answer says of who did something and how, wherever it stands."""
    if isinstance(found, list):
        return [sign for one in found for sign in signs(one)]
    if not isinstance(found, dict):
        return []
    named = {"created_by", "origin", "actor", "claimed_by", "paused_by", "queued_by"} & found.keys()
    return [(name, str(found[name])) for name in sorted(named)] + [
        sign for name, value in sorted(found.items()) if name not in named for sign in signs(value)
    ]


def deeds_of(client: httpx.Client) -> dict[str, Any]:
    """What a person and an agent leave behind who work by this client."""
    number = next(_numbers)
    task_id = f"task-{number}"
    made = post(client, "/api/tasks", {"scope": "global", "title": "a task", "id": task_id})
    started = post(client, f"/api/tasks/{task_id}/runs")
    agent = {**AGENT, "X-AGH-Session-ID": f"sess-{number}"}
    claimed = post(client, "/api/agent/tasks/claim-next", **agent)
    assert claimed["claim"]["task"]["id"] == task_id
    run_id = claimed["claim"]["run"]["id"]
    post(client, f"/api/agent/tasks/{run_id}/complete", {"result": {}}, **agent)
    timeline = client.get(f"/api/tasks/{task_id}/timeline").json()
    text = str([signs(one) for one in (made, started, claimed, timeline)])
    return {"shown": text.replace(agent["X-AGH-Session-ID"], "sess"), "origin": made["task"]}


def test_what_comes_by_a_standby_is_like_what_comes_by_the_same_way_of_the_active_node(ways):
    found = {name: deeds_of(client) for name, client in ways.active.items()}
    for name, client in ways.standby.items():
        assert deeds_of(client)["shown"] == found[name]["shown"]
    kinds = {name: one["origin"]["origin"]["kind"] for name, one in found.items()}
    assert kinds == {"http": "http", "socket": "uds", "lane": "http"}
    assert found["http"]["shown"] != found["socket"]["shown"]
    assert "human" in found["socket"]["shown"]
    assert "agent_session" in found["socket"]["shown"]
