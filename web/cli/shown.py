"""Answers laid out for people: cards of one thing, rows of many, and trees.

On a terminal rows are made to fit: columns that matter less are left out, and long texts are cut.
What goes into a pipe or a file is left whole. Ids are never cut: they are there to be copied.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final, Protocol, final

import click
import orjson
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from chargehand.actors.frozen import frozen, replace
from chargehand.web.cli.failures import plain

_PIPED_WIDTH: Final = 100_000  # lines stay whole for grep and its like
_GAP: Final = 2  # between columns
_CUT_CHARS_MIN: Final = 20  # to this a text is cut before a column is left out
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?Z")
_UNSET: Final = "0001-01-01T00:00:00Z"


class Part(Protocol):
    """A piece of an answer."""

    def of(self, body: object) -> Sequence[RenderableType]:
        """What of `body` is to be seen; nothing where it is not there."""


@final
class Output(Console):
    """Stdout: as wide as the terminal, or as wide as it takes."""

    def __init__(self) -> None:
        width = None if sys.stdout.isatty() else _PIPED_WIDTH
        super().__init__(width=width, highlight=False, markup=False, emoji=False)


def show(parts: Sequence[Part], body: object) -> None:
    """Print the parts."""
    _print(pieces(parts, body))


@final
class Pages:
    """Prints one page after the other as one list; only the widest row of all is kept in mind."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._widths: Widths | None = None

    def show(self, body: object) -> None:
        found = pieces(self._parts, body)
        if self._widths is None:
            self._widths = {}
        elif all(isinstance(piece, Text) for piece in found):
            return  # it says no more than that there is nothing
        _print([_going_on(piece, self._widths) for piece in found])


def _going_on(piece: RenderableType, widths: "Widths") -> RenderableType:
    return replace(piece, widths=widths) if isinstance(piece, FittingTable) else piece


def _print(found: Sequence[RenderableType]) -> None:
    out = Output()
    with out.capture() as printed:
        for piece in found:
            out.print(piece, crop=False)
    for line in printed.get().splitlines():  # cells are filled up with spaces, the last ones too
        click.echo(line.rstrip(" "), color=True)


def print_json(raw: bytes, next_cursor: str | None = None) -> None:
    """The body of an answer as it is, in a line of its own.

    Args:
        next_cursor: where the list goes on; a member of its own, behind those of the server.
    """
    raw = raw.rstrip()
    if next_cursor is not None and raw.endswith(b"}"):
        raw = b'%b,"next_cursor":%b}' % (raw[:-1], orjson.dumps(next_cursor))
    if raw:
        click.echo(raw)


def pieces(parts: Sequence[Part], body: object) -> list[RenderableType]:
    """What the parts show, with an empty line between each two."""
    found = [piece for part in parts for piece in part.of(body)]
    return [line for piece in found for line in (piece, Text())][:-1]


def at(body: object, path: str) -> object:
    """What stands under a dotted path; None where the path ends early."""
    for name in path.split(".") if path else ():
        if not isinstance(body, Mapping):
            return None
        body = body.get(name)
    return body


def told(value: object) -> str:
    """One value as a word or a line."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case str():
            return "" if value == _UNSET else plain(_TIME.sub(r"\1 \2Z", value))
        case list() if all(isinstance(item, str) for item in value):
            return ", ".join(map(plain, value))
        case {"kind": str(kind), "ref": str(ref), **rest} if not rest:
            return plain(f"{kind} {ref}")
        case _:
            return plain(orjson.dumps(that_is_set(value)).decode())


def that_is_set(value: object) -> object:
    """A thing without those of its times that are not set."""
    if not isinstance(value, Mapping):
        return value
    return {name: that_is_set(inner) for name, inner in value.items() if inner != _UNSET}


def several(found: object) -> Sequence[object]:
    """A list as it is, a single thing as one of one, and nothing as none."""
    if isinstance(found, list):
        return found
    return [] if found is None else [found]


@final
@frozen
class Card:
    """One thing: a line for each member that is no list of things, nor shown elsewhere."""

    path: str
    title: str = ""
    without: Sequence[str] = ()

    def of(self, body: object) -> Sequence[RenderableType]:
        found = at(body, self.path)
        if not isinstance(found, Mapping):
            return []
        grid = Table.grid(padding=(0, _GAP))
        grid.add_column(no_wrap=True, style="bold")
        grid.add_column(overflow="fold")
        for name, value in found.items():
            text = "\n".join(told(line) for line in _lines(value))
            if text and name not in self.without:
                grid.add_row(Text(plain(name)), Text(text))
        return [Titled(self.title, grid)] if self.title else [grid]


def _lines(value: object) -> Sequence[object]:
    """A long text keeps its lines; things of their own are shown elsewhere."""
    if isinstance(value, str):
        return value.splitlines()
    if isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        return []
    return [value]


class Worth(Enum):
    """What becomes of a column where there is no room."""

    KEPT = "kept"
    CUT = "cut"  # its texts are, and where even that is too much it is left out, after the spare
    SPARE = "spare"  # left out, the last one first


@final
@frozen
class Column:
    """Args: or_else: a path that counts where nothing stands under the first."""

    heading: str
    path: str
    worth: Worth = Worth.SPARE
    or_else: str | None = None

    def cell(self, row: object) -> str:
        text = told(at(row, self.path))
        return text if text or self.or_else is None else told(at(row, self.or_else))


@final
@frozen
class Listing:
    """Many things of a kind; those with a title are left out where there are none."""

    path: str
    columns: Sequence[Column]
    title: str = ""
    none: str = "none"

    def of(self, body: object) -> Sequence[RenderableType]:
        found = several(at(body, self.path))
        if not found:
            return [] if self.title else [Text(self.none, style="dim")]
        cells = [[column.cell(row) for column in self.columns] for row in found]
        table = FittingTable(self.columns, cells)
        return [Titled(self.title, table)] if self.title else [table]


@final
@frozen
class Titled:
    title: str
    inner: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(self.title, style="bold underline")
        yield self.inner


Widths = dict[int, int]  # of columns, by number


@final
@frozen
class FittingTable:
    """Rows under their headings.

    Args:
        widths: of the columns of what was printed above, which these rows go on with; filled here.
    """

    columns: Sequence[Column]
    cells: Sequence[Sequence[str]]
    widths: Widths | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        widths = [
            max(cell_len(text) for text in (column.heading, *texts))
            for column, *texts in zip(self.columns, *self.cells, strict=True)
        ]
        # On a terminal each page chooses its columns anew, so it has to name them.
        has_headings = console.is_terminal or not self.widths
        if self.widths is not None:
            widths = [max(width, self.widths.get(n, 0)) for n, width in enumerate(widths)]
            self.widths.update(enumerate(widths))
        chosen = list(range(len(self.columns)))
        if console.is_terminal:
            chosen = self._fitting(widths, options.max_width)
        table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), show_header=has_headings)
        for n in chosen:
            table.add_column(
                Text(self.columns[n].heading), no_wrap=True, overflow="ellipsis", width=widths[n]
            )
        for row in self.cells:
            table.add_row(*(Text(row[n]) for n in chosen))
        needed = sum(widths[n] + _GAP for n in chosen)
        yield from console.render(table, options.update(width=max(needed, options.max_width)))

    def _fitting(self, widths: list[int], room: int) -> list[int]:
        """The columns to show; `widths` of those whose texts are cut are changed."""
        chosen = [
            n
            for n, column in enumerate(self.columns)
            if column.worth is Worth.KEPT or any(row[n] for row in self.cells)
        ]
        cut = [n for n in chosen if self.columns[n].worth is Worth.CUT]
        spare = [n for n in chosen if self.columns[n].worth is Worth.SPARE]

        def missing() -> int:
            least = {n: min(widths[n], _CUT_CHARS_MIN) for n in cut}
            return sum(least.get(n, widths[n]) + _GAP for n in chosen) - _GAP - room

        expendable = [*cut, *spare]
        while missing() > 0 and expendable:
            chosen.remove(expendable.pop())
        for n in (n for n in cut if n in chosen):
            over = sum(widths[m] + _GAP for m in chosen) - _GAP - room
            widths[n] -= max(0, min(over, widths[n] - _CUT_CHARS_MIN))
        return chosen


@final
@frozen
class Branches:
    """A task and all below it."""

    def of(self, body: object) -> Sequence[RenderableType]:
        root = at(body, "tree.root")
        top = Tree(_node(root))
        branches = {at(root, "task.id"): top}
        for node in several(at(body, "tree.descendants")):  # ancestors first
            above = branches.get(at(node, "parent_task_id"), top)
            branches[at(node, "task.id")] = above.add(_node(node))
        return [top]


def _node(node: object) -> Text:
    words = [told(at(node, "task.id")), told(at(node, "task.status"))]
    run = at(node, "active_run.status")
    if run is not None:
        words.append(f"(run {told(run)})")
    return Text("  ".join([*words, told(at(node, "task.title"))]))
