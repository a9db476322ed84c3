"""`chargehand verify`: what is wrong with a data directory, and what to do about it."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import click
import orjson
from rich.console import Console
from rich.progress import Progress

from actors.ports import StorageError
from persistence.opening import open_to_verify
from persistence.store import Store, Table
from persistence.verify import TABLES, Finding, Flaw, verify
from web.cli.failures import plain
from web.exits import ExitCode, Fatal

_SHOWN_FROM: Final = 10_000  # values; smaller directories are done before anybody looks

WHAT_TO_DO: Final[Mapping[Flaw, str]] = {
    Flaw.UNREADABLE: (
        "no server starts with it, and nothing was changed: keep the directory, and start from the "
        "latest copy of it"
    ),
    Flaw.DAMAGED: (
        "the server sets what it concerns aside and serves all else: go on without it, or keep the "
        "directory and start from the latest copy"
    ),
    Flaw.DIRECTORY: "nothing: every record of the value is sound, and the next checkpoint trims it",
    Flaw.REFERENCE: (
        "keep a copy of the directory and report it: no checksum fails, so this is a fault of the "
        "program, or a part of the directory is older than the rest"
    ),
    Flaw.KEPT: (
        "the server keeps what it concerns aside and serves all else: go on without it, or start "
        "from a copy made before"
    ),
}


def run(directory: Path, *, as_json: bool) -> None:
    """Check and print.

    Raises:
        Fatal: it cannot be opened.
        SystemExit: with `DAMAGED` where anything is wrong.
    """
    try:
        with closing(open_to_verify(directory)) as store:
            counts = {table.value: store.count(table) for table in TABLES}
            found = 0
            with _progress(store) as progress:
                findings = verify(store, progress)
                if as_json:
                    told = [_as_json(finding) for finding in findings]
                    found = len(told)
                    shown = {"data_dir": str(directory), "ok": not found}
                    click.echo(orjson.dumps({**shown, "checked": counts, "findings": told}))
                else:
                    for finding in findings:
                        found += 1
                        _print(finding)
    except StorageError as error:
        raise Fatal(ExitCode.CANNOT_OPEN, str(error)) from error
    if not as_json:
        checked = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        end = "all is well" if not found else f"{found} faults" if found > 1 else "1 fault"
        click.echo(f"{end}; checked: {checked or 'nothing'}")
    if found:
        raise SystemExit(ExitCode.DAMAGED)


def _print(finding: Finding) -> None:
    where = f"{finding.table.value} {finding.key}".rstrip()
    whose = "" if finding.address in (None, finding.key) else f" (of {finding.address})"
    click.echo(plain(f"{where}{whose}: {finding.told}"))
    click.echo(f"  {WHAT_TO_DO[finding.flaw]}")


def _as_json(finding: Finding) -> dict[str, str | None]:
    return {
        "flaw": finding.flaw.value,
        "table": finding.table.value,
        "key": finding.key,
        "address": finding.address,
        "told": finding.told,
        "what_to_do": WHAT_TO_DO[finding.flaw],
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
