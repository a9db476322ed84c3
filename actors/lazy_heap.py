"""A heap with lazy deletion: dead entries stay in place, and are removed later."""

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar, final

E = TypeVar("E", bound=tuple[object, ...])

_UNCOUNTED_DEAD = 16  # below this a compaction costs more than the memory it gives back


@final
class LazyHeap(Generic[E]):
    """Smallest entry first. Whoever lets an entry die says so (`bury`); the heap drops it once it
    comes to the top, or when the dead outnumber the living, so it holds at most about twice as
    many entries as are alive.

    An entry is alive or dead by `is_live`, by identity and not by value: an equal entry pushed
    later must not bring an older one back.
    """

    __slots__ = ("_entries", "_is_live", "_living")

    def __init__(self, is_live: Callable[[E], bool]) -> None:
        self._is_live = is_live
        self._entries: list[E] = []
        self._living = 0

    def __len__(self) -> int:
        """How many entries are alive."""
        return self._living

    @property
    def stored(self) -> int:
        """How many entries are held, dead ones too."""
        return len(self._entries)

    def restore(self, entries: list[E]) -> None:
        """Take in many live entries while there is none; the heap keeps the list as its own."""
        self._entries = entries
        self._living = len(entries)
        heapify(entries)

    def push(self, entry: E) -> None:
        """Take in a live entry. The very same object may come back after its death."""
        self._living += 1
        heappush(self._entries, entry)

    def bury(self) -> None:
        """One live entry has died: `is_live` already denies it."""
        self._living -= 1
        if len(self._entries) > 2 * self._living + _UNCOUNTED_DEAD:
            self._clear_away_the_dead()

    def _clear_away_the_dead(self) -> None:
        # Sorted, as entries mostly came in order and sorting them again is then quickest. An entry
        # that died and came back lies here more than once, now side by side.
        living = sorted(filter(self._is_live, self._entries))
        self._entries = [
            entry
            for entry, former in zip(living, [None, *living], strict=False)
            if entry is not former
        ]

    def head(self) -> E | None:
        """The smallest live entry, not removed."""
        entries = self._entries
        while entries:
            if self._is_live(entries[0]):
                return entries[0]
            heappop(entries)
        return None
