"""What may have been meant by a command or an option that there is not."""

import shlex
from collections.abc import Iterable, Iterator
from typing import Final, final

import click

from chargehand.web.version import PROGRAM

_SHOWN_MAX: Final = 3


@final
class Command(click.Command):
    """A command that knows its options by how they begin, too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            begun = [name for name in _options(self) if name.startswith(error.option_name)]
            if not begun:
                raise
            raise click.UsageError(_no_such("option", error.option_name, begun), ctx) from None


class Group(click.Group):
    """A group that says which command was meant, and where a misplaced option belongs."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            hint = _placed(self, ctx, given, error.option_name)
            if hint is None:
                raise
            raise click.UsageError(f"No such option {error.option_name!r}. {hint}", ctx) from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchOption:
            raise
        except click.UsageError:
            meant = list(_meant(self, ctx, args[0]))
            raise click.UsageError(_no_such("command", args[0], meant), ctx) from None


def _no_such(what: str, name: str, meant: Iterable[str]) -> str:
    shown = ", ".join(repr(one) for one in list(meant)[:_SHOWN_MAX])
    return f"No such {what} {name!r}." + (f" Did you mean {shown}?" if shown else "")


def _meant(group: click.Group, ctx: click.Context, word: str) -> Iterator[str]:
    """Commands of the group that are nearly called so; else those called so under another noun."""
    from difflib import get_close_matches

    near = get_close_matches(word.lower(), group.list_commands(ctx))
    if near:
        yield from near
        return
    places = list(_elsewhere(ctx.find_root()))
    verbs = get_close_matches(word.lower(), {verb for _, verb in places}, n=1, cutoff=0.8)
    yield from (f"{PROGRAM} {noun} {verb}" for noun, verb in places if verb in verbs)


def _elsewhere(root: click.Context) -> Iterator[tuple[str, str]]:
    """Each noun with each of its commands."""
    program = root.command
    assert isinstance(program, click.Group)
    for noun in program.list_commands(root):
        found = program.get_command(root, noun)
        if isinstance(found, click.Group):
            for verb in found.list_commands(root):
                yield noun, verb


def _placed(group: click.Group, ctx: click.Context, args: list[str], option: str) -> str | None:
    """Where an option that stands before a command belongs.

    Args:
        args: all that stands behind the group's own name.
    """
    for first, word in enumerate(args):
        command = None if word.startswith("-") else group.get_command(ctx, word)
        if command is None:
            continue
        words, moved, rest = [word], args[:first], args[first + 1 :]
        if isinstance(command, click.Group):
            found = _placed_below(command, ctx, rest)
            if found is None:
                continue
            verb, before, rest = found
            words, moved, command = [word, verb], [*moved, *before], command.get_command(ctx, verb)
        if command is not None and option in _options(command):
            line = shlex.join([*_path(ctx), *words, *rest, *moved])
            return f"Options stand after the command: {line}"
    return None


def _placed_below(
    group: click.Group, ctx: click.Context, args: list[str]
) -> tuple[str, list[str], list[str]] | None:
    """The command of a noun, with what stands before and after it."""
    names = group.list_commands(ctx)
    for n, word in enumerate(args):
        if word in names:
            return word, args[:n], args[n + 1 :]
    return None


def _path(ctx: click.Context) -> list[str]:
    """The words up to the group that `ctx` is of."""
    above = [] if ctx.parent is None else _path(ctx.parent)
    return [*above, PROGRAM if ctx.parent is None else ctx.info_name or ""]


def _options(command: click.Command) -> list[str]:
    return [name for parameter in command.params for name in parameter.opts if name[:2] == "--"]
