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
from benchmarks.cluster.costs.append import appends
from benchmarks.cluster.costs.checkpoints import Claims, Slices
from benchmarks.cluster.costs.command import PARTS, main
from benchmarks.cluster.costs.copy import Copy
from benchmarks.cluster.costs.lag import Watched
from benchmarks.cluster.costs.rows import Row, Target
from benchmarks.cluster.costs.stage import in_turn
from benchmarks.cluster.nodes import Cluster, Node
from benchmarks.cluster.postgres import a_directory
from chargehand.persistence.postgres.schema import find
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


@pytest.mark.parametrize(
    ("target", "values", "is_met"),
    [
        (Target(2), [1, 2, 9], True),
        (Target(2), [1, 3, 9], False),
        (Target(2, of_each=True), [1, 2, 9], False),
        (Target(2, of_each=True), [1, 2, 2], True),
        (Target(2, is_least=True), [0, 2, 2], True),
        (Target(2, is_least=True), [0, 0, 9], False),
        (Target(2, is_least=True, of_each=True), [0, 2, 2], False),
        (None, [1], None),
    ],
)
def test_the_median_counts_or_each_value(target, values, is_met):
    assert Row("part", "what", values, target=target).is_met is is_met


async def test_every_second_round_begins_at_the_other_end():
    order = []

    async def one() -> int:
        order.append(1)
        return 10

    async def two() -> int:
        order.append(2)
        return 20

    assert [await in_turn(number, one, two) for number in range(2)] == [[10, 20], [10, 20]]
    assert order == [1, 2, 2, 1]


def test_a_claim_belongs_to_the_checkpoint_that_it_overlaps_with():
    slices = Slices([(at, at + 0.01) for at in (10.0, 10.5, 11.0, 20.0)])
    first, second = slices.checkpoints()
    assert first == pytest.approx((9.95, 11.06))
    assert second == pytest.approx((19.95, 20.06))
    claims = [(9.0, 9.9), (9.0, 10.0), (10.2, 10.3), (11.0, 15.0), (12.0, 13.0), (15.0, 25.0)]
    found = Claims.of(claims, [first, second])
    assert found.without == pytest.approx([0.9, 1.0])
    assert found.during == pytest.approx([0.1, 1.0, 4.0, 10.0])
    assert found.checkpoints == found.fewest == 2


async def test_a_slice_is_seen_when_the_database_has_it(servers, address):
    slices = Slices()
    moments = []
    with trio.fail_after(S_MAX):
        async with trio.open_nursery() as nursery:
            await nursery.start(slices.watch, address)
            for number in range(2):
                before = time.perf_counter()
                await trio.to_thread.run_sync(
                    servers[0].execute, f"UPDATE {address.schema}.fold SET slice = slice + 1"
                )
                moments.append((before, time.perf_counter()))
                await _until(lambda number=number: len(slices.seen) > number)
            nursery.cancel_scope.cancel()
    for (before, after), (begun, ended) in zip(moments, slices.seen, strict=True):
        assert begun <= after
        assert before <= ended


def test_an_append_is_one_of_the_log(address):
    assert min(appends(address, 5)) > 0
    assert find(address).head == 5


def test_an_append_that_is_not_acknowledged_is_not_measured(servers, address):
    servers[0].execute(f"DELETE FROM {address.schema}.fold")  # a take needs it
    with pytest.raises(RuntimeError, match="not acknowledged"):
        appends(address, 1)


def test_a_lag_begins_with_the_answer_and_ends_with_the_look_that_finds_it():
    watched = Watched(
        answered=[(1.0, 5), (2.0, 6), (3.0, 9), (9.0, 10)],
        looks=[(0.9, 4), (1.5, 5), (1.9, 8), (4.0, 9), (9.5, 10)],
        used=[(0.0, 1.0, 0.0), (1.0, 2.0, 0.5), (2.0, 3.0, 0.7), (3.0, 5.0, 1.0), (4.0, 9.0, 9.0)],
    )
    assert watched.lags((0.5, 3.5)) == pytest.approx([0.5, 0.0, 1.0])
    assert watched.look_gaps((0.5, 3.5)) == pytest.approx([0.6, 0.4])
    assert watched.cpu((0.5, 3.5)) == pytest.approx((3.0, 0.5))


async def test_a_standby_that_is_frozen_lags_for_as_long(tmp_path, address):
    url = f"{address.conninfo}?schema={address.schema}"
    cluster = Cluster([Node(tmp_path, name, url) for name in ("one", "two")])
    watched = Watched()
    try:
        with trio.fail_after(S_MAX):
            await cluster.start()
            active = await cluster.settled()
            [standby] = (node for node in cluster.nodes if node is not active)
            with Copy(standby.data) as copy:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(watched.look, copy)
                    nursery.start_soon(watched.write, active.port)
                    await _until(lambda: watched.answered)
                    await watched.wait_followed()
                    standby.signal(signal.SIGSTOP)
                    await _until(lambda: _is_stopped(standby.pid))
                    # The next one may have been followed before its answer came.
                    first = len(watched.answered) + 1
                    await _until(lambda: len(watched.answered) >= first + 5)
                    thawed = time.perf_counter()
                    standby.signal(signal.SIGCONT)
                    await watched.wait_followed()
                    nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            await cluster.close()
    numbers = [seq for _, seq in watched.answered]
    assert numbers == sorted(set(numbers))
    lags = watched.lags((0.0, thawed))
    frozen = watched.answered[first : len(lags)]
    assert len(frozen) >= 5
    for lag, (at, _) in zip(lags[first:], frozen, strict=True):
        assert lag >= thawed - at >= 0


async def _until(is_so) -> None:
    while not is_so():  # noqa: ASYNC110 - a process cannot wake it
        await trio.sleep(0.01)


def _is_stopped(pid: int) -> bool:
    """All its threads."""
    states = [
        path.read_text().rpartition(") ")[2].split()[0]
        for path in Path(f"/proc/{pid}/task").glob("*/stat")
    ]
    return set(states) == {"T"}
