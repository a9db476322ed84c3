"""`chargehand completion`: what a shell evaluates to complete commands."""

import click
from click.shell_completion import get_completion_class

from chargehand.web.version import PROGRAM


@click.command(
    help="Print the script that completes chargehand in a shell.\n\n\b\n"
    "Example:\n"
    f'  eval "$({PROGRAM} completion bash)"      in ~/.bashrc\n'
    f'  eval "$({PROGRAM} completion zsh)"       in ~/.zshrc, behind compinit\n'
    f"  {PROGRAM} completion fish | source       in ~/.config/fish/config.fish",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    found = get_completion_class(shell)
    assert found is not None, f"click completes no {shell}"
    root = ctx.find_root().command
    click.echo(found(root, {}, PROGRAM, f"_{PROGRAM.upper()}_COMPLETE").source())
