"""One bit flipped in each kind of stored value of a stopped server: found, named and contained."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import trio

from chargehand.actors.identity import LOCAL_USER, Caller, OriginKind, origin
from chargehand.actors.lifecycle import run_system
from chargehand.actors.settings import Settings
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import Scope
from chargehand.persistence.lmdb_store import LmdbStore
from chargehand.persistence.opening import open_journal
from chargehand.persistence.store import Table
from chargehand.web.exits import ExitCode
from tests.process.conftest import ROOT, S_MAX, Server

OPERATOR = Caller(LOCAL_USER, origin(OriginKind.HTTP, "tasks.update"))
SICK = ("snapshot", "index-row", "timeline", "log-record")
SOUND = "sound"
PAGE = 4096


async def live(directory: Path) -> dict[str, str]:
    """A data directory with these tasks, all but the last change folded; with their runs."""
    async with run_system(open_journal(directory), Settings()) as system:
        runs = {}
        for task_id in (*SICK, SOUND):
            create = c.CreateTask(scope=Scope.GLOBAL, title="work", id=task_id)
            await system.create_task(create, OPERATOR)
            answer = await system.ask(task_id, c.EnqueueRun(), OPERATOR)
            runs[task_id] = answer.the_run.id
        await system.checkpointer.checkpoint()
        await system.ask("log-record", c.PatchTask(title="newer"), OPERATOR)
        await system.ask(SOUND, c.PatchTask(title="newer"), OPERATOR)
        return runs


def values(directory: Path, runs: dict[str, str]) -> list[bytes]:
    """What stands in each of the four places."""
    store = LmdbStore(directory)
    try:
        [(_, chunk)] = store.scan(Table.TIMELINE, b"timeline\0", b"timeline\1", 1, bytes)
        [(_, log)] = store.scan(Table.LOG, b"", None, 1, bytes)
        return [
            store.get(Table.HEADS, b"snapshot"),
            store.get(Table.RUNS, b"=" + runs["index-row"].encode()),
            chunk,
            log,
        ]
    finally:
        store.close()


def flip(directory: Path, value: bytes) -> None:
    """One bit in the file, in each copy that LMDB still has of the value."""
    path = directory / "data.mdb"
    raw = bytearray(path.read_bytes())
    part = value[:60]  # a longer value may begin in the middle of a page of its own
    at, found = raw.find(part), 0
    while at >= 0:
        raw[at + len(part) - 1] ^= 8
        at, found = raw.find(part, at + 1), found + 1
    assert found
    path.write_bytes(raw)


def chargehand(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "chargehand", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=S_MAX,
    )


def look(client: httpx.Client, runs: dict[str, str]) -> None:
    """Nothing damaged is answered, and all else is."""
    for task_id in SICK:
        # The first one reads what is damaged; from there on all is refused.
        for answer in (
            client.get(f"/api/tasks/{task_id}/timeline")
            if task_id == "timeline"
            else client.get(f"/api/task-runs/{runs[task_id]}"),
            client.get(f"/api/task-runs/{runs[task_id]}"),
            client.get(f"/api/tasks/{task_id}"),
            client.get(f"/api/tasks/{task_id}/timeline"),
            client.patch(f"/api/tasks/{task_id}", json={"title": "new"}),
            client.post(f"/api/task-runs/{runs[task_id]}/cancel", json={}),
        ):
            assert answer.status_code == 503, f"{task_id}: {answer.text}"
            assert answer.json()["diagnostic"]["code"] == "task_set_aside"
    assert '"title":"newer"' in client.get(f"/api/tasks/{SOUND}").text
    assert client.get(f"/api/tasks/{SOUND}/timeline").status_code == 200
    assert client.get("/api/tasks").status_code == 200
    assert client.get("/api/observe/tasks/dashboard").status_code == 200
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert {fault["address"] for fault in ready.json()["set_aside"]} == set(SICK)


@pytest.fixture
def damaged(server: Server) -> dict[str, str]:
    runs = trio.run(live, server.data_dir)
    for value in values(server.data_dir, runs):
        flip(server.data_dir, value)
    return runs


def test_a_flipped_bit_is_found_named_and_contained_over_restarts(server, damaged):
    verified = chargehand("verify", str(server.data_dir), "--json")
    assert verified.returncode == ExitCode.DAMAGED, verified.stderr
    told = json.loads(verified.stdout)
    assert not told["ok"]
    found = {
        (finding["table"], finding["address"] or finding["key"]) for finding in told["findings"]
    }
    assert found == {
        ("heads", "snapshot"),
        ("runs", damaged["index-row"]),
        ("timeline", "timeline"),
        ("log", "log-record"),
    }
    for attempt in range(2):
        with server.start() as client:
            look(client, damaged)
            if not attempt:
                agent = {"X-AGH-Session-ID": "s1", "X-AGH-Agent": "bot"}
                claimed = client.post("/api/agent/tasks/claim-next", headers=agent, json={})
                assert claimed.json()["claim"]["task"]["id"] == SOUND, claimed.text
            busy = chargehand("verify", str(server.data_dir))
            assert busy.returncode == ExitCode.CANNOT_OPEN
            assert "in use" in busy.stderr
            health = chargehand("scheduler", "health", "--url", str(server.report["http"]))
            assert health.returncode == 0, health.stderr
            assert all(task_id in health.stdout for task_id in SICK)
            assert "EPOCH" in health.stdout
            server.signal(signal.SIGTERM)
            code, _, stderr = server.end()
            assert code == 0, stderr

    shown = chargehand("verify", str(server.data_dir)).stdout
    assert "timeline of timeline, from number " in shown
    assert ": the first record fails its checksum" in shown
    assert "task timeline stays refused at every start" in shown


def test_verify_of_a_cut_store_is_a_finding(server):
    trio.run(live, server.data_dir)
    path = server.data_dir / "data.mdb"
    path.write_bytes(path.read_bytes()[:20_000])
    verified = chargehand("verify", str(server.data_dir), "--json")
    assert verified.returncode == ExitCode.DAMAGED, verified.stderr
    answer = json.loads(verified.stdout)
    [finding] = answer["findings"]
    assert not answer["ok"]
    assert (finding["problem"], finding["table"]) == ("unreadable", None)
    assert finding["message"].startswith("data.mdb has 20000 bytes where ")
    assert "start with the latest copy" in finding["what_to_do"]
    shown = chargehand("verify", str(server.data_dir))
    assert shown.returncode == ExitCode.DAMAGED
    assert shown.stdout.startswith("the store: data.mdb has 20000 bytes where ")


def test_verify_goes_on_with_the_other_tables_behind_a_page_that_lmdb_cannot_read(server):
    runs = trio.run(live, server.data_dir)
    [_, _, chunk, log] = values(server.data_dir, runs)
    path = server.data_dir / "data.mdb"
    raw = bytearray(path.read_bytes())
    at = raw.find(chunk[:60])
    while at >= 0:
        raw[at // PAGE * PAGE + 10] = 0x40  # no kind of page
        at = raw.find(chunk[:60], at + 1)
    path.write_bytes(raw)
    flip(server.data_dir, log)
    verified = chargehand("verify", str(server.data_dir), "--json")
    assert verified.returncode == ExitCode.DAMAGED, verified.stderr
    answer = json.loads(verified.stdout)
    found = [(finding["problem"], finding["table"]) for finding in answer["findings"]]
    assert found == [("damaged", "log"), ("structure", "timeline")]
    assert "MDB_CORRUPTED" in answer["findings"][1]["message"]


def test_verify_says_that_all_is_well_and_changes_nothing(server):
    trio.run(live, server.data_dir)
    before = (server.data_dir / "data.mdb").read_bytes()
    verified = chargehand("verify", str(server.data_dir))
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert verified.stdout.startswith("all is well; checked: ")
    assert (server.data_dir / "data.mdb").read_bytes() == before


def test_verify_of_a_directory_that_is_in_use_says_what_to_do(server):
    server.start().close()
    verified = chargehand("verify", str(server.data_dir))
    assert verified.returncode == ExitCode.CANNOT_OPEN
    assert (
        f"process {server.process.pid}; stop that server first, or verify a copy" in verified.stderr
    )


def test_verify_of_what_is_no_data_directory_is_refused(tmp_path):
    verified = chargehand("verify", str(tmp_path / "nothing"))
    assert verified.returncode == ExitCode.CANNOT_OPEN
    assert "there is no data directory" in verified.stderr
    assert not (tmp_path / "nothing").exists()


def test_verify_of_a_directory_without_a_store_says_that_it_holds_none(tmp_path):
    verified = chargehand("verify", str(tmp_path))
    assert verified.returncode == ExitCode.CANNOT_OPEN
    assert f"{tmp_path} holds no data of Chargehand" in verified.stderr
    assert list(tmp_path.iterdir()) == []
