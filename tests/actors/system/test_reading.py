"""Reads show what is on disk: all that was acknowledged, and nothing else."""

import pytest

from chargehand.actors.task import commands as c
from chargehand.persistence.reading import Reading
from tests.actors.system.desk import started


@pytest.mark.parametrize("slim", [False, True])
async def test_a_read_never_shows_what_is_not_on_disk_yet(monkeypatch, slim):
    async with started() as desk:
        task = await desk.task(description="all of it")
        run = await desk.enqueue(task.id)
        await desk.do("s1", run.id)
        if slim:
            await desk.system.checkpointer.checkpoint()
        await check_reads(desk, task.id, monkeypatch)


@pytest.mark.parametrize("checkpoint", [False, True])
async def test_nor_after_a_restart(monkeypatch, checkpoint):
    async with started() as desk:
        task = await desk.task(description="all of it")
        run = await desk.enqueue(task.id)
        if checkpoint:
            await desk.system.checkpointer.checkpoint()
        await desk.do("s1", run.id)
        store = desk.store.copy()
    async with started(store) as desk:
        await check_reads(desk, task.id, monkeypatch)


async def check_reads(desk, task_id, monkeypatch) -> None:
    append, seen = desk.system.journal.append, []

    def append_and_look(entry):
        append(entry)
        seen.append(desk.system.views.whole(task_id))

    before = await desk.system.task(task_id)
    assert (before.description, len(before.runs)) == ("all of it", 1)
    monkeypatch.setattr(desk.system.journal, "append", append_and_look)
    for title in ("one", "two"):
        await desk.ask(task_id, c.PatchTask(title=title))
        assert seen.pop() == before
        before = await desk.system.task(task_id)
        assert (before.title, before.description, len(before.runs)) == (title, "all of it", 1)
        await desk.system.checkpointer.checkpoint()
        assert await desk.system.task(task_id) == before


async def test_what_is_on_its_way_to_the_disk_makes_no_read_go_through_the_past(monkeypatch):
    async with started() as desk:
        task = await desk.task()
        for number in range(50):
            await desk.ask(task.id, c.PatchTask(title=f"title {number}"))
        await desk.system.checkpointer.checkpoint()
        append, seen, records = desk.system.journal.append, [], []
        timeline = Reading.timeline

        def counted(*args):
            found = timeline(*args)
            records.extend(found)
            return found

        def append_and_look(entry):
            append(entry)
            monkeypatch.setattr(Reading, "timeline", counted)
            seen.append(desk.system.views.whole(task.id).title)

        monkeypatch.setattr(desk.system.journal, "append", append_and_look)
        await desk.ask(task.id, c.PatchTask(title="new"))
        assert seen == ["title 49"]
        assert records == []
