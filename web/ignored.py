"""What a request holds that its operation does not know: named to the caller, or refused.

A misspelt member would else change nothing, and nobody would notice. It is named by its JSON
pointer, a query parameter with `?` in front.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Final, final
from urllib.parse import quote, unquote

import attrs

from chargehand.actors.errors import Code, Rejected
from chargehand.web.bodies import Request, known_members
from chargehand.web.decoding import escaped
from chargehand.web.headers import IGNORED_HEADER
from chargehand.web.openapi.table import DOCS
from chargehand.web.operations import Operation
from chargehand.web.paging import CURSOR
from chargehand.web.queries import Query
from chargehand.web.responses import Headers

NAMES_MAX: Final = 16  # of one request that are named; the rest is only said to be there
NAME_CHARS_MAX: Final = 64
HEADER_CHARS_MAX: Final = 1024
MORE: Final = "..."  # ends a name that was cut, and a list that is longer than it shows

_LIKE: Final = 0.65  # how alike a known name must be to be meant


@final
@attrs.define(eq=False)
class Ignored:
    """What of one request was found to be ignored.

    Args:
        refuses: it is refused instead.
    """

    operation: Operation
    refuses: bool
    names: list[str] = attrs.field(factory=list)
    is_cut: bool = False

    def look_at_query(self, query: Query) -> None:
        """Note the parameters that the operation does not know."""
        if query:
            known = known_parameters(self.operation)
            self._note(f"?{name}" for name in query if name not in known)

    def look_at_body(self, value: object) -> None:
        """Note the members that the operation does not know.

        Raises:
            Rejected: there is something unknown, in query or body, and the server refuses it.
        """
        self._note(_unknown(value, DOCS[self.operation].request, ""))
        self.check()

    def check(self) -> None:
        """Raises: Rejected: there is something unknown, and the server refuses it."""
        if self.names and self.refuses:
            raise self._refusal(self.names)

    def check_below(self, place: str) -> None:
        """Whatever the server does elsewhere, nothing unknown may stand in this object.

        Args:
            place: its JSON pointer.

        Raises:
            Rejected: something does, or so much is unknown that it cannot be told.
        """
        inside = [name for name in self.names if name.startswith(f"{place}/")]
        if inside or self.is_cut:
            raise self._refusal(inside or self.names)

    def headers(self) -> Headers:
        """The header that names it; none where there is nothing."""
        if not self.names:
            return ()
        shown: list[str] = []
        length = 0
        for name in map(_encoded, self.names):
            length += len(name) + 2
            if length > HEADER_CHARS_MAX - len(MORE):
                return ((IGNORED_HEADER, ", ".join([*shown, MORE])),)
            shown.append(name)
        if self.is_cut:
            shown.append(MORE)
        return ((IGNORED_HEADER, ", ".join(shown)),)

    def _note(self, found: Iterable[str]) -> None:
        room = NAMES_MAX - len(self.names)
        names = list(islice(found, room + 1))
        self.is_cut = self.is_cut or len(names) > room
        self.names.extend(map(_cut, names[:room]))

    def _refusal(self, names: Sequence[str]) -> Rejected:
        named = [with_suggestion(self.operation, name) for name in names]
        if self.is_cut:
            named.append(MORE)
        return Rejected(
            Code.UNKNOWN_MEMBERS,
            f"this operation does not know {', '.join(named)}",
            "correct the names, or leave them out",
            pointer=names[0],
            evidence={"unknown": ", ".join(names)},
        )


def known_parameters(operation: Operation) -> frozenset[str]:
    """The names of its query parameters."""
    row = DOCS[operation]
    return frozenset((*row.query, CURSOR) if row.is_list else row.query)


def with_suggestion(operation: Operation, name: str) -> str:
    """A name that an operation does not know, with the known one that may be meant."""
    place, separator, last = name.rpartition("/") if name.startswith("/") else ("", "?", name[1:])
    known = _known_at(operation, place) if separator == "/" else known_parameters(operation)
    others = [one for one in known if one != last]  # to an older server ours may be unknown
    meant = get_close_matches(last[:NAME_CHARS_MAX].lower(), others, n=1, cutoff=_LIKE)
    return f"{name} (did you mean {place}{separator}{meant[0]}?)" if meant else name


def names_in(header: str) -> list[str]:
    """The names that the header's value lists."""
    names = (unquote(item.strip()) for item in header.split(","))
    return [name for name in names if name]


def _known_at(operation: Operation, place: str) -> Iterable[str]:
    """The members of the object that stands at a pointer in the operation's body."""
    request = DOCS[operation].request
    for name in place.split("/")[1:]:
        request = None if request is None else known_members(request).get(name)
    return () if request is None else known_members(request)


def _unknown(value: object, request: Request | None, place: str) -> Iterator[str]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown(item, request, f"{place}/{index}")
    if not isinstance(value, dict):
        return
    known: Mapping[str, Request | None] = {} if request is None else known_members(request)
    for name, item in value.items():
        if name not in known:
            yield f"{place}/{escaped(name)}"
        elif (inner := known[name]) is not None:
            yield from _unknown(item, inner, f"{place}/{name}")


def _cut(name: str) -> str:
    return name if len(name) <= NAME_CHARS_MAX else name[:NAME_CHARS_MAX] + MORE


def _encoded(name: str) -> str:
    """As it may stand in a header, whatever it is made of."""
    if name.startswith("?"):
        return f"?{quote(name[1:], safe='', errors='replace')}"
    return quote(name, safe="/", errors="replace")
