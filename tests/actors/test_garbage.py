"""Garbage is collected a little at a time, by how many records came."""

import gc
from contextlib import contextmanager

import trio
from trio.testing import wait_all_tasks_blocked

from chargehand.actors.garbage import Collector
from chargehand.actors.limits import COLLECTED_RECORDS
from chargehand.actors.task import commands as c
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
            collector.came(COLLECTED_RECORDS - 1)
            await wait_all_tasks_blocked()
            before = len(heap.asked)
            collector.came(1)
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
    Collector(heap.collect, heap.keep).came(10 * COLLECTED_RECORDS)
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


@contextmanager
def objects_counted():
    """How many objects each collection looks at; each leaves a cycle for the next one to find."""
    found = []

    def note(phase, info) -> None:
        if phase == "start":
            generations = range(info["generation"] + 1)
            found.append(sum(len(gc.get_objects(generation)) for generation in generations))
        else:
            cycle = []
            cycle.append(cycle)

    gc.callbacks.append(note)
    try:
        yield found
    finally:
        gc.callbacks.remove(note)


async def test_no_collection_looks_at_many_objects_while_a_tree_is_canceled():
    async with started() as desk:
        await desk.task(id="root")
        for parent in range(30):
            await desk.task(id=f"p{parent}", parent_task_id="root")
            for _ in range(30):
                await desk.task(parent_task_id=f"p{parent}")
        await desk.system.checkpointer.checkpoint()
        while desk.system.directory.passivate_idle(0):
            await trio.lowlevel.checkpoint()
        with objects_counted() as counts:
            await desk.ask("root", c.CancelTask())
            await wait_all_tasks_blocked()
    assert len(counts) >= 2
    assert max(counts) <= 12_000
