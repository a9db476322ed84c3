"""Streams that break off and go on, and answers that are looked at again."""

import orjson
import pytest

from chargehand.web.cli import watching
from chargehand.web.cli.connection import Request, Silent, Unreachable
from chargehand.web.exits import ClientExit
from chargehand.web.frames import ServerSentEvent, frames
from tests.cli.answers import Told, answer_by, as_json


def event(sequence: int) -> str:
    data = {
        "sequence": sequence,
        "type": "task.updated",
        "timeline": {
            "timestamp": "2026-11-27T05:04:48Z",
            "task": {"id": "t"},
            "actor": {"kind": "human", "ref": "me"},
        },
    }
    return f"id: {sequence}\nevent: task.updated\ndata: {orjson.dumps(data).decode()}\n\n"


def closed(reason: str) -> str:
    return f'event: stream.closed\ndata: {{"reason": "{reason}"}}\n\n'


@pytest.fixture
def script(bare, monkeypatch):
    """Answers one after the other, and what was asked; no time passes in between."""
    answers: list[object] = []
    pauses: list[float] = []

    def answer(_: Request) -> Told:
        told = answers.pop(0)
        if isinstance(told, BaseException):
            raise told
        return told if isinstance(told, Told) else Told(200, str(told).encode())

    asked = answer_by(monkeypatch, answer)
    monkeypatch.setattr(watching, "pause", pauses.append)

    class Script:
        def run(self, *told: object, words: tuple[str, ...] = ("task", "timeline", "t")):
            answers.extend(told)
            option = () if words[:2] == ("task", "watch") else ("--watch",)
            return bare.run(*words, *option)

        def __init__(self) -> None:
            self.asked, self.pauses = asked, pauses

    return Script()


def test_frames_are_what_the_lines_hold():
    lines = ["retry: 500", "", ": still here", "", "id: 1", "event: a", "data: x", "", "id: 2"]
    assert list(frames(lines)) == [ServerSentEvent(retry_ms=500), ServerSentEvent("1", "a", "x")]


def test_each_event_comes_once_over_a_lost_connection_and_a_restart(script):
    done = script.run(
        "retry: 500\n\n" + event(1) + event(2) + event(3)[:20],
        Unreachable("refused"),
        Silent(),
        event(3) + closed("shutdown"),
        as_json(503, {"error": "stopping"}),
        event(4) + closed("deleted"),
    )
    assert done.exit_code == ClientExit.DONE
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["1", "2", "3", "4"]
    last_ids = [request.headers["Last-Event-ID"] for request in script.asked]
    assert last_ids == ["0", "2", "2", "2", "3", "3"]
    assert script.pauses == [0.5] * 5
    assert done.stderr.count("trying again") == 2
    assert done.stderr.count("the server is back") == 2
    assert done.stderr.endswith("the task was deleted\n")


def test_a_server_that_was_never_there_is_not_waited_for(script):
    done = script.run(Unreachable("refused"))
    assert done.exit_code == ClientExit.UNREACHABLE
    assert "try: chargehand serve" in done.stderr


def test_a_watch_ends_with_its_task(script):
    gone = as_json(404, {"error": "gone"})
    done = script.run(event(1), gone)
    assert done.exit_code == ClientExit.NOT_FOUND


def test_ctrl_c_ends_it_with_its_own_code(script):
    done = script.run(event(1), KeyboardInterrupt())
    assert done.exit_code == ClientExit.INTERRUPTED
    assert "Aborted" not in done.stderr


def test_programs_get_the_events_as_they_are(script):
    done = script.run(event(7) + closed("deleted"), words=("task", "timeline", "t", "--json"))
    assert orjson.loads(done.stdout)["sequence"] == 7


def test_a_watch_begins_behind_a_number(script):
    script.run(closed("deleted"), words=("task", "timeline", "t", "--after", "9"))
    assert script.asked[0].headers["Last-Event-ID"] == "9"


def test_an_answer_is_shown_again_and_again(script):
    status = {"scheduler": {"paused": False, "queued_run_count": 1}}
    later = {"scheduler": {"paused": True, "queued_run_count": 2}}
    done = script.run(
        as_json(200, status),
        Unreachable("refused"),
        as_json(200, later),
        KeyboardInterrupt(),
        words=("scheduler", "status", "--every", "0.5"),
    )
    assert done.exit_code == ClientExit.INTERRUPTED
    assert done.stdout.split() == [
        *("paused", "no", "queued_run_count", "1"),
        *("paused", "yes", "queued_run_count", "2"),
    ]
    assert script.pauses == [0.5] * 3


def watched(script, *told: object, options: tuple[str, ...] = ()):
    """All tasks, until Ctrl-C."""
    done = script.run(*told, KeyboardInterrupt(), words=("task", "watch", *options))
    assert done.exit_code == ClientExit.INTERRUPTED
    return done


def asked_behind(script) -> list[str | None]:
    return [request.headers.get("Last-Event-ID") for request in script.asked]


def test_all_tasks_are_watched_from_now_on_and_each_event_comes_once(script):
    done = watched(
        script,
        "retry: 500\nid: 6\n\n",  # and no event before it is lost
        Unreachable("refused"),
        "retry: 500\nid: 6\n\n" + event(7) + event(9) + closed("overflow"),
        event(10) + closed("shutdown"),
    )
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["7", "9", "10"]
    assert asked_behind(script) == [None, "6", "6", "9", "10"]
    assert script.asked[0].path == "/api/stream"
    assert script.pauses == [0.5] * 4


def test_what_cannot_be_caught_up_with_is_said_and_it_goes_on_from_now(script):
    behind = {"error": "too much", "diagnostic": {"code": "stream_cursor_behind"}}
    done = watched(
        script,
        event(3) + closed("overflow"),
        as_json(409, behind),
        "id: 90\nretry: 500\n\n",
        event(91),
    )
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["3", "91"]
    assert asked_behind(script) == [None, "3", None, "90", "91"]
    [told] = [line for line in done.stderr.splitlines() if "going on from now" in line]
    assert "behind 3 is left out" in told


def test_a_number_ahead_of_the_server_ends_it(script):
    ahead = {"error": "no such number", "diagnostic": {"code": "stream_cursor_ahead"}}
    done = script.run(as_json(422, ahead), words=("task", "watch", "--after", "9"))
    assert done.exit_code == ClientExit.INVALID
    assert asked_behind(script) == ["9"]


def test_the_tasks_of_a_workspace_are_watched_as_programs_want_it(script):
    options = ("--workspace", "my site", "--json", "--after", "0")
    done = watched(script, event(7), options=options)
    assert orjson.loads(done.stdout)["sequence"] == 7
    assert script.asked[0].path == "/api/stream?workspace=my+site&scope=workspace"
    assert asked_behind(script) == ["0", "7"]


def test_a_stream_that_there_is_not_is_not_asked_for_again(script):
    done = script.run(Told(204), words=("task", "watch"))
    assert (done.exit_code, len(script.asked)) == (ClientExit.DONE, 1)
