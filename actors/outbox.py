"""Effects on their way: sent once their cause is on disk, named until they are applied.

An effect is outstanding from the commit of its cause to the commit of the record that applies it.
What a crash leaves outstanding is sent again at the next start.

Only so many are with their tasks at a time. The commit of one sends the next, so that thousands of
them neither hold anybody up nor wake thousands of actors at once; those that somebody waits for go
first.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import final

from chargehand.actors.actor import Envelope
from chargehand.actors.awaited import AwaitedEffects
from chargehand.actors.record import Cause, Entry, OutstandingEffect, Settlement


@final
class Outbox:
    """Args:
    send: puts a message of the system into a task's mailbox (`Directory.push`).
    at_once: how many effects may be with their tasks at a time.
    """

    def __init__(self, send: Callable[[str, Envelope], None], at_once: int) -> None:
        self._send = send
        self._at_once = at_once
        self._outstanding: dict[Cause, OutstandingEffect] = {}
        self._sent: set[Cause] = set()
        self._urgent: deque[OutstandingEffect] = deque()  # not sent yet, and awaited
        self._others: deque[OutstandingEffect] = deque()
        self._awaited = AwaitedEffects()
        self._sending = False

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
        self._others.extend(self._outstanding.values())
        self._send_next()

    def committed(self, entry: Entry) -> list[Settlement]:
        """Take in a record that is on disk; the answers that are due now are returned."""
        record = entry.record
        due = self._awaited.committed(entry)
        if record.cause is not None:
            self._outstanding.pop(record.cause, None)
            self._sent.discard(record.cause)
        if record.effects:
            unsent = self._urgent if self._awaited.is_awaited(record.seq) else self._others
            for n, effect in enumerate(record.effects):
                one = OutstandingEffect(Cause(record.seq, n), record.at_ns, record.caller, effect)
                self._outstanding[one.cause] = one
                unsent.append(one)
        self._send_next()
        return due

    def leave(self, cause: Cause) -> None:
        """It cannot be applied now; it stays outstanding, but nobody waits for it any longer."""
        if cause not in self._sent:
            return
        self._sent.discard(cause)
        for settlement in self._awaited.leave(cause):
            settlement.deliver()
        self._send_next()

    def end_waiting(self) -> None:
        """Nothing more reaches the disk. The records of those who wait here have: their answers
        are true. No more effects are sent: those left are applied after the next start."""
        self._urgent.clear()
        self._others.clear()
        for settlement in self._awaited.end_all():
            settlement.deliver()

    def _send_next(self) -> None:
        if self._sending:
            return  # what is sent was left in the same step: the loop below goes on with the next
        self._sending = True
        while len(self._sent) < self._at_once and (unsent := self._urgent or self._others):
            one = unsent.popleft()
            self._sent.add(one.cause)
            self._send(one.effect.target, Envelope(one.effect.command, one.caller, None, one.cause))
        self._sending = False
