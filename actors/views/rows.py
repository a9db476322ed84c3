"""The tasks that a list is of: all that match a filter, or a few that match it."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from typing import final

from chargehand.actors import limits
from chargehand.actors.task.state import TaskState
from chargehand.actors.views.activity import ActivityOrder
from chargehand.actors.views.creation import Birth, CreationOrder
from chargehand.actors.views.stretches import Placed, Stretch
from chargehand.actors.views.wanted import Wanted


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
        self._order = order
        self._creation = creation
        self._wanted = wanted

    def made(self, before: Birth | None, most: int) -> Iterator[TaskState | None]:
        yield from self._searched()
        few = self._few()
        yield from self._looked_for(before) if few is None else newest_made(few, before, most)

    def count(self) -> Iterator[int | None]:
        """At last how many they are, all as they stand then."""
        yield from self._searched()
        stretches = self._order.newest_first()
        yield sum(stretch.select(self._wanted).bit_count() for stretch in stretches)

    def _searched(self) -> Iterator[None]:
        """Search the texts, in turns. Stretches know what they found, unless somebody searches for
        another text meanwhile."""
        looked_at = 0
        for stretch in list(self._order.newest_first()):
            looked_at += stretch.to_search(self._wanted)
            if looked_at:
                stretch.select(self._wanted)
            if looked_at >= limits.LOOKED_AT_MAX:
                looked_at = 0
                yield None

    def _few(self) -> Iterable[TaskState] | None:
        """Those that are wanted, if they are so few that they are looked at in one go."""
        wanted, stretches = self._wanted, list(self._order.newest_first())
        if sum(stretch.to_search(wanted) for stretch in stretches) > limits.LOOKED_AT_MAX:
            return None
        places = [(stretch, stretch.select(wanted)) for stretch in stretches]
        if sum(bits.bit_count() for _, bits in places) > limits.LOOKED_AT_MAX:
            return None
        return (state for stretch, bits in places for state in stretch.backwards(bits))

    def _looked_for(self, before: Birth | None) -> Iterator[TaskState | None]:
        """In turns, each of which sees tasks as they stand then: they may move in between."""
        while True:
            looked_at = 0
            selected: dict[Stretch, int] = {}
            for entry in self._creation.newest_first(before):
                stretch = entry.stretch
                places = selected.get(stretch)
                if places is None:
                    looked_at += stretch.to_search(self._wanted)
                    places = selected[stretch] = stretch.select(self._wanted)
                if places >> entry.place & 1:
                    yield entry.state
                looked_at += 1
                if looked_at >= limits.LOOKED_AT_MAX:
                    before = Birth(entry.created_at_ns, entry.task_id)
                    break
            else:
                return
            yield None


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
            state = self._states.get(entry.task_id)
            if state is not None:
                yield seq, state

    def count(self) -> int:
        return len(self._states)

    def made(self, before: Birth | None, most: int) -> Iterator[TaskState | None]:
        return newest_made(self._states.values(), before, most)


def newest_made(
    states: Iterable[TaskState], before: Birth | None, most: int
) -> Iterator[TaskState]:
    """Up to `most` that were made before that one, the newest first; `states` are in any order."""
    found = (s for s in states if before is None or _made(s) < before)
    return iter(heapq.nlargest(most, found, key=_made))


def _made(state: TaskState) -> tuple[int, str]:
    return (state.created_at_ns, state.id)  # a plain tuple, as it is made often
