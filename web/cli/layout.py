"""Text in lines, as wide as terminals show it. What goes into a pipe or a file is left whole.

The library that draws on terminals takes as long to load as all else together, so here its table of
the widths of letters is enough, and it draws only what is redrawn (`watching`).
"""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol, final

import click
from rich.cells import cell_len, chop_cells, set_cell_size

GAP: Final = 2  # between columns
_USUAL_ROOM: Final = 80  # where a terminal does not say
_ROOM_MIN: Final = 20  # for what is folded; on terminals that are narrower, lines are too long
_WORD_CHARS: Final = 72  # to this a word stays whole, as it may be an id or a claim's hash
_WORD: Final = re.compile(r"\S+\s*|\s+")
_PLAIN_TERMINALS: Final = ("dumb", "unknown")
_ELLIPSIS: Final = "…"


class Style(NamedTuple):
    bold: bool = False
    dim: bool = False
    underline: bool = False

    @property
    def words(self) -> str:
        """As the library for terminals says it."""
        return " ".join(name for name, is_on in zip(self._fields, self, strict=True) if is_on)


PLAIN: Final = Style()
BOLD: Final = Style(bold=True)
DIM: Final = Style(dim=True)
TITLE: Final = Style(bold=True, underline=True)


class Span(NamedTuple):
    text: str
    style: Style = PLAIN


Line = tuple[Span, ...]


class Block(Protocol):
    """Some lines."""

    def lines(self, room: int | None) -> Iterable[Line]:
        """Args: room: the terminal's columns; None where there is no terminal."""


@final
class Note(NamedTuple):
    """Lines as they are; an empty one is what stands between two blocks."""

    text: str = ""
    style: Style = DIM

    def lines(self, room: int | None) -> Iterable[Line]:
        for line in self.text.split("\n"):
            yield (Span(line, self.style),)


@final
class Titled(NamedTuple):
    title: str
    inner: Block

    def lines(self, room: int | None) -> Iterable[Line]:
        yield (Span(self.title, TITLE),)
        yield from self.inner.lines(room)


class Pair(NamedTuple):
    """A word, and what it is about.

    Args:
        is_whole: the text is to be copied; where a terminal itself breaks it, it still can be.
    """

    word: str
    text: str
    is_whole: bool = False


@final
class Pairs(NamedTuple):
    """A line for each, the texts behind the widest word; long ones go on below themselves."""

    rows: Sequence[Pair]

    def lines(self, room: int | None) -> Iterable[Line]:
        indent = max((cell_len(row.word) for row in self.rows), default=0) + GAP
        for row in self.rows:
            first = Span(padded(row.word, indent), BOLD)
            for text in folded(row.text, None if room is None or row.is_whole else room - indent):
                yield first, Span(text)
                first = Span(" " * indent)


def folded(text: str, room: int | None) -> Iterator[str]:
    """The lines of a text, those that are too long broken between words where that can be."""
    for line in text.split("\n"):
        if room is None or cell_len(line) <= room:
            yield line
        else:
            yield from _broken(line, max(room, _ROOM_MIN))


def _broken(line: str, room: int) -> Iterator[str]:
    current = ""
    for word in _WORD.findall(line):
        if current and cell_len(current + word.rstrip()) > room:
            yield current.rstrip()
            current = ""
        if cell_len(word.rstrip()) > max(room, _WORD_CHARS):
            *pieces, word = chop_cells(word, room)
            yield from pieces
        current += word
    yield current.rstrip()


def padded(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def cut(text: str, width: int) -> str:
    """The text, or as much of it as there is room for."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1) + _ELLIPSIS


def terminal_room() -> int | None:
    """Columns of the terminal that stdout is, if it is one."""
    if not sys.stdout.isatty():
        return None
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or _USUAL_ROOM
    except OSError:
        return _USUAL_ROOM


def print_blocks(blocks: Iterable[Block]) -> None:
    room = terminal_room()
    is_styled = room is not None and os.environ.get("TERM") not in _PLAIN_TERMINALS
    for block in blocks:
        for line in block.lines(room):
            click.echo(as_text(line, is_styled=is_styled), color=is_styled)


def as_text(line: Line, *, is_styled: bool) -> str:
    """The line, without the spaces that fill up its end."""
    if not is_styled:
        return "".join(span.text for span in line).rstrip(" ")
    *others, last = line
    shown = [*others, Span(last.text.rstrip(" "), last.style)]
    return "".join(_styled(span) for span in shown)


def _styled(span: Span) -> str:
    if span.style == PLAIN or not span.text:
        return span.text
    style = span.style
    return click.style(
        span.text,
        bold=style.bold or None,
        dim=style.dim or None,
        underline=style.underline or None,
    )
