"""Answers that wait for the effects of their record, and for the effects of those, so that the next
read sees them; for no more than `AWAITED_EFFECTS_MAX` in all. Effects
beyond that are applied in the background."""

from typing import final

from attrs import define

from chargehand.actors import limits
from chargehand.actors.record import Cause, Entry, Settlement


@final
@define(eq=False)
class _Wait:
    """Answers that are held back together.

    Args:
        left: effects on disk that are not applied yet.
        seen: all that it had to wait for so far.
    """

    settlements: list[Settlement]
    left: int = 0
    seen: int = 0

    def end(self) -> list[Settlement]:
        """The answers, once."""
        settlements, self.settlements = self.settlements, []
        return settlements


@final
@define(eq=False)
class _Awaited:
    """A record with effects, `left` of which are not applied yet."""

    left: int
    waits: list[_Wait]


@final
class AwaitedEffects:
    def __init__(self) -> None:
        self._records: dict[int, _Awaited] = {}  # by the number that the record starts with
        self._left: set[Cause] = set()  # effects that nobody waits for any longer

    def committed(self, entry: Entry) -> list[Settlement]:
        """Take in a record that is on disk; the answers that are due now are returned."""
        record = entry.record
        if not record.effects and record.cause is None:
            return entry.settlements
        count = len(record.effects)
        ended = [] if record.cause is None else self._waits_for(record.cause)
        waits = [*ended, _Wait(entry.settlements)] if count and entry.settlements else ended
        due = [] if count else list(entry.settlements)
        for wait in waits:
            wait.left += count
            wait.seen += count
            if wait.seen > limits.AWAITED_EFFECTS_MAX:
                due += wait.end()
        due += _one_less(ended)
        waits = [wait for wait in waits if wait.settlements]
        if count and waits:
            self._records[record.seq] = _Awaited(count, waits)
        return due

    def leave(self, cause: Cause) -> list[Settlement]:
        """Nobody waits for this effect any longer; the answers that are due by that."""
        waits = self._waits_for(cause)
        self._left.add(cause)
        return _one_less(waits)

    def is_awaited(self, seq: int) -> bool:
        """Whether an answer waits for the effects of the record that starts at `seq`."""
        return seq in self._records

    def end_all(self) -> list[Settlement]:
        """All answers that wait."""
        records, self._records = self._records, {}
        return [
            settlement
            for awaited in records.values()
            for wait in awaited.waits
            for settlement in wait.end()
        ]

    def _waits_for(self, cause: Cause) -> list[_Wait]:
        """Those that wait for an effect which is over now."""
        if cause in self._left:
            self._left.discard(cause)
            return []
        awaited = self._records.get(cause.seq)
        if awaited is None:
            return []
        awaited.left -= 1
        if not awaited.left:
            del self._records[cause.seq]
        return [wait for wait in awaited.waits if wait.settlements]


def _one_less(waits: list[_Wait]) -> list[Settlement]:
    """The answers that were held back by this effect as the last one."""
    due = []
    for wait in waits:
        wait.left -= 1
        if not wait.left:
            due += wait.end()
    return due
