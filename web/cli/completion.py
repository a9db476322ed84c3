"""`chargehand completion`: what a shell evaluates to complete commands."""

from typing import Final

import click
from click.shell_completion import get_completion_class

from chargehand.web.version import PROGRAM

# Of a zsh whose own completion was not started: start it, without a question about directories.
_COMPDEF: Final = "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }"


@click.command(
    help="Print the script that completes chargehand in a shell.\n\n\b\n"
    "Example:\n"
    f'  eval "$({PROGRAM} completion bash)"      in ~/.bashrc\n'
    f'  eval "$({PROGRAM} completion zsh)"       in ~/.zshrc, behind compinit if that is there\n'
    f"  {PROGRAM} completion fish | source       in ~/.config/fish/config.fish",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    found = get_completion_class(shell)
    assert found is not None, f"click completes no {shell}"
    root = ctx.find_root().command
    script = found(root, {}, PROGRAM, f"_{PROGRAM.upper()}_COMPLETE").source()
    click.echo(_with_compdef(script) if shell == "zsh" else script)


def _with_compdef(script: str) -> str:
    """It begins with a line that has to be the first where it is a file in `fpath`."""
    first, _, rest = script.lstrip().partition("\n")
    return f"{first}\n{_COMPDEF}\n{rest}"
