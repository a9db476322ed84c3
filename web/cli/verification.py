"""`chargehand verify`: what is wrong with a data directory, and what to do about it."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import click
import orjson
from rich.console import Console
from rich.progress import Progress

from chargehand.actors.ports import DamagedError, StorageError
from chargehand.persistence.lock import InUseError
from chargehand.persistence.opening import open_to_verify
from chargehand.persistence.store import Store, Table
from chargehand.persistence.verify import TABLES, Finding, Problem, verify
from chargehand.web.cli.failures import plain
from chargehand.web.exits import ExitCode, Fatal

_SHOWN_FROM: Final = 10_000  # values; smaller directories are done before anybody looks

_NEXT_STEPS: Final[Mapping[Problem, str]] = {
    Problem.UNREADABLE: (
        "no server starts with it, and nothing was changed: keep the directory, and start with the "
        "latest copy"
    ),
    Problem.STRUCTURE: (
        "LMDB cannot read it, and nothing was changed: keep the directory, and start with the "
        "latest copy"
    ),
    Problem.DIRECTORY: (
        "nothing: every record of the value is sound, and the next checkpoint trims it"
    ),
    Problem.REFERENCE: (
        "keep a copy of the directory and report it: no checksum fails, so this is a fault of the "
        "program, or a part of the directory is older than the rest"
    ),
}


def run(directory: Path, *, as_json: bool) -> None:
    """Check and print.

    Raises:
        Fatal: it cannot be opened.
        SystemExit: with `DAMAGED` where anything is wrong.
    """
    counts: dict[str, int] = {}
    try:
        with closing(open_to_verify(directory)) as store:
            counts = {table.value: store.count(table) for table in TABLES}
            with _progress(store) as progress:
                found = _show(directory, counts, verify(store, progress), as_json=as_json)
    except DamagedError as error:
        whole = Finding(Problem.UNREADABLE, None, "", None, str(error))
        found = _show(directory, counts, [whole], as_json=as_json)
    except InUseError as error:
        raise Fatal(
            ExitCode.CANNOT_OPEN,
            f"{error}; stop that server first, or verify a copy made while it was stopped",
        ) from error
    except StorageError as error:
        raise Fatal(ExitCode.CANNOT_OPEN, str(error)) from error
    if found:
        raise SystemExit(ExitCode.DAMAGED)


def _show(
    directory: Path, counts: Mapping[str, int], findings: Iterable[Finding], *, as_json: bool
) -> int:
    """How many there were."""
    if as_json:
        listed = [_as_json(finding) for finding in findings]
        shown = {"data_dir": str(directory), "ok": not listed}
        click.echo(orjson.dumps({**shown, "checked": counts, "findings": listed}))
        return len(listed)
    found = 0
    for finding in findings:
        found += 1
        click.echo(plain(f"{_where(finding)}: {finding.message}"))
        click.echo(plain(f"  {_what_to_do(finding)}"))
    checked = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    end = "all is well" if not found else f"{found} faults" if found > 1 else "1 fault"
    click.echo(f"{end}; checked: {checked or 'nothing'}")
    return found


_OF_SNAPSHOTS: Final = (Table.HEADS, Table.BODIES, Table.SNAPSHOTS)


def _where(finding: Finding) -> str:
    table, key, address = finding.table, finding.key, finding.address
    if table is None:
        return "the store"
    if table is Table.TIMELINE and address is not None:
        return f"timeline of {address}" + (f", from number {key}" if key else "")
    if table in _OF_SNAPSHOTS and address is not None:
        return f"snapshot of {address}"
    place = f"table {table.value}" + (f", key {key}" if key else "")
    return place if address in (None, key) else f"{place} (of {address})"


def _what_to_do(finding: Finding) -> str:
    if finding.problem not in (Problem.DAMAGED, Problem.KEPT):
        return _NEXT_STEPS[finding.problem]
    address = finding.address
    if address is None:
        return (
            "requests that need it are refused at every start, and all else is served; restore the "
            "latest copy to get it back"
        )
    if address.startswith("@"):
        return (
            f"{address[1:]} stays set aside at every start, and all else is served; restore the "
            "latest copy to get it back"
        )
    return (
        f"task {address} stays refused at every start, and all else is served; restore the latest "
        "copy to get it back, or create the task anew under another id"
    )


def _as_json(finding: Finding) -> dict[str, str | None]:
    return {
        "problem": finding.problem.value,
        "table": None if finding.table is None else finding.table.value,
        "key": finding.key,
        "address": finding.address,
        "message": finding.message,
        "what_to_do": _what_to_do(finding),
    }


class _Shown:
    """Progress on a terminal. Args: bar: None shows nothing."""

    def __init__(self, bar: Progress | None, total: int) -> None:
        self._bar = bar
        self._task = None if bar is None else bar.add_task("verify", total=total)
        self._done: dict[Table, int] = {}

    def __call__(self, table: Table, count: int) -> None:
        self._done[table] = count
        if self._bar is not None and self._task is not None:
            done = sum(self._done.values())
            self._bar.update(self._task, completed=done, description=table.value)


@contextmanager
def _progress(store: Store) -> Iterator[_Shown]:
    total = sum(store.count(table) for table in TABLES)
    if total < _SHOWN_FROM or not sys.stderr.isatty():
        yield _Shown(None, total)
        return
    with Progress(console=Console(stderr=True), transient=True) as bar:
        yield _Shown(bar, total)
