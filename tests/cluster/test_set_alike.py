"""Nodes that were not set alike by mistake, as processes."""

import signal
import time

import pytest

from tests.cluster.conftest import NodeProcess, Three
from tests.process.conftest import S_MAX

TOKEN = "the-token-0123456789"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CHARGEHAND_CLUSTER_SECRET", "not the one of the others"),
        ("CHARGEHAND_TOKEN", "another-token-0123456789"),
    ],
)
def test_a_node_that_is_set_otherwise_says_so_and_lets_the_others_answer(
    make_node, variable, value
):
    active, other = make_node("one"), make_node("two")
    for node in (active, other):
        node.environment["CHARGEHAND_TOKEN"] = TOKEN
    active.start()
    deadline_s = time.monotonic() + S_MAX
    while not active.is_active:
        assert time.monotonic() < deadline_s, active.log
        time.sleep(0.02)
    other.environment[variable] = value
    other.start()
    while variable not in (shown := other.client.get("/readyz").json()).get("reason", ""):
        assert time.monotonic() < deadline_s, other.log
        time.sleep(0.02)
    assert other.client.get("/readyz").status_code == 503
    bearer = {"Authorization": f"Bearer {other.environment['CHARGEHAND_TOKEN']}"}
    asked = other.client.get("/api/tasks", headers=bearer)
    assert asked.status_code == 503
    assert asked.json()["diagnostic"]["code"] == "node_set_otherwise"
    assert variable in asked.json()["error"]
    assert other.log.count("ERROR") == 1, other.log
    [line] = [line for line in other.log.splitlines() if "ERROR" in line]
    assert shown["reason"] in line
    assert f"this node, two, has another --{variable[11:].lower().replace('_', '-')}" in line
    assert active.client.get("/readyz").status_code == 200

    other.kill()
    other.environment[variable] = active.environment[variable]
    other.start()
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert other.client.get("/api/tasks", headers=bearer).status_code == 200


@pytest.mark.parametrize(
    ("variable", "value"),
    [("CHARGEHAND_CLUSTER_SECRET", "the next one"), ("CHARGEHAND_TOKEN", "next-token-0123456789")],
)
def test_it_is_changed_while_one_node_after_the_other_starts_again(make_node, variable, value):
    """As docs/high-availability.md has it."""
    nodes = [make_node(name) for name in ("one", "two", "three")]
    for node in nodes:
        node.environment["CHARGEHAND_TOKEN"] = TOKEN
        node.start()
    first = Three(nodes).active()
    standbys = Three(nodes).others(first)

    def create(node: NodeProcess, title: str) -> int:
        bearer = {"Authorization": f"Bearer {node.environment['CHARGEHAND_TOKEN']}"}
        body = {"scope": "global", "title": title}
        return node.client.post("/api/tasks", json=body, headers=bearer).status_code

    def start_with_the_next_one(node: NodeProcess) -> None:
        node.signal(signal.SIGTERM)
        assert node.wait() == 0, node.log
        node.client.close()
        node.environment[variable] = value
        node.start()
        assert create(first, f"while {node.name} is new") == 201

    for node in standbys:
        start_with_the_next_one(node)
    bearer = {"Authorization": f"Bearer {first.environment['CHARGEHAND_TOKEN']}"}
    assert first.client.post("/api/nodes/step-down", headers=bearer).status_code == 202
    first.signal(signal.SIGTERM)
    assert first.wait() == 0, first.log
    first.client.close()
    second = Three(standbys).active()
    first.environment[variable] = value
    first.start()
    deadline_s = time.monotonic() + S_MAX
    for node in nodes:
        while node.client.get("/readyz").status_code != 200:
            assert time.monotonic() < deadline_s, node.log
            time.sleep(0.02)
        assert create(node, f"by {node.name}") == 201, node.log
    assert second is not first
