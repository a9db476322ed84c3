"""The commands of operators of several nodes, as they are typed."""

import json
import os
import signal
import subprocess
import sys

import pytest

from chargehand.persistence.postgres.address import JournalAddress
from chargehand.persistence.postgres.schema import create, find
from tests.process.conftest import ROOT, S_MAX


def chargehand(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CHARGEHAND_")}
    return subprocess.run(
        [sys.executable, "-m", "chargehand", *arguments],
        cwd=ROOT,
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=S_MAX,
        check=False,
    )


@pytest.fixture
def url(servers, request) -> str:
    """Of a journal that is not there."""
    return f"{servers[0].url}?schema=made_by_{abs(hash(request.node.name))}"


def test_a_journal_is_made_and_looked_at(url):
    done = chargehand("journal", "init", url, "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert (made["epoch"], made["head"], made["active"]) == (0, 0, None)
    shown = chargehand("journal", "status", CHARGEHAND_JOURNAL=url)
    assert shown.returncode == 0, shown.stderr
    assert made["journal"] in shown.stdout
    assert "nobody" in shown.stdout
    again = chargehand("journal", "init", url)
    assert again.returncode != 0
    assert "already" in again.stderr


def test_what_cannot_be_reached_is_said_without_the_password():
    done = chargehand("journal", "status", "postgresql://me:s3cret@127.0.0.1:1/x")
    assert done.returncode != 0
    assert "127.0.0.1:1" in done.stderr
    assert "s3cret" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("wrong", ["mysql://x/y", "postgresql://x/y?schema=No;Name", ""])
def test_an_address_that_is_none_is_refused(wrong):
    done = chargehand("journal", "status", wrong)
    assert done.returncode != 0
    assert done.stderr.startswith("chargehand: ")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--journal=postgresql://x/y",), "--journal needs --node"),
        (("--node=a",), "--node means nothing without --journal"),
        (("--node=",), "--node: expected a text that is not empty"),
        (("--node=a b",), "--node: must be up to 128 letters, digits and . _ : -"),
        (("--node=a\x1bb",), "--node: must be up to 128 letters"),
        (("--node=-a",), "--node: must be up to 128 letters"),
        ((f"--node={'x' * 129}",), f"not '{'x' * 80}…'"),
        ((f"--node={'x' * 128}",), "--node means nothing without --journal"),
        (("--advertise=nowhere",), "--advertise: must be HOST:PORT"),
        (("--advertise=0.0.0.0:2125",), "--advertise: must be where the other nodes reach this"),
        (("--advertise=[::]:2125",), "--advertise: must be where the other nodes reach this"),
    ],
)
def test_settings_of_a_node_go_together(options, says):
    done = chargehand("serve", *options)
    assert done.returncode != 0
    assert says in done.stderr


RISKS = {
    "synchronous_commit": ("local", "synchronous_commit is local"),
    "synchronous_standby_names": ("", "synchronous_standby_names is empty"),
}


@pytest.mark.parametrize("setting", RISKS)
def test_a_database_that_could_lose_writes_is_refused_by_name(servers, make_node, setting):
    primary = servers[0]
    value, says = RISKS[setting]
    [(before,)] = primary.execute(f"SHOW {setting}")
    primary.execute(f"ALTER SYSTEM SET {setting} = '{value}'")
    primary.execute("SELECT pg_reload_conf()")
    try:
        node = make_node("careful")
        node.spawn()
        assert node.wait() != 0
        assert says in node.log
        assert "--journal-unreplicated" in node.log
        assert make_node("careless").start("--journal-unreplicated").create("x").status_code == 201
    finally:
        primary.execute(f"ALTER SYSTEM SET {setting} = '{before}'")
        primary.execute("SELECT pg_reload_conf()")


def test_nodes_are_listed_and_handed_over_by_command(three):
    active = three.active()
    three.all_listed()
    environment = {"CHARGEHAND_URL": str(active.client.base_url)}
    listed = chargehand("node", "list", "--json", **environment)
    assert listed.returncode == 0, listed.stderr
    roles = {node["name"]: node["role"] for node in json.loads(listed.stdout)["nodes"]}
    assert roles[active.name] == "active"
    done = chargehand("node", "step-down", **environment)
    assert done.stdout == f"{active.name} hands over to another node\n"
    three.others(active)[0].create("wait", key="k")
    assert three.active() is not active
    shown = chargehand("node", "list", **environment).stdout
    assert len(shown.splitlines()) == 4


def test_a_server_alone_says_so(tmp_path, make_node, server):
    with server.start() as client:
        done = chargehand("node", "list", CHARGEHAND_URL=str(client.base_url))
    assert "this server is alone" in done.stderr
    assert done.returncode != 0


def test_only_what_is_a_journal_of_ours_is_used(servers, address):
    servers[0].execute(f"UPDATE {address.schema}.shard SET format = 99")
    with pytest.raises(Exception, match="has format 99, this version reads"):
        find(address)
    with pytest.raises(Exception, match="already"):
        create(JournalAddress(address.conninfo, address.schema))


def test_a_journal_moves_into_a_database_and_back(tmp_path, server, make_node, address):
    url = f"{address.conninfo}?schema={address.schema}"
    with server.start() as client:
        for number in range(30):
            body = {"scope": "global", "title": f"task {number}"}
            made = client.post("/api/tasks", json=body).json()["task"]
            client.post(f"/api/tasks/{made['id']}/start", json={})
        before = client.get("/api/tasks?order=created&limit=50").json()
        refused = chargehand("journal", "copy", str(server.data_dir), url)
        assert refused.returncode != 0
        assert "is in use by" in refused.stderr
    server.signal(signal.SIGTERM)
    assert server.end()[0] == 0

    there = chargehand("journal", "copy", str(server.data_dir), url, "--json")
    assert there.returncode == 0, there.stderr
    node = make_node("alone").start()
    assert node.client.get("/api/tasks?order=created&limit=50").json() == before
    assert node.create("in the database", key="k").status_code == 201
    again = chargehand("journal", "copy", url, str(tmp_path / "back"))
    assert "stop all nodes first" in again.stderr
    node.signal(signal.SIGTERM)
    assert node.wait() == 0

    back = chargehand("journal", "copy", url, str(tmp_path / "back"), "--json")
    assert back.returncode == 0, back.stderr
    assert json.loads(back.stdout)["head"] > json.loads(there.stdout)["head"]
    refused = chargehand("journal", "copy", str(server.data_dir), url)
    assert "has been used: copy into a new one" in refused.stderr
    server.data_dir = tmp_path / "back"
    with server.start() as client:
        found = client.get("/api/tasks?order=created&limit=50").json()["tasks"]
    assert [task["title"] for task in found if task["title"] != "in the database"] == [
        task["title"] for task in before["tasks"]
    ]
    assert len(found) == 31
    verified = chargehand("verify", str(tmp_path / "back"))
    assert "in use" in verified.stderr
    server.signal(signal.SIGTERM)
    server.end()
    verified = chargehand("verify", str(tmp_path / "back"))
    assert verified.returncode == 0, verified.stdout
