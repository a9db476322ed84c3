"""Every command that a refusal or a diagnostic suggests can be run as it is printed."""

import ast
import inspect
import re
from pathlib import Path
from typing import Final

import click
import pytest

from chargehand.actors import actions
from chargehand.actors.actions import Action
from chargehand.web import wording
from chargehand.web.exits import ClientExit
from chargehand.web.operations import Operation
from tests.cli.suggested import command_of, words_of

ROOT: Final = Path(__file__).parents[2]
SAMPLES: Final = {
    "task_id": ["ship-it"],
    "depends_on_task_id": ["docs"],
    "run_id": ["run-1"],
    "review_id": ["review-1"],
    "claim_token_hash": ["sha256:" + "0" * 64],
    "session_id": ["sess-1"],
    "max_attempts": [4],
    "attempt": [2],
    "agent_name": ["builder", "a builder", "--builder"],
    "bridge_id": ["chat"],
    "subscription_id": ["bts-1"],
    "mode": ["direct-send"],
    "peer_id": ["maria", None],
    "group_id": [None, "a group"],
    "thread_id": [None, "t1"],
    "ref": ["/srv/site", "site", "it's a site", "--site"],
}
MADE: Final = [
    make
    for _, make in inspect.getmembers(actions, inspect.isfunction)
    if make.__module__ == actions.__name__
]


def all_of(make) -> list[Action]:
    """What a function of the module gives, for each sample of its parameters."""
    names = list(inspect.signature(make).parameters)
    count = max([1, *(len(SAMPLES[name]) for name in names)])
    return [
        make(**{name: SAMPLES[name][n % len(SAMPLES[name])] for name in names})
        for n in range(count)
    ]


EVERY: Final = [wording.command_of(action) for make in MADE for action in all_of(make)]


def test_no_suggestion_is_made_elsewhere():
    """So the functions of the module are all there are."""
    assert MADE
    for package in ("actors", "persistence", "web"):
        for path in (ROOT / package).rglob("*.py"):
            if path.samefile(actions.__file__):
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
                assert called.rpartition(".")[2] != "Action", path


@pytest.mark.parametrize("text", EVERY)
def test_a_suggestion_is_a_command_of_ours(text):
    assert not isinstance(command_of(text), click.Group)


@pytest.mark.parametrize("text", EVERY)
def test_a_suggestion_is_understood_by_a_server(line, text):
    """Whether it may be done at the time is another question."""
    done = line.run(*words_of(text))
    answered = {ClientExit.DONE, ClientExit.NOT_FOUND, ClientExit.NOT_ALLOWED}
    assert done.exit_code in answered, done.output


def test_an_action_is_a_request_of_ours():
    """Its path is that of an operation, with a value for each parameter and none left over."""
    for make in MADE:
        for action in all_of(make):
            method, path = wording.request_of(action).split(" ", 1)
            assert "{" not in path
            assert any(
                operation.method == method
                and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", operation.path), path)
                for operation in Operation
            )
