"""`python -m benchmarks` as a real process, so small that it shows only that all of it runs."""

import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from contextlib import suppress
from pathlib import Path

import orjson
import pytest
import trio
import trio.testing

from benchmarks.compare.contender import OnDisk, missing_modules
from benchmarks.compare.everyone import CONSTANT, HTTP, IN_PROCESS_BATCHES, SOCKET_BATCHES
from benchmarks.cpu import share_of_core
from benchmarks.plan import TINY

ROOT = Path(__file__).parents[2]
S_MAX = 300.0
# One by one in process and over the socket, agents work in `queued` and `waiters`.
OURS = (HTTP, CONSTANT, IN_PROCESS_BATCHES, SOCKET_BATCHES)


@pytest.fixture(scope="module")
def ran(tmp_path_factory) -> tuple[str, dict, Path]:
    """What it printed, the JSON that it kept, and where its pictures are. Without the peers, which
    are there or not."""
    kept = tmp_path_factory.mktemp("kept")
    words = [word for one in OURS for word in ("--only", one.name)]
    words += ["--save-to", str(kept / "all.json"), "--pictures", str(kept / "pictures")]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--tiny", *words],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=S_MAX,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "/?" not in done.stderr
    assert "0/" not in done.stderr.splitlines()[-1]
    return done.stdout, orjson.loads((kept / "all.json").read_bytes()), kept / "pictures"


def test_each_contender_has_its_turns(ran):
    _, kept, _ = ran
    assert kept["broken"] == kept["missing"] == {}
    for one in OURS:
        closed = {row["agents"]: row for row in kept["closed"] if row["contender"] == one.name}
        assert set(closed) == set(TINY.tasks)
        for row in closed.values():
            assert row["done"] >= row["asked"] > 0
            assert row["rate"] > 0
            assert row["on_disk_when_answered"] == one.on_disk.value
            assert row["cpu_s_per_1000"] is not None
            assert row["claim"]["p50_ms"] <= row["claim"]["p99_ms"] <= row["claim"]["p999_ms"]
        opened = [row for row in kept["open"] if row["contender"] == one.name]
        rates = [] if one is CONSTANT else list(TINY.rates)
        assert [row["offered_rate"] for row in opened] == rates
        assert all(row["done"] == row["asked"] for row in opened)


def test_each_part_has_its_figures(ran):
    _, kept, _ = ran
    assert [row["queued"] for row in kept["queued"]] == list(TINY.queued)
    assert [row["waiters"] for row in kept["waiters"]] == list(TINY.waiters)
    assert {row["woken"] for row in kept["waiters"]} == {1}
    assert [row["streams"] for row in kept["streams"]] == list(TINY.streams)
    assert all(row["delivered"] == row["sent"] > 0 for row in kept["streams"])
    assert [row["tasks"] for row in kept["starts"]] == [0, *TINY.starts]
    assert kept["starts"][-1]["bytes_of_task"] is not None
    assert kept["questions"]["tasks"] == TINY.asked_tasks
    assert len(kept["questions"]["figures"]) > 50
    assert {"cpu", "cores", "kernel", "filesystem", "python"} <= set(kept["machine"])


def test_each_target_is_reported_with_a_verdict(ran):
    told, kept, _ = ran
    assert len(kept["targets"]) == 17
    for row in kept["targets"]:
        assert row["verdict"] in ("met", "missed", "not measured")
        assert (row["value"] is None) == (row["verdict"] == "not measured")
        assert row["target"] in told


def test_its_pictures_are_readable_on_light_and_dark_pages(ran):
    _, _, pictures = ran
    drawn = sorted(path.name for path in pictures.iterdir())
    assert drawn == ["latencies.svg", "queued.svg", "rates.svg"]
    for name in drawn:
        text = (pictures / name).read_text("utf-8")
        assert "prefers-color-scheme: dark" in text
        root = ElementTree.fromstring(text)
        assert root.find("{http://www.w3.org/2000/svg}rect") is not None


def test_what_is_not_installed_is_reported_with_how_to_install_it():
    assert missing_modules("sys") is None
    assert missing_modules("sys", "no_such_module", "nor_this") == (
        "make peers (not installed: no_such_module, nor_this)"
    )


async def test_a_share_of_a_core_is_of_the_time_that_it_is_taken_over():
    begun = time.perf_counter() + 0.4
    async with trio.open_nursery() as nursery:
        found = []

        async def watch():
            found.append(await share_of_core(os.getpid(), begun, 0.4))

        nursery.start_soon(watch)
        await trio.testing.wait_all_tasks_blocked()
        while time.perf_counter() < begun:
            pass  # work of before
    [share] = found
    assert share < 0.5


def test_only_what_survives_a_crash_counts_as_on_disk():
    assert [one for one in OnDisk if one.is_yes] == [OnDisk.YES, OnDisk.PUT_ONLY]


def processes_on(begin: Path) -> list[int]:
    """Those that name a path which begins so in their command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue  # it has ended
        if os.fsencode(begin) in command:
            found.append(int(process.name))
    return found


@pytest.mark.parametrize("part", ["waiters", "questions"])
def test_a_run_that_is_terminated_leaves_no_server_behind(tmp_path, part):
    """Also where another process of it has started the server."""
    data, output = tmp_path / "data", tmp_path / "output"
    data.mkdir()
    command = [sys.executable, "-m", "benchmarks", "--tiny", "--part", part]
    command += ["--directory", str(data)]
    with output.open("wb") as kept:
        run = subprocess.Popen(command, cwd=ROOT, stdout=kept, stderr=kept, start_new_session=True)
    deadline = time.monotonic() + S_MAX
    try:
        while not processes_on(data / "tmp"):
            assert run.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.02)
        run.terminate()
        run.wait(S_MAX)
        left = processes_on(data / "tmp")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
    assert run.returncode == 1
    assert "ended by a signal" in output.read_text()
    assert left == []
    assert list(data.iterdir()) == []
