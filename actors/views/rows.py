"""The tasks that a list is of: all that match a filter, or a few that match it."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from typing import Final, final

from actors.task.state import TaskState
from actors.views.activity import ActivityOrder, Placed, Stretch, Wanted
from actors.views.creation import Birth, CreationOrder, birth_of

_RARE: Final = 6  # of so many tasks one is wanted, or fewer: they are sorted, not looked for


class PlacedRows:
    """Those of all tasks that stand in some places.

    Args:
        select: the places in a stretch, as bits; asked once of each.
    """

    def __init__(self, order: ActivityOrder, select: Callable[[Stretch], int]) -> None:
        self._order = order
        self._ask = select
        self._selected: dict[Stretch, int] = {}

    def active(self, before_seq: int, floor_seq: int) -> Iterator[TaskState]:
        for stretch in self._order.newest_first(before_seq):
            for state in stretch.backwards(self._select(stretch)):
                seq = state.latest_event_seq
                if seq <= floor_seq:
                    return
                if seq < before_seq:
                    yield state

    def among(self, moved: Iterable[tuple[int, Placed]]) -> Iterator[tuple[int, TaskState]]:
        selected = self._selected
        for seq, entry in moved:  # there may be many
            places = selected.get(entry.stretch)
            if places is None:
                places = self._select(entry.stretch)
            if places and places >> entry.place & 1:  # never of a deleted task
                yield seq, entry.state

    def _select(self, stretch: Stretch) -> int:
        selected = self._selected.get(stretch)
        if selected is None:
            selected = self._selected[stretch] = self._ask(stretch)
        return selected


@final
class AllRows(PlacedRows):
    """Of all tasks those that are wanted."""

    def __init__(self, order: ActivityOrder, creation: CreationOrder, wanted: Wanted) -> None:
        super().__init__(order, lambda stretch: stretch.select(wanted))
        self._creation = creation

    def made(self, before: Birth | None, most: int) -> Iterator[TaskState]:
        stretches = list(self._order.newest_first())
        count = sum(self._select(stretch).bit_count() for stretch in stretches)
        if count * _RARE > len(self._creation):
            selected = self._selected  # of all stretches by now
            for entry in self._creation.newest_first(before):
                places = selected[entry.stretch]
                if places and places >> entry.place & 1:
                    yield entry.state
        else:
            found = (s for stretch in stretches for s in stretch.backwards(self._select(stretch)))
            yield from newest_made(found, before, most)


@final
class FewRows:
    """Of a few tasks those that are wanted."""

    def __init__(self, states: Iterable[TaskState], wanted: Wanted) -> None:
        self._states = {state.id: state for state in states if wanted.includes(state)}

    def active(self, before_seq: int, floor_seq: int) -> Iterator[TaskState]:
        found = (s for s in self._states.values() if floor_seq < s.latest_event_seq < before_seq)
        return iter(sorted(found, key=lambda state: state.latest_event_seq, reverse=True))

    def among(self, moved: Iterable[tuple[int, Placed]]) -> Iterator[tuple[int, TaskState]]:
        for seq, entry in moved:
            state = self._states.get(entry.state.id)
            if state is not None:
                yield seq, state

    def made(self, before: Birth | None, most: int) -> Iterator[TaskState]:
        return newest_made(self._states.values(), before, most)


def newest_made(
    states: Iterable[TaskState], before: Birth | None, most: int
) -> Iterator[TaskState]:
    """Up to `most` that were made before that one, the newest first; `states` are in any order."""
    found = (s for s in states if before is None or (s.created_at_ns, s.id) < before)
    return iter(heapq.nlargest(most, found, key=birth_of))
