"""What is installed starts and works, whatever the Python and wherever one stands.

A short suite for `python -m tests.installed`, which runs it against a wheel; in the whole suite it
runs against what is installed there. So it imports nothing of the checkout.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from importlib import metadata
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("chargehand")
README = Path(__file__).parents[2] / "README.md"
S_MAX = 120.0


@pytest.fixture
def environment(tmp_path):
    """Ours, without what speaks of another server or of other places to import from."""
    ours = {n: v for n, v in os.environ.items() if not n.startswith(("CHARGEHAND_", "AGH_"))}
    return {**ours, "CHARGEHAND_DATA_DIR": str(tmp_path / "data")}


@pytest.fixture
def run(tmp_path, environment):
    """Runs a command somewhere else; gives what it prints, if that went well."""

    def ran(*command: str | Path) -> str:
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=S_MAX,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), command
        return done.stdout

    return ran


@pytest.fixture
def served(tmp_path, environment):
    """A server for `run`; ends in order after the test. Gives its address."""
    ready = tmp_path / "ready.json"
    process = subprocess.Popen(
        [PROGRAM, "serve", "--http=127.0.0.1:0", f"--ready-file={ready}"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline_s = time.monotonic() + S_MAX
        while not ready.exists():
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline_s, "not ready in time"
            time.sleep(0.02)
        yield json.loads(ready.read_text())["http"]
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=S_MAX)
        assert process.returncode == 0, err
        assert "Traceback" not in out + err
    finally:
        process.kill()
        process.wait()


def test_one_package_is_installed_and_nothing_else(pytestconfig):
    if pytestconfig.inipath != Path(__file__).with_name("pytest.ini"):
        pytest.skip("this is the checkout, whose own files are used")
    distribution = metadata.distribution("chargehand")
    files = [file for file in distribution.files or () if file.parts[0] != ".."]
    assert {file.parts[0].partition("-")[0] for file in files} == {"chargehand"}
    names = {str(file) for file in files}
    assert {"chargehand/py.typed", "chargehand/web/openapi/examples.json"} <= names
    assert not [file for file in files if {"tests", "benchmarks"} & set(file.parts)]


def test_it_prints_its_version(run):
    told = f"chargehand, version {metadata.version('chargehand')}\n"
    assert run(PROGRAM, "--version") == told
    assert run(sys.executable, "-m", "chargehand", "--version") == told


@pytest.mark.parametrize(
    "words", [(), ("serve",), ("task",), ("task", "create"), ("agent", "next")]
)
def test_it_helps(run, words):
    assert run(PROGRAM, *words, "--help").startswith("Usage: chargehand")


def test_an_agent_works_off_a_task(run, served):
    run(PROGRAM, "task", "create", "Ship it", "--id", "ship-it")
    run(PROGRAM, "task", "start", "ship-it")
    agent = ("--session", "sess-1", "--agent", "builder")
    claimed = json.loads(run(PROGRAM, "agent", "next", *agent, "--json"))
    run_id = claimed["claim"]["run"]["id"]
    run(PROGRAM, "agent", "complete", run_id, *agent, "--result", '{"artifact": "build-1"}')
    assert "completed" in run(PROGRAM, "task", "show", "ship-it")
    with urllib.request.urlopen(f"{served}/api/tasks/ship-it") as answer:
        assert json.load(answer)["task"]["task"]["status"] == "completed"


def test_the_demo_ends_well(run):
    assert "Traceback" not in run(PROGRAM, "demo", "--pace", "8")


def test_the_pool_of_the_readme_runs(run):
    program, _ = re.findall(r"^```python\n(.*?)^```", README.read_text("utf-8"), re.M | re.S)
    assert run(sys.executable, "-c", program) == "{'greeting': 'Hello, world!'}\n"
