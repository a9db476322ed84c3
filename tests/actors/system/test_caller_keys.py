"""Keys of the contract belong to their caller: over transports, operations and restarts."""

import pytest

from chargehand.actors.errors import Code, Rejected
from chargehand.actors.identity import LOCAL_USER, Caller, OriginKind, origin
from chargehand.actors.record import IndexRow, IndexTable
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import RunStatus
from chargehand.persistence.index_rows import encode_row, row_key
from chargehand.persistence.store import Delete, Table
from tests.actors.system.desk import OPERATOR, agent, started

KEYED = c.Enqueueing(idempotency_key="k")


def through(kind: OriginKind, action: str = "tasks.start") -> Caller:
    """The local user, by another way."""
    return Caller(LOCAL_USER, origin(kind, action))


async def test_a_start_sent_again_over_another_transport_gives_the_first_run(desk):
    task = await desk.task()
    first = await desk.ask(task.id, c.StartTask(KEYED), through(OriginKind.HTTP))
    await desk.ask_run(c.CancelRun(first.the_run.id))
    again = await desk.ask(task.id, c.StartTask(KEYED), through(OriginKind.UDS))
    assert (again.replayed, again.the_run.id) == (True, first.the_run.id)


@pytest.mark.parametrize("transport", [OriginKind.HTTP, OriginKind.UDS])
async def test_keys_that_the_former_version_stored_are_found(transport):
    """It filed them under transport and operation."""
    async with started() as desk:
        task, other = await desk.task(), await desk.task()
        run = await desk.enqueue(task.id, idempotency_key="k")
        await desk.do("s1", run.id)
        await desk.system.checkpointer.checkpoint()
        store = desk.store.copy()
    former = IndexRow(IndexTable.KEYS, "http\ntasks.enqueue_run\nk", f"{task.id} {run.id}")
    todays = row_key(f"@human\n{LOCAL_USER.ref}\nk")
    assert store.get(Table.KEYS, todays) is not None
    store.commit([Delete(Table.KEYS, todays), encode_row(former)])
    async with started(store) as desk:
        caller = through(transport, "tasks.enqueue_run")
        again = await desk.ask(task.id, c.EnqueueRun(KEYED), caller)
        assert (again.replayed, again.the_run.id) == (True, run.id)
        with pytest.raises(Rejected) as caught:
            await desk.ask(other.id, c.EnqueueRun(KEYED), caller)
        assert caught.value.code is Code.KEY_CONFLICT


@pytest.mark.parametrize("checkpoint", [False, True])
async def test_a_claim_and_a_start_are_repeated_after_a_restart(checkpoint):
    async with started() as desk:
        run = await desk.queued()
        await desk.ask_run(c.ClaimRun(run.id, "k"), agent("s1"))
        await desk.ask_run(c.StartRun(run.id, "k"), OPERATOR)
        if checkpoint:
            await desk.system.checkpointer.checkpoint()
        store = desk.store.copy()
    async with started(store) as desk:
        seq = desk.system.journal.next_seq
        claim = await desk.ask_run(c.ClaimRun(run.id, "k"), agent("s1"))
        start = await desk.ask_run(c.StartRun(run.id, "k"), OPERATOR)
        assert (claim.the_run.status, start.the_run.status) == (RunStatus.RUNNING,) * 2
        assert desk.system.journal.next_seq == seq
