"""How commands fail: what is said, and the exit code."""

import json
import socket

import pytest

from chargehand.web.cli import client
from chargehand.web.cli.connection import Lost, Request, Unreachable
from chargehand.web.cli.failures import plain
from chargehand.web.exits import ClientExit
from tests.cli.answers import Told, answer_by
from tests.cli.suggested import command_of

ERROR = {
    "error": "Not found: no (next: GET it)",
    "diagnostic": {"code": "not_there", "title": "Not found", "message": "no"},
}


@pytest.fixture
def answered(bare, monkeypatch):
    """The command line of somebody whose server answers as it is told, again and again."""

    def answer(status: int, content: bytes = b"") -> None:
        answer_by(monkeypatch, lambda _: Told(status, content))

    return answer


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, ClientExit.INVALID),
        (401, ClientExit.NOT_ALLOWED),
        (403, ClientExit.NOT_ALLOWED),
        (404, ClientExit.NOT_FOUND),
        (409, ClientExit.CONFLICT),
        (413, ClientExit.INVALID),
        (422, ClientExit.INVALID),
        (429, ClientExit.LATER),
        (503, ClientExit.LATER),
        (500, ClientExit.STRANGE),
        (302, ClientExit.STRANGE),
    ],
)
def test_the_exit_code_shows_the_kind_of_refusal(bare, answered, status, code):
    answered(status, json.dumps(ERROR).encode())
    assert bare.refused(code, "task", "list") == (
        "chargehand: Not found: no (next: GET it) [not_there]\n"
    )


def test_a_suggested_command_takes_the_place_of_the_next_step(bare, answered):
    told = {**ERROR["diagnostic"], "suggested_command": "chargehand task list"}
    answered(404, json.dumps({**ERROR, "diagnostic": told}).encode())
    assert bare.refused(ClientExit.NOT_FOUND, "task", "show", "x") == (
        "chargehand: Not found: no [not_there]\ntry: chargehand task list\n"
    )


def test_a_next_step_that_is_an_http_call_is_not_reported(bare, answered):
    answered(404, json.dumps({**ERROR, "error": "Not found: no (next: GET /api/x)"}).encode())
    told = bare.refused(ClientExit.NOT_FOUND, "task", "show", "x")
    assert told == "chargehand: Not found: no [not_there]\n"


def test_a_program_gets_the_error_as_it_is(bare, answered):
    answered(404, json.dumps(ERROR).encode() + b"\n")
    told = bare.refused(ClientExit.NOT_FOUND, "task", "show", "x", "--json")
    assert told == json.dumps(ERROR) + "\n"


@pytest.mark.parametrize("suggested", ["no command", "chargehand", "chargehand odd x", "it's", " "])
def test_a_suggestion_of_somebody_else_is_shown_as_it_is(bare, answered, suggested):
    told = {**ERROR["diagnostic"], "suggested_command": suggested}
    answered(404, json.dumps({**ERROR, "diagnostic": told}).encode())
    words = ("task", "show", "x", "--session", "s", "--url", "http://127.0.0.1:1")
    assert bare.refused(ClientExit.NOT_FOUND, *words).endswith(f"\ntry: {suggested}\n")


def test_a_program_gets_what_no_server_reported_in_the_same_shape(bare):
    told = bare.refused(ClientExit.UNREACHABLE, "task", "list", "--json", "--socket", "other.sock")
    error = json.loads(told)
    assert error["error"].startswith("no server at other.sock")
    assert error["diagnostic"]["code"] == "unreachable"
    assert error["diagnostic"]["suggested_command"] == "chargehand serve --socket other.sock"


@pytest.mark.parametrize("content", [b"<html>", b"[]", b'{"diagnostic": 1}', b""])
def test_an_error_of_somebody_else_is_reported_by_its_status(bare, answered, content):
    answered(502, content)
    assert "the server answered 502" in bare.refused(ClientExit.STRANGE, "task", "list")


def test_an_answer_that_is_no_json_is_strange(bare, answered):
    answered(200, b"<html>")
    assert "is it a chargehand?" in bare.refused(ClientExit.STRANGE, "task", "list")


def test_nothing_in_a_message_reaches_the_terminal_as_a_command(bare, answered):
    answered(404, json.dumps({"error": "a\x1b[2Jb\nc"}).encode())
    assert bare.refused(ClientExit.NOT_FOUND, "task", "list") == "chargehand: a\ufffd[2Jb c\n"
    assert plain("\x9b\u202e\ud800") == "\ufffd\ufffd\ufffd"


@pytest.mark.parametrize(
    ("options", "start"),
    [
        ([], "chargehand serve"),
        (["--socket", "data/chargehand.sock"], "chargehand serve"),
        (["--socket", "d x/chargehand.sock"], "chargehand serve --data-dir 'd x'"),
        (["--socket", "other.sock"], "chargehand serve --socket other.sock"),
    ],
)
def test_where_no_server_is_it_is_said_how_to_start_one(bare, monkeypatch, options, start):
    if not options:
        answer_by(monkeypatch, _refuse)
    told = bare.refused(ClientExit.UNREACHABLE, "task", "list", *options)
    assert told.startswith("chargehand: no server at ")
    assert told.endswith(f"\ntry: {start}\n")


def _refuse(_: Request) -> Told:
    raise Unreachable("refused")


def test_a_port_that_nobody_listens_on_is_unreachable(bare):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    told = bare.refused(ClientExit.UNREACHABLE, "task", "list", "--url", f"http://127.0.0.1:{port}")
    assert f"try: chargehand serve --http 127.0.0.1:{port}" in told


@pytest.mark.parametrize(
    "words",
    [
        ["task"],
        ["task", "nothing"],
        ["task", "show"],
        ["task", "show", " "],
        ["task", "list", "--socket", "a", "--url", "b"],
        ["task", "list", "--url", "ftp://x"],
        ["task", "list", "--url", "http://[::1"],
        ["task", "list", "--status", "odd"],
        ["task", "create", "x", "--owner", "pool"],
        ["task", "create", "x", "--metadata", "{"],
        ["task", "create", "x", "--metadata", "@none.json"],
        ["task", "list", "--session", "\u20ac"],
        ["agent", "next", "--priority-min", "odd"],
        ["task", "timeline", "x", "--watch", "--limit", "1"],
        ["scheduler", "status", "--watch", "--every", "0"],
    ],
)
def test_what_cannot_be_sent_is_a_usage_error(bare, words):
    told = bare.refused(ClientExit.USAGE, *words)
    assert "Usage: chargehand" in told
    assert "Traceback" not in told


# --- lost answers -------------------------------------------------------------------------------


@pytest.fixture
def flaky(bare, monkeypatch):
    """A server that fails as it is told, then answers; with what it was sent. No time passes."""
    passed_s = [0.0]

    def fail(*errors: Exception) -> list[Request]:
        coming = list(errors)

        def answer(_: Request) -> Told:
            if coming:
                raise coming.pop(0)
            return Told(204)

        return answer_by(monkeypatch, answer)

    def sleep(seconds: float) -> None:
        passed_s[0] += seconds

    monkeypatch.setattr(client, "sleep", sleep)
    monkeypatch.setattr(client, "monotonic", lambda: passed_s[0])
    return fail


DELETE = ["task", "delete", "task-1"]


def test_a_write_whose_answer_is_lost_is_sent_again_under_one_key(bare, flaky):
    sent = flaky(Lost("reset"), Unreachable("refused"), Lost("reset"))
    bare.output(*DELETE)
    keys = {request.headers["Idempotency-Key"] for request in sent}
    assert (len(sent), len(keys)) == (4, 1)
    bare.output(*DELETE)
    assert sent[-1].headers["Idempotency-Key"] not in keys


def test_a_write_that_was_never_sent_is_not_sent_again(bare, flaky):
    sent = flaky(Unreachable("refused"))
    bare.refused(ClientExit.UNREACHABLE, *DELETE)
    assert len(sent) == 1


def test_a_write_is_not_sent_again_for_ever(bare, flaky):
    sent = flaky(*[Lost("closed")] * 1000)
    bare.refused(ClientExit.UNREACHABLE, *DELETE)
    assert 10 < len(sent) < 100


def test_a_read_has_no_key(bare, flaky):
    sent = flaky()
    bare.output("task", "show", "task-1")
    assert "Idempotency-Key" not in sent[0].headers


@pytest.mark.parametrize(
    ("words", "meant"), [(("task", "lst"), "list"), (("tsk",), "task"), (("serv",), "serve")]
)
def test_a_command_that_is_nearly_one_is_reported_with_the_one_that_may_be_meant(
    bare, words, meant
):
    assert f"Did you mean {meant!r}?" in bare.refused(ClientExit.USAGE, *words)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"CHARGEHAND_SESSION_ID": "sess-1"}, "--agent or CHARGEHAND_AGENT"),
        ({"AGH_AGENT": "ada"}, "--session or CHARGEHAND_SESSION_ID"),
        (("--session", "sess-1"), "--agent or CHARGEHAND_AGENT"),
        (("--agent", "ada"), "--session or CHARGEHAND_SESSION_ID"),
    ],
)
def test_who_gives_one_half_of_an_agent_is_told_of_the_other(line, given, missing):
    words, variables = ((), given) if isinstance(given, dict) else (given, {})
    told = line.refused(ClientExit.NOT_ALLOWED, "task", "list", *words, **variables)
    assert f": say who calls by {missing}, too [identity_required]" in told
    told = line.refused(ClientExit.NOT_ALLOWED, "agent", "next")
    assert ": say who calls: --session and --agent, or CHARGEHAND_SESSION_ID and" in told


def test_a_cursor_that_no_page_gave_is_refused_with_what_to_use(line):
    told = line.refused(ClientExit.INVALID, "task", "list", "--cursor", "x")
    assert "the cursor is not valid (next: use the link of the previous page" in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("task", "list", "--statsu", "ready"), "--status"),
        (("task", "create", "x", "--cap"), ""),
        (("agent", "next", "--cap", "go"), "'--capability'"),
        (("agent", "next", "--lease_seconds", "5"), "--lease-seconds"),
        (("list",), "'chargehand task list'"),
        (("heartbeat", "run-1"), "'chargehand agent heartbeat'"),
        (("task", "heartbeat", "run-1"), "'chargehand agent heartbeat'"),
        (("task", "next"), "'chargehand agent next'"),
    ],
)
def test_what_may_be_meant_is_reported(bare, words, told):
    error = bare.refused(ClientExit.USAGE, *words).partition("Error: ")[2]
    assert error.startswith("No such ")
    assert told in error


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("task", "creat"), "No such command 'creat'. Did you mean 'create'?"),
        (("task", "zzz"), "No such command 'zzz'."),
        (("agent", "next", "--cap", "go"), "No such option '--cap'. Did you mean '--capability'?"),
        (("task", "--json", "list"), "No such option '--json'. Options stand after"),
    ],
)
def test_a_name_that_there_is_not_is_quoted_as_those_that_may_be_meant(bare, words, told):
    assert f"Error: {told}" in bare.refused(ClientExit.USAGE, *words)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ("--url", "http://x", "task", "list", "--status", "ready"),
            "chargehand task list --status ready --url http://x",
        ),
        (("task", "--json", "list"), "chargehand task list --json"),
        (("--json", "dashboard"), "chargehand dashboard --json"),
        (
            ("--session", "task", "agent", "--agent", "run", "next"),
            "chargehand agent next --session task --agent run",
        ),
        (("--data-dir", "d", "serve"), "chargehand serve --data-dir d"),
    ],
)
def test_an_option_before_its_command_is_reported_where_it_belongs(bare, words, line):
    told = bare.refused(ClientExit.USAGE, *words)
    assert told.endswith(f"Options stand after the command: {line}\n")
    assert command_of(line).name


@pytest.mark.parametrize(
    "words", [("--odd", "task", "list"), ("--url", "x"), ("--url", "x", "tsk")]
)
def test_an_option_that_belongs_nowhere_is_none(bare, words):
    assert "No such option" in bare.refused(ClientExit.USAGE, *words)
