"""More rows than asked for: an opaque cursor, announced by a `Link` header."""

import base64
import binascii
from urllib.parse import quote, urlencode

from actors.errors import Rejected, invalid
from web.queries import Query, text
from web.replies import Headers

CURSOR = "cursor"


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


def bad_cursor() -> Rejected:
    """The refusal of a cursor that no link of ours carried."""
    return invalid(f"?{CURSOR}", f"?{CURSOR} is none that a Link header gave", "follow the link")
