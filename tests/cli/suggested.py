"""Suggested commands, as a shell and the command line would understand them."""

import shlex

import click

from chargehand.web.__main__ import main
from chargehand.web.version import PROGRAM


def words_of(text: str) -> list[str]:
    """What stands behind the program's name, as a shell splits it."""
    program, *words = shlex.split(text)
    assert program == PROGRAM
    return words


def command_of(text: str) -> click.Command:
    """The command that would be run. Raises: click.UsageError: there is none such."""
    context = main.make_context(PROGRAM, words_of(text))
    while isinstance(context.command, click.Group):
        rest = [*context._protected_args, *context.args]
        name, command, rest = context.command.resolve_command(context, rest)
        assert command is not None
        context = command.make_context(name, rest, parent=context)
    return context.command
