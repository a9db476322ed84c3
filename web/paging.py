"""More rows than asked for: an opaque cursor, announced by a `Link` header."""

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import Final, TypeVar
from urllib.parse import quote, urlencode

from actors.views.pages import bad_cursor, sequence_of
from web import queries
from web.queries import Query, text
from web.responses import Headers

CURSOR: Final = "cursor"

_T = TypeVar("_T")


def next_link(path: str, query: Query, cursor: str | None) -> Headers:
    """The header that leads to the rows behind `cursor`; none where there are no more.

    `cursor` is the position as the list knows it; in the link it is opaque.
    """
    if cursor is None:
        return ()
    token = base64.urlsafe_b64encode(cursor.encode()).decode().rstrip("=")
    parameters = urlencode([*((n, v) for n, v in query.items() if n != CURSOR), (CURSOR, token)])
    return (("Link", f'<{quote(path)}?{parameters}>; rel="next"'),)


def cursor_of(query: Query) -> str | None:
    """The position that a link carried, or None at the start."""
    token = text(query, CURSOR)
    if token is None:
        return None
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


def latest_changed_first(
    rows: Iterable[_T], times: Callable[[_T], tuple[int, int, str]], query: Query
) -> tuple[list[_T], str | None]:
    """A page of `rows`, the latest changed first, and the position behind it. Rows stand where they
    stood when the first page was read, so what is there all along is shown once.

    Args:
        times: when a row was made and when it changed, and its id; it changes only once.
    """
    known = list(rows)
    as_of, cursor = _as_of(cursor_of(query))
    if as_of is None:
        as_of = max((times(row)[1] for row in known), default=0)

    def key(row: _T) -> tuple[int, str]:
        made, changed, row_id = times(row)
        return (changed if changed <= as_of else made, row_id)

    there = [row for row in known if key(row)[0] <= as_of]
    page, more = _page(there, key, _position(cursor), queries.limit(query))
    return page, None if more is None else f"{as_of}.{more}"


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


def _as_of(cursor: str | None) -> tuple[int | None, str | None]:
    """When the walk began, and its position. Cursors of before that was kept are the position
    alone: rows stand where they stand."""
    if cursor is None or cursor.count(".") < 2:
        return None, cursor
    written, _, position = cursor.partition(".")
    return sequence_of(written), position


def _position(cursor: str | None) -> tuple[int, str] | None:
    if cursor is None:
        return None
    written, point, row_id = cursor.partition(".")
    at_ns = sequence_of(written)
    if at_ns is None or not point:
        raise bad_cursor()
    return at_ns, row_id
