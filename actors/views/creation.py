"""All tasks in the order in which they were made."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, final

from chargehand.actors.task.head import Stored, created_ns_of, id_of
from chargehand.actors.task.state import TaskState
from chargehand.actors.views.pages import bad_cursor, sequence_of
from chargehand.actors.views.stretches import Placed

_BLOCK: Final = 1024  # tasks in a block, as a rule; never more than twice as many
_FIRST_OF_ALL: Final = (-1, "")
_MARK: Final = "created"  # a cursor of this order begins with it, so it is taken for no other


@final
class Birth(NamedTuple):
    """What a task is ordered by; it never changes. Of the same time, the id decides."""

    at_ns: int
    task_id: str

    @classmethod
    def read(cls, cursor: str) -> "Birth":
        """Raises: Rejected: it is no cursor of this order."""
        mark, _, rest = cursor.partition(".")
        written, _, task_id = rest.partition(".")
        if mark != _MARK or not task_id:
            raise bad_cursor()
        return cls(sequence_of(written) or 0, task_id)

    @property
    def cursor(self) -> str:
        return f"{_MARK}.{self.at_ns}.{self.task_id}"


def birth_of(state: TaskState) -> Birth:
    return Birth(state.created_at_ns, state.id)


@final
class _Block:
    """Entries that were made one after the other; in that order once it is sorted."""

    __slots__ = ("entries", "is_sorted")

    def __init__(self, entries: list[Placed], *, is_sorted: bool) -> None:
        self.entries = entries
        self.is_sorted = is_sorted


@final
class CreationOrder:
    """Blocks, of which nearly all tasks come at the end of the last one.

    Stored tasks come in any order, and over time: blocks are laid out for them, and are sorted when
    all are there (see `sorting`). Nobody reads the order before.
    """

    def __init__(self) -> None:
        self._floors: list[tuple[int, str]] = [_FIRST_OF_ALL]  # where each block begins
        self._blocks = [_Block([], is_sorted=True)]
        self._unsorted: list[_Block] = []

    def restore(self, stored: Sequence[Stored]) -> None:
        """Lay out blocks for stored tasks, which are in any order; each of them will `enter`."""
        sample = sorted((created_ns_of(task), id_of(task)) for task in stored[::_BLOCK])
        self._floors = [_FIRST_OF_ALL, *sample[1:]]
        self._blocks = [_Block([], is_sorted=False) for _ in self._floors]
        self._unsorted = [*self._blocks]

    def sorting(self) -> Iterator[None]:
        """Sort what has entered since `restore`, a block for each item."""
        while self._unsorted:
            block = self._unsorted.pop()
            block.entries.sort(key=_key)
            block.is_sorted = True
            if block.entries:
                self._split(self._block_at(_key(block.entries[0])))
            yield

    def enter(self, entry: Placed) -> None:
        key = _key(entry)
        at = self._block_at(key)
        block = self._blocks[at]
        if not block.is_sorted or not block.entries or _key(block.entries[-1]) < key:
            block.entries.append(entry)
        else:
            insort(block.entries, entry, key=_key)
        if block.is_sorted:
            self._split(at)

    def leave(self, entry: Placed) -> None:
        key = _key(entry)
        at = self._block_at(key)
        block = self._blocks[at]
        entries = block.entries
        if block.is_sorted:
            del entries[bisect_left(entries, key, key=_key)]
        else:
            entries.remove(entry)
        if not entries and len(self._blocks) > 1:
            del self._blocks[at], self._floors[at]
            self._floors[0] = _FIRST_OF_ALL

    def newest_first(self, before: Birth | None) -> Iterator[Placed]:
        """Args: before: leave out this one, and what was made after it."""
        last, end = len(self._blocks) - 1, None
        if before is not None:
            bound: tuple[int, str] = before
            last = self._block_at(bound)
            end = bisect_left(self._blocks[last].entries, bound, key=_key)
        for block in self._blocks[last::-1]:
            yield from reversed(block.entries[:end])
            end = None

    def _block_at(self, key: tuple[int, str]) -> int:
        last = len(self._floors) - 1
        return last if key >= self._floors[last] else bisect_right(self._floors, key) - 1

    def _split(self, at: int) -> None:
        """Make several blocks of one that has become too long."""
        entries = self._blocks[at].entries
        if len(entries) <= 2 * _BLOCK:
            return
        parts = [entries[begin : begin + _BLOCK] for begin in range(0, len(entries), _BLOCK)]
        self._blocks[at : at + 1] = [_Block(part, is_sorted=True) for part in parts]
        self._floors[at + 1 : at + 1] = [_key(part[0]) for part in parts[1:]]


def _key(entry: Placed) -> tuple[int, str]:
    return (entry.created_at_ns, entry.task_id)  # a plain tuple, as it is made often
