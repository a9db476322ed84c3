"""Garbage is collected a little at a time, by how many records came."""

import gc
from contextlib import contextmanager

import trio
from trio.testing import wait_all_tasks_blocked

from actors.garbage import Collector
from actors.limits import COLLECTED_RECORDS
from tests.actors.system.desk import started


@contextmanager
def collections_counted():
    """The generations that are collected by whoever asks for it; none by the interpreter."""
    found = []

    def note(phase, info) -> None:
        if phase == "start":
            found.append(info["generation"])

    gc.disable()
    gc.callbacks.append(note)
    try:
        yield found
    finally:
        gc.callbacks.remove(note)
        gc.enable()


async def test_every_third_collection_looks_at_what_survived_the_one_before():
    collected = []
    collector = Collector(collected.append)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(collector.run)
        for _ in range(6):
            collector.committed(COLLECTED_RECORDS - 1)
            await wait_all_tasks_blocked()
            collector.committed(1)
            await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert collected == [0, 0, 1, 0, 0, 1]


async def test_nothing_is_collected_in_the_step_in_which_records_come():
    collected = []
    Collector(collected.append).committed(10 * COLLECTED_RECORDS)
    assert collected == []


async def test_a_running_system_collects_as_its_records_come():
    with collections_counted() as found:
        async with started() as desk:
            before = desk.system.journal.statistics().records
            await desk.many_queued(2 * COLLECTED_RECORDS)
            records = desk.system.journal.statistics().records - before
            collections = len(found)
    assert collections >= records // COLLECTED_RECORDS - 1
    assert set(found[:collections]) == {0, 1}
