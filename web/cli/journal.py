"""`chargehand journal`: the journal in a database, which several nodes share."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from chargehand.web.cli.environment import PREFIX
from chargehand.web.cluster.needed import journal_address, needs_postgres
from chargehand.web.exits import ExitCode, Fatal

if TYPE_CHECKING:
    from chargehand.persistence.postgres.address import JournalAddress
    from chargehand.persistence.postgres.copying import Copied
    from chargehand.persistence.postgres.safety import Safety
    from chargehand.persistence.postgres.schema import Found

T = TypeVar("T")

VARIABLE = f"{PREFIX}JOURNAL"


@click.group()
def journal() -> None:
    """The journal in a database, which several nodes share. Its address is postgresql://…, with
    schema=NAME and prepared=off among its parameters, where they are wanted."""


def _run(url: str | None, what: "Callable[[JournalAddress], T]") -> T:
    def run() -> T:
        text = url or os.environ.get(VARIABLE)
        if not text:
            raise Fatal(ExitCode.BAD_SETTING, f"name the journal: as an argument, or in {VARIABLE}")
        return what(journal_address(text))

    return _reporting(run)


def _shown(found: "Found") -> dict[str, object]:
    return {
        "journal": found.journal,
        "epoch": found.epoch,
        "head": found.head,
        "active": found.node or None,
    }


def _print(shown: "dict[str, object]") -> None:
    for name, value in shown.items():
        print(f"{name:8} {'nobody' if value is None else value}")


def _warn(text: str) -> None:
    print(f"chargehand: warning: {text}", file=sys.stderr, flush=True)


@journal.command()
@click.argument("url", required=False)
@click.option("--json", "as_json", is_flag=True, help="print it as JSON")
def init(url: str | None, as_json: bool) -> None:
    """Make an empty journal. Its schema is made as well, where it is not there. Warns of a database
    that could lose what it acknowledges, as no node starts with that.

    \b
    Example:
      chargehand journal init postgresql://chargehand@db.internal/chargehand
    """

    def make(address: "JournalAddress") -> "Found":
        from chargehand.persistence.postgres.safety import safety, told
        from chargehand.persistence.postgres.schema import create

        # Before, as commits to a database without its standby wait for that.
        found = safety(address)
        if found.risks:
            _warn(f"no node starts with it: {told(address, found.risks)}")
        if found.stalled is not None:
            _warn(found.stalled)
        return create(address)

    shown = _shown(_run(url, make))
    if as_json:
        print(json.dumps(shown))
    else:
        _print(shown)


@journal.command()
@click.argument("url", required=False)
@click.option("--json", "as_json", is_flag=True, help="print it as JSON")
def status(url: str | None, as_json: bool) -> None:
    """Who writes the journal, how far it has got, and whether its database could lose what it
    acknowledges. A commit waits until a standby of the database has it: how many do?

    \b
    Example:
      chargehand journal status postgresql://chargehand@db.internal/chargehand
    """

    def look(address: "JournalAddress") -> "tuple[Found, Safety]":
        from chargehand.persistence.postgres.safety import safety
        from chargehand.persistence.postgres.schema import find

        return find(address), safety(address)

    found, safe = _run(url, look)
    shown = _shown(found)
    if as_json:
        shown |= {
            "waiting_commits": safe.waiting_commits,
            "waiting_seconds": round(safe.waits_s, 1),
            "risks": safe.risks,
            "stalled": safe.stalled,
        }
        print(json.dumps(shown))
        return
    commits = safe.waiting_commits
    lasting = f", for up to {safe.waits_s:.0f} s" if commits else ""
    waiting = f"{commits} commit{'' if commits == 1 else 's'} for a standby of the database"
    _print({**shown, "waiting": waiting + lasting})
    for reason in (*safe.risks, *filter(None, [safe.stalled])):
        _warn(reason)


@journal.command()
@click.argument("source")
@click.argument("target")
@click.option("--json", "as_json", is_flag=True, help="print it as JSON")
def copy(source: str, target: str, as_json: bool) -> None:
    """Copy a whole journal from a data directory into a new one in a database, or back. Each is a
    path or a postgresql:// address; nobody may be writing either. What was copied is read back and
    compared.

    \b
    Example:
      chargehand journal copy /var/lib/chargehand postgresql://chargehand@db.internal/chargehand
    """

    def run() -> "Copied":
        from chargehand.persistence.postgres.address import SCHEMES
        from chargehand.persistence.postgres.copying import to_database, to_directory

        def is_address(text: str) -> bool:
            return text.partition(":")[0] in SCHEMES

        if not (source.strip() and target.strip()):
            raise Fatal(
                ExitCode.BAD_SETTING,
                "an empty text is no place of a journal (is a variable not set?): name a data "
                "directory, . for the current one, and an address",
            )
        if is_address(source) == is_address(target):
            raise Fatal(ExitCode.BAD_SETTING, "one of both is a directory, the other an address")
        if is_address(target):
            return to_database(Path(source), journal_address(target))
        return to_directory(journal_address(source), Path(target))

    copied = _reporting(run)
    if as_json:
        print(json.dumps({"rows": copied.rows, "head": copied.head, "sha256": copied.digest}))
    else:
        print(f"{copied.rows} rows up to number {copied.head}, compared: {copied.digest}")


def _reporting(what: Callable[[], T]) -> T:
    """What it returns; a failure ends the program."""
    from chargehand.actors.ports import StorageError

    try:
        return needs_postgres(what)
    except Fatal as fatal:
        failure = fatal
    except StorageError as error:
        failure = Fatal(ExitCode.CANNOT_OPEN, str(error))
    print(f"chargehand: {failure}", file=sys.stderr)
    sys.exit(failure.code)
