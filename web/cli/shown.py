"""Answers laid out for people: cards of one thing, rows of many, and trees.

On a terminal rows are made to fit: columns that matter less are left out, and long texts are cut.
What goes into a pipe or a file is left whole. Ids are neither cut nor left out: the next command
needs them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Final, NamedTuple, Protocol, final

import click
import orjson
from rich.cells import cell_len

from chargehand.web.cli.failures import plain
from chargehand.web.cli.layout import (
    BOLD,
    DIM,
    GAP,
    Block,
    Line,
    Note,
    Pair,
    Pairs,
    Span,
    Titled,
    cut,
    padded,
    print_blocks,
)

_CUT_CHARS_MIN: Final = 20  # to this a text is cut before another column is left out
_CUT_CHARS_LEAST: Final = 10  # and to this before it is left out itself
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?Z")
_UNSET: Final = "0001-01-01T00:00:00Z"


class Part(Protocol):
    """A piece of an answer."""

    def of(self, body: object) -> Sequence[Block]:
        """What of `body` is to be seen; nothing where it is not there."""


def show(parts: Sequence[Part], body: object) -> None:
    """Print the parts."""
    print_blocks(pieces(parts, body))


@final
class Pages:
    """Prints one page after the other as one list; only the widest row of all is kept in mind."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._widths: Widths | None = None

    def show(self, body: object, *, is_last: bool = True) -> None:
        """Print the next one. That there is nothing is said at the end, of all of them."""
        found = pieces(self._parts, body)
        is_empty = all(isinstance(piece, Note) for piece in found)
        if is_empty and (self._widths is not None or not is_last):
            return
        if self._widths is None:
            self._widths = {}
        print_blocks(_going_on(piece, self._widths) for piece in found)


def _going_on(piece: Block, widths: "Widths") -> Block:
    return piece._replace(widths=widths) if isinstance(piece, FittingTable) else piece


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


def pieces(parts: Sequence[Part], body: object) -> list[Block]:
    """What the parts show, with an empty line between each two."""
    found = [piece for part in parts for piece in part.of(body)]
    return [block for piece in found for block in (piece, Note())][:-1]


def at(body: object, path: str) -> object:
    """What stands under a dotted path; None where the path ends early."""
    for name in path.split(".") if path else ():
        if not isinstance(body, Mapping):
            return None
        body = body.get(name)
    return body


def text_of(value: object) -> str:
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
class Card(NamedTuple):
    """One thing: a line for each member that is no list of things, nor shown elsewhere."""

    path: str
    title: str = ""
    without: Sequence[str] = ()

    def of(self, body: object) -> Sequence[Block]:
        found = at(body, self.path)
        if not isinstance(found, Mapping):
            return []
        texts = (
            Pair(plain(name), "\n".join(text_of(line) for line in _lines(value)))
            for name, value in found.items()
            if name not in self.without
        )
        card = Pairs([pair for pair in texts if pair.text])
        return [Titled(self.title, card)] if self.title else [card]


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
    CUT = "cut"  # its texts are, and where even that is too much it is left out, the last of all
    BELOW = "below"  # goes below the row, the last one first, after the spare
    SPARE = "spare"  # left out, the last one first


@final
class Column(NamedTuple):
    """Args: or_else: a path that counts where nothing stands under the first."""

    heading: str
    path: str
    worth: Worth = Worth.SPARE
    or_else: str | None = None

    def cell(self, row: object) -> str:
        text = text_of(at(row, self.path))
        return text if text or self.or_else is None else text_of(at(row, self.or_else))


@final
class Listing(NamedTuple):
    """Many things of a kind; those with a title are left out where there are none.

    Args:
        numbered: the heading of a column with the number of each, from 0; without it none.
    """

    path: str
    columns: Sequence[Column]
    title: str = ""
    none: str = "none"
    numbered: str = ""

    def of(self, body: object) -> Sequence[Block]:
        found = several(at(body, self.path))
        if not found:
            return [] if self.title else [Note(self.none)]
        columns = list(self.columns)
        cells = [[column.cell(row) for column in columns] for row in found]
        if self.numbered:
            columns.insert(0, Column(self.numbered, "", Worth.KEPT))
            cells = [[str(number), *row] for number, row in enumerate(cells)]
        table = FittingTable(columns, cells)
        return [Titled(self.title, table)] if self.title else [table]


Widths = dict[int, int]  # of columns, by number


@final
class FittingTable(NamedTuple):
    """Rows under their headings.

    Args:
        widths: of the columns of what was printed above, which these rows go on with; filled here.
    """

    columns: Sequence[Column]
    cells: Sequence[Sequence[str]]
    widths: Widths | None = None

    def lines(self, room: int | None) -> Iterable[Line]:
        widths = [
            max(cell_len(text) for text in (column.heading, *texts))
            for column, *texts in zip(self.columns, *self.cells, strict=True)
        ]
        # On a terminal each page chooses its columns anew, so it has to name them.
        has_headings = room is not None or not self.widths
        if self.widths is not None:
            widths = [max(width, self.widths.get(n, 0)) for n, width in enumerate(widths)]
            self.widths.update(enumerate(widths))
        chosen = list(range(len(self.columns)))
        if room is not None:
            chosen = self._fitting(widths, room)
        if has_headings:
            headings = (padded(self.columns[n].heading, widths[n] + GAP) for n in chosen)
            yield (Span("".join(headings), BOLD),)
        for row in self.cells:
            cells = (padded(cut(row[n], widths[n]), widths[n] + GAP) for n in chosen)
            yield (Span("".join(cells)),)
            for n, column in enumerate(self.columns):
                if column.worth is Worth.BELOW and n not in chosen and row[n]:
                    yield Span(f"  {column.heading} ", DIM), Span(row[n])

    def _fitting(self, widths: list[int], room: int) -> list[int]:
        """The columns to show; `widths` of those whose texts are cut are changed."""
        chosen = [
            n
            for n, column in enumerate(self.columns)
            if column.worth is Worth.KEPT or any(row[n] for row in self.cells)
        ]
        texts = [n for n in chosen if self.columns[n].worth is Worth.CUT]
        below = [n for n in chosen if self.columns[n].worth is Worth.BELOW]
        spare = [n for n in chosen if self.columns[n].worth is Worth.SPARE]

        def least(n: int, chars: int) -> int:
            """Its width where its texts are cut to so many letters."""
            if n not in texts:
                return widths[n]
            return min(widths[n], max(chars, cell_len(self.columns[n].heading)))

        def missing(chars: int) -> int:
            return sum(least(n, chars) + GAP for n in chosen) - GAP - room

        others = [*below, *spare]
        while missing(_CUT_CHARS_MIN) > 0 and others:
            chosen.remove(others.pop())
        last = list(texts)
        while missing(_CUT_CHARS_LEAST) > 0 and last:
            chosen.remove(last.pop())
        chars = _CUT_CHARS_LEAST if missing(_CUT_CHARS_MIN) > 0 else _CUT_CHARS_MIN
        for n in (n for n in texts if n in chosen):
            over = sum(widths[m] + GAP for m in chosen) - GAP - room
            widths[n] -= max(0, min(over, widths[n] - least(n, chars)))
        return chosen


@final
class Branches:
    """A task and all below it."""

    def of(self, body: object) -> Sequence[Block]:
        root = at(body, "tree.root")
        below: dict[object, list[object]] = {}
        known = {at(root, "task.id")}
        for node in several(at(body, "tree.descendants")):  # ancestors first
            parent = at(node, "parent_task_id")
            below.setdefault(parent if parent in known else at(root, "task.id"), []).append(node)
            known.add(at(node, "task.id"))
        return [_Tree(root, below)]


@final
class _Tree(NamedTuple):
    """Args: below: the children of each node, by its id."""

    root: object
    below: Mapping[object, Sequence[object]]

    def lines(self, room: int | None) -> Iterable[Line]:
        yield _node("", self.root, room)
        open_levels = [iter(self._children(self.root, ""))]  # no recursion: trees may be deep
        while open_levels:
            found = next(open_levels[-1], None)
            if found is None:
                open_levels.pop()
                continue
            guide, node, further = found
            yield _node(guide, node, room)
            open_levels.append(iter(self._children(node, further)))

    def _children(self, node: object, guide: str) -> Iterator[tuple[str, object, str]]:
        """Each with its guide, and with what that of its own children begins with."""
        children = self.below.get(at(node, "task.id"), ())
        for number, child in enumerate(children, 1):
            if number < len(children):
                yield f"{guide}├── ", child, f"{guide}│   "
            else:
                yield f"{guide}└── ", child, f"{guide}    "


def _node(guide: str, node: object, room: int | None) -> Line:
    words = [text_of(at(node, "task.id")), text_of(at(node, "task.status"))]
    run = at(node, "active_run.status")
    if run is not None:
        words.append(f"(run {text_of(run)})")
    kept, title = f"{guide}{'  '.join(words)}", text_of(at(node, "task.title"))
    if room is not None:
        title = cut(title, max(room - cell_len(kept) - GAP, _CUT_CHARS_MIN))
    return (Span(f"{kept}  {title}"),)
