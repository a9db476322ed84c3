"""Each operation has its command, with each of its members, and each command its example."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any, Final

import pytest
from attrs import frozen

from chargehand.web.bodies import Request, known_members
from chargehand.web.cli.groups import NOUNS
from chargehand.web.cli.members import Form
from chargehand.web.cli.verbs import Verb, path_of
from chargehand.web.openapi.table import DOCS
from chargehand.web.operations import BATCHES, BULK_RUNS, BULK_TASKS, Operation
from tests.cli.answers import Told, answer_by
from tests.cli.conftest import S_MAX
from tests.cli.suggested import command_of

NOT_FOR_PEOPLE: Final = BATCHES - {Operation.CREATE_BATCH} | {
    *(Operation.LIVENESS, Operation.OPENAPI, Operation.DOCS),
}
NESTED: Final = {"verdict", "filter"}  # members whose own members are asked for one by one
NOT_ASKED_FOR: Final = {
    Operation.ADD_DEPENDENCY: {"kind"},  # there is one
    Operation.REQUEST_REVIEW: {"run_id", "task_id"},  # the path says it
    **{op: {"limit", "cursor"} for op in BULK_TASKS | BULK_RUNS},  # they go on by themselves
}


@frozen
class Command:
    noun: str
    verb: Verb

    def __str__(self) -> str:
        return self.noun if NOUNS[self.noun].is_verb else f"{self.noun} {self.verb.name}"


COMMANDS: Final = [Command(noun.name, verb) for noun in NOUNS.values() for verb in noun.verbs()]


def test_every_operation_has_one_command():
    operations = [command.verb.operation for command in COMMANDS]
    assert len(operations) == len(set(operations))
    # The stream of a task is what its timeline turns into where it is watched.
    assert set(Operation) - set(operations) == NOT_FOR_PEOPLE | {Operation.STREAM_TASK}


def members_of(operation: Operation) -> set[str]:
    """What the operation takes, body or query; members of a member by a dotted name."""
    row = DOCS[operation]
    names = set(row.query) | ({"cursor"} if row.is_list else set())
    if row.request is not None:
        names |= set(_names(row.request))
    return names - NOT_ASKED_FOR.get(operation, set())


def _names(request: Request) -> Iterator[str]:
    for name, inner in known_members(request).items():
        if inner is not None and name in NESTED:
            yield from (f"{name}.{nested}" for nested in _names(inner))
        else:
            yield name


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_command_takes_what_its_operation_takes(command):
    if command.verb.whole is None:
        taken = {
            field.member if field.inside is None else f"{field.inside}.{field.member}"
            for field in command.verb.fields
        }
        assert taken == members_of(command.verb.operation)
    else:
        assert [field.member for field in command.verb.fields] == [command.verb.whole]


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_every_option_says_what_it_is(command):
    for field in command.verb.fields:
        assert field.help or field.form in (Form.ARGUMENT, Form.ARGUMENTS, Form.ANY_ARGUMENTS)


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_the_example_in_its_help_is_of_the_command_and_sends_its_request(
    command, bare, tmp_path, monkeypatch
):
    (tmp_path / "result.json").write_text("{}")
    sent = answer_by(monkeypatch, lambda _: Told(204))
    told = bare.output(*str(command).split(), "--help")
    program, *words = shlex.split(told.partition("Example:\n")[2].partition("\n\n")[0])
    assert program == "chargehand"
    assert " ".join(words).startswith(str(command))
    done = bare.run(*(word for word in words if word != "--watch"))
    assert done.exit_code == command.verb.nothing[1], done.output
    operation = command.verb.operation
    path = path_of(operation, [sample for _, sample in command.verb.ids])
    # Some look at something else before or after it.
    requests = [(request.method, request.path.partition("?")[0]) for request in sent]
    assert requests.count((operation.method, path)) == 1


def test_the_help_of_a_noun_lists_its_commands(bare):
    for noun in NOUNS.values():
        if not noun.is_verb:
            told = bare.output(noun.name, "--help")
            assert all(f"  {verb.name}" in told for verb in noun.verbs())
            assert f"  {noun.name}" in bare.output("--help")


GROUPS: Final = [noun.name for noun in NOUNS.values() if not noun.is_verb]


@pytest.mark.parametrize("name", [*GROUPS, "serve", "work", "verify", "demo", "completion"])
def test_whatever_is_called_by_one_word_has_an_example_too(bare, name):
    told = bare.output(name, "--help").partition("Example:\n")[2].partition("\n\n")[0]
    if name in GROUPS:
        assert command_of(told).name in {verb.name for verb in NOUNS[name].verbs()}
    elif name != "completion":  # which is evaluated by a shell
        assert command_of(told).name == name


def test_the_help_of_a_verdict_says_what_may_be_judged_and_what_a_rejection_needs(bare):
    told = " ".join(bare.output("review", "verdict", "--help").split())
    assert "OUTCOME is one of approved, rejected, blocked," in told
    assert "A rejection needs --missing or --guidance." in told


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_of_the_shell(bare, shell):
    assert "_CHARGEHAND_COMPLETE" in bare.output("completion", shell)


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh here")
@pytest.mark.parametrize("before", ["", "autoload -Uz compinit && compinit -i"])
def test_completion_is_taken_by_a_zsh_with_and_without_completion_of_its_own(
    bare, tmp_path, before
):
    script = tmp_path / "script"
    script.write_text(bare.output("completion", "zsh"))
    line = f'{before}\neval "$(<{script})"; print -r -- $_comps[chargehand]'
    done = subprocess.run(
        ["zsh", "-f", "-c", line],
        env={**os.environ, "HOME": str(tmp_path), "ZDOTDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=S_MAX,
    )
    assert (done.stdout, done.stderr) == ("_chargehand_completion\n", "")


def test_completion_of_zsh_begins_as_a_file_of_its_functions_must(bare):
    lines = bare.output("completion", "zsh").splitlines()
    assert lines[0] == "#compdef chargehand"
    assert "|| { autoload -Uz compinit" in lines[1]


def test_the_help_of_completion_shows_how_each_shell_takes_it(bare):
    told = bare.output("completion", "--help")
    assert 'eval "$(chargehand completion bash)"' in told
    assert 'eval "$(chargehand completion zsh)"' in told
    assert "chargehand completion fish | source" in told


def test_completion_knows_nouns_verbs_and_choices(bare):
    def completed(*words: str) -> list[str]:
        variables: dict[str, Any] = {
            "_CHARGEHAND_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(("chargehand", *words)),
            "COMP_CWORD": str(len(words)),
        }
        told = bare.run(**variables).stdout
        return [line.partition(",")[2] for line in told.splitlines()]

    assert completed("sched") == ["scheduler"]
    assert completed("task", "ti") == ["timeline"]
    assert completed("task", "list", "--priority", "ur") == ["urgent"]
    assert completed("agent", "next", "--priority-min", "ur") == ["urgent"]
