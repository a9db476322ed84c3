"""Bytes as a form: what differs from clone to clone is left open, and filled in by position."""

import re
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import final


@final
class Pattern:
    """Args:
    text: the bytes of the original.
    found: finds in it what differs.
    index_of: the position of the value that goes there.
    """

    def __init__(
        self, text: bytes, found: re.Pattern[bytes], index_of: Callable[[bytes], int]
    ) -> None:
        holes = [index_of(match[0]) for match in found.finditer(text)]
        self._form = b"%b".join(part.replace(b"%", b"%%") for part in found.split(text))
        # Of one hole it gives the value alone, which `%` takes as well.
        self._chosen = itemgetter(*holes) if holes else None

    def filled(self, values: Sequence[bytes]) -> bytes:
        return self._form % (() if self._chosen is None else self._chosen(values))
