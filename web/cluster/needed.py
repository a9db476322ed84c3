"""What several nodes need besides: psycopg, which is not installed with the server."""

from collections.abc import Callable
from typing import TypeVar

from chargehand.web.exits import ExitCode, Fatal

T = TypeVar("T")


def needs_postgres(what: Callable[[], T]) -> T:
    """Raises: Fatal: what speaks to PostgreSQL is not installed."""
    try:
        return what()
    except ImportError as error:
        raise Fatal(
            ExitCode.BAD_SETTING,
            f"a journal in PostgreSQL needs psycopg ({error}): install chargehand[postgres]",
        ) from error
