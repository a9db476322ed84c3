"""Lists that are read page by page while tasks move.

Newest activity first, a task that becomes active goes to the top: behind a reader who has passed
it, or out of the sight of one who has not come to it yet. So a walk sees all tasks where they stood
when it began: `Moves` remembers for some time who went from where to where.
"""

import heapq
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final, Protocol, final

from attrs import frozen

from actors import limits
from actors.errors import invalid
from actors.frozen import replace
from actors.task.state import TaskState
from actors.views.activity import Placed
from actors.views.creation import Birth, birth_of
from actors.views.pages import bad_cursor, sequence_of

_FORGET_STEP: Final = limits.MOVES_MAX // 8  # moves that are forgotten in one go


class Rows(Protocol):
    """The tasks that a list is of."""

    def active(self, before_seq: int, floor_seq: int) -> Iterator[TaskState]:
        """Those whose latest activity is between these numbers, the latest first."""

    def among(self, moved: Iterable[tuple[int, Placed]]) -> Iterator[tuple[int, TaskState]]:
        """Those of these tasks, each with a number, that are there and that the list is of."""

    def made(self, before: Birth | None, most: int) -> Iterator[TaskState]:
        """Those that were made before that one, the newest first; not more than `most` matter."""


@final
@frozen
class TaskPage:
    """Some tasks, and what the next page is asked for with; None: there is none."""

    items: list[TaskState]
    next_cursor: str | None = None


@final
@frozen
class Walk:
    """How far somebody has come in the order of activity.

    Args:
        before_seq: tasks of this number and above were shown.
        as_of_seq: the newest number when the walk began: tasks stand where they stood then. None:
            a cursor of before that was kept; tasks stand where they stand.
        floor_seq: tasks of this number and below were shown by an earlier part of the walk.
    """

    before_seq: int
    as_of_seq: int | None = None
    floor_seq: int = 0

    @classmethod
    def read(cls, cursor: str) -> "Walk":
        """Raises: Rejected: it is no cursor of this order."""
        numbers = [sequence_of(part) or 0 for part in cursor.split(".")]
        match numbers:
            case [before]:
                return cls(before)
            case [before, as_of, floor]:
                return cls(before, as_of, floor)
            case _:
                raise bad_cursor()

    @property
    def cursor(self) -> str:
        if self.as_of_seq is None:
            return str(self.before_seq)
        return f"{self.before_seq}.{self.as_of_seq}.{self.floor_seq}"


@final
class Moves:
    """The latest moves in the order of activity: which task went from which number to which."""

    __slots__ = ("_entries", "_from", "_known_from", "_newest", "_to")

    def __init__(self, newest_seq: int = 0) -> None:
        """Args: newest_seq: of all tasks; nothing is known of how they came where they stand."""
        self._newest = newest_seq
        self._known_from = newest_seq  # all moves to higher numbers are remembered
        self._to = array("Q")  # only rises
        self._from = array("Q")
        self._entries: list[Placed] = []

    def entered(self, seq: int) -> None:
        """There is a new task."""
        self._newest = seq

    def moved(self, entry: Placed, from_seq: int, to_seq: int) -> None:
        self._newest = to_seq
        self._to.append(to_seq)
        self._from.append(from_seq)
        self._entries.append(entry)
        if len(self._to) >= limits.MOVES_MAX + _FORGET_STEP:
            self._known_from = self._to[_FORGET_STEP - 1]
            for column in (self._to, self._from, self._entries):
                del column[:_FORGET_STEP]

    def begin(self, floor_seq: int = 0) -> Walk:
        """A walk over all that there is above `floor_seq`."""
        return Walk(self._newest + 1, self._newest, floor_seq)

    def know(self, walk: Walk) -> bool:
        """Whether all is remembered that moved since the walk began."""
        return walk.as_of_seq is not None and walk.as_of_seq >= self._known_from

    def since(self, walk: Walk) -> Iterator[tuple[int, Placed]]:
        """The tasks that have moved since the walk began and are to be shown by it yet, each with
        the number that it had then, the latest first. Some may be deleted."""
        assert walk.as_of_seq is not None
        first = bisect_right(self._to, walk.as_of_seq)
        floor, before = walk.floor_seq, walk.before_seq
        former = self._from[first:]
        # Of several moves of a task only the first one since then is from a number below `before`.
        found = [at for at, seq in enumerate(former) if floor < seq < before]
        found.sort(key=former.__getitem__, reverse=True)
        for at in found:
            yield former[at], self._entries[first + at]


def by_activity(rows: Rows, moves: Moves, cursor: str | None, limit: int) -> TaskPage:
    """The most recently active first, as of when the walk began.

    A task that is there all along is shown once; one that is new is not shown. Where it is not
    remembered any more what moved, all that did is shown once more when the walk is at its end.

    Raises:
        Rejected: the cursor is none of ours.
    """
    walk = moves.begin() if cursor is None else Walk.read(cursor)
    found = list(islice(_walked(rows, moves, walk), limit + 1))
    return _page([state for _, state in found], limit, lambda last: found[last][0].cursor)


def by_creation(rows: Rows, cursor: str | None, limit: int) -> TaskPage:
    """The newest first.

    Raises:
        Rejected: the cursor is none of ours.
    """
    before = None if cursor is None else Birth.read(cursor)
    found = list(islice(rows.made(before, limit + 1), limit + 1))
    return _page(found, limit, lambda last: birth_of(found[last]).cursor)


def check_not_ahead(cursor: str | None, newest_seq: int) -> None:
    """Refuse a walk that began behind the newest number: what moved since cannot be known.

    Raises:
        Rejected: the cursor was taken from other data, or is none of ours.
    """
    walk = None if cursor is None else Walk.read(cursor)
    if walk is not None and walk.as_of_seq is not None and walk.as_of_seq > newest_seq:
        raise invalid(
            "?cursor",
            f"?cursor is of the number {walk.as_of_seq}, but the newest event has the number"
            f" {newest_seq}: these data are older than what it was taken from",
            "read the list from its beginning",
        )


def _page(found: list[TaskState], limit: int, cursor_at: Callable[[int], str]) -> TaskPage:
    more = len(found) > limit
    return TaskPage(found[:limit], cursor_at(limit - 1) if more else None)


def _walked(rows: Rows, moves: Moves, walk: Walk) -> Iterator[tuple[Walk, TaskState]]:
    """Tasks in order, each with where the walk is behind it."""
    if not moves.know(walk):
        for state in rows.active(walk.before_seq, walk.floor_seq):
            yield replace(walk, before_seq=state.latest_event_seq), state
        if walk.as_of_seq is None:
            return
        walk = moves.begin(floor_seq=walk.as_of_seq)
    stayed = ((s.latest_event_seq, s) for s in rows.active(walk.before_seq, walk.floor_seq))
    moved = rows.among(moves.since(walk))
    for seq, task in heapq.merge(stayed, moved, key=_number, reverse=True):
        yield replace(walk, before_seq=seq), task


def _number(row: tuple[int, TaskState]) -> int:
    return row[0]
