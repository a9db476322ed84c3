"""What a server does not know of a request is told on stderr, with what may have been meant."""

from tests.cli.answers import answer_by, as_json


def test_a_misspelt_member_of_json_is_reported_with_the_one_that_may_be_meant(line):
    line.output("task", "create", "a", "--id", "t1")
    done = line.run("profile", "set", "t1", '{"wroker": {}, "worker": {"agent": "x"}, "soul": 1}')
    assert done.exit_code == 0
    assert done.stderr.splitlines() == [
        "chargehand: the server does not know /wroker (did you mean /worker?), and ignores it",
        "chargehand: the server does not know /worker/agent (did you mean /worker/agent_name?),"
        " and ignores it",
        "chargehand: the server does not know /soul, and ignores it",
    ]


def test_what_an_older_server_does_not_know_is_reported_by_its_option(bare, monkeypatch):
    answer = as_json(201, {"task": {}}, {"Chargehand-Ignored": "/max_attempts"})
    answer_by(monkeypatch, lambda _: answer)
    done = bare.run("task", "create", "a", "--max-attempts", "3")
    assert done.stderr == ("chargehand: the server does not know --max-attempts, and ignores it\n")


def test_nothing_of_it_reaches_the_terminal_as_a_command(bare, monkeypatch):
    answer = as_json(200, {"tasks": []}, {"Chargehand-Ignored": "%1B[2J, ..."})
    answer_by(monkeypatch, lambda _: answer)
    assert "\x1b" not in bare.run("task", "list", "--json").stderr
