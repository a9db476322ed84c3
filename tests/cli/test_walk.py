"""What people and agents do by the command line, against a server in another thread."""

import json
import re
import socket
import time

import pytest

from chargehand.actors import limits
from chargehand.web.cli import connection, verbs
from chargehand.web.exits import ClientExit
from tests.cli.conftest import S_MAX, TOKEN
from tests.cli.suggested import words_of

AGENT = {"CHARGEHAND_SESSION_ID": "sess-1", "CHARGEHAND_AGENT": "builder"}


def queued(line, *options: str) -> tuple[str, str]:
    """Ids of a task and its queued run."""
    task = line.json("task", "create", "Ship it", *options)["task"]
    run = line.json("task", "enqueue", task["id"])["run"]
    return task["id"], run["id"]


def test_a_release(line):
    line.output("task", "create", "Ship it", "--id", "ship-it", "--draft")
    line.output("task", "add-child", "ship-it", "Docs", "--id", "docs", "--priority", "high")
    line.output("task", "add-dependency", "ship-it", "docs")
    assert "WAITS FOR" in line.output("task", "show", "ship-it")
    told = line.refused(ClientExit.CONFLICT, "task", "delete", "ship-it")  # 400 in the API
    assert "ship-it has 1 child" in told
    told = line.refused(ClientExit.INVALID, "task", "add-dependency", "docs", "docs")
    assert "next: name another task" in told
    assert "high" in line.output("task", "list", "--parent", "ship-it")
    run_id = line.json("task", "start", "docs", "--key", "once")["run"]["id"]
    assert run_id in line.output("scheduler", "backlog")

    claim = line.json("agent", "next", "--lease-seconds", "60", **AGENT)["claim"]
    assert claim["run"]["id"] == run_id
    line.output("agent", "heartbeat", run_id, **AGENT)
    done = line.json("agent", "complete", run_id, "--result", '{"ok": 1.50}', **AGENT)
    assert done["lease"]["status"] == "completed"
    assert line.json("run", "show", run_id)["run"]["run"]["result"] == {"ok": 1.5}
    assert "docs  completed" in line.output("task", "tree", "ship-it")
    told = line.output("task", "timeline", "docs")
    assert "run_completed" in told
    assert "by sess-1" in told
    assert "terminal" in line.output("task", "inspect", "docs")
    line.output("task", "publish", "ship-it")


def test_the_id_of_a_task_where_a_runs_belongs(line):
    task_id, run_id = queued(line)
    for words in (("run", "cancel", task_id), ("agent", "complete", task_id)):
        refused = line.refused(ClientExit.NOT_FOUND, *words, **AGENT)
        assert f"{task_id} is a task, not a run; its open run is {run_id}" in refused
        assert f"try: chargehand run inspect {run_id}" in refused


def test_a_second_end_in_other_words_is_refused_as_the_first_stands(line):
    _, run_id = queued(line)
    line.output("agent", "next", **AGENT)
    line.output("agent", "complete", run_id, "--result", "1", **AGENT)
    refused = line.refused(
        ClientExit.CONFLICT, "agent", "complete", run_id, "--result", "2", **AGENT
    )
    assert f"own completion of run {run_id}" in refused
    assert "nothing is left to do" in refused
    assert "claim" not in refused


def test_a_claim_is_named_in_what_is_to_be_done_with_it(line):
    _, run_id = queued(line)
    told = line.output("agent", "next", **AGENT)
    claim = line.json("run", "show", run_id)["run"]["run"]["claim_token_hash"]
    assert f"chargehand agent heartbeat {run_id} --claim {claim}" in " ".join(told.split())
    assert f"chargehand agent complete {run_id} --claim {claim}" in " ".join(told.split())
    other = f"sha256:{'0' * 64}"
    for words in (
        ("heartbeat", run_id),
        ("release", run_id),
        ("complete", run_id),
        ("fail", run_id, "--error", "x"),
    ):
        refused = line.refused(ClientExit.CONFLICT, "agent", *words, "--claim", other, **AGENT)
        assert "is not the current one" in refused
    line.output("agent", "heartbeat", run_id, "--claim", claim, **AGENT)
    line.output("agent", "complete", run_id, "--claim", claim, **AGENT)


def test_a_gate_and_what_an_operator_holds(line):
    line.output("task", "create", "Launch", "--id", "launch", "--approval-policy", "manual")
    refused = line.refused(ClientExit.CONFLICT, "task", "start", "launch")
    assert "try: chargehand task approve launch" in refused
    line.output("task", "approve", "launch")
    line.output("task", "pause", "launch", "--reason", "legal")
    assert "yes" in line.output("task", "list")
    line.output("task", "resume", "launch")
    line.output("task", "update", "launch", "--title", "Launch now", "--owner", "pool:ops")
    assert line.json("task", "show", "launch")["task"]["task"]["owner"]["ref"] == "ops"
    line.output("task", "update", "launch", "--clear-owner", "--no-auto-enqueue")
    line.output("task", "cancel", "launch", "--reason", "not this year")
    line.output("task", "delete", "launch")
    line.refused(ClientExit.NOT_FOUND, "task", "show", "launch")


def test_many_tasks_at_once(line, tmp_path):
    plan = tmp_path / "plan.jsonl"
    build = {"title": "Build", "ref": "build", "id": "build"}
    ship = {"title": "Ship", "ref": "ship", "depends_on": [{"ref": "build"}]}
    plan.write_text(f"{json.dumps(ship)}\n\n{json.dumps(build)}\n")
    told = line.output("task", "create-batch", f"@{plan}")
    assert "Ship" in told
    told = line.refused(ClientExit.CONFLICT, "task", "create-batch", f"@{plan}")
    assert "item 1: the id build is that of a task" in told
    partly = line.run("task", "create-batch", "--no-atomic", json.dumps([{"title": "A"}, build, 7]))
    assert partly.exit_code == ClientExit.PARTLY
    assert "Task id is taken: the id build is that of a task" in partly.stdout
    assert "item 2  Invalid request" in partly.stdout
    rows = [row.split()[:3] for row in partly.stdout.splitlines()[1:4]]
    assert rows[0][0] == "0"
    assert rows[1] == ["1", "build", "task_already_exists"]
    assert rows[2] == ["2", "invalid_request", "Invalid"]
    rows = line.json("task", "create-batch", "-", stdin='[{"title": "B"}]')["results"]
    assert [row["ok"] for row in rows] == [True]
    whole = {"items": [{"title": "C"}, {"id": "build", "title": "D"}], "atomic": False}
    partly = line.run("task", "create-batch", json.dumps(whole, indent=2), "--json")
    assert partly.exit_code == ClientExit.PARTLY
    made, refused = json.loads(partly.stdout)["results"]
    assert (made["task"]["title"], made["task"]["scope"]) == ("C", "global")
    assert not refused["ok"]


@pytest.mark.parametrize(
    ("tasks", "says"),
    [
        ('{"title": "A"}\n\n{bad', "line 3, column 2: unexpected character"),
        ('[\n{"title": "A"},\n{bad}]', "line 3, column 2: unexpected character"),
        ("{no", "line 1, column 2: unexpected character"),
        ("plan.jsonl", "to read a file, put an @ before its name: @plan.jsonl"),
    ],
)
def test_tasks_that_are_not_json_are_reported_where(line, tasks, says):
    told = line.refused(ClientExit.USAGE, "task", "create-batch", tasks)
    assert says in " ".join(told.split()), told


def test_runs_by_hand_and_by_force(line):
    _, run_id = queued(line)
    line.output("run", "claim", run_id)
    line.output("run", "start", run_id)
    told = line.refused(ClientExit.CONFLICT, "run", "force-fail", run_id, "--reason", "r")
    assert f"try: chargehand run cancel {run_id}" in told
    line.output("run", "cancel", run_id)
    second = line.json("run", "retry", run_id)["run"]["id"]
    told = line.refused(ClientExit.CONFLICT, "run", "recover", second)
    assert f"chargehand run inspect {second}" in told
    line.output("run", "claim", second)
    line.output("run", "force-release", second, "--reason", "gone")
    line.output("run", "bulk-fail", second, "--reason", "bad input")
    partly = line.run("run", "bulk-release", second, "run-none")
    assert partly.exit_code == ClientExit.PARTLY
    assert "run-none" in partly.stdout
    assert f"chargehand run inspect {second}" in partly.stdout.splitlines()[-3]
    assert "/api/" not in partly.stdout


def test_sessions_workspaces_and_profiles(line, tmp_path):
    made = line.json("workspace", "create", ".", "--name", "site")["workspace"]
    assert made["root_dir"] == str(tmp_path)
    assert line.json("workspace", "resolve", str(tmp_path))["workspace"]["id"] == made["id"]
    line.output("session", "register", "builder", "--id", "s1", "--workspace", "site")
    assert made["id"] in line.output("session", "list")
    assert line.json("workspace", "session", made["id"], "s1")["session"]["id"] == "s1"
    line.output("task", "create", "Here", "--id", "here", "--workspace", "site")
    assert line.json("task", "show", "here")["task"]["task"]["scope"] == "workspace"
    profile = tmp_path / "profile.json"
    profile.write_text('{"worker": {"required_capabilities": ["go"]}}')
    told = line.output("profile", "set", "here", f"@{profile}")
    assert json.loads(told)["worker"]["required_capabilities"] == ["go"]
    stdin = line.output("profile", "set", "here", "-", stdin="{}")
    assert "required_capabilities" not in json.loads(stdin)["worker"]
    line.output("profile", "delete", "here")
    line.output("session", "end", "s1")
    refused = line.refused(
        ClientExit.NOT_ALLOWED, "agent", "next", "--session", "s1", "--agent", "builder"
    )
    assert "try: chargehand session register -- builder" in refused


def test_a_run_is_judged_twice(line):
    task_id, run_id = queued(line)
    for verb in ("claim", "start", "complete"):
        line.output("run", verb, run_id)
    review = line.json("review", "request", run_id, "--reason", "billing")["review"]["review_id"]
    words = ("review", "verdict", review, run_id, "rejected", "--confidence", "0.9")
    told = line.refused(ClientExit.INVALID, *words, "--reason", "no tests")
    assert "send --missing or --guidance" in told
    more = ("--reason", "no tests", "--missing", "tests", "--missing", "docs")
    answer = line.json(*words, *more, "--guidance", "look at the tracker")
    assert answer["review"]["missing_work"] == ["tests", "docs"]
    assert answer["continuation_run"]["id"] in line.output("scheduler", "backlog")
    again = line.refused(ClientExit.CONFLICT, *words, *more)
    assert f"try: chargehand review request {run_id} --attempt 2" in again
    assert "rejected" in line.output("task", "reviews", task_id)
    told = line.output("agent", "next", **AGENT)
    assert "continuation_reason  no tests" in told
    assert "missing_work         tests, docs" in told
    assert "next_round_guidance  look at the tracker" in told
    assert "no reviews" in line.output("run", "reviews", run_id, "--status", "requested")
    assert "no tests" in line.output("review", "show", review)


def test_somebody_is_told_through_a_bridge_until_it_is_enough(line):
    line.output("task", "create", "x", "--id", "t1")
    words = ("bridge", "subscribe", "t1", "chat", "--mode", "direct-send")
    line.refused(ClientExit.INVALID, *words)
    told = line.output(*words, "--peer", "maria", "--id", "b1")
    assert "delivered so far" in told
    assert "maria" in line.output("bridge", "list", "t1", "--bridge", "chat")
    assert "last_sequence" in line.output("bridge", "show", "t1", "b1")
    line.output("bridge", "unsubscribe", "t1", "b1")
    assert line.output("bridge", "list", "t1") == "no subscriptions\n"
    told = line.refused(ClientExit.NOT_FOUND, "bridge", "show", "t1", "b1")
    assert "try: chargehand bridge list t1" in told


def missed_messages(line):
    """Those of t1, as soon as there are any."""
    for _ in range(1000):
        messages = line.json("bridge", "undelivered", "t1")["messages"]
        if messages:
            return messages
    raise AssertionError("the receiver was never asked")


def test_what_a_receiver_missed_is_listed_and_sent_again(line):
    line.output("task", "create", "x", "--id", "t1")
    words = ("bridge", "subscribe", "t1", "gone", "--mode", "reply", "--peer", "maria")
    line.output(*words, "--id", "b1")
    assert (
        line.output("bridge", "undelivered", "t1")
        == "nothing is undelivered; messages that are still being retried are not listed\n"
    )
    line.output("task", "cancel", "t1")
    missed = missed_messages(line)
    told = line.output("bridge", "undelivered", "t1", "--subscription", "b1")
    assert "answered 410 Gone" in told
    assert "OFF SINCE" in line.output("bridge", "list", "t1")
    message = missed[0]["delivery_id"]
    told = line.refused(ClientExit.CONFLICT, "bridge", "resend", "t1", "--message", message)
    assert "b1 is off: answered 410 Gone" in told
    suggestion = told.partition("try: ")[2].strip()
    told = line.refused(ClientExit.NOT_FOUND, "bridge", "resend", "t1", "--message", "notif:b1:1")
    assert "try: chargehand bridge undelivered t1" in told
    line.output(*words_of(suggestion))  # which turns it on
    assert "b1" in line.output("bridge", "resend", "t1")


def test_the_scheduler_is_paused_drained_and_resumed(line):
    line.output("scheduler", "pause", "--reason", "maintenance")
    assert "maintenance" in line.output("scheduler", "status")
    line.output("scheduler", "resume")
    assert "COMPLETED" in line.output("scheduler", "drain", "--timeout-seconds", "0")


def test_a_drain_in_vain_fails_and_names_who_holds_what(line):
    task_id, run_id = queued(line)
    line.output("agent", "next", **AGENT)
    done = line.run("scheduler", "drain", "--timeout-seconds", "0")
    assert done.exit_code == ClientExit.LATER
    left = done.stdout.partition("still at work\n")[2].splitlines()
    assert left[1].split()[:4] == [run_id, "claimed", "sess-1", task_id]


def test_the_status_shows_a_drain_that_is_under_way(line, served):
    queued(line)
    line.output("agent", "next", **AGENT)
    with socket.socket(socket.AF_UNIX) as other:
        other.connect(str(served.socket))
        other.sendall(b"POST /api/scheduler/drain HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
        end = time.monotonic() + S_MAX
        while "drain" not in line.json("scheduler", "status")["scheduler"]:
            assert time.monotonic() < end, "the drain does not begin"
            time.sleep(0.01)
        shown = line.output("scheduler", "status").partition("\ndrain\n")[2]
        assert re.search(r"started_at +\d{4}-\d\d-\d\d .*Z\n", shown)
        assert re.search(r"claims_at_start +1\n", shown)
        line.output("scheduler", "resume")
        assert "claims_at_start" not in line.output("scheduler", "status")


def test_who_gets_nothing_because_of_a_pause_is_told_of_it(line, monkeypatch):
    queued(line)
    line.output("scheduler", "pause", "--reason", "maintenance")
    told = line.refused(ClientExit.NOTHING, "agent", "next", **AGENT)
    words = r"the scheduler is paused by human:local-user since \d{4}-\d\d-\d\d .*Z: maintenance"
    assert re.fullmatch(f"nothing to claim: {words}\n", told)
    assert line.refused(ClientExit.NOTHING, "agent", "next", "--json", **AGENT) == told
    monkeypatch.setattr(connection, "NOTICE_S", 0.0)
    told = line.refused(ClientExit.NOTHING, "agent", "next", "--wait", **AGENT)
    first, last = [text for text in told.splitlines() if "no answer" not in text]
    assert re.fullmatch(f"chargehand: {words}; waiting", first)
    assert re.fullmatch(f"nothing to claim: {words}", last)
    line.output("scheduler", "resume")
    assert "paused" not in line.run("agent", "next", "--wait", **AGENT).stderr


def tree(line) -> None:
    line.output("task", "create", "Ship it", "--id", "root")
    for name in ("a", "b", "c"):
        line.output("task", "add-child", "root", name, "--id", name)
    line.output("task", "cancel", "c")


def status_of(line, task_id: str) -> str:
    return line.json("task", "show", task_id)["task"]["task"]["status"]


def test_who_cancels_a_tree_is_told_how_many_tasks_it_has(line):
    tree(line)
    done = line.run("task", "cancel", "root")
    assert done.stderr == "chargehand: this cancels root and 2 tasks below it\n"
    assert status_of(line, "a") == "canceled"
    assert line.run("task", "cancel", "a").stderr == ""


@pytest.fixture
def on_terminal(monkeypatch):
    monkeypatch.setattr(verbs, "on_terminal", lambda: True)


@pytest.mark.usefixtures("on_terminal")
def test_on_a_terminal_a_tree_is_canceled_by_who_says_yes(line):
    tree(line)
    done = line.run("task", "cancel", "root", stdin="n\n")
    assert done.exit_code == ClientExit.PARTLY
    assert done.stderr.startswith("this cancels root and 2 tasks below it: go on? [y/N]")
    assert done.stderr.endswith("\nchargehand: nothing was changed\n")
    assert status_of(line, "root") == "ready"
    line.output("task", "cancel", "a", stdin="")  # nothing is below it
    line.output("task", "cancel", "root", "--json", stdin="y\n")
    assert status_of(line, "b") == "canceled"


@pytest.mark.usefixtures("on_terminal")
def test_nobody_is_asked_who_has_said_yes(line):
    tree(line)
    done = line.run("task", "cancel", "root", "--yes")
    assert (done.exit_code, done.stderr) == (ClientExit.DONE, "")


def numbers(told: str) -> list[str]:
    return [row.split()[0] for row in told.splitlines()]


def test_a_timeline_is_of_the_newest_events(line):
    line.output("task", "create", "x", "--id", "t1")
    for n in range(4):
        line.output("task", "update", "t1", "--title", f"title {n}")
    every = numbers(line.output("task", "timeline", "t1", "--all"))
    assert len(every) == 5
    assert numbers(line.output("task", "timeline", "t1", "--limit", "2")) == every[-2:]
    first = ("task", "timeline", "t1", "--limit", "2", "--after", "0")
    assert numbers(line.output(*first)) == every[:2]
    cursor = line.json(*first)["next_cursor"]
    assert numbers(line.output("task", "timeline", "t1", "--cursor", cursor)) == every[2:]
    after = ("--after", every[2], "--latest", "--limit", "3")
    assert numbers(line.output("task", "timeline", "t1", *after)) == every[3:]
    told = line.refused(
        ClientExit.INVALID, "task", "timeline", "t1", "--latest", "--cursor", cursor
    )
    assert "leave out the cursor or --latest" in told


def test_what_is_left_of_a_task_that_has_ended_is_no_contradiction(line):
    _, run_id = queued(line)
    for verb in ("claim", "start", "complete"):
        line.output("run", verb, run_id)
    task_id = line.json("run", "show", run_id)["run"]["run"]["task_id"]
    assert "next  nothing, it has ended [terminal]" in line.output("task", "inspect", task_id)
    line.output("review", "request", run_id, "--policy", "on_success")
    told = line.output("task", "inspect", task_id)
    assert ("it has ended, but see below" in told) == ("is open" in told)


def test_nothing_to_claim_has_a_code_of_its_own(line):
    done = line.run("agent", "next", "--wait", **AGENT)
    assert done.exit_code == ClientExit.NOTHING
    assert (done.stdout, done.stderr) == ("", "nothing to claim\n")
    assert line.refused(ClientExit.NOTHING, "agent", "next", "--json", **AGENT) == ""


@pytest.mark.parametrize("least", ["high", "HIGH", "30", "21"])
def test_an_agent_takes_nothing_less_urgent(line, least):
    _, medium = queued(line)
    words = ("agent", "next", "--priority-min", least)
    assert line.run(*words, **AGENT).exit_code == ClientExit.NOTHING
    _, high = queued(line, "--priority", "high")
    assert line.json(*words, **AGENT)["claim"]["run"]["id"] == high
    words = ("agent", "next", "--priority-min", "medium", "--session", "sess-2", "--agent", "b")
    assert line.json(*words)["claim"]["run"]["id"] == medium


def test_a_claim_says_what_to_do_with_it_in_commands_that_can_be_run(line):
    _, run_id = queued(line, "--description", "as the tracker says")
    told = line.output("agent", "next", "--session", "sess-1", "--agent", "builder")
    steps = dict(found.split(maxsplit=1) for found in told.splitlines() if " chargehand " in found)
    assert list(steps) == ["read", "hold", "end"]
    assert "as the tracker says" in line.output(*words_of(steps["read"]))
    assert run_id in line.output(*words_of(steps["hold"]))
    assert "completed" in line.output(*words_of(steps["end"]))


def test_an_agent_is_whoever_options_or_the_environment_name(line):
    told = line.refused(ClientExit.NOT_ALLOWED, "agent", "next")
    assert "CHARGEHAND_SESSION_ID" in told
    for variables in (AGENT, {"AGH_SESSION_ID": "sess-1", "AGH_AGENT": "builder"}):
        created = line.json("task", "create", "x", **variables)["task"]
        assert created["created_by"] == {"kind": "agent_session", "ref": "sess-1"}
    words = ("task", "create", "x", "--session", "sess-2", "--agent", "writer")
    assert line.json(*words, **AGENT)["task"]["created_by"]["ref"] == "sess-2"


def test_an_identity_makes_no_identities(line):
    """Else the first contact would take the id that is to be registered."""
    line.output("session", "register", "builder", "--id", "sess-1", **AGENT)


def test_lists_go_on_where_the_last_one_ended(line):
    for number in range(3):
        line.output("task", "create", f"task {number}", "--id", f"t{number}")
    first = line.run("task", "list", "--limit", "2", "--json")
    assert first.stderr == ""
    told = json.loads(first.stdout)
    assert list(told) == ["tasks", "next_cursor"]
    assert [task["id"] for task in told["tasks"]] == ["t2", "t1"]
    for_people = line.run("task", "list", "--limit", "2")
    assert for_people.stderr == f"more: --cursor {told['next_cursor']}, or --all\n"
    rest = line.json("task", "list", "--limit", "2", "--cursor", told["next_cursor"])
    assert [task["id"] for task in rest["tasks"]] == ["t0"]
    assert "next_cursor" not in rest


@pytest.fixture
def short_pages(monkeypatch):
    monkeypatch.setattr(verbs, "LIST_MAX", 2)


@pytest.mark.usefixtures("short_pages")
def test_all_pages_are_walked_to_the_end(line):
    for number in range(5):
        line.output("task", "create", "x" * (number + 1), "--id", f"t{number}")
    lines = line.output("task", "list", "--all").splitlines()
    assert [text.split()[0] for text in lines] == ["ID", "t4", "t3", "t2", "t1", "t0"]
    assert len({text.index("ready") for text in lines[1:]} | {lines[0].index("STATUS")}) == 1
    pages = [
        json.loads(text) for text in line.output("task", "list", "--all", "--json").splitlines()
    ]
    assert [[task["id"] for task in page["tasks"]] for page in pages] == [
        ["t4", "t3"],
        ["t2", "t1"],
        ["t0"],
    ]
    assert len(line.output("task", "timeline", "t1", "--all").splitlines()) == 1
    assert line.output("task", "runs", "t1", "--all") == "no runs\n"


@pytest.mark.usefixtures("short_pages")
def test_all_pages_come_in_the_order_that_is_asked_for(line):
    for number in range(5):
        line.output("task", "create", "x", "--id", f"t{number}")
    line.output("task", "update", "t0", "--title", "y")
    shown = {
        order: [
            text.split()[0]
            for text in line.output("task", "list", "--all", "--order", order).splitlines()[1:]
        ]
        for order in ("activity", "created")
    }
    assert shown["activity"] == ["t0", "t4", "t3", "t2", "t1"]
    assert shown["created"] == ["t4", "t3", "t2", "t1", "t0"]


def test_limit_is_the_size_of_the_pages_that_are_walked(line):
    for number in range(3):
        line.output("task", "create", "x", "--id", f"t{number}")
    told = line.output("task", "list", "--all", "--limit", "2", "--json")
    pages = [json.loads(text)["tasks"] for text in told.splitlines()]
    assert [[task["id"] for task in page] for page in pages] == [["t2", "t1"], ["t0"]]


def test_a_walk_is_no_watch(line):
    assert "--all" in line.refused(ClientExit.USAGE, "task", "list", "--all", "--watch")


def test_the_backlog_goes_on_too(line):
    runs = [queued(line)[1] for _ in range(3)]
    first = line.run("scheduler", "backlog", "--limit", "2", "--json")
    cursor = json.loads(first.stdout)["next_cursor"]
    rest = line.json("scheduler", "backlog", "--cursor", cursor)
    found = json.loads(first.stdout)["backlog"]["runs"] + rest["backlog"]["runs"]
    assert [row["run"]["id"] for row in found] == runs


def test_over_http_a_token_is_needed(bare, served):
    refused = bare.refused(ClientExit.NOT_ALLOWED, "task", "list", "--url", served.url)
    assert "CHARGEHAND_TOKEN" in refused
    variables = {"CHARGEHAND_URL": served.url, "CHARGEHAND_TOKEN": TOKEN}
    assert bare.output("task", "list", **variables) == "no tasks\n"
    assert bare.output("task", "list", "--url", served.url, "--token", TOKEN) == "no tasks\n"


def test_a_suggestion_leads_to_the_server_that_made_it(bare, served):
    bare.output("task", "create", "x", "--id", "t1", "--socket", str(served.socket))
    told = bare.refused(ClientExit.INVALID, "task", "pause", "t1", "--socket", str(served.socket))
    suggestion = told.partition("try: ")[2].strip()
    bare.output(*words_of(suggestion))


def test_a_suggestion_is_in_the_name_of_the_same_agent(line):
    _, run_id = queued(line)
    who = ("--session", "sess-1", "--agent", "builder")
    told = line.refused(ClientExit.CONFLICT, "agent", "heartbeat", run_id, *who)
    suggestion = told.partition("try: ")[2].strip()
    assert suggestion == "chargehand agent next --session sess-1 --agent builder --wait"
    assert run_id in line.output(*words_of(suggestion))


def test_a_suggestion_gets_no_option_that_its_command_has_not(line, served):
    line.output("session", "register", "builder", "--id", "s1")
    line.output("session", "end", "s1")
    who = ("--session", "s1", "--agent", "builder", "--socket", str(served.socket))
    told = line.refused(ClientExit.NOT_ALLOWED, "agent", "next", *who)
    suggestion = told.partition("try: ")[2].strip()
    assert suggestion == f"chargehand session register --socket {served.socket} -- builder"
    line.output(*words_of(suggestion))


def test_members_are_called_by_their_options(line):
    _, run_id = queued(line)
    told = line.refused(ClientExit.INVALID, "run", "claim", run_id, **AGENT)
    assert "--key is required for agents" in told
    told = line.refused(ClientExit.INVALID, "agent", "next", "--lease-seconds", "-1", **AGENT)
    assert "--lease-seconds" in told


@pytest.mark.parametrize("words", [("task", "list"), ("inbox", "list"), ("scheduler", "backlog")])
def test_a_list_of_nothing_is_not_asked_for(line, words):
    assert "--limit" in line.refused(ClientExit.USAGE, *words, "--limit", "0")


def test_the_socket_in_the_data_directory_is_found(bare, served, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "chargehand.sock").symlink_to(served.socket)
    assert bare.output("task", "list") == "no tasks\n"
    assert bare.output("task", "list", CHARGEHAND_DATA_DIR=str(data)) == "no tasks\n"


def test_no_line_ends_in_spaces(line):
    line.output("task", "create", "short", "--id", "t1", "--description", "a\n\nmuch longer line")
    line.output("task", "create", "a longer title", "--id", "t2", "--owner", "pool:p")
    for words in (("task", "list"), ("task", "show", "t1"), ("task", "inspect", "t1")):
        told = line.output(*words).splitlines()
        assert [row.rstrip() for row in told] == told


def test_the_inbox_goes_from_unread_to_archived(line):
    line.output("task", "create", "Launch", "--id", "launch", "--approval-policy", "manual")
    _, run_id = queued(line)
    line.output("run", "force-fail", run_id, "--reason", "bad input")
    told = line.output("inbox", "list")
    assert "approvals: 1, 1 unread" in told
    assert "failed_runs: 1, 1 unread" in told
    line.output("inbox", "read", "launch")
    assert "approvals" not in line.output("inbox", "list", "--unread")
    line.output("inbox", "archive", "launch")
    assert "archived: 1, 0 unread" in line.output("inbox", "list", "--lane", "archived")
    line.output("inbox", "dismiss", "launch")
    assert line.output("inbox", "list", "--lane", "my_work") == "nothing waits\n"


def test_the_dashboard_is_one_screen(line):
    assert "tasks" in line.output("dashboard")
    line.output("task", "create", "Launch", "--approval-policy", "manual")
    _, run_id = queued(line, "--channel", "ops")
    line.json("agent", "next", **AGENT)
    queued(line, "--channel", "ops")
    told = line.output("dashboard")
    assert "3: 2 ready, 1 blocked" in told
    assert "1 for an approval" in told
    assert "1 queued, 1 claimed" in told
    assert "queued by channel" in told
    assert run_id in told.partition("active runs")[2]
    told = line.refused(ClientExit.NOT_FOUND, "dashboard", "--workspace", "none")
    assert "try: chargehand workspace create . --name=none" in told


def test_runs_and_reviews_of_all_tasks(line):
    assert line.output("run", "list") == "no runs\n"
    assert line.output("review", "list", "--status", "requested") == "no reviews\n"
    (first, done), (_, waiting) = queued(line), queued(line)
    line.json("agent", "next", **AGENT)
    held = line.output("run", "list", "--status", "active", "--of-session", "sess-1")
    assert [row.split()[:2] for row in held.splitlines()][1:] == [[done, "claimed"]]
    assert line.output("run", "list", "--of-agent", "builder", "--task", first) == held
    line.json("agent", "complete", done, **AGENT)
    told = line.output("run", "list", "--status", "completed", "--status", "queued")
    heading, *rows = told.splitlines()
    assert heading.split()[:4] == ["RUN", "STATUS", "TITLE", "TASK"]
    assert [row.split()[0] for row in rows] == [done, waiting]
    assert "Ship it" in rows[0]
    assert first in rows[0]
    assert line.output("run", "list", "--since", "2100-01-31T12:00:00Z") == "no runs\n"
    told = line.refused(ClientExit.INVALID, "run", "list", "--since", "yesterday")
    assert "no time as of RFC 3339" in told
    review = line.json("review", "request", done)["review"]
    told = line.output("review", "list", "--status", "requested", "--task", first)
    assert [row.split()[:3] for row in told.splitlines()][1:] == [
        [review["review_id"], done, "requested"]
    ]


def test_of_pages_of_which_some_are_empty_the_rows_are_shown_and_no_word_of_nothing(
    line, monkeypatch
):
    monkeypatch.setattr(limits, "PAGE_TASKS_MAX", 1)
    monkeypatch.setattr(limits, "SLICE_MAX", 1)
    _, run_id = queued(line)
    line.json("agent", "next", **AGENT)
    line.json("agent", "complete", run_id, **AGENT)
    for _ in range(3):
        _, other = queued(line)
        line.output("run", "claim", other)
        line.output("run", "cancel", other)
    told = line.output("run", "list", "--of-session", "sess-1", "--all")
    assert [row.split()[0] for row in told.splitlines()] == ["RUN", run_id]
    assert line.output("run", "list", "--of-session", "sess-9", "--all") == "no runs\n"
