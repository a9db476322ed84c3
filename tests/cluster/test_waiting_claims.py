"""Claims that wait at a standby, while the active node is killed: none gets two runs, and no run is
held twice."""

import time
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest

from tests.cluster.conftest import NodeProcess
from tests.process.conftest import S_MAX

CLAIM = "/api/agent/tasks/claim-next"


def claim(url: str, agent: int, key: str | None, *, wait: bool = True) -> httpx.Response:
    headers = {"X-AGH-Session-ID": f"sess-{agent}", "X-AGH-Agent": "builder"}
    if key is not None:
        headers["Idempotency-Key"] = key
    return httpx.post(f"{url}{CLAIM}", json={"wait": wait}, headers=headers, timeout=S_MAX)


def url_of(node: NodeProcess) -> str:
    return str(node.client.base_url).rstrip("/")


def queue(node: NodeProcess, number: int) -> None:
    """A run, once, whatever happens to nodes meanwhile."""
    body = {"scope": "global", "title": "work", "id": f"task-{number}"}
    assert node.post("/api/tasks", body, f"make {number}").status_code == 201
    queued = node.post(f"/api/tasks/task-{number}/runs", key=f"queue {number}")
    assert queued.status_code == 201, queued.text


def wait_parked(node: NodeProcess, count: int) -> None:
    deadline_s = time.monotonic() + S_MAX
    while True:
        sessions = node.client.get("/api/sessions?limit=200").json()["sessions"]
        found = sum(one.get("waiting_claims", 0) for one in sessions)
        if found == count:
            return
        assert time.monotonic() < deadline_s, f"{found} claims wait"
        time.sleep(0.02)


def run_of(answered: httpx.Response) -> str:
    assert answered.status_code == 200, answered.text
    return answered.json()["claim"]["run"]["id"]


def held(node: NodeProcess) -> dict[str, str]:
    """The runs that somebody holds, with the session that does."""
    runs = node.client.get("/api/runs?limit=200").json()["runs"]
    return {
        one["run"]["id"]: one["run"]["session_id"] for one in runs if "session_id" in one["run"]
    }


def check_held(node: NodeProcess, runs: dict[int, str]) -> None:
    """Each agent has the run that it was answered, and nobody has another one."""
    assert held(node) == {run_id: f"sess-{agent}" for agent, run_id in runs.items()}
    assert len(set(runs.values())) == len(runs)


@pytest.fixture
def waiting():
    with ThreadPoolExecutor(16) as pool:
        yield pool


def test_a_claim_under_a_key_that_waits_gets_one_run_from_the_next_node(three, waiting):
    first = three.active()
    [second, third] = three.others(first)
    claims: dict[int, Future[httpx.Response]] = {
        agent: waiting.submit(claim, url_of((second, third)[agent % 2]), agent, f"claim {agent}")
        for agent in range(6)
    }
    wait_parked(first, 6)
    first.kill()
    for number in range(6):
        queue((third, second)[number % 2], number)
    runs = {agent: run_of(one.result(S_MAX)) for agent, one in claims.items()}
    for node in (second, third):
        for agent, run_id in runs.items():
            assert run_of(claim(url_of(node), agent, f"claim {agent}")) == run_id
    check_held(second, runs)
    assert claim(url_of(third), 99, None, wait=False).status_code == 204


def test_a_claim_without_a_key_that_waits_is_told_that_its_node_was_lost(three, waiting):
    first = three.active()
    [second, third] = three.others(first)
    claims = [
        waiting.submit(claim, url_of(node), agent, None)
        for agent, node in enumerate((second, third))
    ]
    wait_parked(first, 2)
    first.kill()
    for one in claims:
        answered = one.result(S_MAX)
        assert answered.status_code == 503
        assert answered.json()["diagnostic"]["code"] == "node_lost"
        assert answered.headers["retry-after"] == "1"
    queue(second, 1)
    assert not held(third)  # nobody is left who waits
    assert run_of(claim(url_of(third), 0, None)) == next(iter(held(second)))


def test_a_claim_that_is_answered_as_its_node_is_killed_is_made_once(three, waiting):
    first = three.active()
    [second, third] = three.others(first)
    claims = {
        agent: waiting.submit(claim, url_of((second, third)[agent % 2]), agent, f"claim {agent}")
        for agent in range(6)
    }
    wait_parked(first, 6)
    queue(first, 0)
    at_work = [waiting.submit(queue, second, number) for number in range(1, 6)]
    deadline_s = time.monotonic() + S_MAX
    while not any(one.done() for one in claims.values()):  # some have theirs, and some wait
        assert time.monotonic() < deadline_s
        time.sleep(0.001)
    first.kill()
    for one in at_work:
        one.result(S_MAX)
    runs = {agent: run_of(one.result(S_MAX)) for agent, one in claims.items()}
    for agent, run_id in runs.items():
        assert run_of(claim(url_of(third), agent, f"claim {agent}")) == run_id
    check_held(second, runs)
