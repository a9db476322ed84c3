"""Substrings of titles, identifiers and ids, whatever their case, in many tasks at once.

The texts of many tasks stand in one, so that one search in it is enough where nothing is found.
They are kept as UTF-8, with a character for each byte of it, as that takes no more room than bytes
and is searched several times as quickly. In UTF-8 no character is a part of another, and two bytes
never occur, which part the texts.
"""

from collections.abc import Iterable
from itertools import repeat
from operator import contains
from typing import Final

from chargehand.actors.task.state import TaskState

_BETWEEN_TASKS: Final = "\xff"
_BETWEEN_TEXTS: Final = "\xfe"
_AS_DIGITS: Final = bytes.maketrans(b"\0\1", b"01")


def wanted_text(query: str | None) -> str | None:
    """What to look for; None is nothing, and found everywhere."""
    return _folded(query) if query else None


def joined_texts(texts: Iterable[str]) -> str:
    """The texts of some tasks as one that `finds` searches."""
    return _BETWEEN_TASKS.join(texts)


def is_found_in(state: TaskState, wanted: str) -> bool:
    return wanted in text_of(state)


def finds(text: str, wanted: str) -> int:
    """Which of the tasks of `text` have `wanted` in one of theirs: bits, the first one lowest."""
    if wanted not in text:
        return 0
    backwards = reversed(text.split(_BETWEEN_TASKS))
    return int(bytes(map(contains, backwards, repeat(wanted))).translate(_AS_DIGITS), 2)


def text_of(state: TaskState) -> str:
    """What is searched of a task; empty in the place of one that is not there."""
    texts = (state.title, state.identifier or "", state.id)
    return _BETWEEN_TEXTS.join(map(_folded, texts))


def _folded(text: str) -> str:
    folded = text.casefold()
    if folded.isascii():
        return folded
    return folded.encode(errors="surrogatepass").decode("latin-1")
