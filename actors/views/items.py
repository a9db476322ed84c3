"""Lists of what tasks hold, over all of them: their runs, their reviews.

Tasks are walked in the order of activity, as in `walks`; what each holds is shown the last one
first. Which tasks may hold what is looked for is known in memory. Whether one does is known of what
is open; for what has ended the task is read, so one page looks into a limited number of tasks. It
may be short, or even empty, and still lead to a next one.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Generic, Protocol, TypeVar, final

from chargehand.actors import limits
from chargehand.actors.frozen import frozen, replace
from chargehand.actors.task.state import Scope, TaskState
from chargehand.actors.views import facets
from chargehand.actors.views.catalog import Catalog
from chargehand.actors.views.pages import bad_cursor, sequence_of
from chargehand.actors.views.rows import FewRows, PlacedRows
from chargehand.actors.views.stretches import Stretch, learning
from chargehand.actors.views.walks import Rows, Walk, walked
from chargehand.actors.views.wanted import Wanted

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@final
@frozen
class InTasks:
    """The tasks that are looked into; all that is set must match."""

    task_id: str | None = None
    scope: Scope | None = None
    workspace_id: str | None = None

    @property
    def wanted(self) -> Wanted:
        """Of all tasks; one that is named is looked for among them."""
        return Wanted(facets.chosen(self.scope, workspace_id=self.workspace_id))


class Search(Protocol[T_co]):
    """What is looked for."""

    @property
    def where(self) -> InTasks:
        """The tasks that are looked into."""

    def select(self, stretch: Stretch) -> int:
        """The places of tasks that may hold it, as bits."""

    def found_in(self, state: TaskState) -> Sequence[tuple[int, T_co]]:
        """What a task, slim or whole, holds of it: the last first, each with its place, which never
        changes."""


@final
@frozen
class ItemsPage(Generic[T]):
    """Some items, each with its task, slim or whole, and what the next page is asked for with;
    None: there is none."""

    items: list[tuple[TaskState, T]]
    next_cursor: str | None = None


@final
@frozen
class ItemsWalk:
    """How far somebody has come.

    Args:
        walk: among the tasks; it has passed the one whose items were shown last.
        left: of that task, the items whose places are below this are not shown yet.
    """

    walk: Walk
    left: int = 0

    @classmethod
    def read(cls, cursor: str) -> "ItemsWalk":
        """Raises: Rejected: it is no cursor of such a list."""
        match [sequence_of(part) or 0 for part in cursor.split(".")]:
            case [before, as_of, floor, left]:
                return cls(Walk(before, as_of, floor), left)
            case _:
                raise bad_cursor()

    @property
    def cursor(self) -> str:
        return f"{self.walk.cursor}.{self.left}"

    @property
    def tasks(self) -> Walk:
        """The walk among tasks that goes on from here."""
        if not self.left:
            return self.walk
        return replace(self.walk, before_seq=self.walk.before_seq + 1)

    def has_passed(self, walk: Walk, place: int) -> bool:
        """Whether an item was shown of the task that `walk` has come to."""
        return walk.before_seq == self.walk.before_seq and place >= self.left > 0


def items_page(
    catalog: Catalog, search: Search[T], cursor: str | None, limit: int
) -> Iterator[ItemsPage[T] | None]:
    """At last the page. None: some of the time is over that others need (see `slices.in_turns`).

    What is there all along while pages are read is shown once (for what is forgotten, see
    `walks.by_activity`).

    Raises:
        Rejected: the cursor is invalid.
    """
    moves, looked_at = catalog.moves, 0
    at = ItemsWalk(moves.begin()) if cursor is None else ItemsWalk.read(cursor)
    found: list[tuple[TaskState, T]] = []
    last = at
    while True:
        yield from _prepared(catalog, search, at.tasks.before_seq)
        # Tasks may have moved since the last turn: it is as if each were a page of its own.
        tasks = walked([_rows(catalog, search)], moves, at.tasks, is_known=moves.know(at.tasks))
        left = limits.SLICE_MAX
        for walk, state in islice(tasks, limits.SLICE_MAX):
            left -= 1
            for place, item in search.found_in(state):
                if at.has_passed(walk, place):
                    continue
                if len(found) == limit:
                    yield ItemsPage(found, last.cursor)
                    return
                found.append((state, item))
                last = ItemsWalk(walk, place)
            at = ItemsWalk(walk)
        looked_at += limits.SLICE_MAX - left
        if left:
            yield ItemsPage(found)
            return
        if looked_at >= limits.PAGE_TASKS_MAX:
            yield ItemsPage(found, at.cursor)
            return
        yield None


def _rows(catalog: Catalog, search: Search[T]) -> Rows:
    if search.where.task_id is None:
        return PlacedRows(catalog.order, search.select)
    state = catalog.get(search.where.task_id)
    return FewRows([] if state is None else [state], search.where.wanted)


def _prepared(catalog: Catalog, search: Search[T], before_seq: int) -> Iterator[None]:
    """Work out in turns what is asked of as many tasks as are looked into in one."""
    if catalog.is_known or search.where.task_id is not None:
        return
    left = limits.SLICE_MAX
    for stretch in catalog.order.newest_first(before_seq):
        yield from learning(stretch)
        left -= search.select(stretch).bit_count()
        if left <= 0:
            return
