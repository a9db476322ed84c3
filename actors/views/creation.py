"""All tasks in the order in which they were made."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, final

from chargehand.actors.task.state import TaskState
from chargehand.actors.views.activity import Placed
from chargehand.actors.views.pages import bad_cursor, sequence_of

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
class CreationOrder:
    """One list: nearly all tasks come at its end, and few leave, each at the cost of a shift."""

    def __init__(self) -> None:
        self._entries: list[Placed] = []

    def __len__(self) -> int:
        return len(self._entries)

    def restore(self, entries: Iterable[Placed]) -> None:
        self._entries = sorted(entries, key=_key)

    def enter(self, entry: Placed) -> None:
        entries = self._entries
        if not entries or _key(entries[-1]) < _key(entry):
            entries.append(entry)
        else:
            insort(entries, entry, key=_key)

    def leave(self, entry: Placed) -> None:
        del self._entries[bisect_left(self._entries, _key(entry), key=_key)]

    def newest_first(self, before: Birth | None) -> Iterator[Placed]:
        """Args: before: leave out this one, and what was made after it."""
        entries, end = self._entries, len(self._entries)
        if before is not None:
            bound: tuple[int, str] = before
            end = bisect_left(entries, bound, key=_key)
        return map(entries.__getitem__, range(end - 1, -1, -1))


def _key(entry: Placed) -> tuple[int, str]:
    return (entry.created_at_ns, entry.task_id)  # a plain tuple, as it is made often
