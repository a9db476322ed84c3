"""What has changed lately, by number: those who read a list in pages see it as it was."""

from bisect import bisect_right
from typing import Final, Generic, TypeVar, final

from chargehand.actors import limits

T = TypeVar("T")

_FORGET_STEP: Final = limits.MOVES_MAX // 8  # changes that are forgotten in one go


@final
class Recent(Generic[T]):
    """The latest changes of one kind. The oldest are forgotten."""

    __slots__ = ("_changes", "_known_from", "_seqs")

    def __init__(self, known_from: int = 0) -> None:
        """Args: known_from: nothing is known of changes up to this number."""
        self._known_from = known_from
        self._seqs: list[int] = []  # never falls
        self._changes: list[T] = []

    def __len__(self) -> int:
        return len(self._changes)

    def add(self, seq: int, change: T) -> None:
        """Args: seq: no number before this was higher."""
        self._seqs.append(seq)
        self._changes.append(change)
        if len(self._seqs) >= limits.MOVES_MAX + _FORGET_STEP:
            self._known_from = self._seqs[_FORGET_STEP - 1]
            del self._seqs[:_FORGET_STEP], self._changes[:_FORGET_STEP]

    def knows(self, as_of_seq: int) -> bool:
        """Whether all is remembered that has changed since that number."""
        return as_of_seq >= self._known_from

    def since(self, as_of_seq: int) -> list[T]:
        """What has changed behind that number, in order."""
        return self._changes[bisect_right(self._seqs, as_of_seq) :]
