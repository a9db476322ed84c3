"""What all commands have in common: options, a client while they run, and how they end."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chargehand.web.cli import environment
from chargehand.web.cli.again import remember
from chargehand.web.cli.failures import Failed
from chargehand.web.cli.meant import Command
from chargehand.web.cli.output import OutputFailed, give_up_stdout
from chargehand.web.cli.target import Identity, identity_of, target_of
from chargehand.web.exits import ClientExit
from chargehand.web.version import PROGRAM

if TYPE_CHECKING:
    from chargehand.web.cli.client import Client


class Callers(Enum):
    """Who a command may be called by."""

    ANYBODY = "anybody"  # the agent that options or the environment name, else the local user
    NOBODY = "nobody"  # what makes identities asks for none


Run = Callable[["Client", bool, dict[str, Any]], None]


def client_command(
    name: str,
    run: Run,
    parameters: Sequence[click.Parameter],
    help_text: str,
    notes: str,
    example: str,
    *,
    callers: Callers = Callers.ANYBODY,
) -> click.Command:
    """A command that has a client to the server while it runs."""

    def callback(as_json: bool, **values: Any) -> None:
        from chargehand.web.cli.client import Client

        if environment.has_unknown():
            from chargehand.web.cli.misspelt import tell_misspelt

            tell_misspelt()
        target = target_of(values.pop("socket"), values.pop("url"), values.pop("token"))
        caller = Identity()
        if callers is Callers.ANYBODY:
            caller = identity_of(values.pop("session"), values.pop("agent"))
        remember({**target.options, **caller.options})
        with _reporting_failures(as_json):
            run(Client(target, caller), as_json, values)

    return Command(
        name,
        callback=callback,
        params=[*parameters, *_common_options(callers)],
        help=f"{help_text}. {notes}\n\n\b\nExample:\n  {PROGRAM} {example}",
    )


def on_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def ask_to_go_on(warning: str) -> None:
    """Raises: SystemExit: the answer is not yes."""
    if not click.confirm(f"{warning}: go on?", err=True):
        click.echo("chargehand: nothing was changed", err=True)
        raise SystemExit(ClientExit.PARTLY)


@contextmanager
def _reporting_failures(as_json: bool) -> Iterator[None]:
    """Turns the ways in which a command may end into what is said, and an exit code."""
    for output in (sys.stdout, sys.stderr):
        if isinstance(output, TextIOWrapper):
            output.reconfigure(errors="replace")  # a letter that it cannot show is no reason to end
    try:
        yield
    except Failed as failed:
        failed.report(as_json)
        raise SystemExit(failed.exit_with) from None
    except OutputFailed as failed:
        give_up_stdout()
        if failed.exit_with is not ClientExit.BROKEN_PIPE:
            Failed(failed.exit_with, str(failed)).report(as_json)
        raise SystemExit(failed.exit_with) from None


def _common_options(callers: Callers) -> list[click.Parameter]:
    """The form of the answer, who calls, and where the server is."""
    options = [
        click.Option(["--json", "as_json"], is_flag=True, help="print the answer as it is"),
    ]
    if callers is Callers.ANYBODY:
        options += [
            click.Option(
                ["--session"],
                help=_by("call as the agent of this session", "CHARGEHAND_SESSION_ID"),
            ),
            click.Option(["--agent"], help=_by("that agent's name", "CHARGEHAND_AGENT")),
        ]
    options += [
        click.Option(
            ["--socket"],
            type=click.Path(path_type=Path),
            help=_by("the server's Unix socket", environment.SOCKET_VARIABLE),
        ),
        click.Option(["--url"], help=_by("the server's URL", environment.URL_VARIABLE)),
        click.Option(["--token"], help=_by("the server's token", environment.TOKEN_VARIABLE)),
    ]
    return list(options)


def _by(text: str, variable: str) -> str:
    return f"{text} [{variable}]"
