"""Sorted collections with many writes and few reads.

What comes and goes is only noted down. It is sorted in when somebody reads, or when much of it has
gathered; what came and went meanwhile then cancels out. So an item that nobody ever asks for costs
two appends to a list.
"""

from array import array
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, MutableSequence
from itertools import chain, islice
from typing import Any, Final, Generic, TypeVar, final

Key = int | str | tuple[Any, ...]
T = TypeVar("T", bound=Key)

_BLOCK: Final = 512  # items in a block after a split; twice as many before it
_FEW: Final = 8  # items that are put into a block one by one
_NOTED_MAX: Final = 512  # so that sorting them in takes less than a millisecond


@final
class Ordered(Generic[T]):
    """Items in order, equal ones more than once. In blocks, so that a change moves few of them.

    Args:
        items: what is in it at first, in any order.
        key: what items are ordered by, if not by themselves. Of those that are in it at a time,
            different ones have different keys.
        block: makes the sequence that a block is.
    """

    __slots__ = ("_added", "_block", "_blocks", "_key", "_lasts", "_removed", "_sorted")

    def __init__(
        self,
        items: Iterable[T] = (),
        *,
        key: Callable[[T], Key] | None = None,
        block: Callable[[Iterable[T]], MutableSequence[T]] = list,
    ) -> None:
        self._key: Any = key  # None too, which the types of `bisect` have in overloads of their own
        self._block = block
        self._blocks: list[MutableSequence[T]] = []  # none of them empty
        self._lasts: list[T] = []  # the last item of each
        self._sorted = 0
        self._added: list[T] = list(items)
        self._removed: list[T] = []

    def __len__(self) -> int:
        return self._sorted + len(self._added) - len(self._removed)

    def add(self, item: T) -> None:
        self._added.append(item)
        if len(self._added) >= _NOTED_MAX:
            self.settle()

    def remove(self, item: T) -> None:
        """Take out one that equals `item`. It must be there."""
        self._removed.append(item)
        if len(self._removed) >= _NOTED_MAX:
            self.settle()

    # --- reading --------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[T]:
        self.settle()
        return chain.from_iterable(self._blocks)

    # Asked of many that are settled: so it is looked first.

    def first(self) -> T | None:
        if self._added or self._removed:
            self.settle()
        return self._blocks[0][0] if self._blocks else None

    def last(self) -> T | None:
        if self._added or self._removed:
            self.settle()
        return self._blocks[-1][-1] if self._blocks else None

    def latest(self, count: int) -> list[T]:
        """The last `count`, backwards."""
        self.settle()
        backwards = chain.from_iterable(map(reversed, reversed(self._blocks)))
        return list(islice(backwards, count))

    def count_below(self, bound: Key) -> int:
        """How many are smaller than `bound`, a key."""
        self.settle()
        at = bisect_left(self._lasts, bound, key=self._key)
        before = sum(map(len, self._blocks[:at]))
        if at == len(self._blocks):
            return before
        return before + bisect_left(self._blocks[at], bound, key=self._key)

    def behind(self, bound: Key) -> Iterator[T]:
        """Those that are greater than `bound`, a key, in order. Nothing may change meanwhile."""
        self.settle()
        at = bisect_right(self._lasts, bound, key=self._key)
        if at < len(self._blocks):
            block = self._blocks[at]
            yield from islice(block, bisect_right(block, bound, key=self._key), None)
            yield from chain.from_iterable(self._blocks[at + 1 :])

    # --- sorting in -----------------------------------------------------------------------------

    def settle(self) -> None:
        """Sort in what has come, before anybody reads."""
        if not self._added and not self._removed:
            return
        added, removed = sorted(self._added, key=self._key), sorted(self._removed, key=self._key)
        self._added, self._removed = [], []
        if added and removed:
            gone = Counter(removed)
            added = [item for item in added if not _taken(gone, item)]
            removed = sorted(gone.elements(), key=self._key)
        self._take_out(removed)
        if len(added) > self._sorted // 4:
            self._rebuild(added)
        else:
            self._put_in(added)

    def _rebuild(self, added: list[T]) -> None:
        items = added
        if self._blocks:
            items = sorted(chain(chain.from_iterable(self._blocks), added), key=self._key)
        self._sorted = len(items)
        self._blocks = [self._block(items[at : at + _BLOCK]) for at in range(0, len(items), _BLOCK)]
        self._lasts = [block[-1] for block in self._blocks]

    def _put_in(self, items: list[T]) -> None:
        """Sorted ones, fewer than there are already."""
        start, key = 0, self._key
        while start < len(items):
            at = bisect_left(self._lasts, self._bound(items[start]), key=key)
            stop = len(items)
            if at < len(self._lasts):
                stop = bisect_right(items, self._bound(self._lasts[at]), start, key=key)
            else:
                at -= 1
            block = self._blocks[at]
            if stop - start <= _FEW:
                for item in items[start:stop]:
                    insort(block, item, key=key)
            else:
                block = self._block(sorted(chain(block, items[start:stop]), key=key))
            self._set(at, 1, block)
            start = stop
        self._sorted += len(items)

    def _take_out(self, items: list[T]) -> None:
        """Sorted ones that are all there."""
        start, key = 0, self._key
        while start < len(items):
            at = bisect_left(self._lasts, self._bound(items[start]), key=key)
            block = self._blocks[at]
            gone = items[start : bisect_right(items, self._bound(block[-1]), start, key=key)]
            start += self._without(block, gone)
            if len(block) < _BLOCK // 4 and self._fits_before_next(at):
                self._set(at, 2, self._block(chain(block, self._blocks[at + 1])))
            else:
                self._set(at, 1, block)
        self._sorted -= len(items)

    def _fits_before_next(self, at: int) -> bool:
        """Whether a block and the next one together are one of common size."""
        pair = self._blocks[at : at + 2]
        return len(pair) == 2 and sum(map(len, pair)) <= _BLOCK

    def _set(self, at: int, count: int, block: MutableSequence[T]) -> None:
        """Put a block in the place of `count`: nothing if it is empty, several if it is large."""
        if len(block) < 2 * _BLOCK:
            blocks = [block] if block else []
        else:
            blocks = [block[place : place + _BLOCK] for place in range(0, len(block), _BLOCK)]
        self._blocks[at : at + count] = blocks
        self._lasts[at : at + count] = [each[-1] for each in blocks]

    def _without(self, block: MutableSequence[T], items: list[T]) -> int:
        """Delete sorted items from a block that holds the first of them; how many it held. Of equal
        ones some may be in the next block."""
        key = self._key
        first = bisect_left(block, self._bound(items[0]), key=key)
        if list(block[first : first + len(items)]) == items:  # as where the oldest leave first
            del block[first : first + len(items)]
            return len(items)
        for count, item in enumerate(items):
            place = bisect_left(block, self._bound(item), key=key)
            if place == len(block):
                return count
            assert block[place] == item, f"{item} was never added"
            del block[place]
        return len(items)

    def _bound(self, item: T) -> Key:
        """What an item is found by."""
        key: Key = item if self._key is None else self._key(item)
        return key


def numbers(items: Iterable[int] = ()) -> Ordered[int]:
    """A sorted collection of whole numbers from 0 on, in 8 bytes each."""
    return Ordered(items, block=_number_block)


def _number_block(items: Iterable[int]) -> MutableSequence[int]:
    return array("Q", items)


def _taken(from_: "Counter[T]", item: T) -> bool:
    """Whether `item` was among these; then it is so once less."""
    if from_[item] == 0:
        return False
    from_[item] -= 1
    return True
