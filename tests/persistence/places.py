"""Where a journal may be kept: in memory, in LMDB, or in a database with a copy near.

A place holds one journal, which one process after another opens. `tests.persistence.conftest` gives
a test each place in turn.
"""

import itertools
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Final, final

import psycopg
import pytest
import trio

from chargehand.actors.ports import StorageError
from chargehand.persistence.framing import log_frames, sequence_key
from chargehand.persistence.journal import StoreJournal
from chargehand.persistence.lmdb_store import LmdbStore
from chargehand.persistence.memory_store import MemoryStore
from chargehand.persistence.opening import embedded_journal
from chargehand.persistence.postgres.address import JournalAddress
from chargehand.persistence.postgres.link import ShardLink
from chargehand.persistence.postgres.statements import SHARD
from chargehand.persistence.postgres.tables import PostgresTables
from chargehand.persistence.replicated.far import FarTables, Link
from chargehand.persistence.replicated.member import Member
from chargehand.persistence.replicated.near import Near
from chargehand.persistence.replicated.opening import open_near, replicated_journal
from chargehand.persistence.replicated.shard import Batch, Done, Look, Owner, Take
from chargehand.persistence.store import Change, Delete, Put, Store, Table
from tests.persistence.replicated.memory import MemoryLink, MemoryTables, Shared

S_MAX: Final = 120
TTL_S: Final = 0.2
MAP_BYTES: Final = 1 << 20  # to begin with
_numbers = itertools.count(1)


class Kind(Enum):
    """Which place. The values are what pytest calls the tests."""

    MEMORY = "memory"  # without a thread
    LMDB = "lmdb"
    REPLICATED = "replicated"  # far and near in memory
    REPLICATED_ANEW = "replicated-without-its-copy"  # each process begins without one
    POSTGRES = "postgres"  # near in LMDB
    POSTGRES_ANEW = "postgres-without-its-copy"

    @property
    def needs_postgres(self) -> bool:
        return self in (Kind.POSTGRES, Kind.POSTGRES_ANEW)

    @property
    def keeps_copy(self) -> bool:
        """Where there is one, for the next process."""
        return self not in (Kind.REPLICATED_ANEW, Kind.POSTGRES_ANEW)


KINDS: Final = [kind for kind in Kind if kind.keeps_copy]
id_of: Final = operator.attrgetter("value")
opened_again: Final = pytest.mark.parametrize("kind", [*Kind], ids=id_of, indirect=True)
"""For a test in which the journal is opened more than once."""


class Place(ABC):
    """One journal, and whoever has it open."""

    keeps_copy = True
    failure: str
    """What is said where a commit fails: a regular expression."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._scope = trio.CancelScope()
        self._over = trio.Event()
        self._over.set()
        self._killed = False

    @property
    @abstractmethod
    def store(self) -> Store:
        """What the journal that is open reads. A change of it is damage of a disk."""

    @abstractmethod
    async def open(self) -> StoreJournal:
        """The journal, opened by the next process: the former one does not run any more."""

    @abstractmethod
    def fail(self) -> None:
        """No commit succeeds from now on."""

    @property
    def failures(self) -> int:
        """How many commits have failed."""
        return 1

    @abstractmethod
    def log(self) -> list[tuple[int, int]]:
        """The first and the last number of each value of the log, in order."""

    @abstractmethod
    def put_log(self, first_seq: int, value: bytes | None) -> None:
        """Damage a value of the log, where all processes have it from. Args: value: None: it is
        not there."""

    @abstractmethod
    def get_log(self, first_seq: int) -> bytes:
        """The value of the log that begins with that number."""

    async def run(self, journal: StoreJournal) -> list:
        """Have it run; the list fills with the records that it has committed."""
        told: list = []
        self._scope, self._over, self._killed = trio.CancelScope(), trio.Event(), False

        def committed(entries) -> None:
            told.extend(entry.record for entry in entries)

        async def run(*, task_status) -> None:
            try:
                with self._scope:
                    await journal.run(committed, task_status=task_status)
            except StorageError:
                if not self._killed:
                    raise
            finally:
                self._over.set()

        await self._nursery.start(run)
        return told

    async def kill(self) -> None:
        """The process that runs the journal ends as by kill -9: it hands nothing over."""
        self._killed = True
        self._scope.cancel()
        await self._over.wait()

    async def end(self) -> None:
        """Let go of everything."""
        await self.kill()


@final
class FailingStore:
    """A store whose commits fail once `fails` is set."""

    def __init__(self, inner: Store) -> None:
        self.inner = inner
        self.fails = False
        self.failures = 0

    def commit(self, changes, given=None) -> None:
        if self.fails:
            self.failures += 1
            raise StorageError("the disk is gone")
        self.inner.commit(changes, given)

    def __getattr__(self, name):
        return getattr(self.inner, name)


@final
class Embedded(Place):
    """All in one store."""

    failure = "the disk is gone"

    def __init__(self, nursery: trio.Nursery, make: Callable[[], Store], *, threaded: bool) -> None:
        super().__init__(nursery)
        self._make = make
        self._threaded = threaded
        self._store: FailingStore | None = None

    @property
    def store(self) -> Store:
        assert self._store is not None, "a journal was opened"
        return self._store

    async def open(self) -> StoreJournal:
        await self.end()
        self._store = FailingStore(self._make())
        return embedded_journal(self._store, threaded=self._threaded)

    def fail(self) -> None:
        self.store.fails = True

    @property
    def failures(self) -> int:
        return self.store.failures

    def log(self) -> list[tuple[int, int]]:
        return [
            (int.from_bytes(key), max(frame.last_seq for frame in log_frames(1, value)))
            for key, value in self.store.page(Table.LOG, b"", 10_000)
        ]

    def put_log(self, first_seq: int, value: bytes | None) -> None:
        self._reopened().commit([_log_change(first_seq, value)])

    def get_log(self, first_seq: int) -> bytes:
        value = self._reopened().get(Table.LOG, sequence_key(first_seq))
        assert value is not None
        return value

    def _reopened(self) -> Store:
        """Also behind the end of the journal."""
        self.store.close()
        self._store = FailingStore(self._make())
        return self._store

    async def end(self) -> None:
        await super().end()
        if self._store is not None:
            self._store.close()


def _log_change(first_seq: int, value: bytes | None) -> Change:
    key = sequence_key(first_seq)
    return Delete(Table.LOG, key) if value is None else Put(Table.LOG, key, value)


class Replicated(Place):
    """A member that is active, over a database.

    Args:
        keeps_copy: the next process finds the copy of the former one.
    """

    failure = "has taken it over"

    def __init__(self, nursery: trio.Nursery, *, keeps_copy: bool) -> None:
        super().__init__(nursery)
        self.member: Member | None = None
        self.keeps_copy = keeps_copy

    @abstractmethod
    def _link(self) -> Link:
        """To the database."""

    @abstractmethod
    def _tables(self) -> FarTables:
        """The same."""

    @abstractmethod
    def _open_near(self) -> Store:
        """The store of the copy."""

    @abstractmethod
    def lose_copy(self) -> None:
        """Nobody has it open."""

    @property
    def store(self) -> Store:
        assert self.member is not None, "a journal was opened"
        return self.member.near.store

    async def open(self) -> StoreJournal:
        await self.end()
        if not self.keeps_copy:
            self.lose_copy()
        name = f"node-{next(_numbers)}"
        near = Near(self._open_near(), self._tables())
        self.member = Member(Owner(name, name), self._link(), near, ttl_s=TTL_S)
        self.member.start()
        with trio.fail_after(S_MAX):
            await self.member.wait_active()
        return replicated_journal(self.member, self._tables())

    def fail(self) -> None:
        """Another node has taken over."""
        link = self._link()
        while not isinstance(link.ask(Take(link.ask(Look()).row, Owner("other"))), Done):
            pass  # the owner has renewed meanwhile
        link.drop()

    def log(self) -> list[tuple[int, int]]:
        tables = self._tables()
        found = [(one.first_seq, one.last_seq) for one in tables.log_after(0, 10_000)]
        tables.close()
        return found

    def get_log(self, first_seq: int) -> bytes:
        tables = self._tables()
        [found] = tables.log_after(first_seq - 1, 1)
        tables.close()
        return found.value

    async def kill(self) -> None:
        self._killed = True
        if self.member is not None:
            await self.member.stop()  # before the journal could have it release what it has
        await super().kill()

    async def end(self) -> None:
        await super().end()
        if self.member is not None:
            self.member.near.rest()
            self.member.near.store.close()


@final
class InMemory(Replicated):
    """The database and the copy in memory."""

    def __init__(self, nursery: trio.Nursery, *, keeps_copy: bool) -> None:
        super().__init__(nursery, keeps_copy=keeps_copy)
        self.shared = Shared()
        self._copy = MemoryStore()

    def _link(self) -> Link:
        return MemoryLink(self.shared)

    def _tables(self) -> FarTables:
        return MemoryTables(self.shared)

    def _open_near(self) -> Store:
        return self._copy

    def lose_copy(self) -> None:
        self._copy = MemoryStore()

    def get_log(self, first_seq: int) -> bytes:
        return self.shared.database.log[self.shared.first_seqs.index(first_seq)].frames

    def put_log(self, first_seq: int, value: bytes | None) -> None:
        shared = self.shared
        at = shared.first_seqs.index(first_seq)
        if value is None:
            del shared.first_seqs[at], shared.database.log[at]
        else:
            shared.database.log[at] = Batch(shared.database.log[at].last_seq, value)


@final
class InPostgres(Replicated):
    """A database of its own in a server, and a copy in LMDB."""

    def __init__(
        self, nursery: trio.Nursery, address: JournalAddress, directory: Path, *, keeps_copy: bool
    ) -> None:
        super().__init__(nursery, keeps_copy=keeps_copy)
        self._address = address
        self._directory = directory

    def _link(self) -> Link:
        return ShardLink(self._address)

    def _tables(self) -> FarTables:
        return PostgresTables(self._address)

    def _open_near(self) -> Store:
        return open_near(self._directory, map_bytes=MAP_BYTES)

    def lose_copy(self) -> None:
        for file in self._directory.glob("near/*.mdb"):
            file.unlink()

    def put_log(self, first_seq: int, value: bytes | None) -> None:
        of_it = "shard = %(shard)s AND first_seq = %(first_seq)s"
        self._execute(
            f"DELETE FROM {{s}}.log WHERE {of_it}"
            if value is None
            else f"UPDATE {{s}}.log SET frames = %(value)s WHERE {of_it}",
            {"shard": SHARD, "first_seq": first_seq, "value": value},
        )

    def _execute(self, text: str, values: dict[str, object]) -> None:
        with psycopg.connect(self._address.conninfo, autocommit=True) as connection:
            connection.execute(text.format(s=self._address.schema), values)


def place_of(
    kind: Kind, nursery: trio.Nursery, directory: Path, address: JournalAddress | None
) -> Place:
    """Args: address: of a new journal in PostgreSQL, where that is the place."""
    if kind is Kind.MEMORY:
        store = MemoryStore()
        return Embedded(nursery, lambda: store, threaded=False)
    if kind is Kind.LMDB:
        return Embedded(nursery, lambda: LmdbStore(directory, map_bytes=MAP_BYTES), threaded=True)
    if address is None:
        return InMemory(nursery, keeps_copy=kind.keeps_copy)
    return InPostgres(nursery, address, directory, keeps_copy=kind.keeps_copy)
