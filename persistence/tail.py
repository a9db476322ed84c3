"""What lies behind the last checkpoint, in memory: frames and states by address, index rows; and
how far the log, the disk and the tables have got.

Written on Trio's thread alone. A fold (`checkpoint`) reads frames on the writer's thread meanwhile;
lists only grow while it does.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, final

from attrs import define, field

from chargehand.actors.record import AnyState, Entry, IndexRow, IndexTable
from chargehand.persistence.aside import Kept
from chargehand.persistence.framing import span

DROP_ADDRESSES_MAX: Final = 1024  # forgotten in one go, about 1 ms


@final
@define(eq=False)
class Unfolded:
    """What is on disk and not folded: the last state of each address, rows, count of records; and
    what cannot be folded."""

    states: dict[str, AnyState] = field(factory=dict)
    aside: list[Kept] = field(factory=list)
    rows: list[IndexRow] = field(factory=list)
    records: int = 0


@final
class Tail:
    """Counts as behind the checkpoint what has a number above `checkpoint_seq`.

    Attributes, for others to read:
        checkpoint_seq: the last number that the tables hold.
        durable_seq: the last number that is on disk.
        next_seq: the number that the next record must start with.
        records: how many lie behind the checkpoint.
        states: of each address with records behind it, as of the last append.
        rows: by table and key.
    """

    def __init__(self, checkpoint_seq: int) -> None:
        self.checkpoint_seq = checkpoint_seq
        self.durable_seq = checkpoint_seq
        self.next_seq = checkpoint_seq + 1
        self.records = 0
        self.states: dict[str, AnyState] = {}
        self.rows: dict[tuple[IndexTable, str], str] = {}
        self._frames: dict[str, list[bytes]] = {}
        self._unfolded = Unfolded()
        self._taken = Unfolded()  # by the checkpoint that is under way, until the tables hold it

    def append(self, entry: Entry, frame: bytes) -> None:
        """It must start with `next_seq`."""
        address = entry.record.address
        known = self._frames.get(address)
        if known is None:
            self._frames[address] = [frame]
        else:
            known.append(frame)
        self.states[address] = entry.state
        for table, key, value in entry.rows:
            self.rows[table, key] = value
        self.records += 1
        self.next_seq += len(entry.record.events)

    def keep_aside(self, kept: Kept, last_seq: int, rows: Iterable[IndexRow]) -> None:
        """Something on disk that must not be folded; its rows are found all the same.

        Args:
            last_seq: of what stands in the log, where it must come next; else 0.
        """
        for row in rows:
            self.rows[row.table, row.key] = row.value
            self._unfolded.rows.append(row)
        self._unfolded.aside.append(kept)
        self._unfolded.records += 1
        self.records += 1
        if last_seq:
            self.durable_seq = last_seq
            self.next_seq = last_seq + 1

    def commit(self, entries: Sequence[Entry]) -> None:
        """These are on disk now, at least one; they come in the order of `append`."""
        unfolded = self._unfolded
        for entry in entries:
            unfolded.states[entry.record.address] = entry.state
            unfolded.rows.extend(entry.rows)
        unfolded.records += len(entries)
        self.durable_seq = entries[-1].record.last_seq

    def committed_state(self, address: str) -> AnyState | None:
        """The state of an address after its last record on disk; None if the tables hold it."""
        return self._unfolded.states.get(address) or self._taken.states.get(address)

    def frames(self, address: str) -> Sequence[bytes]:
        """The frames of an address behind the checkpoint, in order."""
        known = self._frames.get(address, ())
        if not known or span(known[0])[0] > self.checkpoint_seq:
            return known
        return [frame for frame in known if span(frame)[0] > self.checkpoint_seq]

    def frames_to(self, address: str, seq: int) -> list[bytes]:
        """The frames of an address behind the checkpoint, up to number `seq`."""
        return [frame for frame in self.frames(address) if span(frame)[1] <= seq]

    def take(self) -> Unfolded:
        """Give a checkpoint all that is on disk and not folded."""
        self._taken, self._unfolded = self._unfolded, Unfolded()
        return self._taken

    def move(self, checkpoint_seq: int, folded: Unfolded) -> None:
        """The tables hold everything up to `checkpoint_seq` now."""
        self.checkpoint_seq = checkpoint_seq
        self.records -= folded.records
        self._taken = Unfolded()

    def drop(self, folded: Unfolded) -> Iterator[None]:
        """Forget what the tables hold; stops now and then, so that others get a turn."""
        for count, (address, state) in enumerate(folded.states.items(), start=1):
            if behind := self.frames(address):
                self._frames[address] = list(behind)
            else:
                self._frames.pop(address, None)
            if self.states.get(address) is state:
                del self.states[address]
            if count % DROP_ADDRESSES_MAX == 0:
                yield
        for count, (table, key, value) in enumerate(folded.rows, start=1):
            if self.rows.get((table, key)) is value:
                del self.rows[table, key]
            if count % DROP_ADDRESSES_MAX == 0:
                yield
