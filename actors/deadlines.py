"""When something is due: leases that lapse, callers that have waited long enough."""

from collections.abc import Hashable
from itertools import count
from typing import Generic, TypeVar, final

from chargehand.actors.lazy_heap import LazyHeap

K = TypeVar("K", bound=Hashable)


@final
class Deadlines(Generic[K]):
    """One deadline a key, in ns of whichever clock the caller uses throughout."""

    def __init__(self) -> None:
        # (at_ns, order of setting, key): the second never ties, so keys need no order.
        self._entries: dict[K, tuple[int, int, K]] = {}
        self._order = count()
        self._heap: LazyHeap[tuple[int, int, K]] = LazyHeap(
            lambda entry: self._entries.get(entry[2]) is entry
        )

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    @property
    def stored(self) -> int:
        """Entries in memory, replaced ones too: at most about twice the deadlines."""
        return self._heap.stored

    def at_ns(self, key: K) -> int | None:
        """When the key is due, or None without a deadline."""
        entry = self._entries.get(key)
        return None if entry is None else entry[0]

    def keys(self) -> list[K]:
        """All keys with a deadline, in the order in which they first got one."""
        return list(self._entries)

    def set(self, key: K, at_ns: int) -> None:
        """Give the key a deadline, in place of the one it had."""
        replaced = key in self._entries
        entry = (at_ns, next(self._order), key)
        self._entries[key] = entry
        self._heap.push(entry)
        if replaced:
            self._heap.bury()

    def discard(self, key: K) -> bool:
        """Forget the key's deadline; False if it had none."""
        if self._entries.pop(key, None) is None:
            return False
        self._heap.bury()
        return True

    def next_at_ns(self) -> int | None:
        """The earliest deadline, or None if there is none."""
        head = self._heap.head()
        return None if head is None else head[0]

    def pop_due(self, now_ns: int, most: int | None = None) -> list[K]:
        """Take out the keys whose deadline is `now_ns` or earlier, earliest first; of equal ones
        the one set first. A deadline that equals the time has passed.

        Args:
            most: no more than this, the earliest; None is all.
        """
        due: list[K] = []
        while (head := self._heap.head()) is not None and head[0] <= now_ns:
            if len(due) == most:
                break
            self.discard(head[2])
            due.append(head[2])
        return due
