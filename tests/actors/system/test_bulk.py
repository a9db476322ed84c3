"""One operation done to many: who is counted, who is handled, and what a trial promises."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from chargehand.actors import limits
from chargehand.actors.bulk.runs import change_runs
from chargehand.actors.bulk.selection import Selection
from chargehand.actors.bulk.tasks import change_tasks
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.frozen import replace
from chargehand.actors.idempotency.once import Once
from chargehand.actors.slices import in_turns
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import (
    ApprovalPolicy,
    Priority,
    RunStatus,
    TaskStatus,
    TriageAction,
)
from chargehand.actors.views import recent
from chargehand.actors.views.catalog import TaskFilter
from chargehand.actors.views.choices import ListOrder
from chargehand.actors.views.items import InTasks
from chargehand.actors.views.runs import RunFilter
from tests.actors.system.desk import OPERATOR, Desk, started

READY = TaskFilter(status=TaskStatus.READY)


def same(some_id: str) -> str:
    return some_id


async def slices_of_tasks(desk, which, command, limit=1000) -> list[str]:
    """The ids of those that were handled, none of which was refused."""
    handled: list[str] = []
    cursor = None
    while True:
        selection = Selection(None, which, limit, cursor)
        found, outcomes = await change_tasks(desk.system, selection, command, OPERATOR, same)
        assert [one.refusal for one in outcomes] == [None] * len(outcomes)
        handled += [one.task_id for one in outcomes]
        cursor = found.next_cursor
        if cursor is None:
            return handled


# --- counts --------------------------------------------------------------------------------------

FILTERS = [
    TaskFilter(),
    TaskFilter(include_drafts=True),
    READY,
    TaskFilter(status=TaskStatus.CANCELED),
    TaskFilter(priority=Priority.HIGH),
    TaskFilter(query="JOB 1"),
    TaskFilter(query="job", priority=Priority.HIGH),
    TaskFilter(parent_task_id="t0"),
    TaskFilter(parent_task_id="t0", status=TaskStatus.CANCELED),
    TaskFilter(parent_task_id="none"),
]


async def people(desk: Desk) -> None:
    for number in range(30):
        await desk.task(
            id=f"t{number}",
            title=f"Job {number}",
            draft=number % 5 == 1,
            priority=Priority.HIGH if number % 3 == 0 else Priority.LOW,
            parent_task_id="t0" if 20 <= number < 25 else None,
        )
    for number in (3, 21, 22):
        await desk.ask(f"t{number}", c.CancelTask())


@pytest.mark.parametrize("which", FILTERS)
@pytest.mark.parametrize("restarted", [False, True])
async def test_as_many_are_counted_as_are_listed(which, restarted):
    async with started() as desk:
        await people(desk)
        await desk.system.checkpointer.checkpoint()
        store = desk.store.copy()
        await check_count(desk, which)
    if restarted:
        async with started(store) as desk:
            await check_count(desk, which)


async def check_count(desk: Desk, which: TaskFilter) -> None:
    counted = await in_turns(desk.system.views.count(which))
    page = await in_turns(desk.system.views.page(which, ListOrder.ACTIVITY, None, 1000))
    assert counted == len(page.items)


# --- slices --------------------------------------------------------------------------------------


async def test_nobody_is_passed_twice_over_a_restart_and_after_more_moves_than_are_remembered(
    monkeypatch,
):
    monkeypatch.setattr(limits, "MOVES_MAX", 2)
    monkeypatch.setattr(recent, "_FORGET_STEP", 1)
    pause = c.PauseTask("night")
    async with started() as desk:
        tasks = {(await desk.task()).id for _ in range(20)}
        first, outcomes = await change_tasks(
            desk.system, Selection(None, READY, 8), pause, OPERATOR, same
        )
        handled = [one.task_id for one in outcomes]
        store = desk.store.copy()
    async with started(store) as desk:
        for task_id in handled:
            await desk.ask(task_id, c.PatchTask(title="moved again"))
        selection = Selection(None, READY, 100, first.next_cursor)
        last, outcomes = await change_tasks(desk.system, selection, pause, OPERATOR, same)
        handled += [one.task_id for one in outcomes]
    assert last.next_cursor is None
    assert len(handled) == 20
    assert set(handled) == tasks


async def test_runs_that_come_once_more_are_refused(monkeypatch):
    """As the moves are forgotten that the operation itself makes."""
    monkeypatch.setattr(limits, "MOVES_MAX", 2)
    monkeypatch.setattr(recent, "_FORGET_STEP", 1)
    async with started() as desk:
        runs = [run.id for run in await desk.many_queued(12)]
        for run_id in runs:
            await desk.ask_run(c.CancelRun(run_id))
        which = RunFilter(statuses=frozenset({RunStatus.CANCELED}))
        done: list[str] = []
        cursor = None
        for _ in range(100):
            found, outcomes = await change_runs(
                desk.system, Selection(None, which, 5, cursor), c.RetryRun, OPERATOR, same
            )
            done += [one.run_id for one in outcomes if one.refusal is None]
            refused = {one.refusal.code for one in outcomes if one.refusal is not None}
            assert refused <= {Code.RUN_ALREADY_RETRIED}
            cursor = found.next_cursor
            if cursor is None:
                break
        assert cursor is None
        assert sorted(done) == sorted(runs)


async def test_a_repeat_is_about_those_that_it_was_done_to_wherever_the_slice_begins():
    caller = replace(OPERATOR, once=Once("key", "request"))
    async with started() as desk:
        for _ in range(9):
            await desk.task()
        first, outcomes = await change_tasks(
            desk.system, Selection(None, READY, 3), c.CancelTask(), OPERATOR, same
        )
        selection = Selection(None, READY, 3, first.next_cursor)
        answers = [
            await change_tasks(desk.system, selection, c.CancelTask(), caller, same)
            for _ in range(2)
        ]
        (second, done), (again, repeated) = answers
        assert [one.task_id for one in repeated] == [one.task_id for one in done]
        assert again.next_cursor == second.next_cursor
        assert not {one.task_id for one in outcomes} & {one.task_id for one in done}
        assert await in_turns(desk.system.views.count(READY)) == 3


async def test_few_residents_are_enough():
    async with started(max_residents=4) as desk:
        tasks = [(await desk.task()).id for _ in range(40)]
        handled = await slices_of_tasks(desk, READY, c.CancelTask())
        assert sorted(handled) == sorted(tasks)


# --- trials --------------------------------------------------------------------------------------


async def ready(desk: Desk) -> str:
    return (await desk.task()).id


async def waiting(desk: Desk) -> str:
    return (await desk.task(approval_policy=ApprovalPolicy.MANUAL)).id


async def canceled(desk: Desk) -> str:
    task_id = await ready(desk)
    await desk.ask(task_id, c.CancelTask())
    return task_id


async def done(desk: Desk) -> str:
    run = await desk.queued()
    await desk.do("s1", run.id)
    return desk.system.task_of_run(run.id) or ""


async def deleted(desk: Desk) -> str:
    task_id = await ready(desk)
    await desk.ask(task_id, c.DeleteTask())
    return task_id


async def nobody(_: Desk) -> str:
    return "task-none"


COMMANDS: list[Any] = [
    c.CancelTask("why"),
    c.ApproveTask(c.Enqueueing()),
    c.PauseTask("why"),
    c.PauseTask(None),
    c.ResumeTask(),
    c.TriageTask(TriageAction.ARCHIVE),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: type(command).__name__)
@pytest.mark.parametrize("make", [ready, waiting, canceled, done, deleted, nobody])
async def test_a_trial_writes_nothing_and_says_what_is_answered_then(
    desk, make: Callable[[Desk], Awaitable[str]], command
):
    task_id = await make(desk)
    before = desk.system.journal.next_seq
    shown = desk.system.views.get(task_id)
    tried = await refusal_of(desk.system.try_out(task_id, command, OPERATOR))
    assert desk.system.journal.next_seq == before
    assert desk.system.views.get(task_id) == shown
    assert await refusal_of(desk.ask(task_id, command)) == tried


@pytest.mark.parametrize("command", [c.CancelRun, c.RetryRun])
@pytest.mark.parametrize("end", [None, c.CancelRun])
async def test_a_trial_of_a_run_is_the_same(desk, end, command):
    run = await desk.queued()
    if end is not None:
        await desk.ask_run(end(run.id))
    before = desk.system.journal.next_seq
    tried = await refusal_of(desk.system.try_out_run(command(run.id), OPERATOR))
    assert desk.system.journal.next_seq == before
    assert await refusal_of(desk.ask_run(command(run.id))) == tried


async def refusal_of(answer: Awaitable[object]) -> tuple[object, ...] | None:
    try:
        await answer
    except Rejected as refusal:
        return (refusal.code, refusal.message, refusal.next_step, refusal.action, refusal.evidence)
    return None


async def test_a_dry_run_of_runs_counts_more_than_it_shows(desk):
    runs = await desk.many_queued(7)
    which = RunFilter(where=InTasks(), statuses=frozenset({RunStatus.QUEUED}))
    selection = Selection(None, which, 3, None, dry_run=True)
    found, outcomes = await change_runs(desk.system, selection, c.CancelRun, OPERATOR, same)
    assert (found.matched, len(outcomes)) == (7, 3)
    selection = replace(selection, cursor=found.next_cursor, limit=10)
    found, rest = await change_runs(desk.system, selection, c.CancelRun, OPERATOR, same)
    assert found.matched is None
    assert {one.run_id for one in (*outcomes, *rest)} == {run.id for run in runs}


async def test_a_cursor_of_another_order_is_refused(desk):
    for cursor in ("17.17.0", "named.3", "created.x"):
        with pytest.raises(Rejected) as refused:
            await change_tasks(
                desk.system, Selection(None, READY, 3, cursor), c.CancelTask(), OPERATOR, same
            )
        assert refused.value.code is Code.INVALID_REQUEST
