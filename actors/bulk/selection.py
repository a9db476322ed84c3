"""Who is meant: those that are named, or those that match a filter, a slice for each request."""

from collections.abc import Sequence
from typing import Final, Generic, TypeVar, final

from chargehand.actors.frozen import frozen
from chargehand.actors.views.pages import bad_cursor, sequence_of

F = TypeVar("F")

_NAMED: Final = "named"  # a cursor into a list of ids begins with it, so it is taken for no other


@final
@frozen
class Selection(Generic[F]):
    """What a request is about; `named` or `which`.

    Args:
        named: ids, each once.
        which: the filter.
        limit: how many are handled by this request.
        cursor: where it goes on, as the last answer said.
        dry_run: nothing is stored; it is only said what would be.
    """

    named: Sequence[str] | None
    which: F | None
    limit: int
    cursor: str | None = None
    dry_run: bool = False


@final
@frozen
class Slice:
    """The next ones of a selection.

    Args:
        matched: how many there are in all; None: not known.
        next_cursor: what goes on behind them; None: these are the last.
    """

    ids: Sequence[str]
    matched: int | None = None
    next_cursor: str | None = None


def slice_of(named: Sequence[str], cursor: str | None, limit: int) -> Slice:
    """Of those that are named.

    Raises:
        Rejected: the cursor is invalid.
    """
    begin = 0 if cursor is None else _place(cursor)
    end = begin + limit
    following = f"{_NAMED}.{end}" if end < len(named) else None
    return Slice(named[begin:end], len(named), following)


def _place(cursor: str) -> int:
    mark, _, written = cursor.partition(".")
    if mark != _NAMED:
        raise bad_cursor()
    return sequence_of(written) or 0
