"""Garbage collections: none while a system is made, small and frequent ones while it runs."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, final

from chargehand.actors.limits import COLLECTED_RECORDS, COLLECTIONS_TO_OLD
from chargehand.actors.mailbox import Mailbox

GC_THRESHOLDS: Final = (5_000, 1_000, 1_000)
"""When the interpreter collects by itself, for what comes without records. Collections of all
objects are as good as never: the heap is large and lives long, and one of them was seen as a claim
of 226 ms (p99). Yet they must come: the cycles of a request that is under way while its objects
become old are found by nothing else."""


@contextmanager
def rare_collections() -> Iterator[Callable[[], None]]:
    """Nothing is collected before all is made that lives long: it would be looked through time and
    again as it grows, which took two fifths of a start with 100,000 tasks. Then it is left out of
    collections, while this lasts."""
    former = gc.get_threshold()
    gc.set_threshold(0)

    def all_is_made() -> None:
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)

    try:
        yield all_is_made
    finally:
        gc.set_threshold(*former)
        gc.unfreeze()


@final
class Collector:
    """Collects as records come, before there is much to look at.

    The interpreter counts objects that came less those that went. Where new states replace old
    ones, that never grows, while all of the new ones wait to be looked at: up to 50,000 of them,
    at about 1 µs each, were one collection. So here records are counted.

    What survives was in use, and may be garbage the next time, so it is looked at once more, and
    then is old. But where nothing at all was garbage, nothing makes cycles (agents in the same
    process do not, HTTP does), and what survives is kept from all further collections instead.
    """

    def __init__(
        self,
        collect: Callable[[int], int] = gc.collect,
        keep: Callable[[], None] = gc.freeze,
    ) -> None:
        """
        Args:
            collect: collects a generation and those below it; how many objects were garbage.
            keep: has no further collection look at what there is now.
        """
        self._collect = collect
        self._keep = keep
        self._due: Mailbox[None] = Mailbox(0)
        self._records = 0
        self._looked_at_once = 0  # collections whose survivors wait for their second one

    def came(self, records: int) -> None:
        """So many records were committed; or so many tasks, that a start had left as they were
        stored, were given objects of their own."""
        self._records += records
        if self._records >= COLLECTED_RECORDS:
            self._records = 0
            self._due.push(None)

    async def run(self) -> None:
        """Collect, each time in a step of its own, until canceled."""
        while True:
            await self._due.receive(1)
            self._look()

    def _look(self) -> None:
        if self._looked_at_once + 1 >= COLLECTIONS_TO_OLD:
            self._collect(1)
            self._looked_at_once = 0
        elif self._collect(0) or self._looked_at_once:
            self._looked_at_once += 1
        else:
            self._keep()
