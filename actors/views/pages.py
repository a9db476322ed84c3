"""Lists that are read page by page."""

from collections.abc import Iterable
from itertools import islice
from typing import Final, Generic, TypeVar, final

from attrs import frozen

from actors.choice import Choice
from actors.errors import Rejected, invalid

T = TypeVar("T")

_DIGITS_MAX: Final = 20  # of a number of the sequence


@final
class ListOrder(Choice):
    """What a list of tasks is ordered by, the newest first."""

    ACTIVITY = "activity"
    CREATED = "created"


@final
@frozen
class Page(Generic[T]):
    """Some items, and whether there are more behind them."""

    items: list[T]
    has_more: bool = False


def page(found: Iterable[T], limit: int) -> Page[T]:
    """The first `limit` of what is found; no more of it is looked for than need be."""
    items = list(islice(found, limit + 1))
    return Page(items[:limit], len(items) > limit)


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
    return invalid("?cursor", "?cursor is none that a Link header gave", "follow the link")
