"""Actors leave memory when nothing is lost by it, come back, and are bounded in number."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from chargehand.actors.actor import Envelope
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.mailbox import Reply
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import Priority
from tests.actors.system.desk import OPERATOR

QUIET = {"checkpoint_s": 1000.0}  # no checkpoint but those that a test asks for


@pytest.fixture
def settings(request) -> dict:
    return getattr(request, "param", {})


def resident(desk) -> set[str]:
    return set(desk.system.directory._residents)


async def test_an_idle_task_leaves_memory_after_a_checkpoint_and_comes_back(desk):
    task = await desk.task(description="all of it", metadata=b'{"k": 1}')
    run = await desk.enqueue(task.id)
    assert resident(desk) == {task.id}
    await trio.sleep(100)
    assert resident(desk) == set()
    whole = await desk.system.task(task.id)
    assert (whole.description, whole.metadata) == ("all of it", b'{"k": 1}')
    assert resident(desk) == set()  # reading does not need the actor
    assert (await desk.claim("s1")).the_run.id == run.id
    assert resident(desk) == {task.id}
    assert (await desk.system.task(task.id)).description == "all of it"


async def test_a_task_under_a_lease_stays(desk):
    run = await desk.queued()
    task_id = (await desk.claim("s1", lease_seconds=200)).task.id
    await trio.sleep(190)
    assert resident(desk) == {task_id}
    await desk.complete("s1", run.id)
    await trio.sleep(100)
    assert resident(desk) == set()


async def test_whoever_sends_reads_no_state(desk, monkeypatch):
    """Many may be sent to in one step; each actor reads its own state in a step of its own."""
    tasks = [(await desk.task()).id for _ in range(20)]
    await trio.sleep(100)
    assert resident(desk) == set()
    reads = desk.system.journal.reads
    read, state = [], reads.state

    def counted(address: str) -> object:
        read.append(address)
        return state(address)

    monkeypatch.setattr(reads, "state", counted)
    for task_id in tasks:
        desk.system.directory.push(task_id, Envelope(c.PatchTask(title="new"), OPERATOR))
    assert read == []
    await wait_all_tasks_blocked()
    assert sorted(read) == sorted(tasks)
    assert {desk.system.views.get(task_id).title for task_id in tasks} == {"new"}


@pytest.mark.parametrize("settings", [QUIET], indirect=True)
async def test_an_idle_task_needs_no_checkpoint_to_leave(desk):
    """What the tables do not hold yet, the journal does."""
    task = await desk.task(description="all of it")
    await desk.ask(task.id, c.PatchTask(title="new"))
    await trio.sleep(500)
    assert desk.system.directory.passivate_idle(60) == 1
    assert resident(desk) == set()
    back = (await desk.ask(task.id, c.PatchTask(priority=Priority.HIGH))).task
    assert (back.title, back.description, back.priority) == ("new", "all of it", Priority.HIGH)


@pytest.mark.parametrize("settings", [QUIET], indirect=True)
async def test_a_task_whose_record_is_not_on_disk_stays(desk):
    task = await desk.task()
    journal = desk.system.journal
    seq = journal.next_seq
    reply = Reply()
    desk.system.directory.send(task.id, Envelope(c.PatchTask(title="new"), OPERATOR, reply))
    while journal.next_seq == seq:
        await trio.lowlevel.checkpoint()
    if journal.durable_seq < seq:
        assert desk.system.directory.passivate_idle(0) == 0
    assert (await reply.wait()).task.title == "new"
    assert desk.system.directory.passivate_idle(0) == 1


@pytest.mark.parametrize("settings", [QUIET], indirect=True)
async def test_one_that_is_in_use_does_not_keep_idle_ones_in_memory(desk):
    """The first made is used by the system only: effects, timers."""
    used = await desk.task()
    idle = [await desk.task() for _ in range(3)]
    await desk.system.checkpointer.checkpoint()
    await trio.sleep(100)
    desk.system.directory.push(used.id, Envelope(c.ExpireLease("run-none"), OPERATOR))
    assert desk.system.directory.passivate_idle(60) == len(idle)
    assert resident(desk) == {used.id}


@pytest.mark.parametrize("settings", [QUIET], indirect=True)
async def test_a_message_in_its_mailbox_keeps_an_actor(desk):
    task = await desk.task()
    await desk.system.checkpointer.checkpoint()
    reply = Reply()
    envelope = Envelope(c.PatchTask(title="new"), OPERATOR, reply)
    desk.system.directory.send(task.id, envelope)
    assert desk.system.directory.passivate_idle(0) == 0
    assert (await reply.wait()).task.title == "new"


@pytest.mark.parametrize("settings", [QUIET], indirect=True)
async def test_an_actor_that_is_asked_for_while_it_leaves_is_made_anew(desk):
    task = await desk.task()
    await desk.system.checkpointer.checkpoint()
    assert desk.system.directory.passivate_idle(0) == 1
    answer = await desk.ask(task.id, c.PatchTask(title="new"))
    assert answer.task.title == "new"
    assert resident(desk) == {task.id}


@pytest.mark.parametrize("settings", [{**QUIET, "max_residents": 4}], indirect=True)
async def test_residents_at_rest_make_room_and_those_at_work_do_not(desk):
    tasks = [await desk.task() for _ in range(10)]
    assert len(resident(desk)) == 4
    for task in tasks[:4]:
        desk.system.directory.send(task.id, Envelope(c.PatchTask(title="new"), OPERATOR, Reply()))
    assert resident(desk) == {task.id for task in tasks[:4]}
    with pytest.raises(Rejected) as caught:
        await desk.ask(tasks[4].id, c.PatchTask(title="new"))
    assert caught.value.code is Code.OVERLOADED
    await wait_all_tasks_blocked()
    assert (await desk.ask(tasks[4].id, c.PatchTask(title="new"))).task.title == "new"
    assert len(resident(desk)) == 4


@pytest.mark.parametrize("settings", [{"max_residents": 200}], indirect=True)
async def test_long_leases_refuse_nobody_while_there_are_idle_residents(desk):
    leased = []
    for number in range(64):
        await desk.queued()
        leased.append((await desk.claim(f"s{number}", lease_seconds=86_400)).task.id)
    for _ in range(136):
        await desk.task()
    assert len(resident(desk)) == 200
    await desk.system.checkpointer.checkpoint()
    for _ in range(300):
        await desk.task()
        assert len(resident(desk)) <= 200
    assert set(leased) <= resident(desk)  # their holders will call again


@pytest.mark.parametrize("settings", [{"max_residents": 8}], indirect=True)
async def test_where_all_are_leased_the_longest_at_rest_leaves_and_comes_back(desk):
    runs = {}
    for number in range(20):
        await desk.queued()
        runs[f"s{number}"] = (await desk.claim(f"s{number}", lease_seconds=3600)).the_run.id
        assert len(resident(desk)) <= 8
    for session_id, run_id in runs.items():
        await desk.complete(session_id, run_id)


@pytest.mark.parametrize("settings", [{**QUIET, "max_residents": 2}], indirect=True)
async def test_effects_and_claims_are_never_refused_and_keep_the_bound(desk):
    blocker = await desk.task()
    tasks = []
    for _ in range(5):
        tasks.append(await desk.task(auto_enqueue_on_ready=True))
        await desk.ask(tasks[-1].id, c.AddDependency(blocker.id))
    run = await desk.enqueue(blocker.id)
    await desk.do("s1", run.id)
    assert len(resident(desk)) <= 2
    for number in range(5):
        assert (await desk.claim(f"s{number}")) is not None


@pytest.mark.parametrize("settings", [{"max_mailbox": 8}], indirect=True)
async def test_a_full_mailbox_refuses_and_disturbs_no_other_task(desk):
    task, other = await desk.task(), await desk.task()
    outcomes = []

    async def ask(task_id):
        try:
            await desk.ask(task_id, c.PatchTask(title="new"))
            outcomes.append((task_id, None))
        except Rejected as refusal:
            outcomes.append((task_id, refusal.code))

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(ask, task.id)
        nursery.start_soon(ask, other.id)
    assert outcomes.count((task.id, Code.OVERLOADED)) == 12
    assert outcomes.count((task.id, None)) == 8
    assert (other.id, None) in outcomes
    await ask(task.id)
    assert outcomes[-1] == (task.id, None)


async def test_a_caller_that_is_gone_before_its_turn_changes_nothing(desk):
    task = await desk.task()
    seq = desk.system.journal.next_seq
    gone = Reply()
    gone.abandoned = True
    envelope = Envelope(c.PatchTask(title="never"), OPERATOR, gone)
    desk.system.directory.send(task.id, envelope)
    await wait_all_tasks_blocked()
    assert desk.system.journal.next_seq == seq
    assert (await desk.system.task(task.id)).title == "work"
