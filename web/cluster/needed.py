"""What several nodes need besides: psycopg, which is not installed with the server, and the address
of a journal."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from chargehand.web.exits import ExitCode, Fatal

if TYPE_CHECKING:
    from chargehand.persistence.postgres.address import JournalAddress

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


def journal_address(url: str) -> "JournalAddress":
    """Raises: Fatal: it is none; or what speaks to PostgreSQL is not installed."""

    def parsed() -> "JournalAddress":
        from chargehand.persistence.postgres.address import AddressError, JournalAddress

        try:
            return JournalAddress.parse(url)
        except AddressError as error:
            raise Fatal(ExitCode.BAD_SETTING, str(error)) from error

    return needs_postgres(parsed)
