"""Pools in processes of their own: over a restart of the server, from the shell, and around it."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter

import httpx
import pytest
import trio

from chargehand import (
    AgentPool,
    BlockingClient,
    ChargehandError,
    Client,
    OpenError,
    Refused,
    Settings,
    WebhookBridge,
    open_system,
)
from tests.edge.receiver import receiving
from tests.process.conftest import ROOT, S_MAX, wait_until

SOCKET = "s"


async def until(condition) -> None:
    """Return once it holds."""
    with trio.fail_after(S_MAX):
        while not condition():  # noqa: ASYNC110 - nothing wakes it
            await trio.sleep(0.01)


@pytest.fixture
def socket(server):
    """A path for the server's socket that is short enough, wherever tests run."""
    return server.directory / SOCKET


async def make(api, count: int) -> list[str]:
    made = []
    for number in range(count):
        task = await api.create_task(f"task {number}")
        await api.start_task(task.id)
        made.append(task.id)
    return made


@pytest.mark.parametrize("leases", [1, 50])
async def test_a_pool_over_the_socket_does_each_task_once_over_kills_of_the_server(
    server, socket, leases
):
    """Every task completed by its first run, with one claim and one end in its timeline, and its
    handler called once."""
    options = (f"--socket={socket}", f"--max-leases-per-session={leases}")
    server.start(*options).close()
    calls = Counter()
    async with Client(socket=socket) as client:
        ids = await make(client, 40)

        async def handle(claim):
            calls[claim.task_id] += 1
            await trio.sleep(0.02)
            return {"task": claim.task_id}

        pool = AgentPool(client, handle, size=8)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pool.run)
            for done in (8, 20):
                await until(lambda done=done: pool.metrics.completed >= done)
                server.kill()
                await trio.to_thread.run_sync(lambda: server.start(*options).close())
            await until(lambda: pool.metrics.completed == len(ids))
            pool.drain()
        assert calls == dict.fromkeys(ids, 1)
        assert (pool.metrics.completed, pool.metrics.lost, pool.metrics.failed) == (40, 0, 0)
        for task_id in ids:
            [run] = (await client.task(task_id)).runs
            assert (run.status, run.attempt, run.result) == ("completed", 1, {"task": task_id})
            timeline = await client.request("GET", f"/api/tasks/{task_id}/timeline")
            told = Counter(item["event_type"] for item in timeline["timeline"])
            assert (told["task.run_claimed"], told["task.run_completed"]) == (1, 1)


async def test_a_stream_goes_on_where_it_broke_off_when_the_server_was_killed(server, socket):
    options = (f"--socket={socket}",)
    server.start(*options).close()
    async with Client(socket=socket) as client:
        task = await client.create_task("work")
        seen = []
        async with client.events(task.id) as events:
            seen.append(await anext(events))
            await client.start_task(task.id)
            while seen[-1].type != "task.run_enqueued":
                seen.append(await anext(events))
            server.kill()
            server.start(*options).close()
            await client.cancel_task(task.id)
            while seen[-1].type != "task.canceled":
                seen.append(await anext(events))
        told = await client.request("GET", f"/api/tasks/{task.id}/timeline")
    assert [event.seq for event in seen] == sorted({event.seq for event in seen})
    before = sorted(item["sequence"] for item in told["timeline"])
    assert [event.seq for event in seen] == before[: len(seen)]


def test_a_blocking_client_is_used_by_many_threads(server):
    server.start().close()
    with BlockingClient(str(server.report["http"])) as client:
        made = []

        def work():
            made.append(client.create_task("work").id)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(made)) == 8
        assert {task.id for task in client.tasks()} == set(made)
        assert {task.id for task in client.all_tasks(status="ready")} == set(made)
        with pytest.raises(TypeError, match="statsu"):
            client.all_tasks(statsu="ready")
        with client.events(made[0]) as events:
            assert next(events).task_id == made[0]
        with pytest.raises(Refused):
            client.task("nothing")
    for ask in (client.tasks, lambda: next(client.all_tasks())):
        with pytest.raises(ChargehandError, match="closed"):
            ask()


async def test_one_process_is_server_and_pool(tmp_path):
    async def handle(claim):
        return "done"

    async with open_system(
        tmp_path / "data", serve_http="127.0.0.1:0", socket=tmp_path / SOCKET
    ) as system:
        pool = AgentPool(system, handle, size=2)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pool.run)
            async with Client(system.url) as by_url, Client(socket=system.socket) as by_socket:
                task = await by_url.create_task("work")
                await by_socket.start_task(task.id)
                await until(lambda: pool.metrics.completed)
                assert (await by_url.task(task.id)).status == "completed"
            pool.drain()
    assert not (tmp_path / SOCKET).exists()
    async with open_system(tmp_path / "data") as system:
        assert (system.url, system.socket) == (None, None)
        assert (await system.task(task.id)).result == "done"


KILLED = """
import os, signal, trio
from chargehand import Agent, AgentPool, Client, open_system

async def main():
    at_work = 0

    async def handle(claim):
        nonlocal at_work
        at_work += 1
        if at_work == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        await trio.sleep_forever()

    async with open_system("data", serve_http="127.0.0.1:0") as system:
        body = {"path": "/srv/shop"}
        shop = (await system.request("POST", "/api/workspaces/resolve", body))["workspace"]["id"]
        of_shop = {"workspace": shop, "channel": "build"}
        for title, fields in (("remote", {}), ("plain", {}), ("in a channel", of_shop)):
            task = await system.create_task(title, **fields)
            await system.start_task(task.id)
            if title == "remote":
                async with Client(system.url) as client:
                    await client.claim(Agent("remote", "remote-1"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(AgentPool(system, handle).run)
            nursery.start_soon(AgentPool(system, handle, **of_shop).run)

trio.run(main)
"""


async def test_what_pools_in_a_killed_process_held_is_worked_on_at_once(tmp_path):
    """What an agent over HTTP holds stays its own."""
    program = [sys.executable, "-c", KILLED]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with trio.fail_after(S_MAX):
        killed = await trio.run_process(program, cwd=tmp_path, env=env, check=False)
    assert killed.returncode == -signal.SIGKILL
    done = []

    async def handle(claim):
        done.append((claim.title, claim.attempt))

    async with open_system(tmp_path / "data") as system:
        await AgentPool(system, handle).run(until_empty=True)
        of_shop = {"workspace": "/srv/shop", "channel": "build"}
        await AgentPool(system, handle, **of_shop).run(until_empty=True)
        tasks = [await system.task(task.id) for task in await system.tasks()]
        statuses = {task.title: task.runs[0].status for task in tasks}
    assert sorted(done) == [("in a channel", 1), ("plain", 1)]
    assert statuses == {"remote": "claimed", "plain": "completed", "in a channel": "completed"}


async def test_such_a_process_serves_what_a_server_does(tmp_path):
    """The lane, further hosts and origins, strict requests, and webhooks."""
    async with receiving() as receiver:
        bridge = WebhookBridge("ops", receiver.url, ("s3cret", "old"))
        assert "s3cret" not in repr(bridge)
        async with (
            open_system(
                tmp_path / "data",
                Settings(max_leases_per_session=5),
                serve_http="127.0.0.1:0",
                serve_lane="127.0.0.1:0",
                allowed_hosts=["pool.example"],
                allowed_origins=["https://shop.example"],
                strict_requests=True,
                bridges=[bridge],
                keep_alive_seconds=5,
                max_connections=10,
            ) as system,
            Client(system.lane_url) as client,
        ):
            task = await client.create_task("work")
            await system.request(
                "POST",
                f"/api/tasks/{task.id}/notifications/bridges",
                {"bridge_instance_id": "ops", "delivery_mode": "direct-send", "peer_id": "p"},
            )
            await client.start_task(task.id)
            pool = AgentPool(client, lambda claim: "done", size=2)
            assert (await pool.run(until_empty=True)).completed == 1
            assert len(await receiver.wait_for(1)) == 1
            with pytest.raises(Refused, match="reslt"):
                await client.request("POST", "/api/tasks", {"title": "x", "reslt": 1})
            async with httpx.AsyncClient(base_url=str(system.url)) as http:
                headers = {"Host": "pool.example", "Origin": "https://shop.example"}
                assert (await http.get("/readyz", headers=headers)).status_code == 200
                refused = await http.get("/readyz", headers={"Host": "other.example"})
                assert refused.status_code == 403


async def test_what_cannot_be_opened_says_why(tmp_path):
    async with open_system(tmp_path / "data", serve_http="127.0.0.1:0") as system:
        with pytest.raises(OpenError, match="is in use by process"):
            async with open_system(tmp_path / "data"):
                pass
        taken = str(system.url).removeprefix("http://")
        with pytest.raises(OpenError, match="cannot listen"):
            async with open_system(tmp_path / "other", serve_http=taken):
                pass
    for wrong in (
        {"serve_http": "0.0.0.0:0"},
        {"serve_http": "nonsense"},
        {"serve_lane": "0.0.0.0:0"},
        {"allowed_origins": ["nonsense"]},
        {"max_connections": 0},
        {"bridges": [WebhookBridge("ops", "ftp://here", "s")]},
        {"bridges": [WebhookBridge("ops", "http://here", "s")] * 2},
    ):
        with pytest.raises(OpenError):
            async with open_system(tmp_path / "data", **wrong):
                pass
    async with open_system(tmp_path / "data"):  # nothing of it was kept
        pass


async def test_what_the_block_raises_comes_out_as_it_is(tmp_path):
    with pytest.raises(LookupError, match="mine"):
        async with open_system(tmp_path / "data", serve_http="127.0.0.1:0"):
            raise LookupError("mine")
    async with open_system(tmp_path / "data"):
        pass


# --- from the shell ---------------------------------------------------------------------------

AGENT = """
import json, os, sys
claim = json.load(sys.stdin)
assert claim["run"]["id"] == os.environ["CHARGEHAND_RUN_ID"] == sys.argv[1]
kind = claim["task"].get("metadata")
if kind not in ("warns", "exits"):
    print("looking at", claim["task"]["title"])
if kind == "json":
    print(json.dumps({"by": os.environ["CHARGEHAND_AGENT"]}))
if kind == "fails":
    print("tests are red")
    sys.exit(1)
if kind == "crashes":
    os.kill(os.getpid(), 9)
if kind == "warns":
    print("no such model", file=sys.stderr)
    sys.exit(1)
if kind in ("large", "too large", "far too large"):
    size = {"large": 60_000, "too large": 65_600, "far too large": 200_000}[kind]
    print(json.dumps({"text": "x" * size}))
if kind == "exits":
    sys.exit(1)
if kind == "long":
    print("x" * 100_000)
if kind == "waits":
    import signal
    def end(*_):
        print("stopping", file=sys.stderr)
        open(os.environ["CHARGEHAND_RUN_ID"], "w").close()
        sys.exit(3)
    signal.signal(signal.SIGTERM, end)
    open("waits", "w").close()
    signal.pause()
"""


@pytest.fixture
def working(server):
    """Starts `chargehand work` beside the server, with a program in the same directory."""
    server.start().close()
    (server.directory / "agent.py").write_text(AGENT)
    (server.directory / "agents.py").write_text("def handle(claim):\n    return claim.title\n")
    started = []

    def start(*options: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "chargehand", "work", *options],
            cwd=server.directory,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "CHARGEHAND_URL": str(server.report["http"]),
            },
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


EXEC = f"--exec={sys.executable} agent.py {{run_id}}"


def make_tasks(server, *metadata) -> tuple[BlockingClient, list[str]]:
    client = BlockingClient(str(server.report["http"]))
    made = []
    for value in metadata:
        task = client.create_task("work", metadata=value)
        client.start_task(task.id)
        made.append(task.id)
    return client, made


def test_a_program_works_on_runs_and_its_last_line_is_the_result(server, working):
    kinds = ("json", "plain", "fails", "crashes", "long", "warns", "exits")
    kinds += ("large", "too large", "far too large")
    client, ids = make_tasks(server, *kinds)
    with client:
        process = working(EXEC, "--size=3", "--agent=shell", "--until-empty")
        _, told = process.communicate(timeout=S_MAX)
        assert (process.returncode, "4 completed, 6 failed" in told) == (0, True), told
        runs = {
            kind: client.task(task_id).runs[0] for kind, task_id in zip(kinds, ids, strict=True)
        }
        assert runs["json"].result == {"by": "shell"}
        assert runs["plain"].result == {"output": "looking at work"}
        assert runs["fails"].error == "tests are red"
        assert runs["crashes"].error in ("looking at work", "ended by SIGKILL")
        assert runs["long"].result["output"].endswith("x" * 1000)
        assert len(json.dumps(runs["long"].result)) < 65_536
        assert runs["warns"].error == "no such model"
        assert "no such model\n" in told  # passed on
        assert runs["exits"].error == "exit code 1"
        assert runs["large"].result == {"text": "x" * 60_000}
        for kind in ("too large", "far too large"):
            assert "its result was refused" in runs[kind].error


def test_a_function_of_python_works_on_runs(server, working):
    client, [task_id] = make_tasks(server, None)
    with client:
        process = working("--python=agents:handle", "--until-empty")
        assert process.wait(S_MAX) == 0
        assert client.task(task_id).result == "work"


def test_sigterm_is_passed_on_and_the_run_given_back(server, working):
    client, [task_id] = make_tasks(server, "waits")
    with client:
        process = working(EXEC, "--drain-s=0")
        wait_until((server.directory / "waits").exists, "the program runs")
        [run] = client.task(task_id).runs
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=S_MAX)
        assert (process.returncode, "1 given back" in told) == (0, True), told
        assert "stopping\n" in told
        assert (server.directory / run.id).exists()  # the program was told
        assert client.run(run.id).status == "queued"


def test_a_second_signal_does_not_wait_for_what_runs(server, working):
    client, [task_id] = make_tasks(server, "waits")
    with client:
        process = working(EXEC, "--drain-s=3600")
        wait_until((server.directory / "waits").exists, "the program runs")
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        while "SIGTERM: draining" not in process.stderr.readline():
            pass
        assert client.task(task_id).runs[0].status == "claimed"
        process.send_signal(signal.SIGTERM)
        assert process.wait(S_MAX) == 0
        assert client.task(task_id).runs[0].status == "queued"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "--exec and --python"),
        (["--url=nonsense", "--exec=true"], "http://HOST:PORT"),
        (["--agent=é", "--exec=true"], "printable ASCII"),
        (["--exec=no-such-program-here"], "no program"),
        (["--exec='x"], "quotation"),
        (["--python=agents"], "MODULE:FUNCTION"),
        (["--python=agents:nothing"], "nothing"),
        (["--python=nothing:here"], "nothing"),
    ],
)
def test_what_cannot_work_is_reported_at_once(server, working, options, told):
    process = working(*options)
    _, error = process.communicate(timeout=S_MAX)
    assert process.returncode == 2
    assert told in error
