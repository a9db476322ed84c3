import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from chargehand import Event
from chargehand.web.demo.crew import AGENTS, LEASE_S
from chargehand.web.demo.display import Display, what_next
from chargehand.web.demo.plan import APPROVAL, area_names, release
from chargehand.web.demo.progress import Progress
from tests.process.conftest import ROOT, S_MAX, wait_until

STOPPED_S = LEASE_S + 1  # 6 s
WATCHED_AT = r"Open (http://127\.0\.0\.1:\d+)/ to watch"
PASTED = [
    line.strip() for line in what_next().splitlines() if line.startswith("  ") and line[2] != " "
]


def test_the_plan_hangs_together():
    plan = release()
    keys = {step.key for step in plan}
    assert len(keys) == len(plan) == 62
    assert {key for step in plan for key in step.after} <= keys
    assert [step.key for step in plan if step.parent is None] == ["release"]
    assert [step.key for step in plan if step.needs_approval] == [APPROVAL]
    assert sum(step.failures for step in plan) == 6
    assert sum(step.loses_its_agent for step in plan) == 1
    assert keys >= set(area_names())


def test_the_demo_completes_everything_also_without_a_terminal():
    ended = subprocess.run(
        [sys.executable, "-m", "chargehand", "demo", "--pace=60"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=S_MAX,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stderr == ""
    numbers = dict(re.findall(r"│ ([a-z ]+?) +│ (\d+) +│", ended.stdout))
    assert numbers["tasks completed"] == "62"
    assert numbers["runs failed"] == numbers["retries by the operator"] == "6"
    assert numbers["approvals"] == "1"
    lost = int(numbers["leases lost and recovered"])
    assert lost >= 1  # more on a slow machine: an agent that is late loses its run
    assert int(numbers["runs claimed"]) == 62 + 6 + lost
    assert " 62/62  " in ended.stdout
    assert "What next:" in ended.stdout
    assert re.fullmatch(WATCHED_AT, ended.stdout.splitlines()[1])


def test_a_rollout_tests_before_it_deploys_and_announces_last():
    plan = {step.title: step for step in release() if step.parent == "Rollout"}
    assert plan["Smoke-test staging"].key in plan["Deploy to one region"].after
    assert plan["Announce it"].after == (plan["Deploy everywhere"].key,)


@pytest.fixture
def heeded_signals():
    """SIGHUP is not ignored, as it is below `nohup`, whose children rightly ignore it, too."""
    former = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, former)


@contextmanager
def started(tmp_path: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A demo under way in a directory whose `web` is not ours, with settings of another server."""
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "__init__.py").write_text("raise RuntimeError('not this one')\n")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "chargehand", "demo", *options],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(temporary),
            "CHARGEHAND_TOKEN": "of another server",
            "PYTHONUNBUFFERED": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    if process.poll() is None:
        process.kill()
    process.stdout.close()
    process.stderr.close()
    process.wait()


@pytest.fixture
def demo(tmp_path, heeded_signals):
    with started(tmp_path, "--pace=3") as process:
        yield process


@pytest.fixture
def held_demo(tmp_path, heeded_signals):
    with started(tmp_path, "--pace=60", "--hold") as process:
        yield process


def under_way(demo, temporary: Path) -> int:
    """Wait until agents work; the process id of their server."""
    for line in demo.stdout:
        if "has completed" in line:
            break
    [report] = temporary.glob("chargehand-demo-*/ready.json")
    return int(json.loads(report.read_text(encoding="utf-8"))["pid"])


def is_gone(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_demo_with_its_server_and_directory(demo, tmp_path, number):
    server = under_way(demo, tmp_path / "tmp")
    demo.send_signal(number)
    _, err = demo.communicate(timeout=S_MAX)
    assert demo.returncode == 128 + number
    assert err == f"chargehand: the demo was ended by {number.name}\n"
    assert is_gone(server)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_demo_that_is_killed_takes_its_server_along(demo, tmp_path):
    server = under_way(demo, tmp_path / "tmp")
    demo.kill()
    demo.communicate(timeout=S_MAX)
    wait_until(lambda: is_gone(server), "the server ends")


def test_a_demo_that_was_stopped_for_longer_than_its_leases_last_goes_on(demo, tmp_path):
    under_way(demo, tmp_path / "tmp")
    demo.send_signal(signal.SIGSTOP)
    time.sleep(STOPPED_S)
    demo.send_signal(signal.SIGCONT)
    told, err = demo.communicate(timeout=S_MAX)
    assert demo.returncode == 0, told + err
    assert "was away for too long, and leaves" in told
    assert " 62/62  " in told


def test_a_demo_whose_server_is_killed_says_so(demo, tmp_path):
    os.kill(under_way(demo, tmp_path / "tmp"), signal.SIGKILL)
    _, err = demo.communicate(timeout=S_MAX)
    assert demo.returncode == 1
    assert err.startswith("chargehand: the server is gone (exit code -9)")
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_held_goes_on_until_a_signal(held_demo, tmp_path, number):
    server = under_way(held_demo, tmp_path / "tmp")
    for line in held_demo.stdout:
        if line.startswith("All is in place."):
            break
    [url] = re.findall(r"Open (http://\S+)/ ", line)
    with httpx.Client(base_url=url, verify=False) as api:
        assert "text/html" in api.get("/").headers["content-type"]
        inbox = api.get("/api/observe/tasks/inbox", params={"lane": "failed_runs"}).json()["inbox"]
        failed = [item["run"] for item in inbox["groups"][0]["items"]]
        run = next(run for run in failed if run["status"] == "failed")
        retried = api.post(f"/api/runs/{run['id']}/retry", json={}).json()["run"]["id"]
        wait_until(
            lambda: (
                api.get(f"/api/task-runs/{retried}").json()["run"]["run"]["status"] == "completed"
            ),
            "what is retried is completed",
        )
    held_demo.send_signal(number)
    _, err = held_demo.communicate(timeout=S_MAX)
    assert held_demo.returncode == 128 + number
    assert err == f"chargehand: the demo was ended by {number.name}\n"
    assert is_gone(server)
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("command", PASTED)
def test_what_the_demo_suggests_to_look_at_next_is_there(command):
    """Each is a command of ours with the options that it has."""
    ended = subprocess.run(
        [*shlex.split(command), "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=S_MAX,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("pace", ["0", "-1", "nan", "inf"])
def test_a_pace_that_is_none_is_a_usage_error(pace):
    ended = subprocess.run(
        [sys.executable, "-m", "chargehand", "demo", f"--pace={pace}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=S_MAX,
        check=False,
    )
    assert ended.returncode == 2
    assert "must be a number above 0" in ended.stderr


@pytest.mark.parametrize("width", [80, 40])
@pytest.mark.parametrize("height", [24, 10, 4])
def test_the_page_fits_the_terminal_and_shows_what_is_newest(height, width):
    steps = {step.key: step for step in release()}
    progress = Progress(steps)
    payload = {"status": "completed"}
    for number, key in enumerate(steps):
        progress.take(event("task.status_changed", key, "ada", number, payload))
    shown = page_of(progress, width, height)
    assert len(shown) < height
    assert all(len(line) <= width for line in shown)
    assert progress.recent[-1][: width - 5] in shown[-2]


@pytest.mark.parametrize("height", [24, 4])
@pytest.mark.parametrize(
    ("width", "shown"),
    [(80, "Open http://127.0.0.1:2123/ to watch"), (40, "http://127.0.0.1:2123"), (24, "")],
)
def test_the_page_shows_where_it_is_to_be_watched_if_there_is_room(width, shown, height):
    progress = Progress({step.key: step for step in release()})
    lines = page_of(progress, width, height, "http://127.0.0.1:2123")
    assert shown in lines[-1]
    assert len(lines) < height
    assert "http" not in lines[-1] or shown


def event(what: str, task_id: str, who: str, seq: int = 1, payload: object = None) -> Event:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Event(seq, what, task_id, "r", f"agent_session:{who}", at, payload or {})


def page_of(progress: Progress, width: int, height: int, url: str = "") -> list[str]:
    console = Console(file=io.StringIO(), force_terminal=True, width=width, height=height)
    lines = console.render_lines(Display(console, progress, AGENTS, url).page(), pad=False)
    return ["".join(segment.text for segment in line) for line in lines]


@pytest.mark.parametrize("width", [200, 80, 70, 60, 50, 40])
def test_the_page_shows_of_each_agent_what_it_does_however_narrow(width):
    progress = Progress({step.key: step for step in release()})
    progress.working = {"ada-1": "x" * 200}
    shown = page_of(progress, width, 40)
    doing = dict.fromkeys(AGENTS, "waits") | {"ada": "x" * 10}
    for agent, what in doing.items():
        assert any(re.search(rf"{agent} +{what}", line) for line in shown), agent
    assert all(any(name in line for line in shown) for name in area_names())


def test_the_panels_stand_beside_each_other_where_there_is_room():
    progress = Progress({step.key: step for step in release()})
    assert "Agents" in page_of(progress, 80, 24)[0]
    assert "Agents" not in page_of(progress, 40, 24)[0]


@pytest.mark.parametrize("width", [120, 80, 40])
def test_what_next_keeps_its_indent_in_a_narrow_terminal(width):
    lines = what_next(width).splitlines()[2:]
    assert len([line for line in lines if line[2] != " "]) == 3
    texts = [line for line in lines if line[2] == " "]
    assert all(line.startswith("      ") and line[6] != " " for line in texts)
    assert all(len(line) <= min(width, 80) for line in texts)


def test_a_replacement_is_explained():
    step = next(step for step in release() if step.loses_its_agent)
    progress = Progress({"t": step})
    progress.take(event("task.run_claimed", "t", "ada"))
    lost = progress.take(event("task.run_lease_expired", "t", "scheduler"))
    back = progress.take(event("task.run_claimed", "t", "ada-2"))
    assert lost is not None
    assert lost.startswith("ada was lost")
    assert back is not None
    assert back.startswith("ada-2 takes the place of ada")
    assert progress.take(event("task.run_claimed", "t", "ada-2")) is None
