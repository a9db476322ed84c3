import errno
import resource
import signal
import socket
import subprocess
import sys
import threading
from contextlib import closing

import httpx
import pytest

from chargehand.persistence.lmdb_store import LmdbStore
from chargehand.persistence.store import Put, Table
from tests.process.conftest import ROOT, S_MAX, Server, wait_until

AGENT = {"X-AGH-Session-ID": "sess-1", "X-AGH-Agent": "coder"}


def create(client: httpx.Client, title: str) -> str:
    answer = client.post("/api/tasks", json={"scope": "global", "title": title})
    assert answer.status_code == 201, answer.text
    return answer.json()["task"]["id"]


def test_a_start_is_reported_and_a_stop_is_clean(server):
    with server.start() as client:
        task_id = create(client, "one")
        ready = client.get("/readyz").json()  # on a busy machine it tells of stalls besides
        assert (ready["status"], ready["epoch"]) == ("ready", 1)
    assert server.report["tasks_recovered"] == 0
    assert server.report["epoch"] == 1
    server.signal(signal.SIGTERM)
    code, out, err = server.end()
    assert code == 0, err
    assert "Traceback" not in err
    stopping, stopped = [line.partition("chargehand: ")[2] for line in err.splitlines()[-2:]]
    assert (stopping, stopped) == ("SIGTERM: stopping", "stopped")
    assert str(server.report["http"]) in out
    assert str(server.data_dir / "chargehand.sock") in out
    assert out.count("\n") == 1
    assert not (server.data_dir / "chargehand.sock").exists()
    with server.start() as client:
        assert client.get(f"/api/tasks/{task_id}").status_code == 200
        assert client.get("/readyz").json()["epoch"] == 2
    assert server.report["tasks_recovered"] == 1
    assert server.report["epoch"] == 2


def test_both_listeners_serve_and_record_their_origins(server):
    with server.start() as tcp:
        transport = httpx.HTTPTransport(uds=str(server.report["socket"]), verify=False)
        with httpx.Client(transport=transport, base_url="http://unix") as unix:
            by_tcp, by_unix = create(tcp, "by tcp"), create(unix, "by unix")
            kinds = {
                task["id"]: task["origin"]["kind"]
                for task in unix.get("/api/tasks").json()["tasks"]
            }
        assert kinds == {by_tcp: "http", by_unix: "uds"}
        foreign = tcp.get("/api/tasks", headers={"Host": "evil.example"})
        assert foreign.json()["diagnostic"]["code"] == "host_not_allowed"


def test_a_lane_with_a_port_asks_for_what_tcp_asks_for(server):
    token = {"Authorization": "Bearer s3cret"}
    claim, agent = "/api/agent/tasks/claim-next", {"X-AGH-Session-ID": "s", "X-AGH-Agent": "a"}
    with server.start("--lane=127.0.0.1:0", "--token=s3cret") as tcp:
        tcp.headers.update(token)
        assert create(tcp, "work")
        with httpx.Client(base_url=str(server.report["lane"]), verify=False) as lane:
            assert lane.get("/healthz").status_code == 200
            assert lane.post(claim, headers=agent).json()["diagnostic"]["code"] == "token_required"
            foreign = lane.post(claim, headers={**agent, **token, "Host": "evil.example"})
            assert foreign.json()["diagnostic"]["code"] == "host_not_allowed"
            assert lane.post(claim, headers={**agent, **token}).status_code == 204
            [task] = lane.get("/api/tasks", headers=token).json()["tasks"]
            assert task["origin"]["kind"] == "http"
    server.signal(signal.SIGTERM)
    _, out, _ = server.end()
    where = server.report
    assert f"serves {where['http']}, the agent lane at {where['lane']} and {where['socket']}" in out


def test_what_was_acknowledged_survives_a_kill(server):
    with server.start() as client:
        ids = [create(client, f"task {number}") for number in range(20)]
        server.signal(signal.SIGKILL)
        assert server.end()[0] == -signal.SIGKILL
    with server.start() as client:
        found = {task["id"] for task in client.get("/api/tasks").json()["tasks"]}
    assert found == set(ids)


def refuses(port: int) -> bool:
    """Whether nobody listens there any more."""
    with socket.socket() as knocking:
        return knocking.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED


def test_a_second_signal_ends_the_process_at_once(server):
    """While the stop waits for a request that has arrived in half."""
    with server.start() as client:
        port = client.base_url.port
        assert port is not None
        with closing(socket.create_connection(("127.0.0.1", port))) as half:
            head = f"POST /api/tasks HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            half.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
            assert client.get("/healthz").status_code == 200
            server.signal(signal.SIGTERM)
            wait_until(lambda: refuses(port), "the stop begins")
            server.signal(signal.SIGTERM)
            code, _, err = server.end()
    assert code == 128 + signal.SIGTERM
    assert "Traceback" not in err


def test_a_stop_ends_streams_and_answers_those_who_wait_for_work(server):
    answers = []

    def wait_for_work(base_url):
        with httpx.Client(base_url=base_url, timeout=S_MAX, verify=False) as waiting:
            path = "/api/agent/tasks/claim-next"
            answers.append(waiting.post(path, json={"wait": True}, headers=AGENT))

    with server.start("--wait-s=3600") as client:
        task_id = create(client, "watched")
        waiter = threading.Thread(target=wait_for_work, args=[str(client.base_url)])
        waiter.start()
        wait_until(lambda: client.get("/api/sessions").json()["sessions"], "the claim arrives")
        with client.stream("GET", f"/api/tasks/{task_id}/stream") as stream:
            chunks = stream.iter_text()
            seen = next(chunks)
            server.signal(signal.SIGINT)
            seen += "".join(chunks)
        code, _, err = server.end()
        waiter.join()
    assert (code, "Traceback" in err) == (0, False), err
    assert "event: stream.closed" in seen
    assert '{"reason":"shutdown"}' in seen
    [answer] = answers
    assert answer.status_code == 503
    assert answer.json()["diagnostic"]["code"] == "shutting_down"


def test_a_client_that_never_reads_does_not_hold_a_stop(server):
    with server.start() as client:
        task_id = create(client, "watched")
        port = client.base_url.port
        with socket.create_connection(("127.0.0.1", port)) as deaf:
            target = f"/api/tasks/{task_id}/stream"
            deaf.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode())
            create(client, "seen by nobody")
            server.signal(signal.SIGTERM)
            code, _, err = server.end()
    assert code == 0, err


def test_a_failed_write_ends_the_process_with_its_cause(server):
    with server.start() as client:
        create(client, "before")
        size = (server.data_dir / "data.mdb").stat().st_size
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, size))
        statuses = set()
        for number in range(400):
            try:
                answer = client.post(
                    "/api/tasks",
                    json={"scope": "global", "title": f"{number}", "description": "x" * 20_000},
                )
            except httpx.TransportError:
                break
            statuses.add(answer.status_code)
            if answer.status_code == 503:
                assert client.get("/readyz").status_code == 503
                break
        code, _, err = server.end()
    assert code == 74, err
    assert statuses <= {201, 503}
    assert "storage has failed" in err
    assert "Traceback" not in err
    with server.start() as client:
        assert create(client, "after")


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--http=0.0.0.0:0"], 78, "set a token"),
        (["--wait-s=soon"], 78, "--wait-s: expected a number, not 'soon'"),
        (["--config=/nowhere.toml"], 78, "/nowhere.toml: No such file or directory"),
        (["--socket=/tmp/" + "x" * 120], 78, "the socket path has"),
        (["--data-dir=/proc/nowhere"], 73, "/proc/nowhere"),
        (["--http=192.0.2.1:80", "--token=x"], 69, "cannot listen on 192.0.2.1:80"),
    ],
)
def test_what_cannot_start_says_why_in_one_line(server, options, code, says):
    server.spawn(*options)
    ended, out, err = server.end()
    assert (ended, out) == (code, ""), err
    assert says in err
    assert err.startswith("chargehand: ")
    assert err.count("\n") == 1


def test_a_damaged_data_directory_is_named_with_what_to_do(server):
    with server.start() as client:
        assert create(client, "first")
    server.kill()
    with closing(LmdbStore(server.data_dir)) as store:
        [(key, value)] = store.scan(Table.LOG, b"", None, 1, bytes)
        # A record, and the directory that says which one: nobody can tell what is concerned.
        store.commit([Put(Table.LOG, key, value[:40] + b"?" + value[41:-1] + b"?")])
    server.spawn()
    code, out, err = server.end()
    assert (code, out) == (73, "")
    assert err.startswith(f"chargehand: {server.data_dir} is damaged: the records of the log from ")
    assert "start from a copy of it" in err
    assert err.count("\n") == 1


def test_a_cut_store_is_refused_with_what_to_do(server):
    with server.start() as client:
        assert create(client, "first")
    server.kill()
    path = server.data_dir / "data.mdb"
    path.write_bytes(path.read_bytes()[:20_000])
    server.spawn()
    code, out, err = server.end()
    assert (code, out) == (73, "")
    assert err.startswith(f"chargehand: {server.data_dir} is damaged: data.mdb has 20000 bytes ")
    assert "keep it, and start from a copy of it" in err
    assert err.count("\n") == 1
    assert path.stat().st_size == 20_000


def test_a_data_directory_serves_one_process(server):
    server.start().close()
    other = Server(server.directory)
    other.spawn()
    code, _, err = other.end()
    assert code == 73, err
    assert f"is in use by process {server.process.pid}; stop that one first" in err


def test_a_port_serves_one_process(server, tmp_path):
    server.start().close()
    other = Server(tmp_path / "other")
    other.directory.mkdir()
    other.spawn(f"--http={str(server.report['http']).removeprefix('http://')}")
    code, _, err = other.end()
    assert code == 69, err
    assert "Address already in use; choose another with --http 127.0.0.1:0" in err


def test_an_unknown_option_is_a_usage_error():
    ended = subprocess.run(
        [sys.executable, "-m", "chargehand", "serve", "--nonsense"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=S_MAX,
        check=False,
    )
    assert ended.returncode == 2
    assert "--nonsense" in ended.stderr


def test_the_access_log_has_one_line_for_each_request(server):
    server.start("--access-log").close()
    for _ in range(30):  # each hangs up right behind its answer
        httpx.get(f"{server.report['http']}/api/tasks", verify=False)
    server.signal(signal.SIGTERM)
    code, _, err = server.end()
    assert code == 0, err
    told = [line for line in err.splitlines() if "chargehand.access" in line]
    assert len(told) == 30
    assert all("GET /api/tasks 200 " in line for line in told)
