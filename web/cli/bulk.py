"""Does the same to many: to those that are named, or that match a filter, slice after slice.

What matches is shown first and asked about, as nobody sees what a filter means before. What is
named is meant.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, final

import click
import orjson

from chargehand.web.cli.failures import Failed
from chargehand.web.cli.members import Field, Members, in_options
from chargehand.web.cli.results import Refusals
from chargehand.web.cli.running import ask_to_go_on, on_terminal
from chargehand.web.cli.shown import Column, Listing, Part, Worth, at, print_json, show
from chargehand.web.exits import ClientExit
from chargehand.web.operations import Operation

if TYPE_CHECKING:
    from chargehand.web.cli.client import ApiResponse, Client

SLICE: Final = 500  # handled between two words about it
_REFUSED: Final[Sequence[Part]] = (Refusals("id"),)
_ROWS: Final[Sequence[Part]] = (
    Listing(
        "results",
        (
            Column("ID", "id", Worth.KEPT),
            Column("STATUS", "status", Worth.KEPT),
            Column("TITLE", "title", Worth.CUT),
        ),
    ),
    *_REFUSED,
)


@final
class Bulk(NamedTuple):
    """What is done to whom.

    Args:
        verb: as in "this cancels 3 tasks".
        participle: as in "3 tasks canceled".
        noun: what one of them is.
    """

    operation: Operation
    fields: Sequence[Field]
    verb: str
    participle: str
    noun: str

    def several(self, number: int) -> str:
        return f"1 {self.noun}" if number == 1 else f"{number} {self.noun}s"


@final
class _Answer(NamedTuple):
    """What was told of one slice. Args: matched: 0 where it is not said."""

    raw: bytes
    rows: object
    changed: int
    refused: int
    matched: int
    next_cursor: str | None

    @classmethod
    def of(cls, answer: "ApiResponse") -> "_Answer":
        changed, refused, matched = (
            int(str(at(answer.body, name) or 0)) for name in ("changed", "refused", "matched")
        )
        cursor = at(answer.body, "next_cursor")
        following = None if cursor is None else str(cursor)
        return cls(answer.raw, answer.body, changed, refused, matched, following)


def change_many(bulk: Bulk, client: "Client", as_json: bool, members: Members, yes: bool) -> None:
    """Args: yes: ask nothing."""
    body = _body(bulk, members)
    if "dry_run" in members:
        _preview(bulk, client, as_json, body)
        return
    if "ids" in members:
        matched = len(set(members["ids"]))
    else:
        matched = _agreed(bulk, client, as_json, body, yes)
        if not matched:
            return
    changed, refused = _all_slices(bulk, client, as_json, body, matched)
    if not as_json:
        count, told = bulk.several(changed + refused), f", {refused} refused" if refused else ""
        click.echo(f"{changed} of {count} {bulk.participle}{told}")
    if refused:
        raise SystemExit(ClientExit.PARTLY)


def _body(bulk: Bulk, members: Members) -> Members:
    """What is sent; several values of one member with commas between, as in a query."""
    name = bulk.noun.upper()
    if "ids" in members and "filter" in members:
        raise click.UsageError(f"{name} and a filter are two ways to say which: choose one")
    if "ids" in members:
        return members
    if "filter" not in members:
        raise click.UsageError(f"say which: {name}, or a filter, as --status")
    which = {
        member: ",".join(value) if isinstance(value, tuple) else value
        for member, value in members["filter"].items()
    }
    return {**members, "filter": which}


def _preview(bulk: Bulk, client: "Client", as_json: bool, body: Members) -> None:
    """Say what would be done."""
    answer = _ask(bulk, client, body)
    if as_json:
        print_json(answer.raw)
    else:
        _show_first(answer)
        click.echo(f"this would {bulk.verb} {bulk.several(answer.matched)}; nothing was changed")
    if answer.refused:
        raise SystemExit(ClientExit.PARTLY)


def _agreed(bulk: Bulk, client: "Client", as_json: bool, body: Members, yes: bool) -> int:
    """How many match, after whoever can be asked has said that it is meant."""
    answer = _ask(bulk, client, {**body, "dry_run": True})
    if not answer.matched:
        click.echo(f"no {bulk.noun}s match", err=True)
        return 0
    if not as_json:
        _show_first(answer)
    count = bulk.several(answer.matched)
    if not yes:
        if not on_terminal():
            text = f"this would {bulk.verb} {count}, and nobody can be asked: say --yes if that is"
            raise Failed(ClientExit.PARTLY, f"{text} meant")
        ask_to_go_on(f"this will {bulk.verb} {count}")
    return answer.matched


def _show_first(answer: _Answer) -> None:
    show(_ROWS, answer.rows)
    more = answer.matched - answer.changed - answer.refused
    if more > 0:
        click.echo(f"and {more} more", err=True)


def _all_slices(
    bulk: Bulk, client: "Client", as_json: bool, body: Members, matched: int
) -> tuple[int, int]:
    """Handle one slice after the other, and show what is refused at once. How many were changed,
    and refused."""
    changed = refused = 0
    sent = {**body, "limit": SLICE}
    while True:
        answer = _ask(bulk, client, sent)
        changed, refused = changed + answer.changed, refused + answer.refused
        if as_json:
            print_json(answer.raw)
        elif answer.refused:
            show(_REFUSED, answer.rows)
        if matched > SLICE:
            click.echo(f"chargehand: {changed + refused} of {matched} are done", err=True)
        if answer.next_cursor is None:
            return changed, refused
        sent["cursor"] = answer.next_cursor


def _ask(bulk: Bulk, client: "Client", body: Members) -> _Answer:
    operation = bulk.operation
    try:
        sent = orjson.dumps(body)
        answer = client.ask(operation.method, operation.path, body=sent, answer_s=None)
    except Failed as failed:
        failed.text = in_options(failed.text, bulk.fields)
        raise
    return _Answer.of(answer)
