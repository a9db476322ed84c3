"""Servers of either kind, on one directory and one database."""

import itertools
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Final, TypeVar, final

import trio
from attrs import define, field

from benchmarks.cluster.costs.sizes import Sizes
from benchmarks.cluster.costs.stored import Stored, copied, duplicate, stored_below
from benchmarks.cluster.nodes import Cluster, Node
from benchmarks.cluster.postgres import PostgresServer
from benchmarks.serving import Served, server
from chargehand.persistence.postgres.address import JournalAddress
from chargehand.persistence.postgres.schema import create

_T = TypeVar("_T")

_QUIET: Final = "--log-level=warning"  # as `benchmarks.serving` has it


@final
@define
class Stage:
    """Args:
    directory: empty, and everybody may enter it.
    primary: of the database, with a synchronous standby.
    data: where tasks were built before, or are to be kept; None: they are built each time.
    say: what is done now.
    """

    directory: Path
    primary: PostgresServer
    sizes: Sizes
    say: Callable[[str], None]
    data: Path | None = None
    _numbers: Iterator[int] = field(init=False, factory=itertools.count)

    def rounds(self, part: str) -> Iterator[int]:
        """The numbers of the rounds of a part, from 0 on."""
        for number in range(self.sizes.rounds):
            self.say(f"{part}: round {number + 1} of {self.sizes.rounds}")
            yield number

    def made(self) -> Path:
        """A new directory."""
        path = self.directory / f"made-{next(self._numbers)}"
        path.mkdir(mode=0o755)
        return path

    @contextmanager
    def embedded(self) -> Iterator[Served]:
        """A server with an empty journal of its own."""
        directory = self.made()
        try:
            with server(directory) as served:
                yield served
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    @contextmanager
    def journal(self) -> Iterator[JournalAddress]:
        """An empty one in the database."""
        address = self.new_address()
        create(address)
        try:
            yield address
        finally:
            self.primary.execute(f"DROP SCHEMA {address.schema} CASCADE")

    def new_address(self) -> JournalAddress:
        return JournalAddress.parse(f"{self.primary.url}?schema=costs_{next(self._numbers)}")

    @asynccontextmanager
    async def nodes(
        self, address: JournalAddress, *names: str, options: tuple[str, ...] = ()
    ) -> AsyncIterator[Cluster]:
        """Nodes with these names over one journal: one is active, the others follow it."""
        directory = self.made()
        cluster = Cluster([self.node(directory, address, name, *options) for name in names])
        try:
            await cluster.start()
            await cluster.settled()
            yield cluster
        finally:
            with trio.CancelScope(shield=True):
                await cluster.close()
            shutil.rmtree(directory, ignore_errors=True)

    def node(self, directory: Path, address: JournalAddress, name: str, *options: str) -> Node:
        """One that has not started yet, and has nothing."""
        ttl = f"--journal-ttl-s={self.sizes.ttl_s:g}"
        url = f"{address.conninfo}?schema={address.schema}"
        return Node.over(directory, name, url, _QUIET, ttl, *options)

    @cached_property
    def stored(self) -> Stored:
        """The same tasks in a data directory and in a journal of the database."""
        tasks = self.sizes.tasks
        if self.data is None:
            self.say(f"building {tasks:,} tasks")
            directory = stored_below(self.made(), tasks)
        else:
            self.say(f"copying the tasks below {self.data}, {tasks:,} if there are none")
            directory = duplicate(stored_below(self.data, tasks), self.made())
        self.say("copying them into the database")
        address = self.new_address()
        create(address)
        return copied(directory, address)


async def in_turn(number: int, *measures: Callable[[], Awaitable[_T]]) -> list[_T]:
    """What each of them finds, in their order; every second round begins with the last one."""
    found: dict[int, _T] = {}
    order = list(enumerate(measures))
    for place, measure in order if number % 2 == 0 else reversed(order):
        found[place] = await measure()
    return [found[place] for place in range(len(measures))]
