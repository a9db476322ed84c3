"""One agent in the program of the scheduler itself: no request is read or written for it."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from benchmarks.apart import apart
from benchmarks.cluster.costs.working import LIMIT_S, SIZE, Worked, worked_off
from benchmarks.compare.ours import Giving, InProcessAgent
from chargehand.actors.lifecycle import run_system
from chargehand.persistence.journal import StoreJournal
from chargehand.persistence.opening import open_journal
from chargehand.persistence.postgres.address import JournalAddress
from chargehand.persistence.postgres.link import ShardLink
from chargehand.persistence.postgres.tables import PostgresTables
from chargehand.persistence.replicated.member import Member
from chargehand.persistence.replicated.near import Near
from chargehand.persistence.replicated.opening import open_near, replicated_journal
from chargehand.persistence.replicated.shard import Owner


async def work_off_in_process(
    directory: Path, address: JournalAddress | None, cycles: int
) -> Worked:
    """Have it done in a process of its own, and wait.

    Args:
        directory: empty.
        address: of an empty journal; None: the journal is in the directory.

    Raises:
        Broken: it was not done.
    """
    return await trio.to_thread.run_sync(
        apart, LIMIT_S, _work_off, directory, address, cycles, abandon_on_cancel=True
    )


def _work_off(directory: Path, address: JournalAddress | None, cycles: int) -> Worked:
    return trio.run(_work, directory, address, cycles)


async def _work(directory: Path, address: JournalAddress | None, cycles: int) -> Worked:
    async with _journal(directory, address) as journal, run_system(journal) as system:
        session = await system.identify("sess-0", "bench")
        agents = [InProcessAgent(system, session)]
        return await worked_off(agents, [Giving(system, SIZE)], cycles)


@asynccontextmanager
async def _journal(directory: Path, address: JournalAddress | None) -> AsyncIterator[StoreJournal]:
    if address is None:
        yield open_journal(directory)
        return
    near = Near(open_near(directory), PostgresTables(address))
    member = Member(Owner(uuid.uuid4().hex, "in process"), ShardLink(address), near)
    member.start()
    try:
        await member.wait_active()
        yield replicated_journal(member, PostgresTables(address))
    finally:
        await member.stop()
        near.rest()
