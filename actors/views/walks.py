"""Lists that are read page by page while tasks move.

Newest activity first, a task that becomes active goes to the top: behind a reader who has passed
it, or out of the sight of one who has not come to it yet. So a walk sees all tasks where they stood
when it began: `Moves` remembers for some time who went from where to where.

A list may have sections, one behind the other, each in the order of activity; which task is of
which section is as of the same moment.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol, final

from chargehand.actors.errors import invalid
from chargehand.actors.frozen import frozen, replace
from chargehand.actors.task.state import TaskState
from chargehand.actors.views.creation import Birth, birth_of
from chargehand.actors.views.pages import bad_cursor, sequence_of
from chargehand.actors.views.recent import Recent
from chargehand.actors.views.stretches import Placed


class Rows(Protocol):
    """The tasks that a list, or a section of one, is of."""

    def active(self, before_seq: int, floor_seq: int) -> Iterator[TaskState]:
        """Those whose latest activity is between these numbers, the latest first."""

    def among(self, moved: Iterable[tuple[int, Placed]]) -> Iterator[tuple[int, TaskState]]:
        """Those of these tasks, each with a number, that are there and that the list is of."""


class MadeRows(Rows, Protocol):
    """The same, also in the order in which they were made."""

    def made(self, before: Birth | None, most: int) -> Iterator[TaskState | None]:
        """Those that were made before that one, the newest first; not more than `most` matter.
        None: some of the time is over that others need."""


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
        section: of the list, the place of the one that the walk has come to.
    """

    before_seq: int
    as_of_seq: int | None = None
    floor_seq: int = 0
    section: int = 0

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

    __slots__ = ("_recent", "newest_seq")

    def __init__(self, newest_seq: int = 0, known_from: int = 0) -> None:
        """Args:
        newest_seq: of all events of all tasks.
        known_from: nothing is known of how tasks came to stand up to this number.
        """
        self.newest_seq = newest_seq
        self._recent: Recent[tuple[int, Placed]] = Recent(known_from)

    def moved(self, entry: Placed, from_seq: int, to_seq: int) -> None:
        self._recent.add(to_seq, (from_seq, entry))

    def begin(self, floor_seq: int = 0) -> Walk:
        """A walk over all that there is above `floor_seq`."""
        return Walk(self.newest_seq + 1, self.newest_seq, floor_seq)

    def know(self, walk: Walk) -> bool:
        """Whether all is remembered that moved since the walk began."""
        return walk.as_of_seq is not None and self._recent.knows(walk.as_of_seq)

    def since(self, walk: Walk) -> list[tuple[int, Placed]]:
        """The tasks that have moved since the walk began and are to be shown by it yet, each with
        the number that it had then, the latest first. Some may be deleted."""
        assert walk.as_of_seq is not None
        floor, before = walk.floor_seq, walk.before_seq
        # Of several moves of a task only the first one since then is from a number below `before`.
        found = [move for move in self._recent.since(walk.as_of_seq) if floor < move[0] < before]
        found.sort(key=_number, reverse=True)
        return found


def by_activity(rows: Rows, moves: Moves, cursor: str | None, limit: int) -> TaskPage:
    """The most recently active first, as of when the walk began.

    A task that is there all along is shown once; one that is new is not shown. Where it is not
    remembered any more what moved, all that did is shown once more when the walk is at its end.

    Raises:
        Rejected: the cursor is invalid.
    """
    walk = moves.begin() if cursor is None else Walk.read(cursor)
    found = list(islice(walked([rows], moves, walk, is_known=moves.know(walk)), limit + 1))
    return _page([state for _, state in found], limit, lambda last: found[last][0].cursor)


def by_creation(rows: MadeRows, cursor: str | None, limit: int) -> Iterator[TaskPage | None]:
    """The newest first: at last the page. None: some of the time is over that others need.

    Raises:
        Rejected: the cursor is invalid.
    """
    before = None if cursor is None else Birth.read(cursor)
    found: list[TaskState] = []
    for state in rows.made(before, limit + 1):
        if state is None:
            yield None
            continue
        found.append(state)
        if len(found) > limit:
            break
    yield _page(found, limit, lambda last: birth_of(found[last]).cursor)


def check_not_ahead(as_of_seq: int | None, newest_seq: int) -> None:
    """Refuse a walk that began behind the newest number: what moved since cannot be known.

    Args:
        as_of_seq: the newest number when the walk began; None: a cursor of before that was kept.

    Raises:
        Rejected: the cursor was taken from other data.
    """
    if as_of_seq is not None and as_of_seq > newest_seq:
        raise invalid(
            "?cursor",
            f"?cursor is of the number {as_of_seq}, but the newest event has the number"
            f" {newest_seq}: these data are older than what it was taken from",
            "read the list from its beginning",
        )


def _page(found: list[TaskState], limit: int, cursor_at: Callable[[int], str]) -> TaskPage:
    more = len(found) > limit
    return TaskPage(found[:limit], cursor_at(limit - 1) if more else None)


def walked(
    sections: Sequence[Rows], moves: Moves, walk: Walk, *, is_known: bool
) -> Iterator[tuple[Walk, TaskState]]:
    """Tasks in order, each with where the walk is behind it.

    Args:
        is_known: whether it is remembered what has changed since the walk began. If not, tasks are
            shown as they stand, and those that moved once more when the walk is at its end.
    """
    if not is_known:
        as_of_seq = moves.newest_seq if walk.as_of_seq is None else walk.as_of_seq
        for at, rows in _left(sections, walk, as_of_seq):
            for state in rows.active(at.before_seq, at.floor_seq):
                yield replace(at, before_seq=state.latest_event_seq), state
        if walk.as_of_seq is None:
            return
        walk = moves.begin(floor_seq=walk.as_of_seq)
    assert walk.as_of_seq is not None
    for at, rows in _left(sections, walk, walk.as_of_seq):
        stayed = ((s.latest_event_seq, s) for s in rows.active(at.before_seq, at.floor_seq))
        moved = rows.among(moves.since(at))
        for seq, task in heapq.merge(stayed, moved, key=_number, reverse=True):
            yield replace(at, before_seq=seq), task


def _left(sections: Sequence[Rows], walk: Walk, as_of_seq: int) -> Iterator[tuple[Walk, Rows]]:
    """The sections that are not passed yet, each with where the walk enters it."""
    for section in range(walk.section, len(sections)):
        before = walk.before_seq if section == walk.section else as_of_seq + 1
        yield replace(walk, before_seq=before, section=section), sections[section]


def _number(row: tuple[int, object]) -> int:
    return row[0]
