"""Reviews over all tasks: those of the tasks that were active last first."""

from collections.abc import Callable, Sequence
from typing import Final, final

from chargehand.actors.errors import Rejected
from chargehand.actors.frozen import frozen
from chargehand.actors.task.choices import TERMINAL_RUN
from chargehand.actors.task.review import Review, ReviewStatus
from chargehand.actors.task.state import TaskState
from chargehand.actors.views import facets
from chargehand.actors.views.items import InTasks
from chargehand.actors.views.stretches import Stretch

_OPEN: Final = facets.facet(ReviewStatus.REQUESTED)
_REVIEWABLE: Final = tuple(facets.facet(status) for status in TERMINAL_RUN)


@final
@frozen
class ReviewFilter:
    """All that is set must match.

    Args:
        where: of the task.
        statuses: one of these; none: any.
    """

    where: InTasks = InTasks()
    statuses: frozenset[ReviewStatus] = frozenset()


@final
class ReviewSearch:
    """Which tasks have an open review is known; one that has ended may be of any run that has.

    Args: read: the whole task. Raises Rejected where it is set aside: its reviews are left out.
    """

    def __init__(self, which: ReviewFilter, read: Callable[[str], TaskState]) -> None:
        self.where = which.where
        self._wanted = which.where.wanted
        self._statuses = which.statuses or frozenset(ReviewStatus)
        self._read = read
        seeks_open = self._statuses == {ReviewStatus.REQUESTED}
        self._facets = (_OPEN,) if seeks_open else _REVIEWABLE

    def select(self, stretch: Stretch) -> int:
        found = stretch.select(self._wanted)
        possible = 0
        for facet in self._facets:
            possible |= stretch.having(facet)
        return found & possible

    def found_in(self, state: TaskState) -> Sequence[tuple[int, Review]]:
        try:
            reviews = self._read(state.id).reviews
        except Rejected:
            return ()
        places = range(len(reviews) - 1, -1, -1)
        return [(at, reviews[at]) for at in places if reviews[at].status in self._statuses]
