"""The nouns of the command line. The commands of one are loaded when it is asked for."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, final

import click
from click.exceptions import NoSuchCommand
from click.shell_completion import get_completion_class

from chargehand.actors.frozen import frozen
from chargehand.web.cli.output import checked_output
from chargehand.web.wording import PROGRAM

if TYPE_CHECKING:
    from chargehand.web.cli.verbs import Verb


@final
@frozen
class Noun:
    """What stands in the module of that name.

    Args:
        example: one of its commands.
        is_verb: whether it is a command itself, and not a group of them.
    """

    name: str
    help: str
    example: str = ""
    is_verb: bool = False

    def verbs(self) -> Sequence["Verb"]:
        found: Sequence[Verb] = import_module(f"chargehand.web.cli.nouns.{self.name}").VERBS
        return found

    def command(self) -> click.Command:
        if self.is_verb:
            [verb] = self.verbs()
            return verb.command()
        return _Verbs(self)


NOUNS: Final[Mapping[str, Noun]] = {
    noun.name: noun
    for noun in (
        Noun(
            "task", "Tasks: hand in, look, decide.", 'create "Ship it" --id ship-it --priority high'
        ),
        Noun("run", "Runs, as an operator.", "inspect run-1"),
        Noun(
            "agent",
            "Claim runs and work on them, as an agent.",
            "next --wait --session sess-1 --agent builder",
        ),
        Noun("profile", "How tasks are to be executed, and by whom.", "show ship-it"),
        Noun(
            "review",
            "Have runs judged, and judge them.",
            'request run-1 --reason "it touches billing"',
        ),
        Noun("inbox", "What waits for the caller.", "list --unread"),
        Noun("dashboard", "The state of all work, on one screen.", is_verb=True),
        Noun("scheduler", "The scheduler as a whole.", "backlog --limit 20"),
        Noun(
            "bridge",
            "Webhook subscriptions to the ends of tasks.",
            "subscribe ship-it chat --peer maria --mode direct-send",
        ),
        Noun("session", "Sessions of agents.", "register builder --id sess-1 --capability go"),
        Noun("workspace", "Workspaces.", "create /srv/site --name site"),
    )
}


class _Suggesting(click.Group):
    """A group that says which of its commands may have been meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except NoSuchCommand as error:
            known = self.list_commands(ctx)
            raise NoSuchCommand(error.command_name, possibilities=known, ctx=ctx) from None


@final
class Program(_Suggesting):
    """The root: what was added to it, and the nouns."""

    def main(self, *args: Any, **extra: Any) -> object:  # type: ignore[override]  # of overloads
        """Run a command, and end the process with a code that says how it went."""
        with checked_output():
            return super().main(*args, **extra)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.commands, *NOUNS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        noun = NOUNS.get(cmd_name)
        return super().get_command(ctx, cmd_name) if noun is None else noun.command()


@final
class _Verbs(_Suggesting):
    """The commands of a noun, in the order in which they stand there."""

    def __init__(self, noun: Noun) -> None:
        super().__init__(
            noun.name,
            help=f"{noun.help}\n\n\b\nExample:\n  {PROGRAM} {noun.name} {noun.example}",
            short_help=noun.help.removesuffix("."),
        )
        self._noun = noun

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [verb.name for verb in self._noun.verbs()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for verb in self._noun.verbs():
            if verb.name == cmd_name:
                return verb.command(self._noun.name)
        return None


@click.command(
    "completion",
    help="Print the script that completes chargehand in a shell.\n\n\b\n"
    f'Example:\n  eval "$({PROGRAM} completion bash)"',
    short_help="Print the script that completes chargehand in a shell",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    found = get_completion_class(shell)
    assert found is not None, f"click completes no {shell}"
    root = ctx.find_root().command
    click.echo(found(root, {}, PROGRAM, f"_{PROGRAM.upper()}_COMPLETE").source())
