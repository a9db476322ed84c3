"""A node that crashes at any moment: whoever goes on, with its copy or without, has everything that
was acknowledged, once."""

import threading
from random import Random
from typing import final

import pytest
import trio
from attrs import define, evolve, field, frozen

from chargehand.persistence.memory_store import MemoryStore
from chargehand.persistence.replicated import member as member_module
from chargehand.persistence.replicated.member import Member
from chargehand.persistence.replicated.near import Near
from chargehand.persistence.replicated.opening import replicated_journal
from chargehand.persistence.replicated.shard import Append, Owner
from tests.persistence.replicated.memory import MemoryLink, MemoryTables, Shared

S_MAX = 120
ADDRESSES = ["task-1", "task-10", "task-2"]
STEPS = 14


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(member_module, "LOOKS_S", 0.002)


@final
@frozen
class Left:
    """What a crash leaves. Args: acknowledged: the last number of which somebody was told."""

    acknowledged: int
    shared: Shared
    near: MemoryStore


@final
@define(eq=False)
class Crashes:
    """Keeps what a crash would leave at each moment at which something has changed."""

    shared: Shared
    near: MemoryStore
    acknowledged: int = 0
    left: list[Left] = field(factory=list)
    _lock: threading.RLock = field(factory=threading.RLock)

    def keep(self) -> None:
        acknowledged = self.acknowledged  # of before, so that it is no more than is there
        with self._lock:
            self.left.append(Left(acknowledged, copied(self.shared), self.near.copy()))

    def link(self) -> "WatchedLink":
        return WatchedLink(MemoryLink(self.shared), self)

    def tables(self) -> "WatchedTables":
        return WatchedTables(MemoryTables(self.shared), self)

    # --- as a store: the near one -------------------------------------------------------------

    def commit(self, changes, given=None) -> None:
        with self._lock:
            self.near.commit(changes, given)
        self.keep()

    def __getattr__(self, name):
        return getattr(self.near, name)


@final
@define(eq=False)
class WatchedLink:
    _inner: MemoryLink
    _crashes: Crashes

    def ask(self, request):
        answer = self._inner.ask(request)
        if isinstance(request, Append):
            self._crashes.keep()
        return answer

    def __getattr__(self, name):
        return getattr(self._inner, name)


@final
@define(eq=False)
class WatchedTables:
    _inner: MemoryTables
    _crashes: Crashes

    def fold(self, *args) -> None:
        self._inner.fold(*args)
        self._crashes.keep()

    def __getattr__(self, name):
        return getattr(self._inner, name)


def copied(shared: Shared) -> Shared:
    with shared.lock:
        other = Shared(
            database=evolve(shared.database, log=[*shared.database.log]),
            slices=[*shared.slices],
            first_seqs=[*shared.first_seqs],
            slice=shared.slice,
            slice_epochs={**shared.slice_epochs},
            trimmed_to=shared.trimmed_to,
        )
        other.rows = shared.rows.copy()
        return other


async def taken_over(link, near: Near) -> Member:
    member = Member(Owner(f"n{id(near)}"), link, near, ttl_s=0.02)
    member.start()
    with trio.fail_after(S_MAX):
        await member.wait_active()
    return member


@pytest.mark.parametrize("seed", range(4))
async def test_after_a_crash_at_any_moment_everything_acknowledged_is_there_once(
    model, small_slices, seed
):
    crashes = Crashes(Shared(), MemoryStore())
    appended = await play(model, crashes, Random(seed))
    assert len(crashes.left) > STEPS
    for left in crashes.left:
        for near in (left.near, MemoryStore()):
            shared = copied(left.shared)
            member = await taken_over(MemoryLink(shared), Near(near, MemoryTables(shared)))
            journal = replicated_journal(member, MemoryTables(shared))
            model.restart(journal)
            assert journal.durable_seq >= left.acknowledged
            there = [record for record in appended if record.last_seq <= journal.durable_seq]
            model.check(journal, ADDRESSES, there)
            await goes_on(model, journal, there)
            await member.stop()


async def play(model, crashes: Crashes, rng: Random) -> list:
    """Returns the appended records; all of them are committed."""
    member = await taken_over(crashes.link(), Near(crashes, crashes.tables()))
    journal = replicated_journal(member, crashes.tables())
    appended = []

    def committed(entries) -> None:
        crashes.acknowledged = entries[-1].record.last_seq

    def append() -> None:
        appended.append(model.append(journal, rng.choice(ADDRESSES), rng.randint(1, 3)))

    async with trio.open_nursery() as nursery:
        await nursery.start(journal.run, committed)
        for _ in range(STEPS):
            match rng.randrange(4):
                case 0 | 1:
                    append()
                case 2:
                    await model.commit(journal)
                case 3:
                    async with trio.open_nursery() as folding:
                        folding.start_soon(journal.checkpoint, [])
                        append()
        await model.commit(journal)
        await journal.checkpoint([])
        await journal.close()
    return appended


async def goes_on(model, journal, records: list) -> None:
    """With what an interrupted checkpoint left."""
    records = [*records]
    async with trio.open_nursery() as nursery:
        await nursery.start(journal.run, lambda _: None)
        for address in ADDRESSES[:2]:
            records.append(model.append(journal, address))
        await model.commit(journal)
        await journal.checkpoint([])
        model.check(journal, ADDRESSES, records)
        await journal.close()
