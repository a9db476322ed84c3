"""A node's own copy of what the database holds: all reads are answered from it.

It is a store like any other, with a mark of which journal it copies and how far. It need not
survive a crash of the machine: what does not fit is made anew.
"""

import logging
from collections.abc import Callable
from typing import Final, final

import orjson

from chargehand.actors.frozen import frozen
from chargehand.actors.ports import DamagedError, StorageError
from chargehand.persistence.framing import sequence_key
from chargehand.persistence.heads import WarmHeads
from chargehand.persistence.layout import checkpoint_seq
from chargehand.persistence.recovery import log_last_seq
from chargehand.persistence.replicated.changes import decode_changes
from chargehand.persistence.replicated.far import FarTables
from chargehand.persistence.seal import seal, unseal
from chargehand.persistence.store import Change, Delete, DeleteRange, Put, Store, Table

_log = logging.getLogger("chargehand")

_MARK_KEY: Final = b"replica"
ROWS_READ_MAX: Final = 512
SLICES_READ_MAX: Final = 16
LOG_VALUES_READ_MAX: Final = 64


@final
@frozen
class Mark:
    """Args:
    journal: of which it is a copy.
    slice: so many slices are in it.
    epoch: that the last of them was made in; None: that was not known.
    """

    journal: str
    slice: int
    epoch: int | None

    def put(self) -> Put:
        """The change that makes a store say so."""
        value = orjson.dumps([self.journal, self.slice, self.epoch])
        return Put(Table.META, _MARK_KEY, seal(Table.META, _MARK_KEY, value))


def mark_of(store: Store) -> Mark | None:
    """What the store is a copy of; None: of nothing, or not all of it. Raises: DamagedError."""
    value = store.get(Table.META, _MARK_KEY)
    if value is None:
        return None
    return Mark(*orjson.loads(unseal(Table.META, _MARK_KEY, value)))


class ForkedError(StorageError):
    """Raised when the copy holds what the database does not: it must be made anew."""


def _nothing() -> None: ...


@final
class Near:
    """Follows the database. Used by one thread, but for `interrupt` and `end_hung`.

    Args:
        store: written by nobody else.
    """

    def __init__(self, store: Store, far: FarTables) -> None:
        self.store: Final = store
        self._far = far
        self._journal = ""
        self._mark: Mark | None = None
        self.last_seq = 0  # the last number that it has
        self.is_anew = False  # all of it was copied, and not found here
        self.heads: Final = WarmHeads(store)

    @property
    def slice(self) -> int:
        """How many slices are in it."""
        assert self._mark is not None, "it has caught up once"
        return self._mark.slice

    def catch_up(self, between: Callable[[], None] = _nothing) -> None:
        """Have all that the database shows now.

        Args:
            between: called between pages; what it raises ends this, and another try goes on.

        Raises:
            LostError: the database is away; another try goes on from here.
            ForkedError: it shows something else than it did before.
        """
        self._journal = self._journal or self._far.journal()
        if not self._follows(between):
            self.copy(between)
            self._follow_log(between)

    def _follows(self, between: Callable[[], None]) -> bool:
        """Whether it could be gone on from what is here, which is sound as far as that reads it."""
        try:
            mark = self._mark or self._stored_mark()
            # The log between the slices of a checkpoint as well: all of them may take a second.
            if mark is None or not self._follow_slices(mark, lambda: self._follow_log(between)):
                return False
            self._follow_log(between)
        except DamagedError as error:
            _log.warning("the copy of the database is damaged (%s): copying everything anew", error)
            return False
        return True

    def rest(self) -> None:
        """Let go of the connection."""
        self._far.close()

    def interrupt(self) -> None:
        """From another thread: end the wait for an answer, which is lost then."""
        self._far.interrupt()

    def end_hung(self, seconds: float) -> None:
        """From another thread: `interrupt` a wait that has taken longer."""
        self._far.end_hung(seconds)

    def make(self, number: int, changes: list[Change], epoch: int | None) -> Mark:
        """A slice that is in the database. Args: epoch: that it was made in; None: it may have been
        another one, so that the next who follows copies everything."""
        mark = self._mark = Mark(self._journal, number, epoch)
        self.store.commit([*changes, mark.put()])
        self.heads.follow(changes)
        return mark

    def _stored_mark(self) -> Mark | None:
        mark = mark_of(self.store)
        return mark if mark is not None and mark.journal == self._journal else None

    def _follow_slices(self, mark: Mark, between: Callable[[], None]) -> bool:
        """False: the next one is not kept any more, or this copy has one that the database lost
        when it failed over: whoever goes on then does so in a later epoch."""
        self._mark = mark
        if mark.epoch != self._far.slice_epoch(mark.slice):
            return False
        while True:
            made = self._far.slice_number()
            if made <= self.slice:
                return made == self.slice
            found = self._far.slices_after(self.slice, SLICES_READ_MAX)
            if not found:
                return False
            for number, changes, epoch in found:
                if number != self.slice + 1:
                    return False
                self.make(number, list(decode_changes(changes)), epoch)
            between()

    def copy(self, between: Callable[[], None] = _nothing) -> None:
        """Have everything anew. Slices that are made meanwhile are made again, and the same comes
        out.

        Args and Raises: as `catch_up`, but that another try begins anew.
        """
        self._mark, self.last_seq = None, 0  # half a copy is of nothing
        self.store.commit([DeleteRange(table, b"", None) for table in Table])
        self.heads.forget()
        begun = self._far.slice_number()
        epoch = self._far.slice_epoch(begun)
        for table in Table:
            if table is Table.LOG:
                continue
            after = b""
            while page := self._far.page(table, after, ROWS_READ_MAX):
                self.store.commit([Put(table, key, value) for key, value in page])
                after = page[-1][0]
                between()
        if not self._follow_slices(self.make(begun, [], epoch), between):
            raise ForkedError("the tables in the database change faster than they can be copied")
        self.is_anew = True

    def give_up(self) -> None:
        """Whoever opens the store next copies everything."""
        self.store.commit([Delete(Table.META, _MARK_KEY)])

    def _follow_log(self, between: Callable[[], None]) -> None:
        folded = checkpoint_seq(self.store)
        if trimmed := self._trimmed(folded):
            self.store.commit(trimmed)
        last_seq = self.last_seq = max(folded, log_last_seq(self.store))
        while values := self._far.log_after(last_seq, LOG_VALUES_READ_MAX):
            if values[0].first_seq != last_seq + 1:
                break  # trimmed meanwhile: the slices that did it come next
            puts = [Put(Table.LOG, sequence_key(one.first_seq), one.value) for one in values]
            self.store.commit(puts)
            last_seq = self.last_seq = values[-1].last_seq
            between()
        between()

    def _trimmed(self, folded: int) -> list[Change]:
        stop = sequence_key(folded + 1)
        if self.store.scan(Table.LOG, b"", stop, 1, len):
            return [DeleteRange(Table.LOG, b"", stop)]
        return []

    def check_log(self, head: int) -> None:
        """Compare the log with that of the database, in which it cannot change any more.

        Raises:
            ForkedError: it is another one. What was shown before its copies had it, a database
                may have lost when it failed over.
        """
        last_seq = checkpoint_seq(self.store)
        while values := self._far.log_after(last_seq, LOG_VALUES_READ_MAX):
            for one in values:
                if self.store.get(Table.LOG, sequence_key(one.first_seq)) != one.value:
                    raise ForkedError(f"the log differs from the database's at {one.first_seq}")
            last_seq = values[-1].last_seq
        ours = max(checkpoint_seq(self.store), log_last_seq(self.store))
        if not ours == last_seq == head:
            raise ForkedError(f"the log ends at {ours}, and the database's at {last_seq} of {head}")
