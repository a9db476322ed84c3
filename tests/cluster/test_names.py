"""No two nodes that live have the same name; one that was killed has its own again at once."""

import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.cluster.conftest import NodeProcess
from tests.process.conftest import S_MAX

LOOKS = "looking for"  # whether a node at another address is still there


def wait_for(what: Callable[[], Any], otherwise: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + S_MAX
    while not what():
        assert time.monotonic() < deadline_s, otherwise()
        time.sleep(0.02)


def address_of(node: NodeProcess) -> str:
    return f"127.0.0.1:{node.peer_port}"


def listed(node: NodeProcess) -> dict[str, str]:
    return {one["name"]: one["address"] for one in node.client.get("/api/nodes").json()["nodes"]}


@pytest.fixture
def twins(make_node) -> tuple[NodeProcess, NodeProcess]:
    """Two nodes with one name, each with a directory and an address of its own."""
    one, two = make_node("one"), make_node("two")
    two.name = one.name
    return one, two


def test_the_second_one_under_a_name_does_not_start(twins):
    first, second = twins
    first.start()
    wait_for(lambda: "one" in listed(first), lambda: first.log)
    second.spawn()
    assert second.wait() == 78, second.log
    [line] = [line for line in second.log.splitlines() if line.startswith("chargehand: ")]
    assert address_of(first) in line
    assert "--node" in line
    assert first.create("goes on", key="k").status_code == 201
    assert listed(first) == {"one": address_of(first)}
    assert "ERROR" not in first.log


def test_of_two_that_start_at_once_under_a_name_one_goes_on(twins, servers, address):
    table = f"{address.schema}.node"
    waiting = f"SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '{table}'::regclass"
    with psycopg.connect(servers[0].url) as held:  # neither can say that it is there before
        held.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
        processes = [node.spawn() for node in twins]
        wait_for(
            lambda: servers[0].execute(waiting) == [(2,)], lambda: [node.log for node in twins]
        )
    wait_for(
        lambda: any(process.poll() is not None for process in processes),
        lambda: [node.log for node in twins],
    )
    lost = next(node for node in twins if node._process.poll() is not None)
    [goes_on] = [node for node in twins if node is not lost]
    assert lost.wait() == 78, lost.log
    assert address_of(goes_on) in lost.log
    assert "Traceback" not in lost.log
    wait_for(goes_on._ready_file.exists, lambda: goes_on.log)
    goes_on.restarted()
    assert goes_on.create("goes on", key="k").status_code == 201
    assert listed(goes_on) == {"one": address_of(goes_on)}


def test_a_node_that_was_killed_starts_at_once_and_elsewhere_after_a_look(twins):
    here, elsewhere = twins
    for _ in range(2):
        here.start()
        wait_for(lambda: "one" in listed(here), lambda: here.log)
        here.kill()
    assert LOOKS not in here.log
    elsewhere.start()
    assert LOOKS in elsewhere.log
    wait_for(lambda: listed(elsewhere) == {"one": address_of(elsewhere)}, lambda: listed(elsewhere))


def test_a_node_that_was_stopped_leaves_its_name(twins):
    here, elsewhere = twins
    here.start()
    wait_for(lambda: "one" in listed(here), lambda: here.log)
    here._process.terminate()
    assert here.wait() == 0, here.log
    elsewhere.start()
    assert LOOKS not in elsewhere.log
