"""`chargehand verify`: what is wrong with a data directory, and what to do about it."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, final

import click
import orjson
from attrs import define
from rich.console import Console
from rich.progress import Progress

from chargehand.actors.ports import DamagedError, StorageError
from chargehand.persistence.lmdb_store import DATA_FILE, NEAR
from chargehand.persistence.lock import InUseError
from chargehand.persistence.opening import open_to_verify
from chargehand.persistence.replicated.near import mark_of
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


_OF_A_COPY: Final = (
    "remove {}, and start the node: it copies the database anew; what is found again after that is "
    "so in the database"
)


def run(directory: Path, *, as_json: bool) -> None:
    """Check and print. Of a node's data directory it is the copy in it that is checked.

    Raises:
        Fatal: it cannot be opened.
        SystemExit: with `DAMAGED` where anything is wrong.
    """
    near = directory / NEAR
    is_copy = (near / DATA_FILE).exists()
    shown = _Shown(directory, as_json, _OF_A_COPY.format(near) if is_copy else None)
    counts: dict[str, int] = {}
    try:
        with closing(open_to_verify(near if is_copy else directory)) as store:
            counts = {table.value: store.count(table) for table in TABLES}
            if is_copy:
                shown.copy_of = _copied(directory, store)
            with _progress(store) as progress:
                found = shown.show(counts, verify(store, progress))
    except DamagedError as error:
        whole = Finding(Problem.UNREADABLE, None, "", None, str(error))
        found = shown.show(counts, [whole])
    except InUseError as error:
        raise Fatal(
            ExitCode.CANNOT_OPEN,
            f"{error}; stop that server first, or verify a copy made while it was stopped",
        ) from error
    except StorageError as error:
        raise Fatal(ExitCode.CANNOT_OPEN, str(error)) from error
    if found:
        raise SystemExit(ExitCode.DAMAGED)


def _copied(directory: Path, store: Store) -> str:
    """The journal that a store is a copy of."""
    mark = mark_of(store)
    if mark is None:
        raise Fatal(
            ExitCode.CANNOT_OPEN,
            f"{directory} holds a part of a node's copy: start the node, which copies the rest",
        )
    return mark.journal


@final
@define
class _Shown:
    """What is printed of a data directory.

    Args:
        step: what to do about whatever is wrong; None: that depends.
        copy_of: the journal, where it is a node's copy of one.
    """

    directory: Path
    as_json: bool
    step: str | None
    copy_of: str | None = None

    def show(self, counts: Mapping[str, int], findings: Iterable[Finding]) -> int:
        """How many there were."""
        if self.as_json:
            return self._show_json(counts, findings)
        if self.copy_of is not None:
            click.echo(
                f"{self.directory} holds a node's copy of journal {self.copy_of}, and the copy is "
                "what is checked; `chargehand journal status` looks at the database"
            )
        found = 0
        for finding in findings:
            found += 1
            click.echo(plain(f"{_where(finding)}: {finding.message}"))
            click.echo(plain(f"  {self.step or _what_to_do(finding)}"))
        checked = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        end = "all is well" if not found else f"{found} faults" if found > 1 else "1 fault"
        click.echo(f"{end}; checked: {checked or 'nothing'}")
        return found

    def _show_json(self, counts: Mapping[str, int], findings: Iterable[Finding]) -> int:
        listed = [
            {**_as_json(finding), "what_to_do": self.step or _what_to_do(finding)}
            for finding in findings
        ]
        shown: dict[str, object] = {"data_dir": str(self.directory), "ok": not listed}
        if self.copy_of is not None:
            shown["copy_of"] = self.copy_of
        click.echo(orjson.dumps({**shown, "checked": counts, "findings": listed}))
        return len(listed)


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
    }


class _Bar:
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
def _progress(store: Store) -> Iterator[_Bar]:
    total = sum(store.count(table) for table in TABLES)
    if total < _SHOWN_FROM or not sys.stderr.isatty():
        yield _Bar(None, total)
        return
    with Progress(console=Console(stderr=True), transient=True) as bar:
        yield _Bar(bar, total)
