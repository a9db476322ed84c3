"""Lines that tell what to do: a word, and what it is about; commands lead to the same server."""

from collections.abc import Iterable

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from chargehand.web.cli.again import again
from chargehand.web.cli.failures import plain


def lines_of(told: Iterable[tuple[str, str]]) -> RenderableType:
    """A line for each; long ones go on below."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for word, text in told:
        grid.add_row(Text(plain(word), style="bold"), Text(text))
    return grid


def trying(command: str) -> tuple[str, str]:
    """The line of a command that helps."""
    return "  try", plain(again(command))
