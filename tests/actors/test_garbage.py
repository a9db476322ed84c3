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


class Heap:
    """Tells a collector what it finds, and notes what is asked of it."""

    def __init__(self, garbage: int) -> None:
        self.garbage = garbage
        self.asked: list[int | str] = []

    def collect(self, generation: int) -> int:
        self.asked.append(generation)
        return self.garbage

    def keep(self) -> None:
        self.asked.append("keep")


async def collected(heap: Heap, times: int) -> None:
    collector = Collector(heap.collect, heap.keep)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(collector.run)
        for _ in range(times):
            collector.committed(COLLECTED_RECORDS - 1)
            await wait_all_tasks_blocked()
            before = len(heap.asked)
            collector.committed(1)
            await wait_all_tasks_blocked()
            assert len(heap.asked) > before
        nursery.cancel_scope.cancel()


async def test_what_survives_among_garbage_is_looked_at_a_second_time():
    heap = Heap(garbage=1)
    await collected(heap, 4)
    assert heap.asked == [0, 1, 0, 1]


async def test_where_nothing_is_garbage_what_survives_is_never_looked_at_again():
    heap = Heap(garbage=0)
    await collected(heap, 2)
    assert heap.asked == [0, "keep", 0, "keep"]


async def test_nothing_is_collected_in_the_step_in_which_records_come():
    heap = Heap(garbage=0)
    Collector(heap.collect, heap.keep).committed(10 * COLLECTED_RECORDS)
    assert heap.asked == []


async def test_a_running_system_collects_as_its_records_come():
    with collections_counted() as found:
        async with started() as desk:
            before = desk.system.journal.statistics().records
            await desk.many_queued(2 * COLLECTED_RECORDS)
            records = desk.system.journal.statistics().records - before
            collections = len(found)
    assert collections >= records // COLLECTED_RECORDS - 1
    assert set(found[:collections]) <= {0, 1}
