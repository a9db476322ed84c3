"""The commands of the program, by name. Each is loaded when it is asked for, and nothing else is:
help and completion list what is said of it here."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, final

import click

from chargehand.web.cli.meant import Group
from chargehand.web.cli.output import checked_output
from chargehand.web.exits import ClientExit
from chargehand.web.version import PROGRAM, program_version

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from chargehand.web.cli.verbs import Verb


@final
class Local(NamedTuple):
    """A command that is none of the API: most of them ask no server.

    Args:
        module: of this package; the command is called there as here.
    """

    name: str
    help: str
    module: str = "local"

    def command(self) -> click.Command:
        found: click.Command = getattr(_loaded(self.module), self.name)
        return found


@final
class Noun(NamedTuple):
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
        found: Sequence[Verb] = _loaded(f"nouns.{self.name}").VERBS
        return found

    def command(self) -> click.Command:
        if self.is_verb:
            [verb] = self.verbs()
            return verb.command()
        return _Verbs(self)


def _loaded(name: str) -> ModuleType:
    return import_module(f"chargehand.web.cli.{name}")


NOUNS: Final[Mapping[str, Noun]] = {
    noun.name: noun
    for noun in (
        Noun(
            "task", "Tasks: hand in, look, decide", 'create "Ship it" --id ship-it --priority high'
        ),
        Noun("run", "Runs, as an operator", "inspect run-1"),
        Noun(
            "agent",
            "Claim runs and work on them, as an agent",
            "next --wait --session sess-1 --agent builder",
        ),
        Noun("profile", "How tasks are to be executed, and by whom", "show ship-it"),
        Noun(
            "review",
            "Have runs judged, and judge them",
            'request run-1 --reason "it touches billing"',
        ),
        Noun("inbox", "What waits for the caller", "list --unread"),
        Noun("dashboard", "The state of all work, on one screen", is_verb=True),
        Noun("history", "What was done in each of the last minutes", is_verb=True),
        Noun("scheduler", "The scheduler as a whole", "backlog --limit 20"),
        Noun(
            "bridge",
            "Webhook subscriptions to the ends of tasks",
            "subscribe ship-it chat --peer maria --mode direct-send",
        ),
        Noun("session", "Sessions of agents", "register builder --id sess-1 --capability go"),
        Noun("workspace", "Workspaces", "create /srv/site --name site"),
    )
}
_LOCAL: Final = (
    Local("serve", "Run the server"),
    Local("work", "Work on runs, with a command or a function of yours", "work"),
    Local("journal", "The journal that several nodes share: make it, look at it", "journal"),
    Local("node", "The nodes that share a journal: list them, hand over", "node"),
    Local("verify", "Check a data directory that no server has open"),
    Local("demo", "Watch eight agents ship a release, on a server of its own"),
    Local("bench", "Measure a server that runs: cycles of agents, and how long they take", "bench"),
    Local("completion", "Print the script that completes chargehand in a shell", "completion"),
)
_COMMANDS: Final[dict[str, Local | Noun]] = {local.name: local for local in _LOCAL}
_COMMANDS.update(NOUNS)


class _Listing(Group, ABC):
    """A group that can list its commands without loading them."""

    @abstractmethod
    def helps(self) -> Mapping[str, str]:
        """What each command does, by its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.helps())

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self.helps().items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list["CompletionItem"]:
        from click.shell_completion import CompletionItem

        found = [
            CompletionItem(name, help=text)
            for name, text in self.helps().items()
            if name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)


@final
class Program(_Listing):
    """The root: all commands."""

    def __init__(self, help_text: str) -> None:
        version = click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_show_version,
            help="Show the version and exit.",
        )
        super().__init__(PROGRAM, help=help_text, params=[version])

    def main(self, *args: Any, **extra: Any) -> object:  # type: ignore[override]  # of overloads
        """Run a command, and end the process with a code that says how it went."""
        with checked_output():
            return super().main(*args, **extra)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:  # where it is raised, and not the end of the process
            click.echo(err=True)
            raise SystemExit(ClientExit.INTERRUPTED) from None

    def helps(self) -> Mapping[str, str]:
        return {name: command.help for name, command in _COMMANDS.items()}

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        found = _COMMANDS.get(cmd_name)
        return None if found is None else found.command()


@final
class _Verbs(_Listing):
    """The commands of a noun, in the order in which they stand there."""

    def __init__(self, noun: Noun) -> None:
        super().__init__(
            noun.name,
            help=f"{noun.help}.\n\n\b\nExample:\n  {PROGRAM} {noun.name} {noun.example}",
        )
        self._noun = noun

    def helps(self) -> Mapping[str, str]:
        return {verb.name: verb.help for verb in self._noun.verbs()}

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for verb in self._noun.verbs():
            if verb.name == cmd_name:
                return verb.command(self._noun.name)
        return None


def _show_version(ctx: click.Context, _: click.Parameter, is_asked: bool) -> None:
    if is_asked and not ctx.resilient_parsing:
        click.echo(f"{PROGRAM}, version {program_version()}")
        ctx.exit()
