"""The commands of operators of several nodes, as they are typed."""

import json
import signal

import pytest

from chargehand.persistence.postgres.address import JournalAddress
from chargehand.persistence.postgres.connection import connect
from chargehand.persistence.postgres.schema import create, find
from chargehand.web.exits import ExitCode
from tests.cluster.conftest import Three, chargehand

ADDRESS = "postgresql://me@127.0.0.1:1/x"
NODE = ("--node=a", "--advertise=127.0.0.1:2125", "--cluster-secret=x")


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
    assert "waiting  0 commits for a standby" in shown.stdout
    assert shown.stderr == ""
    again = chargehand("journal", "init", url)
    assert again.returncode != 0
    assert "already" in again.stderr


def test_what_cannot_be_reached_is_said_without_the_password():
    done = chargehand("journal", "status", "postgresql://me:s3cret@127.0.0.1:1/x")
    assert done.returncode != 0
    assert "127.0.0.1:1" in done.stderr
    assert "s3cret" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "wrong",
    ["mysql://x/y", "nonsense", "postgresql://x/y?schema=No;Name", "postgresql://x/y?shema=z", ""],
)
@pytest.mark.parametrize("command", [("journal", "status"), ("journal", "init")])
def test_an_address_that_is_none_is_refused(command, wrong):
    done = chargehand(*command, wrong)
    assert done.returncode == ExitCode.BAD_SETTING
    assert done.stderr.startswith("chargehand: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--journal=postgresql://x/y",), "--journal needs --node"),
        (("--node=a",), "--node means nothing without --journal"),
        (("--journal=mysql://x/y", *NODE), "the journal's address must begin with postgresql://"),
        (
            ("--journal=postgresql://x/y?shema=z", *NODE),
            "has an unknown parameter shema: known are",
        ),
        (("--node=",), "--node is empty: set it, or leave it out"),
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
    assert done.returncode == ExitCode.BAD_SETTING
    assert says in done.stderr


@pytest.mark.parametrize("is_there", [False, True], ids=["no schema", "another's schema"])
def test_a_role_without_rights_is_told_what_gives_it_them(servers, url, is_there):
    primary, schema = servers[0], url.partition("?schema=")[2]
    primary.execute('CREATE ROLE "poor-one" LOGIN')
    try:
        if is_there:
            primary.execute(f"CREATE SCHEMA {schema}")
        own = url.replace("//postgres@", "//poor-one@")
        done = chargehand("journal", "init", own)
        assert done.returncode == ExitCode.CANNOT_OPEN
        assert f"schema {schema} at {own}: " in done.stderr
        primary.execute(done.stderr.partition(", in this database: ")[2])
        done = chargehand("journal", "init", own)
        assert done.returncode == 0, done.stderr
    finally:
        primary.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        primary.execute('DROP ROLE "poor-one"')


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


def test_a_journal_is_made_in_a_database_that_could_lose_writes_with_a_warning(servers, url):
    primary = servers[0]
    assert chargehand("journal", "init", f"{url}_safe").stderr == ""
    [(before,)] = primary.execute("SHOW synchronous_standby_names")
    primary.execute("ALTER SYSTEM SET synchronous_standby_names = ''")
    primary.execute("SELECT pg_reload_conf()")
    try:
        done = chargehand("journal", "init", url, "--json")
    finally:
        primary.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{before}'")
        primary.execute("SELECT pg_reload_conf()")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["head"] == 0
    [warning] = done.stderr.splitlines()
    assert warning.startswith("chargehand: warning: no node starts with it: ")
    assert "synchronous_standby_names is empty" in warning


def test_verify_checks_the_copy_of_a_node(make_node, tmp_path):
    directory = tmp_path / "data"
    node = make_node("alone").start(f"--data-dir={directory}")
    node.create("x", key="k")
    busy = chargehand("verify", str(directory))
    assert busy.returncode == ExitCode.CANNOT_OPEN
    assert "is in use by process" in busy.stderr
    node.signal(signal.SIGTERM)
    assert node.wait() == 0

    done = chargehand("verify", str(directory))
    assert done.returncode == 0, done.stdout
    told, end = done.stdout.splitlines()
    assert told.startswith(f"{directory} holds a node's copy of journal ")
    assert "chargehand journal status" in told
    assert end.startswith("all is well; checked: ")
    found = json.loads(chargehand("verify", str(directory), "--json").stdout)
    assert found["ok"]
    assert found["copy_of"] in told

    (file := directory / "near/data.mdb").write_bytes(bytes(file.stat().st_size))
    done = chargehand("verify", str(directory))
    assert done.returncode == ExitCode.DAMAGED
    assert f"remove {directory / 'near'}" in done.stdout
    assert "latest copy" not in done.stdout


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


def test_the_database_shows_which_node_a_connection_is_of(make_node, servers):
    def shown() -> set[object]:
        found = servers[0].execute(
            "SELECT application_name FROM pg_stat_activity "
            "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        return {name for (name,) in found}

    before = shown()
    node, other = make_node("one").start(), make_node("two").start()
    Three([node, other]).active()
    assert shown() - before == {"chargehand one", "chargehand two"}


def test_a_name_in_the_address_is_shown_to_the_database_as_it_is(servers, url):
    named = JournalAddress.parse(f"{url}&application_name=jobs").of_node("one")
    with connect(named) as connection:
        assert connection.execute("SHOW application_name").fetchone() == ("jobs",)


def test_the_longest_name_of_a_node_connects(servers, url):
    with connect(JournalAddress.parse(url).of_node("x" * 128)) as connection:
        [name] = connection.execute("SHOW application_name").fetchone()
    assert name.startswith("chargehand xxx")


@pytest.mark.parametrize("places", [("", ADDRESS), (ADDRESS, ""), ("", ""), (" ", ADDRESS)])
def test_nothing_is_copied_from_or_to_a_place_without_a_name(places, tmp_path):
    done = chargehand("journal", "copy", *places)
    assert done.returncode == ExitCode.BAD_SETTING
    assert done.stderr.startswith("chargehand: an empty text is no place of a journal")


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
