"""Misspelt variables of the environment: without a word, another server would be asked than meant,
or by somebody else. Loaded where there is a variable that looks like ours and is none of a client.
"""

import os
from typing import Final

import click

from chargehand.web.cli.environment import KNOWN_VARIABLES
from chargehand.web.cli.failures import plain
from chargehand.web.variables import nearest, unknown_variables

_LIKE: Final = 0.65  # others may have set them for themselves, as CHARGEHAND_IMAGE


def tell_misspelt() -> None:
    """Name on stderr those that are nearly one of a client's."""
    near = [
        name
        for name in unknown_variables(os.environ, KNOWN_VARIABLES)
        if nearest(name, KNOWN_VARIABLES, _LIKE)
    ]
    if not near:
        return
    from chargehand.web.settings import known_variables  # long, and rarely needed

    known = known_variables()
    for name in near:
        meant = None if name in known else nearest(name, known, _LIKE)
        if meant in KNOWN_VARIABLES:
            click.echo(f"chargehand: {plain(name)} is not known, did you mean {meant}?", err=True)
