"""Takes against racing appends: nothing acknowledged is unseen by the next owner, and no two follow
the same record. With the condition looked at beside the write, instead of within it, both happen.
"""

import os
import threading
from bisect import bisect_right

from attrs import frozen

from chargehand.persistence.postgres.link import ShardLink
from chargehand.persistence.postgres.tables import PostgresTables
from chargehand.persistence.replicated.shard import Append, Batch, Done, Found, Look, Owner, Take

TAKES = int(os.environ.get("CHARGEHAND_TAKES", "2000"))
NODES = 4
APPENDS = 3  # after each take, if it lives so long

# What does not work: who waits for the lock of the row goes on by what the statement saw before.
UNLOCKED = """WITH held AS (
    SELECT * FROM {s}.shard WHERE id = %s AND epoch = %s AND process = %s AND head = %s
), put AS (
    INSERT INTO {s}.log (shard, first_seq, last_seq, frames)
    SELECT id, %s, %s, %b FROM held
), moved AS (
    UPDATE {s}.shard SET head = %s, beat = shard.beat + 1 FROM held WHERE shard.id = held.id
    RETURNING held.*
) SELECT epoch, head, beat, process, node, address,
    current_setting('synchronous_commit'), true FROM moved"""


@frozen
class Acknowledged:
    epoch: int
    first_seq: int
    last_seq: int
    frames: bytes


class Race:
    """Nodes that take from each other all the time, and append as long as they may."""

    def __init__(self, address) -> None:
        self.address = address
        self.lock = threading.Lock()
        self.acknowledged: list[Acknowledged] = []
        self.heads: dict[int, int] = {}  # how far the log went at each take, by epoch
        self.faults: list[BaseException] = []

    def run(self, takes: int) -> None:
        threads = [threading.Thread(target=self._node, args=(n, takes)) for n in range(NODES)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.faults:
            raise self.faults[0]

    def _node(self, number: int, takes: int) -> None:
        link, owner = ShardLink(self.address), Owner(f"p{number}")
        try:
            while len(self.heads) < takes:
                self._turn(link, owner)
        except BaseException as fault:
            self.faults.append(fault)
        finally:
            link.drop()

    def _turn(self, link: ShardLink, owner: Owner) -> None:
        found = link.ask(Look())
        assert isinstance(found, Found), found
        taken = link.ask(Take(found.row, owner))
        if not isinstance(taken, Done):
            return
        epoch, head = taken.row.epoch, taken.row.head
        with self.lock:
            self.heads[epoch] = head
        for n in range(APPENDS):
            batch = Batch(head + 1 + n % 2, b"%d.%d" % (epoch, n))
            if not isinstance(link.ask(Append(epoch, owner, head, batch)), Done):
                return
            done = Acknowledged(epoch, head + 1, batch.last_seq, batch.frames)
            with self.lock:
                self.acknowledged.append(done)
            head = batch.last_seq

    def faults_found(self) -> dict[str, int]:
        """How many of what was acknowledged went wrong, and how."""
        tables = PostgresTables(self.address)
        values = tables.log_after(0, 1_000_000)
        tables.close()
        kept = {(one.first_seq, one.last_seq, one.value) for one in values}
        epochs = sorted(self.heads)
        due = [1, *(one.last_seq + 1 for one in values)]
        lost = unseen = 0
        for one in self.acknowledged:
            lost += (one.first_seq, one.last_seq, one.frames) not in kept
            later = bisect_right(epochs, one.epoch)
            unseen += later < len(epochs) and self.heads[epochs[later]] < one.last_seq
        return {
            "lost": lost,
            "unseen": unseen,
            "forks": sum(one.first_seq != seq for one, seq in zip(values, due, strict=False)),
        }


def test_nothing_acknowledged_is_unseen_or_done_twice(address):
    race = Race(address)
    race.run(TAKES)
    assert len(race.heads) >= TAKES
    assert len(race.acknowledged) > TAKES / 2  # there was something to lose
    assert race.faults_found() == {"lost": 0, "unseen": 0, "forks": 0}


def test_a_condition_beside_the_write_is_no_fence(address, monkeypatch):
    of = ShardLink._statement

    def unlocked(self, request):
        text, values = of(self, request)
        if not isinstance(request, Append):
            return text, values
        last, *known, first, frames = values
        return UNLOCKED.format(s=address.schema), (*known, first, last, frames, last)

    monkeypatch.setattr(ShardLink, "_statement", unlocked)
    race = Race(address)
    race.run(TAKES)
    found = race.faults_found()
    assert found["unseen"] + found["lost"] + found["forks"] > 0, found
