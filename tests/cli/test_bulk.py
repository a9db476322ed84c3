"""Commands that do the same to many: by filter shown first and asked for, then slice by slice."""

import json

import pytest

from chargehand.web.cli import bulk
from chargehand.web.exits import ClientExit


@pytest.fixture
def on_terminal(monkeypatch):
    monkeypatch.setattr(bulk, "on_terminal", lambda: True)


def made(line, count: int, *words: str) -> list[str]:
    names = [f"task-{number}" for number in range(count)]
    plan = [{"title": name, "id": name} for name in names]
    line.output("task", "create-batch", json.dumps(plan))
    return names


def with_status(line, status: str) -> set[str]:
    return {task["id"] for task in line.json("task", "list", "--status", status)["tasks"]}


def test_where_nobody_can_be_asked_it_shows_and_changes_nothing_without_yes(line):
    names = made(line, 12)
    done = line.run("task", "bulk-cancel", "--status", "ready")
    assert done.exit_code == ClientExit.PARTLY
    assert sum(name in done.stdout for name in names) >= 10
    assert "and 2 more" in done.stderr
    assert "would cancel 12 tasks" in done.stderr
    assert with_status(line, "ready") == set(names)


@pytest.mark.usefixtures("on_terminal")
def test_on_a_terminal_it_asks(line):
    names = made(line, 2)
    asked = line.run("task", "bulk-cancel", "--status", "ready", stdin="n\n")
    assert asked.exit_code == ClientExit.PARTLY
    assert "this will cancel 2 tasks: go on?" in asked.stderr
    assert with_status(line, "ready") == set(names)
    told = line.output("task", "bulk-cancel", "--status", "ready", stdin="y\n")
    assert told.endswith("2 of 2 tasks canceled\n")
    assert with_status(line, "canceled") == set(names)


def test_it_goes_on_to_the_end_and_says_how_far_it_is(line, monkeypatch):
    names = made(line, 10)
    monkeypatch.setattr(bulk, "SLICE", 4)
    done = line.run("task", "bulk-pause", "--status", "ready", "--reason", "night", "--yes")
    assert done.exit_code == 0
    told = [line for line in done.stderr.splitlines() if "are done" in line]
    assert told == [f"chargehand: {count} of 10 are done" for count in (4, 8, 10)]
    assert "10 of 10 tasks paused" in done.stdout
    assert all(line.json("task", "show", name)["task"]["task"]["paused"] for name in names)


def test_what_is_refused_is_reported_with_its_reason_and_ends_it_with_1(line):
    made(line, 2)
    line.output("task", "create", "waits", "--id", "waits", "--approval-policy", "manual")
    done = line.run("task", "bulk-approve", "waits", "task-1", "task-none")
    assert done.exit_code == ClientExit.PARTLY
    assert "1 of 3 tasks approved, 2 refused" in done.stdout
    assert "task-1" in done.stdout
    assert "needs no approval" in done.stdout
    done = line.run("task", "bulk-approve", "task-1", "--json")
    assert done.exit_code == ClientExit.PARTLY
    [row] = json.loads(done.stdout)["results"]
    assert (row["id"], row["ok"]) == ("task-1", False)


def test_what_is_named_is_not_asked_about(line):
    names = made(line, 3)
    assert "2 of 2 tasks archived" in line.output("task", "bulk-archive", *names[:2])
    assert "1 of 1 task resumed" in line.output("task", "bulk-resume", names[2])


def test_a_dry_run_changes_nothing(line):
    names = made(line, 12)
    told = line.run("task", "bulk-cancel", "--everything", "--dry-run")
    assert told.exit_code == 0
    assert "this would cancel 12 tasks; nothing was changed" in told.stdout
    answer = line.json("task", "bulk-cancel", "--status", "ready", "--dry-run")
    assert (answer["dry_run"], answer["matched"]) == (True, 12)
    assert with_status(line, "ready") == set(names)


def test_everything_but_drafts_or_with_them(line):
    made(line, 1)
    line.output("task", "create", "later", "--id", "later", "--draft")
    line.output("task", "bulk-pause", "--everything", "--reason", "r", "--yes")
    told = line.output("task", "bulk-resume", "--everything", "--drafts", "--yes")
    assert "2 of 2 tasks resumed" in told


def test_runs_by_several_statuses(line):
    for name in made(line, 3):
        line.output("task", "enqueue", name)
    told = line.output(
        *("run", "bulk-cancel", "--status", "queued", "--status", "active"),
        *("--reason", "r", "--yes"),
    )
    assert "3 of 3 runs canceled" in told
    told = line.output("run", "bulk-retry", "--status", "canceled", "--task", "task-1", "--yes")
    assert "1 of 1 run retried" in told
    assert len(line.json("run", "list", "--status", "queued")["runs"]) == 1


def test_where_nothing_matches_it_says_so(line):
    assert "no tasks match" in line.run("task", "bulk-cancel", "--status", "failed", "--yes").stderr


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ((), ClientExit.USAGE, "say which: TASK, or a filter, as --status"),
        (("task-1", "--status", "ready"), ClientExit.USAGE, "choose one"),
        (("--everything", "--status", "ready"), ClientExit.INVALID, "--everything"),
        (("--drafts",), ClientExit.INVALID, "leaves nothing out"),
        (("--scope", "workspace"), ClientExit.INVALID, "needs a workspace"),
    ],
)
def test_what_makes_no_sense_changes_nothing(line, words, code, told):
    names = made(line, 2)
    assert told in line.refused(code, "task", "bulk-cancel", *words)
    assert with_status(line, "ready") == set(names)
