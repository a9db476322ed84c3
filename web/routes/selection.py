"""Which tasks or runs a bulk request is about: ids, or the filter of a list."""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Final, TypeVar

import attrs
import trio

from chargehand.actors import limits
from chargehand.actors.bulk.selection import Selection, Slice
from chargehand.actors.errors import Code, Rejected, invalid
from chargehand.actors.frozen import replace
from chargehand.web.call import Call
from chargehand.web.paging import as_token, from_token
from chargehand.web.queries import Query
from chargehand.web.requests.bulk import (
    BulkRunFilter,
    BulkRunsRequest,
    BulkTaskFilter,
    BulkTasksRequest,
)

F = TypeVar("F")
R = TypeVar("R")
T = TypeVar("T")
Body = BulkTasksRequest | BulkRunsRequest

_FILTER: Final = "/filter"
_WIDENING: Final = "include_drafts"  # alone it leaves nothing out


def selection_of(call: Call, body: Body, filter_of: Callable[[Call], F]) -> Selection[F]:
    """What the body selects.

    Args:
        filter_of: reads the filter of the list from the query of a call.

    Raises:
        Rejected: neither ids nor a filter, or both; they are wrong, or the limit is.
    """
    if (body.ids is None) == (body.filter is None):
        raise invalid(
            "/ids", "exactly one of /ids and /filter says what is meant", "send one of them"
        )
    named = None if body.ids is None else _named(body.ids)
    which = None if body.filter is None else _filter(call, body.filter, filter_of)
    return Selection(named, which, _limit(body), _cursor(body), body.dry_run)


def _cursor(body: Body) -> str | None:
    try:
        return None if body.cursor is None else from_token(body.cursor)
    except Rejected as refusal:
        raise in_cursor(refusal) from None


def _named(ids: tuple[str, ...]) -> list[str]:
    """Trimmed, each once, in the order given."""
    if len(ids) > limits.BULK_IDS_MAX:
        raise Rejected(
            Code.BULK_TOO_LARGE,
            f"{len(ids)} ids are more than {limits.BULK_IDS_MAX}",
            "send them in several requests",
            pointer="/ids",
            evidence={"limit": limits.BULK_IDS_MAX, "count": len(ids)},
        )
    if not ids:
        raise invalid("/ids", "/ids is empty", "name what is meant")
    named = [one.strip() for one in ids]
    for index, one in enumerate(named):
        if not one:
            raise invalid(f"/ids/{index}", f"/ids/{index} is blank", "leave it out")
    return list(dict.fromkeys(named))


def _limit(body: Body) -> int:
    if body.limit is None:
        if body.dry_run:
            return limits.BULK_SHOWN
        return limits.BULK_IDS_MAX if body.filter is None else limits.BULK_SLICE_MAX
    if not 1 <= body.limit <= limits.BULK_SLICE_MAX:
        raise invalid("/limit", f"/limit must be from 1 to {limits.BULK_SLICE_MAX}")
    return body.limit


def _filter(call: Call, given: BulkTaskFilter | BulkRunFilter, filter_of: Callable[[Call], F]) -> F:
    """Read as the list would read it, so that both select the same."""
    call.ignored.check_below(_FILTER)
    query = _query_of(given)
    everything = {name: query[name] for name in query if name == _WIDENING}
    try:
        which = filter_of(attrs.evolve(call, query=query))
    except Rejected as refusal:
        raise _in_body(refusal, _FILTER) from None
    # Not by what was sent: it may be blank, or as good as that.
    leaves_out = which != filter_of(attrs.evolve(call, query=everything))
    if given.all and leaves_out:
        message = "/filter/all stands beside what leaves something out"
        raise invalid(f"{_FILTER}/all", message, "leave one of both out")
    if not (given.all or leaves_out):
        message = "/filter leaves nothing out, so that everything would be meant"
        raise invalid(_FILTER, message, 'if so, say {"filter": {"all": true}}')
    return which


def _query_of(given: BulkTaskFilter | BulkRunFilter) -> Query:
    """The parameters of the list that say the same."""
    members = attrs.asdict(given, recurse=False).items()
    return {name: _text_of(value) for name, value in members if value not in (None, False)}


def _text_of(value: object) -> str:
    match value:
        case Enum():
            return str(value.value)
        case bool():
            return "true"
        case _:
            return str(value)


def _in_body(refusal: Rejected, place: str) -> Rejected:
    """The refusal of a parameter, as one of a member."""
    pointer = refusal.pointer
    if pointer is None or not pointer.startswith("?"):
        return refusal
    inside = f"{place}/{pointer[1:]}"
    message = refusal.message.replace(pointer, inside)
    message = message.replace(f"the parameter {pointer[1:]}", inside)
    return replace(refusal, message=message, pointer=inside)


def in_cursor(refusal: Rejected) -> Rejected:
    """The refusal of a cursor, as one of the member."""
    if refusal.pointer != "?cursor":
        return refusal
    step = "send the next_cursor of the last answer, or none to begin"
    return replace(_in_body(refusal, ""), next_step=step)


def next_cursor(found: Slice) -> str | None:
    """What is sent to go on; opaque."""
    return None if found.next_cursor is None else as_token(found.next_cursor)


async def in_rows(outcomes: Sequence[T], row_of: Callable[[T], R]) -> list[R]:
    """A row for each, in turns: what explains a refusal is read."""
    rows: list[R] = []
    for outcome in outcomes:
        if len(rows) % limits.SLICE_MAX == 0:
            await trio.lowlevel.checkpoint()
        rows.append(row_of(outcome))
    return rows
