"""What `node list` and `step-down` say where something is wrong."""

import signal
import time

from tests.cluster.conftest import NodeProcess, Three
from tests.cluster.test_commands import chargehand
from tests.cluster.test_database import own_servers, start_node
from tests.process.conftest import S_MAX

__all__ = ["own_servers", "start_node"]


def roles(node: NodeProcess) -> dict[str, str]:
    return {one["name"]: one["role"] for one in node.client.get("/api/nodes").json()["nodes"]}


def wait_roles(node: NodeProcess, **wanted: str) -> None:
    deadline_s = time.monotonic() + S_MAX
    while (found := roles(node)) != wanted:
        assert time.monotonic() < deadline_s, found
        time.sleep(0.02)


def test_a_node_that_is_killed_is_gone_and_one_that_stops_is_off_the_list(three):
    first = three.active()
    [second, third] = three.others(first)
    three.all_listed()
    second.kill()
    wait_roles(first, **{first.name: "active", second.name: "gone", third.name: "standby"})
    listed = chargehand("node", "list", CHARGEHAND_URL=str(first.client.base_url)).stdout
    [row] = [line.split() for line in listed.splitlines() if line.startswith(second.name)]
    assert (row[1], row[3]) == ("gone", "\N{EN DASH}")
    third._process.terminate()
    assert third.wait() == 0
    assert roles(first) == {first.name: "active", second.name: "gone"}
    alone = chargehand("node", "step-down", CHARGEHAND_URL=str(first.client.base_url))
    assert alone.returncode == 4
    assert "no_other_node" in alone.stderr
    assert "hands over" not in alone.stdout + alone.stderr
    assert first.is_active
    second.start()
    wait_roles(first, **{first.name: "active", second.name: "standby"})


def test_a_node_that_nobody_takes_over_from_is_active_again_and_says_so(three):
    first = three.active()
    [second, third] = three.others(first)
    third.kill()
    again = "no other node took over within 2 s, so this one is active again"
    is_handed_over = False
    while not is_handed_over:
        wait_roles(first, **{first.name: "active", second.name: "standby", third.name: "gone"})
        second.signal(signal.SIGSTOP)  # seen just now, so that it could take over
        is_handed_over = first.post("/api/nodes/step-down").status_code == 202
        if not is_handed_over:
            second.signal(signal.SIGCONT)
    deadline_s = time.monotonic() + S_MAX
    while again not in first.log:
        assert time.monotonic() < deadline_s, first.log
        time.sleep(0.02)
    while not first.is_active:
        assert time.monotonic() < deadline_s, first.log
        time.sleep(0.02)
    second.signal(signal.SIGCONT)
    wait_roles(first, **{first.name: "active", second.name: "standby", third.name: "gone"})
    for former, other in [(first, second), (second, first)]:
        assert former.post("/api/nodes/step-down").status_code == 202
        while not other.is_active:
            assert time.monotonic() < deadline_s, other.log
            time.sleep(0.02)
        wait_roles(other, **{other.name: "active", former.name: "standby", third.name: "gone"})
    assert (first.log + second.log).count(again) == 1


def test_the_nodes_are_known_as_soon_as_the_connections_were_lost(make_node, servers):
    node = make_node("one").start()
    Three([node]).active()
    wait_roles(node, one="active")
    ended = servers[0].execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'chargehand one'"
    )
    assert len(ended) >= 2  # what says that it is there, and what reads who is
    answered = node.client.get("/api/nodes")
    assert answered.status_code == 200, answered.text


def test_a_node_is_forgotten_after_an_hour(make_node, servers, address):
    node = make_node("one").start()
    Three([node]).active()
    servers[0].execute(
        f"INSERT INTO {address.schema}.node "
        "SELECT 'old', 'p', '10.0.0.9:2125', clock_timestamp() - interval '61 minutes', 0"
    )
    wait_roles(node, one="active")


def test_nodes_are_listed_while_commits_wait(own_servers, start_node):
    _, copy = own_servers
    nodes = Three([start_node(name) for name in ("one", "two")])
    active = nodes.active()
    [other] = nodes.others(active)
    wait_roles(active, **{active.name: "active", other.name: "standby"})
    copy.kill()
    for node in nodes.nodes:
        environment = {"CHARGEHAND_URL": str(node.client.base_url)}
        deadline_s = time.monotonic() + S_MAX
        while (
            "confirms no commit" not in (said := chargehand("node", "list", **environment)).stderr
        ):
            assert time.monotonic() < deadline_s, said
        assert said.returncode == 0
        assert "gone" not in said.stdout
        found = node.client.get("/api/nodes").json()
        assert found["unconfirmed_seconds"] > 0
    copy.start()
    deadline_s = time.monotonic() + S_MAX
    while active.client.get("/api/nodes").json()["unconfirmed_seconds"] is not None:
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    assert other.create("goes on", key="k").status_code == 201


def test_a_standby_stops_in_order_while_commits_wait(own_servers, start_node):
    """It cannot take itself off the list, and does not wait for that."""
    _, copy = own_servers
    nodes = Three([start_node(name, "--grace-s=20") for name in ("one", "two")])
    active = nodes.active()
    [other] = nodes.others(active)
    wait_roles(active, **{active.name: "active", other.name: "standby"})
    copy.kill()
    deadline_s = time.monotonic() + S_MAX
    while active.client.get("/api/nodes").json()["unconfirmed_seconds"] is None:
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    other._process.terminate()
    assert other.wait() == 0, other.log
    assert "by force" not in other.log
