"""`task delete` by filter: shown first, asked for, and no more than that."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from chargehand.web import framing
from chargehand.web.cli import deletion
from chargehand.web.exits import ClientExit


@pytest.fixture
def on_terminal(monkeypatch):
    monkeypatch.setattr(deletion, "on_terminal", lambda: True)


def made(line, count: int) -> list[str]:
    names = [f"task-{number}" for number in range(count)]
    for name in names:
        line.output("task", "create", name, "--id", name)
    return names


def left(line) -> set[str]:
    return {task["id"] for task in line.json("task", "list", "--drafts")["tasks"]}


def test_where_nobody_can_be_asked_it_shows_and_deletes_nothing_without_yes(line):
    names = made(line, 12)
    done = line.run("task", "delete", "--status", "ready")
    assert done.exit_code == ClientExit.PARTLY
    assert sum(name in done.stdout for name in reversed(names)) >= 10
    assert "and 2 more" in done.stderr
    assert "would delete 12 tasks" in done.stderr
    assert left(line) == set(names)


@pytest.mark.usefixtures("on_terminal")
def test_on_a_terminal_it_asks(line):
    names = made(line, 2)
    line.output("task", "cancel", "task-1")
    asked = line.run("task", "delete", "--status", "canceled", stdin="n\n")
    assert asked.exit_code == ClientExit.PARTLY
    assert "this deletes 1 task: go on?" in asked.stderr
    assert asked.stderr.endswith("\nchargehand: nothing was changed\n")
    assert left(line) == set(names)
    assert "1 of 1 task deleted" in line.output(
        "task", "delete", "--status", "canceled", stdin="y\n"
    )
    assert left(line) == {"task-0"}


def test_a_tree_whose_parent_depends_on_its_children_goes_leaves_first(line):
    line.output("task", "create", "root", "--id", "root")
    for number in range(3):
        line.output("task", "add-child", "root", "leaf", "--id", f"leaf-{number}")
        line.output("task", "add-dependency", "root", f"leaf-{number}")
    line.output("task", "cancel", "root")
    assert "4 of 4 tasks deleted" in line.output("task", "delete", "--status", "canceled", "--yes")
    assert left(line) == set()


def test_what_is_refused_is_reported_with_its_reason_and_ends_it_with_1(line):
    line.output("task", "create", "busy", "--id", "busy")
    line.output("task", "enqueue", "busy")
    line.output("task", "create", "free", "--id", "free")
    done = line.run("task", "delete", "--status", "ready", "--yes")
    assert done.exit_code == ClientExit.PARTLY
    assert "1 of 2 tasks deleted, 1 refused" in done.stdout
    assert "busy" in done.stdout.partition("WHY")[2]
    assert left(line) == {"busy"}
    done = line.run("task", "delete", "--status", "ready", "--yes", "--json")
    [result] = json.loads(done.stdout)["results"]
    assert (result["task_id"], result["ok"]) == ("busy", False)
    assert result["diagnostic"]["code"]


def test_no_more_is_deleted_than_was_shown_and_nothing_that_somebody_has_changed(line, monkeypatch):
    made(line, 3)
    leaves_first = deletion._leaves_first

    def meanwhile(found):
        made_later = line.run("task", "create", "later", "--id", "later")
        assert made_later.exit_code == 0
        line.output("task", "cancel", "task-1")
        line.output("task", "update", "task-2", "--priority", "high")
        return leaves_first(found)

    monkeypatch.setattr(deletion, "_leaves_first", meanwhile)
    done = line.run("task", "delete", "--status", "ready", "--yes")
    assert "1 of 3 tasks deleted, 2 refused" in done.stdout
    assert left(line) == {"task-1", "task-2", "later"}


def test_by_age_of_the_last_event_by_the_clock_of_the_server(line, monkeypatch):
    made(line, 2)
    later = datetime.now(UTC) + timedelta(hours=2)

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return later

    monkeypatch.setattr(deletion, "datetime", Later)
    assert "no tasks match" in line.run("task", "delete", "--older-than", "1h", "--yes").stderr
    monkeypatch.setattr(framing, "time", later.timestamp)
    line.output("task", "delete", "--older-than", "3h", "--yes")
    assert len(left(line)) == 2
    line.output("task", "delete", "--older-than", "90m", "--yes")
    assert left(line) == set()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "say which: TASK, or a filter, as --status"),
        (("task-1", "--status", "ready"), "choose one"),
        (("--status", "ready", "--if-match", "3"), "--if-match is about one TASK"),
        (("--older-than", "soon"), "90s, 15m, 12h or 30d"),
    ],
)
def test_what_makes_no_sense_deletes_nothing(line, words, told):
    made(line, 2)
    assert told in line.refused(ClientExit.USAGE, "task", "delete", *words)
    assert len(left(line)) == 2
