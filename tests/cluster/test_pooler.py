"""Nodes whose connections go through PgBouncer in transaction mode, as `docs/patroni` shows it."""

import threading
from collections.abc import Callable, Iterator
from secrets import token_hex

import pytest

from benchmarks.cluster.patroni import PatroniCluster
from tests.cluster.conftest import NodeProcess, Three

AGENT = {"X-AGH-Session-ID": "s", "X-AGH-Agent": "a"}


@pytest.fixture
def pooled(database) -> Iterator[PatroniCluster]:
    database.wait_whole()
    for machine in database.machines:
        machine.start_pooler()
    yield database
    for machine in database.machines:
        machine.kill_pooler()


@pytest.fixture
def start_node(tmp_path, pooled) -> Iterator[Callable[[str], NodeProcess]]:
    made: list[NodeProcess] = []

    def start(name: str) -> NodeProcess:
        made.append(NodeProcess(tmp_path, name, pooled.pooled_journal()))
        return made[-1].start()

    yield start
    for node in made:
        node.kill()


def through_all_of_it(node: NodeProcess) -> None:
    """Create a task, claim its run, and complete that."""
    task = node.create(f"task {token_hex(4)}").json()["task"]
    assert node.post(f"/api/tasks/{task['id']}/runs").status_code == 201
    claimed = node.client.post("/api/agent/tasks/claim-next", headers=AGENT, json={})
    assert claimed.status_code == 200, claimed.text
    lease = claimed.json()["claim"]["lease"]
    assert lease["task_id"] == task["id"]
    completed = node.client.post(
        f"/api/agent/tasks/{lease['run_id']}/complete",
        headers=AGENT,
        json={"claim_token_hash": lease["claim_token_hash"]},
    )
    assert completed.status_code == 200, completed.text


def answer_to(node: NodeProcess, title: str) -> tuple[threading.Thread, list[int]]:
    """Ask for a task, under a key, and again as long as it is not to be had."""
    answers: list[int] = []

    def ask() -> None:
        while not answers or answers[-1] == 503:
            answers.append(node.create(title, key=title).status_code)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread, answers


def test_a_node_goes_on_when_its_pooler_starts_again(pooled, start_node):
    node = start_node("alone")
    Three([node]).active()
    through_all_of_it(node)
    for machine in pooled.machines:
        machine.kill_pooler()
    title = f"meanwhile {token_hex(4)}"
    thread, answers = answer_to(node, title)
    while node.is_active:
        assert not answers, "acknowledged, and nothing reaches the database"
    for machine in pooled.machines:
        machine.start_pooler()
    thread.join()
    assert answers[-1] == 201
    assert node.titles().count(title) == 1
    through_all_of_it(node)
    assert "beginning anew" not in node.log


def test_another_node_takes_over_through_the_pooler(start_node):
    nodes = Three([start_node("one"), start_node("two")])
    first = nodes.active()
    through_all_of_it(first)
    [second] = nodes.others(first)
    first.kill()
    thread, answers = answer_to(second, f"behind {token_hex(4)}")
    thread.join()
    assert answers[-1] == 201
    assert second.is_active
    through_all_of_it(second)


def test_nodes_find_the_next_primary_through_its_pooler(pooled, start_node):
    nodes = Three([start_node("one"), start_node("two")])
    nodes.active()
    former = pooled.primary()
    pooled.switch()
    for node in nodes.nodes:
        thread, answers = answer_to(node, f"behind {token_hex(4)}")
        thread.join()
        assert answers[-1] == 201
        through_all_of_it(node)
        assert "beginning anew" not in node.log
    assert pooled.primary() is not former
