"""More rows than asked for: an opaque cursor, announced by a `Link` header."""

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from chargehand.actors.views.pages import bad_cursor, sequence_of
from chargehand.web import queries
from chargehand.web.queries import Query, text
from chargehand.web.responses import Headers

CURSOR: Final = "cursor"

_WALK: Final = "walk"  # a position with more than the last row begins with it
_HEXADECIMAL: Final = re.compile("[0-9a-f]+")

_T = TypeVar("_T")


def next_link(path: str, query: Query, cursor: str | None) -> Headers:
    """The header that leads to the rows behind `cursor`; none where there are no more.

    `cursor` is the position as the list knows it; in the link it is opaque.
    """
    if cursor is None:
        return ()
    rest = ((name, value) for name, value in query.items() if name != CURSOR)
    parameters = urlencode([*rest, (CURSOR, as_token(cursor))])
    return (("Link", f'<{quote(path)}?{parameters}>; rel="next"'),)


def cursor_of(query: Query) -> str | None:
    """The position that a link carried, or None at the start."""
    token = text(query, CURSOR)
    return None if token is None else from_token(token)


def as_token(cursor: str) -> str:
    """A position as clients see it: opaque."""
    return base64.urlsafe_b64encode(cursor.encode()).decode().rstrip("=")


def from_token(token: str) -> str:
    """The position that a token is of. Raises: Rejected: it is none of ours."""
    try:
        padded = token + "=" * (-len(token) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise bad_cursor() from None


def latest_first(
    rows: Iterable[_T], key: Callable[[_T], tuple[int, str]], query: Query
) -> tuple[list[_T], str | None]:
    """A page of `rows` by number and id, the latest first, and the position behind it.

    Args:
        key: number and id of a row; they never change.
    """
    return _page(rows, key, _position(cursor_of(query)), queries.limit(query))


class Standing(NamedTuple):
    """What a row is ordered by: when it was made, and when it changed. Of the same time, the id
    decides. The wall may have been set back in between."""

    made_ns: int
    changed_ns: int
    row_id: str
    is_open: bool  # it may change yet, once


def latest_changed_first(
    rows: Iterable[_T],
    wanted: Callable[[_T], bool],
    standing: Callable[[_T], Standing],
    query: Query,
) -> tuple[list[_T], str | None]:
    """A page of the rows that are wanted, the latest changed first, and the position behind it.
    Rows stand where they stood when the first page was read, so what is there all along is shown
    once.

    Args:
        rows: all there are, in the order in which they were made; none is ever removed.
    """
    known = [(standing(row), row) for row in rows]
    walk, behind = _walk(cursor_of(query))
    if walk is None:
        opened = sum(1 << at for at, (stands, _) in enumerate(known) if stands.is_open)
        walk = (len(known), opened)
    count, opened = walk

    def key(at: int) -> tuple[int, str]:
        stands = known[at][0]
        was_open = opened >> at & 1
        return (stands.made_ns if was_open else stands.changed_ns, stands.row_id)

    there = [at for at, (_, row) in enumerate(known[:count]) if wanted(row)]
    page, more = _page(there, key, behind, queries.limit(query))
    cursor = None if more is None else f"{_WALK}.{count}.{opened:x}.{more}"
    return [known[at][1] for at in page], cursor


def _page(
    rows: Iterable[_T],
    key: Callable[[_T], tuple[int, str]],
    behind: tuple[int, str] | None,
    limit: int,
) -> tuple[list[_T], str | None]:
    ordered = sorted(rows, key=key, reverse=True)
    left = ordered if behind is None else [row for row in ordered if key(row) < behind]
    page = left[:limit]
    if len(left) <= limit:
        return page, None
    at_ns, row_id = key(page[-1])
    return page, f"{at_ns}.{row_id}"


def _walk(cursor: str | None) -> tuple[tuple[int, int] | None, tuple[int, str] | None]:
    """How many rows there were when the walk began, and which were open, as bits; and its position.
    Cursors of before that was kept are the position alone: it is as if the walk began there."""
    if cursor is None or not cursor.startswith(f"{_WALK}."):
        return None, _position(cursor)
    parts = cursor.split(".", 3)
    if len(parts) != 4 or not _HEXADECIMAL.fullmatch(parts[2]):
        raise bad_cursor()
    _, count, opened, position = parts
    return (sequence_of(count) or 0, int(opened, 16)), _position(position)


def _position(cursor: str | None) -> tuple[int, str] | None:
    if cursor is None:
        return None
    written, point, row_id = cursor.partition(".")
    at_ns = sequence_of(written)
    if at_ns is None or not point:
        raise bad_cursor()
    return at_ns, row_id
