"""Reads back what a node's copy holds. What is damaged there alone is no damage of the journal."""

from collections.abc import Iterable, Iterator, Sequence
from typing import final

from chargehand.actors.ports import Damage, EndedError
from chargehand.actors.record import Entry, IndexRow, OutstandingEffect, Record
from chargehand.persistence.heads import StoredHeads
from chargehand.persistence.recovery import StoreRecovery
from chargehand.persistence.replicated.near import Near


@final
class CopyRecovery:
    """Implements `actors.ports.Recovery`.

    What is set aside goes into the database, for all nodes and for good. So a copy with anything
    damaged is given up first, unless this process has made it: the next one makes another. All but
    `finished` and `restore` may raise `EndedError` for that.
    """

    def __init__(self, inner: StoreRecovery, near: Near) -> None:
        self._inner = inner
        self._near = near
        self._known: set[str] = set()  # what the database has damaged, or aside

    def kept_aside(self) -> Sequence[Damage]:
        found = self._inner.kept_aside()
        self._known.update(one.address for one in found)
        return found

    def heads(self) -> StoredHeads:
        for one in self._inner.heads():
            if isinstance(one, Damage):
                self._doubt(one)
            yield one

    def finished(self) -> None:
        self._inner.finished()

    def replay(self) -> Iterator[Record | Damage]:
        for one in self._inner.replay():  # the log was compared with the database's
            if isinstance(one, Damage):
                self._known.add(one.address)
            yield one

    def outstanding(self) -> Sequence[OutstandingEffect | Damage]:
        found = self._inner.outstanding()
        for one in found:
            if isinstance(one, Damage):
                self._doubt(one)
        return found

    def restore(self, entry: Entry) -> None:
        self._inner.restore(entry)

    def restore_aside(self, found: Record | Damage, rows: Iterable[IndexRow]) -> None:
        self._doubt(found)
        self._inner.restore_aside(found, rows)

    def _doubt(self, found: Record | Damage) -> None:
        if self._near.is_anew or found.address in self._known:
            return
        self._near.give_up()
        raise EndedError(f"what the copy of the database has of {found.address} is damaged")
