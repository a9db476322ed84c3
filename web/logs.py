"""Logging of the process: one line each, to stderr; requests only where that is asked for."""

import logging
import sys
from typing import Final

from chargehand.web.setting_values import LogLevel

_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def configure(level: LogLevel, access_log: bool) -> None:
    """Send what is logged to stderr.

    Args:
        access_log: one line for each request.
    """
    threshold: int = getattr(logging, level.name)
    logging.basicConfig(stream=sys.stderr, level=threshold, format=_FORMAT, force=True)
    access = logging.getLogger("chargehand.access")
    access.setLevel(logging.INFO if access_log else logging.CRITICAL)
