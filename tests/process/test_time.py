"""A server that is stopped, and one whose wall clock is set: real processes and real clocks."""

import signal
import socket
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.process.conftest import S_MAX, wait_until

AGENTS = 5
LEASE_S = 2
LONG_LEASE_S = 300
FAKETIME = next(
    iter(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")),
    None,
)


def agent(number: int) -> dict[str, str]:
    return {"X-AGH-Session-ID": f"sess-{number}", "X-AGH-Agent": "coder"}


def claimed(client: httpx.Client, number: int, lease_s: int) -> str:
    """A new run, claimed by that agent."""
    created = client.post("/api/tasks", json={"scope": "global", "title": f"task {number}"})
    client.post(f"/api/tasks/{created.json()['task']['id']}/start")
    answer = client.post(
        "/api/agent/tasks/claim-next", json={"lease_seconds": lease_s}, headers=agent(number)
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["claim"]["run"]["id"]


def heartbeat(
    client: httpx.Client, run_id: str, number: int, lease_s: int = LONG_LEASE_S
) -> dict[str, str]:
    body = {"lease_seconds": lease_s}
    answer = client.post(f"/api/agent/tasks/{run_id}/heartbeat", json=body, headers=agent(number))
    assert answer.status_code == 200, answer.text
    return answer.json()["lease"]


class Waiting:
    """A request that is sent, and whose answer is read later."""

    def __init__(self, port: int, run_id: str, number: int, lease_s: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=S_MAX)
        headers = "".join(f"{name}: {value}\r\n" for name, value in agent(number).items())
        body = f'{{"lease_seconds":{lease_s}}}'
        self.socket.sendall(
            f"POST /api/agent/tasks/{run_id}/heartbeat HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"{headers}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()
        )

    def answer(self) -> bytes:
        with self.socket:
            return b"".join(iter(lambda: self.socket.recv(65_536), b""))


def test_a_stop_of_three_leases_loses_none_that_is_kept_alive(server):
    with server.start() as client:

        def seen(run_id: str) -> dict[str, str]:
            return client.get(f"/api/task-runs/{run_id}").json()["run"]["run"]

        runs = {number: claimed(client, number, LONG_LEASE_S) for number in range(AGENTS)}
        for number, run_id in runs.items():
            heartbeat(client, run_id, number, LEASE_S)
        server.signal(signal.SIGSTOP)
        port = client.base_url.port
        waiting = []
        for number, run_id in runs.items():
            waiting.append(Waiting(port, run_id, number, LONG_LEASE_S if number else LEASE_S))
            time.sleep(3 * LEASE_S / AGENTS)
        server.signal(signal.SIGCONT)
        for each in waiting:
            assert each.answer().startswith(b"HTTP/1.1 200 ")
        for number in range(1, AGENTS):
            shown = seen(runs[number])
            assert (shown["status"], shown["session_id"]) == ("claimed", f"sess-{number}")
        told = client.get("/readyz").json()["time"]
        assert told["stalls"] >= 1
        assert told["stalled_seconds"] > LEASE_S
        assert told["wall_steps"] == 0
        # A lease that nobody keeps alive ends all the same.
        wait_until(lambda: seen(runs[0])["status"] == "queued", "the lease runs out")
    server.signal(signal.SIGTERM)
    code, _, err = server.end()
    assert code == 0
    assert "the process stood still" in err


class SetClock:
    """What libfaketime reads the wall from: an offset in a file."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "wall"
        self.set(0)

    def set(self, seconds: float) -> None:
        part = self.file.with_suffix(".part")
        part.write_text(f"{seconds:+f}", encoding="ascii")
        part.replace(self.file)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


@pytest.fixture
def wall(tmp_path, monkeypatch) -> SetClock:
    made = SetClock(tmp_path)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)  # a server that is started takes it over; we do not
    return made


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def is_near(text: str, ahead: timedelta) -> bool:
    """Whether a time that was shown is one of the wall that is `ahead` of ours."""
    return abs(at(text) - datetime.now(UTC) - ahead) < timedelta(minutes=5)


def wall_steps(client: httpx.Client) -> int:
    """How many the server has noticed; what it tells of stalls depends on the machine."""
    return client.get("/readyz").json().get("time", {}).get("wall_steps", 0)


@pytest.mark.skipif(FAKETIME is None, reason="libfaketime is not installed")
@pytest.mark.parametrize("hours", [2, -2])
def test_a_wall_that_is_set_while_the_server_runs_and_between_starts(server, wall, hours):
    ahead = timedelta(hours=hours)
    with server.start() as client:
        run_id = claimed(client, 1, LONG_LEASE_S)
        wall.set(ahead.total_seconds())
        wait_until(lambda: wall_steps(client), "the step is noticed")
        assert wall_steps(client) == 1
        shown = client.get(f"/api/task-runs/{run_id}").json()["run"]["run"]
        assert shown["status"] == "claimed"
        assert is_near(shown["lease_until"], ahead + timedelta(minutes=5))
        lease = heartbeat(client, run_id, 1)
        assert is_near(lease["heartbeat_at"], ahead)
        made = client.post("/api/tasks", json={"scope": "global", "title": "later"}).json()
        assert is_near(made["task"]["created_at"], ahead)
    server.signal(signal.SIGTERM)
    code, _, err = server.end()
    assert code == 0
    assert f"set {'forward' if hours > 0 else 'back'} by 2:00:00" in err
    # And the other way between two starts: the clock is right again.
    wall.set(0)
    with server.start() as client:
        shown = client.get(f"/api/task-runs/{run_id}").json()["run"]["run"]
        assert shown["status"] == "claimed"
        assert is_near(heartbeat(client, run_id, 1)["heartbeat_at"], timedelta())
        again = client.post("/api/tasks", json={"scope": "global", "title": "again"}).json()
        assert is_near(again["task"]["created_at"], timedelta())
        assert again["task"]["latest_event_seq"] > made["task"]["latest_event_seq"]
        titles = [task["title"] for task in client.get("/api/tasks").json()["tasks"]]
        assert titles.index("again") < titles.index("later")
    server.signal(signal.SIGTERM)
    code, out, err = server.end()
    behind = server.report.get("clock_behind_seconds")
    if hours > 0:
        assert behind == pytest.approx(hours * 3600, abs=300)
        assert "behind the last record, see the log" in out
        assert "but the last record was written at" in err
    else:
        assert behind is None
