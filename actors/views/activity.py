"""All tasks in the order of their latest activity, and which of them have which facet.

The order is cut into stretches. A task that becomes active leaves its place, which stays empty, and
goes to the end of the last stretch; so a stretch only ever loses tasks, and what it knows of the
places in it stays true. It knows, for each facet, the places of the tasks that have it, as the bits
of a number: whatever is asked for is an `and` of a few numbers, in each stretch, newest first. To
give a task another place costs a bit and an append. What a stretch has to know is worked out once
for those that are left in it, when it is full or asked for.

Stretches that have lost most of their tasks are put together, so there are about as many as the
tasks need.

A task at rest is held as its head. What stretches know of stored tasks is worked out after a start,
a few tasks at a time (see `filling`), or when somebody asks.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, final

from chargehand.actors.frozen import frozen
from chargehand.actors.task import head as heads
from chargehand.actors.task.state import TaskState
from chargehand.actors.views.facets import Facet, facets_of
from chargehand.actors.views.search import finds, is_found_in, joined_texts, text_of
from chargehand.actors.views.state_cache import StateCache

STRETCH: Final = 512  # places in a stretch

_PLACES: Final = tuple(range(STRETCH))  # shared, as there is one for each task
_BITS: Final = tuple(1 << place for place in _PLACES)
_LEARNED_AT_ONCE: Final = 64  # tasks, at some 20 µs each
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
    """A task as last committed, and where it stands.

    Attributes:
        held: its state, or its head while it is at rest.
    """

    __slots__ = ("held", "place", "stretch", "task_id")

    def __init__(
        self, task_id: str, held: TaskState | bytes, stretch: "Stretch", place: int
    ) -> None:
        self.task_id = task_id
        self.held = held
        self.stretch = stretch
        self.place = place

    @property
    def state(self) -> TaskState:
        """The task, slim or whole."""
        held = self.held
        return self.stretch.cache.state(self.task_id, held) if isinstance(held, bytes) else held

    @property
    def created_at_ns(self) -> int:
        held = self.held
        return heads.created_at_ns(held) if isinstance(held, bytes) else held.created_at_ns

    @property
    def latest_event_seq(self) -> int:
        held = self.held
        return heads.latest_event_seq(held) if isinstance(held, bytes) else held.latest_event_seq

    def look(self) -> TaskState:
        """The same as `state`, where all tasks are looked at, so that none of them is kept."""
        held = self.held
        return self.stretch.cache.look(self.task_id, held) if isinstance(held, bytes) else held


@final
class Stretch:
    """Places in order of activity; those of tasks that went elsewhere are None.

    Attributes:
        known: the places up to here are known by their facets.
        on_known: told once of each stored task, before it changes or as it becomes known.
        is_closed: nothing is appended any more.
    """

    __slots__ = (
        "_facets",
        "_met",
        "_searched",
        "_text",
        "_texts",
        "cache",
        "count",
        "entries",
        "first_seq",
        "is_closed",
        "known",
        "living",
        "on_known",
    )

    def __init__(self, first_seq: int, cache: StateCache) -> None:
        self.first_seq = first_seq  # no task in it was active before this
        self.cache = cache
        self.entries: list[Placed | None] = []
        self.living = 0  # the places that are taken, as bits
        self.count = 0  # and how many these are
        self.known = 0
        self.on_known: Callable[[TaskState], None] | None = None
        self.is_closed = False
        self._met = 0  # places, as bits, of which `on_known` was told before they were known
        self._facets: dict[Facet, int] = {}
        self._texts: list[str] = []  # of the places that are known, until `_text` is there
        self._text: str | None = None  # of all places, once it is closed and known
        self._searched = ("", 0)  # what was last looked for in it, and found

    @property
    def is_full(self) -> bool:
        return len(self.entries) == STRETCH

    @property
    def is_known(self) -> bool:
        """Whether all is worked out that is asked of it."""
        return self.known == len(self.entries) and (not self.is_closed or self._text is not None)

    def append(self, task_id: str, held: TaskState | bytes, entry: Placed | None) -> Placed:
        """Give a task the next place; `entry` is its own, if it has one."""
        place = _PLACES[len(self.entries)]
        if entry is None:
            entry = Placed(task_id, held, self, place)
        else:
            entry.held, entry.stretch, entry.place = held, self, place
        self.entries.append(entry)
        self.living |= _BITS[place]
        self.count += 1
        return entry

    def fill(self, stored: Sequence[tuple[str, bytes | TaskState]]) -> list[Placed]:
        """Give stored tasks the places of one that is empty, no more of them than it has."""
        entries = [
            Placed(task_id, held, self, place)
            for (task_id, held), place in zip(stored, _PLACES, strict=False)
        ]
        self.entries = [*entries]
        self.count = len(entries)
        self.living = (1 << self.count) - 1
        return entries

    def leave(self, place: int) -> None:
        self.entries[place] = None
        self.living ^= _BITS[place]
        self.count -= 1

    def close(self) -> None:
        """Nothing will be appended: work out what is asked of it, so that no reader has to."""
        self.is_closed = True
        self.learn()

    def learn(self, most: int = STRETCH) -> None:
        """Work out what is asked of it, for the next places, so many at most."""
        facets, entries = self._facets, self.entries
        for place in range(self.known, min(self.known + most, len(entries))):
            entry, text = entries[place], ""
            if entry is not None:
                state, bit = entry.look(), _BITS[place]
                for facet in facets_of(state):
                    facets[facet] = facets.get(facet, 0) | bit
                text = text_of(state)
                if self.on_known is not None and not self._met & bit:
                    self.on_known(state)
            self._texts.append(text)
            self.known = place + 1
        if self.is_closed and self.known == len(entries) and self._text is None:
            self._text = joined_texts(self._texts)
            self._texts = []
            self.on_known = None

    def meet(self, place: int, state: TaskState) -> None:
        """A task is about to change or to leave, as which it is told of once."""
        if self.on_known is not None and place >= self.known and not self._met & _BITS[place]:
            self._met |= _BITS[place]
            self.on_known(state)

    def changed(self, place: int, before: TaskState, after: TaskState) -> None:
        """A task has changed where it stands, in a place that is known."""
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
        self.learn()
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
            return finds(joined_texts(self._texts), wanted)
        searched, found = self._searched
        if searched != wanted:
            found = finds(self._text, wanted)
            self._searched = (wanted, found)
        return found

    def placed(self, places: int) -> Iterator[Placed]:
        """What stands in these places, that first which was active longest ago."""
        while places:
            entry = self.entries[(places & -places).bit_length() - 1]
            places &= places - 1
            if entry is not None:
                yield entry

    def backwards(self, places: int) -> Iterator[TaskState]:
        """The tasks in these places, the most recently active first."""
        while places:
            place = places.bit_length() - 1
            places ^= _BITS[place]
            entry = self.entries[place]
            assert entry is not None, "only places that are taken are found"
            yield entry.state


@final
class ActivityOrder:
    """The entries themselves are kept by `Catalog`, by task."""

    def __init__(self, cache: StateCache) -> None:
        self._cache = cache
        self.is_known = True  # all that is asked of stored tasks is worked out
        # The last one is open, and all but the last two closed.
        self._stretches = [Stretch(0, cache)]

    def restore(
        self, stored: Iterable[tuple[str, bytes | TaskState]], on_known: Callable[[TaskState], None]
    ) -> Iterator[Placed]:
        """Start from stored tasks, the most recently active last. Nothing is worked out yet.

        Args:
            on_known: told once of each of them, as it becomes known.
        """
        rows = iter(stored)
        self._stretches.clear()
        self.is_known = False
        while chunk := list(islice(rows, STRETCH)):
            stretch = Stretch(0, self._cache)
            entries = stretch.fill(chunk)
            yield from entries
            stretch.first_seq = entries[0].latest_event_seq
            stretch.on_known = on_known
            stretch.is_closed = True
            self._stretches.append(stretch)
        if not self._stretches:
            self._stretches.append(Stretch(0, self._cache))

    @property
    def stretch_count(self) -> int:
        return len(self._stretches)

    def enter(self, state: TaskState) -> Placed:
        """A task that was not here; the most recently active from now on."""
        return self._append(state, None)

    def learning(self) -> Iterator[None]:
        """Work out what is left of stored tasks, the most recently active first; some of them for
        each item."""
        for stretch in reversed(self._stretches.copy()):
            if stretch.is_closed:
                yield from learning(stretch)
                if stretch.count <= STRETCH // 2:
                    self._tidy(stretch)
        self.is_known = True

    def move(self, entry: Placed, state: TaskState) -> None:
        """Something has happened: the task is the most recently active from now on."""
        self.leave(entry)
        self._append(state, entry)

    def change(self, entry: Placed, before: TaskState, state: TaskState) -> None:
        """The task has changed without a public event."""
        if entry.place < entry.stretch.known:
            entry.stretch.changed(entry.place, before, state)
        entry.held = state

    def leave(self, entry: Placed) -> None:
        stretch = entry.stretch
        stretch.leave(entry.place)
        if stretch.count <= STRETCH // 2 and stretch.count % _LOOK_EVERY == 0:
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
        if stretch.is_full or stretch.is_closed:
            if len(self._stretches) > 1:
                self._close(self._stretches[-2])
            stretch = Stretch(state.latest_event_seq, self._cache)
            self._stretches.append(stretch)
        return stretch.append(state.id, state, entry)

    def _close(self, stretch: Stretch) -> None:
        """Not as soon as it is full: much of what is claimed is completed and moved on by now."""
        if not stretch.is_closed:
            stretch.close()
            if stretch.count <= STRETCH // 2:
                self._tidy(stretch)

    def _tidy(self, stretch: Stretch) -> None:
        """Put a closed stretch and one beside it together, if they fit into half of one, and all
        is worked out that is asked of them."""
        if not stretch.is_closed or not stretch.is_known:
            return
        at = bisect_left(self._stretches, stretch.first_seq, key=_first_seq_of)
        if at == len(self._stretches) or self._stretches[at] is not stretch:
            return  # it was put together with another one
        if not stretch.count and len(self._stretches) > 1:
            del self._stretches[at]
            return
        for first in (at, at - 1):
            pair = self._stretches[max(first, 0) : first + 2]
            if len(pair) == 2 and _fit(*pair):
                self._stretches[first : first + 2] = [_joined(*pair)]
                return


def learning(stretch: Stretch) -> Iterator[None]:
    """Work out what is asked of a stretch, in steps that take little time each."""
    while not stretch.is_known:
        stretch.learn(_LEARNED_AT_ONCE)
        yield


def _first_seq_of(stretch: Stretch) -> int:
    return stretch.first_seq


def _fit(one: Stretch, other: Stretch) -> bool:
    """Whether both are closed and known, and small enough to be one."""
    are_known = all(each.is_closed and each.is_known for each in (one, other))
    return are_known and one.count + other.count <= STRETCH // 2


def _joined(one: Stretch, other: Stretch) -> Stretch:
    """A closed stretch for both."""
    joined = Stretch(one.first_seq, one.cache)
    for entry in (*one.entries, *other.entries):
        if entry is not None:
            joined.append(entry.task_id, entry.held, entry)
    joined.close()
    return joined
