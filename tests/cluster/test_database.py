"""What the nodes do when the database is slow, away, or another one."""

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cluster.postgres import PostgresServer, a_directory, replicated
from chargehand.persistence.postgres.address import JournalAddress
from chargehand.persistence.postgres.schema import create
from tests.cluster.conftest import NodeProcess, chargehand
from tests.cluster.fixtures import need_postgres
from tests.process.conftest import S_MAX


@pytest.fixture
def own_servers() -> Iterator[tuple[PostgresServer, PostgresServer]]:
    """A primary and its standby, for one test that breaks them."""
    need_postgres()
    with a_directory() as root, replicated(root) as both:
        yield both


@pytest.fixture
def start_node(tmp_path: Path, own_servers) -> Iterator[Callable[..., NodeProcess]]:
    made: list[NodeProcess] = []
    one, two = own_servers
    hosts = f"127.0.0.1:{one.port},127.0.0.1:{two.port}"

    def start(name: str, *options: str) -> NodeProcess:
        url = f"postgresql://postgres@{hosts}/postgres?connect_timeout=2"
        made.append(NodeProcess(tmp_path, name, url))
        return made[-1].start(*options)

    create(JournalAddress.parse(one.url))
    yield start
    for node in made:
        node.kill()


def journal_status(server: PostgresServer) -> dict[str, Any]:
    done = chargehand("journal", "status", server.url, "--json")
    assert done.returncode == 0, done.stderr
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


def test_nothing_is_answered_while_no_copy_can_be_made_and_all_goes_on_after(
    own_servers, start_node
):
    _, copy = own_servers
    node = start_node("alone")
    assert node.create("before").status_code == 201
    copy.kill()
    answers = []
    thread = threading.Thread(target=lambda: answers.append(node.create("meanwhile")))
    thread.start()
    while node.is_active:
        assert not answers, "acknowledged, and there is one copy"
    deadline_s = time.monotonic() + S_MAX
    while "journal status" not in (shown := node.client.get("/readyz").json())["reason"]:
        assert time.monotonic() < deadline_s, shown
        time.sleep(0.02)
    assert (shown["status"], shown["role"]) == ("not ready", "unconfirmed")
    status = journal_status(own_servers[0])
    assert status["waiting_commits"] >= 1
    assert status["waiting_seconds"] > 0
    assert status["risks"] == []
    assert "no standby of the database is connected" in status["stalled"]
    assert not answers
    copy.start()
    thread.join()
    [answer] = answers
    if answer.status_code == 503:  # it came when nothing could be confirmed already
        assert "nothing was done" in answer.text
        answer = node.create("meanwhile")
    assert answer.status_code == 201, answer.text
    assert sorted(node.titles()) == ["before", "meanwhile"]
    assert "the database answers again" in node.log
    assert 1 <= node.log.count("the database gives no answer") < 10
    assert journal_status(own_servers[0])["stalled"] is None


def test_a_node_starts_while_commits_wait_and_is_ready_when_they_do_not(own_servers, start_node):
    _, copy = own_servers
    node = start_node("alone")
    assert node.create("before").status_code == 201
    copy.kill()
    node.kill()
    node.start()
    assert "no standby of the database is connected" in node.log
    assert node.client.get("/readyz").status_code == 503
    copy.start()
    assert node.create("after").status_code == 201
    assert sorted(node.titles()) == ["after", "before"]


@pytest.mark.parametrize("setting", ["synchronous_standby_names", "synchronous_commit"])
def test_nobody_takes_over_while_the_database_waits_for_no_copy(own_servers, start_node, setting):
    """Nor is anything acknowledged: the active node stays that, and goes on when it is safe."""
    primary, _ = own_servers
    nodes = [start_node(name) for name in ("a", "b")]
    assert nodes[0].create("before").status_code == 201
    [active] = [node for node in nodes if node.is_active]
    before = primary.execute(f"SHOW {setting}")[0][0]
    value = "" if setting == "synchronous_standby_names" else "local"
    primary.execute(f"ALTER SYSTEM SET {setting} = '{value}'")
    primary.execute("SELECT pg_reload_conf()")
    deadline_s = time.monotonic() + S_MAX
    reasons = set()
    while not all("does not wait for a copy" in one for one in reasons) or not reasons:
        reasons = {node.client.get("/readyz").json().get("reason", "") for node in nodes}
        assert time.monotonic() < deadline_s, reasons
        time.sleep(0.02)
    primary.execute(f"ALTER SYSTEM SET {setting} = '{before}'")
    primary.execute("SELECT pg_reload_conf()")
    assert active.create("after").status_code == 201
    for node in nodes:
        assert "beginning anew" not in node.log
        assert sorted(node.titles()) == ["after", "before"]
    assert active.client.get("/readyz").json()["active"] == active.name


def test_a_node_ends_when_it_is_asked_though_the_database_is_away(own_servers, start_node):
    primary, copy = own_servers
    node = start_node("alone", "--grace-s=2")
    assert node.create("before").status_code == 201
    primary.kill()
    copy.kill()
    node.signal(signal.SIGTERM)
    assert node.wait() == 74, node.log
    assert "not stopped after 2 s, ends by force" in node.log


def test_the_database_fails_over_and_no_node_starts_again(own_servers, start_node):
    primary, copy = own_servers
    nodes = [start_node(name, "--journal-unreplicated") for name in ("a", "b")]
    titles = []
    for number in range(20):
        titles.append(f"task {number}")
        assert nodes[number % 2].create(titles[-1]).status_code == 201
    primary.kill()
    copy.promote()
    copy.execute("ALTER SYSTEM SET synchronous_standby_names = ''")
    copy.execute("SELECT pg_reload_conf()")
    assert nodes[0].create("behind", key="k").status_code == 201
    assert sorted(nodes[1].titles()) == sorted([*titles, "behind"])
    assert nodes[0].create("behind", key="k").json() == nodes[1].create("behind", key="k").json()
    for node in nodes:
        assert "beginning anew" not in node.log
        node.signal(signal.SIGTERM)
        assert node.wait() == 0, node.log
