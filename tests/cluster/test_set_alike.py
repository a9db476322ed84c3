"""Nodes that were not set alike by mistake, as processes."""

import time

import pytest

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
