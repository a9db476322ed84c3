"""A command that is suggested, said so that it goes to the same server, in the same name."""

import shlex
from collections.abc import Mapping
from typing import Final

import click

from chargehand.web.version import PROGRAM

_OPTIONS: Final = "chargehand.options"  # in the context of a command: those that it was given


def remember(options: Mapping[str, str]) -> None:
    """Have what is suggested from here on lead where these options of the command led."""
    click.get_current_context().meta[_OPTIONS] = dict(options)


def again(suggestion: str) -> str:
    """The suggestion with those of the remembered options that its command knows.

    They stand right behind its words: it may end in arguments that nothing else may follow.
    """
    context = click.get_current_context(silent=True)
    options: Mapping[str, str] = {} if context is None else context.meta.get(_OPTIONS, {})
    if context is None or not options:
        return suggestion
    try:
        words = shlex.split(suggestion)
    except ValueError:  # it is no command of ours, whatever it is
        return suggestion
    command: click.Command | None = context.find_root().command if words[:1] == [PROGRAM] else None
    depth = 1
    while isinstance(command, click.Group) and depth < len(words):
        command = command.get_command(context, words[depth])
        depth += 1
    if command is None:
        return suggestion
    known = {name for parameter in command.params for name in parameter.opts}
    more = [word for name, value in options.items() if name in known for word in (name, value)]
    return shlex.join([*words[:depth], *more, *words[depth:]])
