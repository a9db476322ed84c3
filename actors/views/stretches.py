"""Stretches of the order of activity: which of their tasks have which facet, and which text.

A task that becomes active leaves its place, which stays empty; so a stretch only ever loses tasks,
and what it knows of the places in it stays true. It knows, for each facet, the places of the tasks
that have it, as the bits of a number: whatever is asked for is an `and` of a few numbers. What a
stretch has to know is worked out once for those that are left in it, when it is full or asked for.

Of the tasks that a start has found a stretch has the rows at first. Each is given an object of its
own when somebody asks for it, or as the stretch comes to know it.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar, final

from chargehand.actors.task import head as heads
from chargehand.actors.task.head import Stored, active_seq_of, held_of, id_of
from chargehand.actors.task.state import TaskState
from chargehand.actors.views.facets import Facet, facets_of
from chargehand.actors.views.search import finds, joined_texts, text_of
from chargehand.actors.views.state_cache import StateCache
from chargehand.actors.views.wanted import Wanted

STRETCH: Final = 512  # places in a stretch

_PLACES: Final = tuple(range(STRETCH))  # shared, as there is one for each task
_BITS: Final = tuple(1 << place for place in _PLACES)
_ANSWERS_MAX: Final = 4  # kept of a stretch
_LEARNED_AT_ONCE: Final = 64  # tasks, at some 20 µs each

T = TypeVar("T")
A = TypeVar("A")


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
    """Places in order of activity; those of tasks that went elsewhere are None, and those of stored
    tasks at which nobody has looked.

    Attributes:
        known: the places up to here are known by their facets.
        latest_ns: no task of a place that is known was active after this time.
        on_known: called once with each stored task, before it changes or as it becomes known.
        is_closed: nothing is appended any more.
    """

    __slots__ = (
        "_answers",
        "_facets",
        "_met",
        "_on_placed",
        "_searched",
        "_stored",
        "_text",
        "_texts",
        "_unplaced",
        "cache",
        "count",
        "entries",
        "first_seq",
        "is_closed",
        "known",
        "latest_ns",
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
        self.latest_ns = 0
        self.on_known: Callable[[TaskState], None] | None = None
        self.is_closed = False
        self._stored: Sequence[Stored] = ()  # what fills it, until that is known
        self._unplaced = 0  # places, as bits, of stored tasks at which nobody has looked yet
        self._on_placed: Callable[[Placed], None] = _ignore
        self._met = 0  # places, as bits, that `on_known` was called with before they were known
        self._facets: dict[Facet, int] = {}
        self._texts: list[str] = []  # of the places that are known, until `_text` is there
        self._text: str | None = None  # of all places, once it is closed and known
        self._searched = ("", 0)  # what was last looked for in it, and found
        self._answers: dict[object, Any] = {}  # to questions, since anything here has changed

    @property
    def is_full(self) -> bool:
        return len(self.entries) == STRETCH

    @property
    def is_known(self) -> bool:
        """Whether all is worked out that is asked of it."""
        return self.known == len(self.entries) and (not self.is_closed or self._text is not None)

    def place_task(self, task: Stored) -> None:
        """The same, of a stored task that belongs here."""
        place = bisect_left(self._stored, active_seq_of(task), key=active_seq_of)
        if place < len(self._stored) and self._stored[place] is task:
            self.place_stored(place)

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

    def fill(self, stored: Sequence[Stored], on_placed: Callable[[Placed], None]) -> None:
        """Give stored tasks the places of one that is empty, in the order of their activity and no
        more of them than it has. They are looked at one by one, later.

        Args:
            on_placed: called with each of them as it is.
        """
        self._stored = stored
        self._on_placed = on_placed
        self.count = len(stored)
        self.entries = [None] * self.count
        self.living = self._unplaced = (1 << self.count) - 1

    def place_stored(self, place: int) -> None:
        """Look at the stored task with that place, if nobody has yet."""
        if self._unplaced & _BITS[place]:
            self._unplaced ^= _BITS[place]
            stored = self._stored[place]
            entry = Placed(id_of(stored), held_of(stored), self, place)
            self.entries[place] = entry
            self._on_placed(entry)

    def answer(self, question: T, work_out: Callable[["Stretch", T], A]) -> A:
        """What is worked out here of a question; of one that is full it is kept as long as nothing
        in it changes.

        Args:
            question: an object that stands for itself alone, used again for the same question.
        """
        if not self.is_closed:
            return work_out(self, question)
        known: A | None = self._answers.get(question)
        if known is None:
            known = work_out(self, question)
            if len(self._answers) >= _ANSWERS_MAX:
                self._answers.clear()
            self._answers[question] = known
        return known

    def leave(self, place: int) -> None:
        self._answers.clear()
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
            self.place_stored(place)
            entry, text = entries[place], ""
            if entry is not None:
                state, bit = entry.look(), _BITS[place]
                for facet in facets_of(state):
                    facets[facet] = facets.get(facet, 0) | bit
                self.latest_ns = max(self.latest_ns, state.last_activity_at_ns)
                text = text_of(state)
                if self.on_known is not None and not self._met & bit:
                    self.on_known(state)
            self._texts.append(text)
            self.known = place + 1
        if self.is_closed and self.known == len(entries) and self._text is None:
            self._text = joined_texts(self._texts)
            self._texts = []
            self._stored = ()
            self.on_known = None

    def meet(self, place: int, state: TaskState) -> None:
        """A task is about to change or to leave: `on_known` sees it as it was, once."""
        if self.on_known is not None and place >= self.known and not self._met & _BITS[place]:
            self._met |= _BITS[place]
            self.on_known(state)

    def changed(self, place: int, before: TaskState, after: TaskState) -> None:
        """A task has changed where it stands, in a place that is known."""
        self._answers.clear()
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

    def latest_first(self) -> Iterator[Placed]:
        """All that stands here, the most recently active first; also what nobody has looked at."""
        places = self.living
        while places:
            place = places.bit_length() - 1
            places ^= _BITS[place]
            self.place_stored(place)
            entry = self.entries[place]
            assert entry is not None, "what lives has its place"
            yield entry

    def backwards(self, places: int) -> Iterator[TaskState]:
        """The tasks in these places, the most recently active first."""
        while places:
            place = places.bit_length() - 1
            places ^= _BITS[place]
            entry = self.entries[place]
            assert entry is not None, "only places that are taken are found"
            yield entry.state


def _ignore(_: Placed) -> None:
    """For stretches without stored tasks."""


def learning(stretch: Stretch) -> Iterator[None]:
    """Work out what is asked of a stretch, in steps that take little time each."""
    while not stretch.is_known:
        stretch.learn(_LEARNED_AT_ONCE)
        yield


def fit(one: Stretch, other: Stretch) -> bool:
    """Whether both are closed and known, and small enough to be one."""
    are_known = all(each.is_closed and each.is_known for each in (one, other))
    return are_known and one.count + other.count <= STRETCH // 2


def joined(one: Stretch, other: Stretch) -> Stretch:
    """A closed stretch for both."""
    joined = Stretch(one.first_seq, one.cache)
    for entry in (*one.entries, *other.entries):
        if entry is not None:
            joined.append(entry.task_id, entry.held, entry)
    joined.close()
    return joined
