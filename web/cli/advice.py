"""Commands that help, as lines of what is shown; they lead to the same server."""

from chargehand.web.cli.again import again
from chargehand.web.cli.failures import plain
from chargehand.web.cli.layout import Pair


def suggested(command: str, word: str = "  try") -> Pair:
    """The line of a command, which can be copied whole."""
    return Pair(word, plain(again(command)), is_whole=True)
