"""`python -m benchmarks.cluster.costs`, so small that it shows only that all of it measures."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import trio
from click.testing import CliRunner

from benchmarks.cluster.costs import command
from benchmarks.cluster.costs.command import PARTS, main
from benchmarks.cluster.costs.rows import Row
from benchmarks.cluster.postgres import a_directory
from tests.cluster.fixtures import need_postgres
from tests.process.conftest import ROOT, S_MAX

COMMAND = (
    *(sys.executable, "-m", "benchmarks.cluster.costs"),
    *("--rounds", "2", "--cycles", "20", "--agents", "3", "--tasks", "60", "--seconds", "0.5"),
    *("--step-downs", "1", "--kills", "1", "--ttl-s", "1"),
)
IN_THE_BACKGROUND = ("sh", "-c", 'trap "" INT; exec "$@"', "sh")  # as a shell starts a job
# Where two times are subtracted, or the clock of CPU time is coarse, next to nothing may be left.
MAY_BE_NOTHING = {
    "a read by way of a standby: added",
    "a write by way of a standby: added",
    "lag of a standby, p50",
    "lag of a standby, p99",
    "CPU of the standby",
    "CPU of the standby / of the active node",
}
TARGETS = {
    "claim p50, replicated / one fenced append": "≤ 1.8",
    "cycles, replicated / LMDB": "≥ 0.6",
    "claim p99, replicated: during / without": "≤ 1.5",
    "lag of a standby, p99": "≤ 200",
    "CPU of the standby / of the active node": "≤ 0.5",
    "an empty node / a server with LMDB": "≤ 3",
    "a read by way of a standby: added": "≤ 2",
    "a write by way of a standby: added": "≤ 2",
    "step-down: until another node is active": "≤ 1, each",
    "step-down: until a write is answered": "≤ 1, each",
    "kill -9: until another node is active": "≤ 2, each",
    "kill -9: until a write is answered": "≤ 2, each",
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory) -> tuple[str, dict]:
    """What it printed, and what it kept."""
    need_postgres()
    kept = tmp_path_factory.mktemp("costs") / "all.json"
    done = subprocess.run(
        [*COMMAND, "--save-to", str(kept)],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=10 * S_MAX,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, json.loads(kept.read_bytes())


def test_each_part_has_rows_with_a_number_of_each_round(ran):
    printed, kept = ran
    assert kept["broken"] == {}
    assert list(dict.fromkeys(row["part"] for row in kept["rows"])) == list(PARTS)
    for row in kept["rows"]:
        assert row["what"] in printed
        assert len(row["values"]) == (1 if row["part"] == "takeovers" else 2)
        if row["what"] not in MAY_BE_NOTHING:
            assert min(row["values"]) > 0, row


def test_each_target_is_printed_with_a_verdict(ran):
    printed, kept = ran
    rows = {row["what"]: row for row in kept["rows"] if row["target"] is not None}
    assert {what: rows[what]["target"] for what in TARGETS} == TARGETS
    assert sum(row["target"] == "≤ 1.3" for row in kept["rows"]) == 1
    assert len(rows) == len(TARGETS) + 1
    for row in rows.values():
        [line] = [
            line
            for line in printed.splitlines()
            if row["what"] in line and any(sign in line for sign in "≤≥")
        ]
        assert ("met" if row["is_met"] else "missed") in line


def test_ratios_are_of_the_figures_beside_them(ran):
    rows = {(row["part"], row["what"]): row["values"] for row in ran[1]["rows"]}
    for part, ratio, one, other in (
        ("alone", "claim p50, replicated / LMDB", "claim p50, replicated", "claim p50, LMDB"),
        ("agents", "cycles, replicated / LMDB", "cycles, replicated", "cycles, LMDB"),
        (
            "ready",
            "an empty node / a server with LMDB",
            "an empty node until it is ready",
            "a server with LMDB until it is ready",
        ),
    ):
        expected = [a / b for a, b in zip(rows[part, one], rows[part, other], strict=True)]
        assert rows[part, ratio] == pytest.approx(expected)


@pytest.mark.parametrize("wrong", ["nosuch", "lag,nosuch", "", "lag,,ready"])
def test_a_part_that_there_is_not_is_refused(wrong):
    done = CliRunner().invoke(main, ["--only", wrong])
    assert done.exit_code == 2
    assert f"there are {', '.join(PARTS)}" in " ".join(done.output.split())


@pytest.mark.parametrize("part", ["takeovers", "lag"])
def test_a_run_that_is_terminated_leaves_no_server_behind(part):
    need_postgres()
    with a_directory() as root:
        output = root / "output"
        with output.open("wb") as kept:
            run = subprocess.Popen(
                [*IN_THE_BACKGROUND, *COMMAND, "--only", part, "--seconds", "600"],
                cwd=ROOT,
                env={**os.environ, "TMPDIR": str(root)},
                stdout=kept,
                stderr=kept,
                start_new_session=True,
            )
        begun_s = time.monotonic()
        try:
            while sum("serve" in words for words in _running_on(root)) < 2:
                assert run.poll() is None, output.read_text()
                assert time.monotonic() - begun_s < S_MAX, output.read_text()
                time.sleep(0.02)
            run.terminate()
            run.wait(S_MAX)
            left = _running_on(root)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)
        assert run.returncode != 0
        assert left == []
        assert list(root.iterdir()) == [output]


def _running_on(directory: Path) -> list[list[str]]:
    """The command lines that name something in it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_text(errors="replace")
        except OSError:
            continue  # it has ended
        if str(directory) in command:
            found.append(command.split("\0"))
    return found


def test_a_part_that_fails_is_reported_and_the_others_go_on(monkeypatch):
    async def fails(stage) -> list[Row]:
        async with trio.open_nursery():
            raise RuntimeError("on purpose")

    async def measures(stage) -> list[Row]:
        return [Row("lag", "what", [1.0])]

    monkeypatch.setattr(command, "PARTS", {"alone": fails, "lag": measures})
    rows, broken = [], {}
    command._measure(["alone", "lag"], None, rows, broken)
    assert broken == {"alone": "on purpose"}
    assert [row.part for row in rows] == ["lag"]


def test_help_names_each_part():
    shown = CliRunner().invoke(main, ["--help"]).output
    for part in PARTS:
        assert f"\n  {part} " in shown
