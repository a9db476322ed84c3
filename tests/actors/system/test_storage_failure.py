"""A write that fails is never acknowledged, everything later is refused, and the process ends."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from chargehand.actors.actor import Envelope
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.lifecycle import FAILURE_GRACE_S
from chargehand.actors.mailbox import Reply
from chargehand.actors.ports import StorageError
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import TaskStatus
from chargehand.actors.views.streams import StreamClosed
from tests.actors.system.desk import OPERATOR, CrashStore, agent, started


async def refusal_of(call) -> Code:
    with pytest.raises(Rejected) as caught:
        await call
    return caught.value.code


@contextmanager
def ends_with_storage_error() -> Iterator[None]:
    """Nothing else is in the group."""
    with pytest.raises(BaseExceptionGroup) as ended:
        yield
    storage_errors, rest = ended.value.split(StorageError)
    assert storage_errors is not None
    assert rest is None


@pytest.fixture
def store() -> CrashStore:
    return CrashStore()


async def test_nothing_is_acknowledged_and_everything_later_is_refused(store):
    refused = []

    async def ask(desk, task_id):
        refused.append(await refusal_of(desk.ask(task_id, c.PatchTask(title="lost"))))

    with ends_with_storage_error():
        async with started(store) as desk, trio.open_nursery() as nursery:
            tasks = [await desk.task() for _ in range(3)]
            run = await desk.enqueue(tasks[0].id)
            await desk.claim("s1")
            await wait_all_tasks_blocked()
            store.fails = True
            for task in tasks:
                nursery.start_soon(ask, desk, task.id)
            await wait_all_tasks_blocked()
            system = desk.system
            assert "no space left" in system.failure
            failed_at = trio.current_time()
            for call in (
                desk.task(),
                desk.ask(tasks[0].id, c.PatchTask(title="new")),
                desk.claim("s2"),
                desk.claim("s2", wait=True),
                desk.complete("s1", run.id),
                desk.system.attach_session(run.id, "s1", OPERATOR),
                desk.system.end_session("s1"),
                desk.system.scheduler.pause("stop", OPERATOR),
                desk.ask_run(c.Heartbeat(run.id), agent("s1")),
            ):
                assert await refusal_of(call) is Code.STORAGE_FAILED
            await trio.sleep_forever()
    assert trio.current_time() - failed_at == pytest.approx(FAILURE_GRACE_S)
    assert refused == [Code.STORAGE_FAILED] * 3
    async with started(store.copy()) as desk:
        for task in tasks:
            assert (await desk.system.task(task.id)).title == "work"
        assert await desk.complete("s1", run.id) is not None


async def test_who_waits_for_work_is_not_handed_a_claim_that_is_not_on_disk(store, monkeypatch):
    got = []

    async def wait(desk):
        got.append(await refusal_of(desk.claim("s1", wait=True)))

    with ends_with_storage_error():
        async with started(store) as desk, trio.open_nursery() as nursery:
            nursery.start_soon(wait, desk)
            await wait_all_tasks_blocked()
            append = desk.system.journal.append

            def append_and_fail(entry):
                store.fails = entry.record.events[0].type == "task.run_claimed"
                append(entry)

            monkeypatch.setattr(desk.system.journal, "append", append_and_fail)
            run = await desk.queued()
            await trio.sleep_forever()
    assert got == [Code.STORAGE_FAILED]
    async with started(store.copy()) as desk:
        assert (await desk.claim("s2")).the_run.id == run.id


CALLS = {
    "create": lambda desk: desk.task(),
    "claim": lambda desk: desk.claim("s1"),
    "keyed claim": lambda desk: desk.claim("s1", idempotency_key="k"),
    "pause": lambda desk: desk.system.scheduler.pause("stop", OPERATOR),
    "resume": lambda desk: desk.system.scheduler.resume(OPERATOR),
    "session": lambda desk: desk.register("s1"),
}


@pytest.mark.parametrize("name", CALLS)
async def test_everyone_who_waits_for_a_record_is_answered(store, name):
    refused = []

    async def ask(call):
        refused.append(await refusal_of(call))

    with ends_with_storage_error():
        async with started(store) as desk, trio.open_nursery() as nursery:
            await desk.queued()
            await wait_all_tasks_blocked()
            store.fails = True
            nursery.start_soon(ask, CALLS[name](desk))
            await wait_all_tasks_blocked()
            assert refused == [Code.STORAGE_FAILED]
            await trio.sleep_forever()


async def test_a_refusal_that_rests_on_what_was_not_written_is_not_given(store):
    deleted, refused = Reply(), Reply()
    with ends_with_storage_error():
        async with started(store) as desk:
            task = await desk.task()
            await wait_all_tasks_blocked()
            store.fails = True
            for command, reply in ((c.DeleteTask(), deleted), (c.PauseTask("later"), refused)):
                desk.system.directory.send(task.id, Envelope(command, OPERATOR, reply))
            await wait_all_tasks_blocked()
            for reply in (deleted, refused):
                assert await refusal_of(reply.wait()) is Code.STORAGE_FAILED
            await trio.sleep_forever()


async def test_what_was_sent_before_the_failure_and_is_refused_after_it_is_answered_at_once(store):
    """It may rest on what was not written."""
    reply = Reply()
    with ends_with_storage_error():
        async with started(store) as desk:
            task = await desk.task()
            await wait_all_tasks_blocked()
            store.fails = True
            lost = desk.ask(task.id, c.PatchTask(title="lost"))
            assert await refusal_of(lost) is Code.STORAGE_FAILED
            desk.system.directory.send(task.id, Envelope(c.PublishTask(), OPERATOR, reply))
            await wait_all_tasks_blocked()
            assert reply.is_settled
            assert await refusal_of(reply.wait()) is Code.STORAGE_FAILED
            await trio.sleep_forever()


async def test_an_answer_that_waits_for_effects_alone_is_given_as_its_record_is_on_disk(
    store, monkeypatch
):
    """The effect is not: it is applied after the next start."""
    answered = []

    async def work(desk, run_id):
        await desk.do("s1", run_id)
        answered.append(run_id)

    with ends_with_storage_error():
        async with started(store) as desk, trio.open_nursery() as nursery:
            blocker, task = await desk.task(), await desk.task()
            await desk.ask(task.id, c.AddDependency(blocker.id))
            run = await desk.enqueue(blocker.id)
            await wait_all_tasks_blocked()
            append = desk.system.journal.append

            def append_and_fail(entry):
                store.fails = entry.record.address == task.id
                append(entry)

            monkeypatch.setattr(desk.system.journal, "append", append_and_fail)
            nursery.start_soon(work, desk, run.id)
            await wait_all_tasks_blocked()
            assert answered == [run.id]
            await trio.sleep_forever()
    monkeypatch.undo()
    async with started(store.copy()) as desk:
        await wait_all_tasks_blocked()
        assert (await desk.system.task(task.id)).status is TaskStatus.READY


async def test_a_checkpoint_that_fails_ends_everything_too(store):
    with ends_with_storage_error():
        async with started(store) as desk:
            task = await desk.task()
            store.fails = True
            await trio.sleep(40)
    async with started(store.copy()) as desk:
        assert (await desk.system.task(task.id)).title == "work"


async def test_streams_show_nothing_that_is_not_on_disk(store):
    seen = []

    async def follow(desk, task_id):
        with desk.system.views.subscribe(task_id, 0) as subscription:
            try:
                while True:
                    seen.append((await subscription.receive()).event.type)
            except StreamClosed as closed:
                seen.append(closed.reason.value)

    with ends_with_storage_error():
        async with started(store) as desk, trio.open_nursery() as nursery:
            task = await desk.task()
            nursery.start_soon(follow, desk, task.id)
            await wait_all_tasks_blocked()
            store.fails = True
            lost = desk.ask(task.id, c.PatchTask(title="lost"))
            assert await refusal_of(lost) is Code.STORAGE_FAILED
            await trio.sleep_forever()
    assert seen[0] == "task.created"
    assert "task.updated" not in seen


async def test_while_it_stops_the_system_takes_nothing_new():
    async with started() as desk:
        task = await desk.task()
        desk.system.begin_stop()
        assert await refusal_of(desk.task()) is Code.SHUTTING_DOWN
        assert await refusal_of(desk.claim("s1")) is Code.SHUTTING_DOWN
        assert (await desk.system.task(task.id)).title == "work"
