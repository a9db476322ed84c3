"""All tasks in the order of their latest activity, and which of them have which facet.

The order is cut into stretches. A task that becomes active leaves its place, which stays empty, and
goes to the end of the last stretch; so a stretch only ever loses tasks, and what it knows of the
places in it stays true. It knows, for each facet, the places of the tasks that have it, as the bits
of a number: whatever is asked for is an `and` of a few numbers, in each stretch, newest first. To
give a task another place costs a bit and an append. What a stretch has to know is worked out once
for those that are left in it, when it is full or asked for.

Stretches that have lost most of their tasks are put together, so there are about as many as the
tasks need.
"""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final, final

from chargehand.actors.frozen import frozen
from chargehand.actors.task.state import TaskState
from chargehand.actors.views.facets import Facet, facets_of
from chargehand.actors.views.search import finds, is_found_in, searched_text

STRETCH: Final = 512  # places in a stretch

_PLACES: Final = tuple(range(STRETCH))  # shared, as there is one for each task
_BITS: Final = tuple(1 << place for place in _PLACES)
_LOOK_EVERY: Final = 32  # tasks that a thinned-out stretch loses between two looks at its size


@final
@frozen
class Wanted:
    """Tasks that have all of `facets`, none of `never`, and the text somewhere.

    `text` is as `search.wanted_text` makes it.
    """

    facets: tuple[Facet, ...] = ()
    never: tuple[Facet, ...] = ()
    text: str | None = None

    def includes(self, state: TaskState) -> bool:
        """Whether this task is wanted; to look for all that are, ask the stretches."""
        has = facets_of(state)
        return (
            all(facet in has for facet in self.facets)
            and not any(facet in has for facet in self.never)
            and (self.text is None or is_found_in(state, self.text))
        )


@final
class Placed:
    """A task as last committed, and where it stands."""

    __slots__ = ("place", "state", "stretch")

    def __init__(self, state: TaskState, stretch: "Stretch", place: int) -> None:
        self.state = state
        self.stretch = stretch
        self.place = place


@final
class Stretch:
    """Places in order of activity; those of tasks that went elsewhere are None."""

    __slots__ = (
        "_facets",
        "_known",
        "_searched",
        "_text",
        "count",
        "entries",
        "first_seq",
        "living",
    )

    def __init__(self, first_seq: int) -> None:
        self.first_seq = first_seq  # no task in it was active before this
        self.entries: list[Placed | None] = []
        self.living = 0  # the places that are taken, as bits
        self.count = 0  # and how many these are
        self._facets: dict[Facet, int] = {}
        self._known = 0  # places up to here are in `_facets`
        self._text: str | None = None  # of all places, once it is closed
        self._searched = ("", 0)  # what was last looked for in it, and found

    @property
    def is_full(self) -> bool:
        return len(self.entries) == STRETCH

    @property
    def is_closed(self) -> bool:
        """Nothing is appended any more."""
        return self._text is not None

    def append(self, state: TaskState, entry: Placed | None) -> Placed:
        """Give a task the next place; `entry` is its own, if it has one."""
        place = _PLACES[len(self.entries)]
        if entry is None:
            entry = Placed(state, self, place)
        else:
            entry.state, entry.stretch, entry.place = state, self, place
        self.entries.append(entry)
        self.living |= _BITS[place]
        self.count += 1
        return entry

    def leave(self, place: int) -> None:
        self.entries[place] = None
        self.living ^= _BITS[place]
        self.count -= 1

    def close(self) -> None:
        """Nothing will be appended: work out what is asked of it, so that no reader has to."""
        self._learn()
        self._text = searched_text([entry and entry.state for entry in self.entries])

    def changed(self, place: int, before: TaskState, after: TaskState) -> None:
        """A task has changed where it stands."""
        if place < self._known:
            had, has = set(facets_of(before)), set(facets_of(after))
            for facet in had ^ has:
                self._facets[facet] = self._facets.get(facet, 0) ^ _BITS[place]

    def having(self, facet: Facet) -> int:
        """The places of tasks with a facet, as bits; of empty places it may say anything."""
        return self._facets.get(facet, 0)

    def select(self, wanted: Wanted) -> int:
        """The places of the tasks that are wanted, as bits."""
        found = self._having_facets(wanted)
        if found and wanted.text is not None:
            found &= self._search(wanted.text)
        return found

    def _having_facets(self, wanted: Wanted) -> int:
        self._learn()
        found = self.living
        for facet in wanted.facets:
            found &= self._facets.get(facet, 0)
            if not found:
                return 0
        for facet in wanted.never:
            found &= ~self._facets.get(facet, 0)
        return found

    def to_search(self, wanted: Wanted) -> int:
        """In the texts of how many places `select` would have to look."""
        if wanted.text is None or (self.is_closed and self._searched[0] == wanted.text):
            return 0
        return len(self.entries) if self._having_facets(wanted) else 0

    def _search(self, wanted: str) -> int:
        """The places of tasks with this text. Of the same text as before it is known already: who
        reads on page by page, or looks again, asks the same."""
        if self._text is None:
            return finds(searched_text([entry and entry.state for entry in self.entries]), wanted)
        searched, found = self._searched
        if searched != wanted:
            found = finds(self._text, wanted)
            self._searched = (wanted, found)
        return found

    def backwards(self, places: int) -> Iterator[TaskState]:
        """The tasks in these places, the most recently active first."""
        while places:
            place = places.bit_length() - 1
            places ^= _BITS[place]
            entry = self.entries[place]
            assert entry is not None, "only places that are taken are found"
            yield entry.state

    def _learn(self) -> None:
        facets = self._facets
        for place in range(self._known, len(self.entries)):
            entry = self.entries[place]
            if entry is not None:
                bit = _BITS[place]
                for facet in facets_of(entry.state):
                    facets[facet] = facets.get(facet, 0) | bit
        self._known = len(self.entries)


@final
class ActivityOrder:
    """The entries themselves are kept by `Catalog`, by task."""

    def __init__(self) -> None:
        self._stretches = [Stretch(0)]  # the last one is open, and all but the last two closed

    @property
    def stretch_count(self) -> int:
        return len(self._stretches)

    def enter(self, state: TaskState) -> Placed:
        """A task that was not here; the most recently active from now on."""
        return self._append(state, None)

    def move(self, entry: Placed, state: TaskState) -> None:
        """Something has happened: the task is the most recently active from now on."""
        self.leave(entry)
        self._append(state, entry)

    def change(self, entry: Placed, state: TaskState) -> None:
        """The task has changed without a public event."""
        entry.stretch.changed(entry.place, entry.state, state)
        entry.state = state

    def leave(self, entry: Placed) -> None:
        stretch = entry.stretch
        stretch.leave(entry.place)
        if stretch.count <= STRETCH // 2 and stretch.count % _LOOK_EVERY == 0 and stretch.is_closed:
            self._tidy(stretch)

    def newest_first(self, before_seq: int | None = None) -> Iterator[Stretch]:
        """Stretches, those last whose tasks were active longest ago.

        Args:
            before_seq: leave out those with later activity alone.
        """
        last = len(self._stretches)
        if before_seq is not None:
            last = bisect_left(self._stretches, before_seq, key=_first_seq_of)
        for at in range(last - 1, -1, -1):
            yield self._stretches[at]

    def latest(self, wanted: Wanted) -> TaskState | None:
        """The most recently active of the tasks that are wanted."""
        for stretch in self.newest_first():
            for state in stretch.backwards(stretch.select(wanted)):
                return state
        return None

    def _append(self, state: TaskState, entry: Placed | None) -> Placed:
        stretch = self._stretches[-1]
        if stretch.is_full:
            if len(self._stretches) > 1:
                self._close(self._stretches[-2])
            stretch = Stretch(state.latest_event_seq)
            self._stretches.append(stretch)
        return stretch.append(state, entry)

    def _close(self, stretch: Stretch) -> None:
        """Not as soon as it is full: much of what is claimed is completed and moved on by now."""
        if not stretch.is_closed:
            stretch.close()
            if stretch.count <= STRETCH // 2:
                self._tidy(stretch)

    def _tidy(self, stretch: Stretch) -> None:
        """Put a closed stretch and one beside it together, if they fit into half of one."""
        at = bisect_left(self._stretches, stretch.first_seq, key=_first_seq_of)
        if not stretch.count:
            del self._stretches[at]
            return
        for first in (at, at - 1):
            pair = self._stretches[max(first, 0) : first + 2]
            if len(pair) == 2 and _fit(*pair):
                self._stretches[first : first + 2] = [_joined(*pair)]
                return


def _first_seq_of(stretch: Stretch) -> int:
    return stretch.first_seq


def _fit(one: Stretch, other: Stretch) -> bool:
    """Whether both are closed, and small enough to be one."""
    return one.is_closed and other.is_closed and one.count + other.count <= STRETCH // 2


def _joined(one: Stretch, other: Stretch) -> Stretch:
    """A closed stretch for both."""
    joined = Stretch(one.first_seq)
    for entry in (*one.entries, *other.entries):
        if entry is not None:
            joined.append(entry.state, entry)
    joined.close()
    return joined
