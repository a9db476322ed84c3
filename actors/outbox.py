"""Effects on their way: sent once their cause is on disk, named until they are applied.

An effect is outstanding from the commit of its cause to the commit of the record that applies it.
What a crash leaves outstanding is sent again at the next start.
"""

from collections.abc import Callable, Iterable
from typing import final

from attrs import define

from actors import limits
from actors.actor import Envelope
from actors.record import Cause, Entry, OutstandingEffect, Settlement


@final
@define(eq=False)
class _Wait:
    """Answers that wait for the effects of one record."""

    left: int
    settlements: list[Settlement]


@final
class Outbox:
    """Args: send: puts a message of the system into a task's mailbox (`Directory.push`)."""

    def __init__(self, send: Callable[[str, Envelope], None]) -> None:
        self._send = send
        self._outstanding: dict[Cause, OutstandingEffect] = {}
        self._left: set[Cause] = set()  # that nobody waits for any longer
        self._waits: dict[int, _Wait] = {}  # by the sequence number of the cause's record

    def __len__(self) -> int:
        return len(self._outstanding)

    def outstanding(self) -> tuple[OutstandingEffect, ...]:
        return tuple(self._outstanding.values())

    def restore(self, found: Iterable[OutstandingEffect]) -> None:
        """Take over what a former process left outstanding."""
        for one in found:
            self._outstanding[one.cause] = one

    def forget(self, cause: Cause) -> None:
        """It was applied before the restart."""
        self._outstanding.pop(cause, None)

    def resend(self) -> None:
        """Send all that is outstanding; for start-up."""
        for one in list(self._outstanding.values()):
            self._dispatch(one)

    def committed(self, entry: Entry) -> list[Settlement]:
        """Take in a record that is on disk; the answers that are due now are returned."""
        record = entry.record
        due: list[Settlement] = []
        if record.cause is not None:
            self._outstanding.pop(record.cause, None)
            if record.cause in self._left:
                self._left.discard(record.cause)
            else:
                due += self._no_longer_awaited(record.cause)
        if not record.effects:
            due += entry.settlements
            return due
        if len(record.effects) <= limits.AWAITED_EFFECTS_MAX:
            self._waits[record.seq] = _Wait(len(record.effects), entry.settlements)
        else:
            due += entry.settlements
        for n, effect in enumerate(record.effects):
            one = OutstandingEffect(Cause(record.seq, n), record.at_ns, record.caller, effect)
            self._outstanding[one.cause] = one
            self._dispatch(one)
        return due

    def leave(self, cause: Cause) -> None:
        """It cannot be applied now; it stays outstanding, but nobody waits for it any longer."""
        if cause not in self._outstanding or cause in self._left:
            return
        self._left.add(cause)
        for settlement in self._no_longer_awaited(cause):
            settlement.deliver()

    def end_waiting(self) -> None:
        """Nothing more reaches the disk. The records of those who wait here have: their answers
        are true, and the effects are applied after the next start."""
        for wait in self._waits.values():
            for settlement in wait.settlements:
                settlement.deliver()
        self._waits.clear()

    def _no_longer_awaited(self, cause: Cause) -> list[Settlement]:
        """One effect less to wait for; the answers that were held back by it as the last one."""
        wait = self._waits.get(cause.seq)
        if wait is None:
            return []
        wait.left -= 1
        if wait.left:
            return []
        del self._waits[cause.seq]
        return wait.settlements

    def _dispatch(self, one: OutstandingEffect) -> None:
        self._send(one.effect.target, Envelope(one.effect.command, one.caller, None, one.cause))
