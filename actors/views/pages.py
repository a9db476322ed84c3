"""Lists that are read page by page."""

from typing import Final

from chargehand.actors.errors import Rejected, invalid

_DIGITS_MAX: Final = 20  # of a number of the sequence


def sequence_of(cursor: str | None) -> int | None:
    """The number of the sequence that a cursor is, or None without one.

    Raises:
        Rejected: it is no number.
    """
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= _DIGITS_MAX):
        raise bad_cursor()
    return int(cursor)


def bad_cursor() -> Rejected:
    """The refusal of a cursor that no link of ours carried."""
    return invalid(
        "?cursor",
        "the cursor is not valid",
        "use the link of the previous page, or start without one",
    )
