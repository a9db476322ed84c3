"""Whatever many callers do at once, with checkpoints and crashes between: nothing acknowledged is
lost, nothing is half done, and all that is kept in memory equals what the tasks say."""

import random

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from chargehand.actors.actor import fold
from chargehand.actors.graph.graph import Graph
from chargehand.actors.record import Record
from chargehand.actors.review_deadlines import ReviewDeadlines
from chargehand.actors.scheduler.board import Board
from chargehand.actors.task.review import ReviewPolicy
from chargehand.actors.task.state import RunStatus, TaskState
from tests.actors.graphs import restore_graph
from tests.actors.system.desk import Desk, started
from tests.actors.system.random_work import Callers

CALLERS = 10
STEPS = 40
CRASHES = 3
SETTINGS = {
    "lease_expiries_max": 2,
    "max_leases_per_session": 2,
    "review_policy": ReviewPolicy.ON_SUCCESS,
    "review_s": 20.0,
}


@pytest.mark.parametrize("seed", range(6))
async def test_random_work_with_crashes(seed):
    await check_random_work(seed)


async def check_random_work(seed: int) -> None:
    rng = random.Random(seed)
    acknowledged = []
    store = None
    for _ in range(CRASHES + 1):
        async with started(store, **SETTINGS) as desk:
            await wait_all_tasks_blocked()
            check_memory(desk)
            check_acknowledged(desk, acknowledged)
            callers = Callers(desk, rng, acknowledged)
            async with trio.open_nursery() as nursery:
                for _ in range(CALLERS):
                    nursery.start_soon(callers.work, STEPS)
                await trio.sleep(rng.choice([1, 10, 30]))
                for _ in range(rng.randrange(20)):
                    await trio.lowlevel.checkpoint()
                store = desk.store.copy()  # here the crash is: no more counts as acknowledged
                callers.stop()
                nursery.cancel_scope.cancel()
    async with started(store, **SETTINGS) as desk:
        await trio.sleep(100)
        check_memory(desk)
        check_acknowledged(desk, acknowledged)
    assert len(acknowledged) > 10


def records_of(desk: Desk, task_id: str) -> list[Record]:
    return desk.system.journal.reads.timeline(task_id, 0)


def as_of(desk: Desk, task_id: str, last_seq: int) -> TaskState | None:
    """The task as it was at a number, from its records."""
    state = None
    for record in records_of(desk, task_id):
        if record.last_seq <= last_seq:
            state = fold(state, record)
    return state


def check_acknowledged(desk: Desk, acknowledged) -> None:
    """Every answer tells of a state that the task's records lead to."""
    for answer in acknowledged:
        now = desk.system.journal.reads.state(answer.task.id)
        assert now is not None
        assert now.last_seq >= answer.task.last_seq
        if now.deleted:  # its records are gone with the next checkpoint
            continue
        then = as_of(desk, answer.task.id, answer.task.last_seq)
        assert then is not None
        assert then.last_seq == answer.task.last_seq
        if answer.task.runs and then.runs != answer.task.runs:  # a repeat's state may be slim
            assert answer.replayed
        else:
            assert then == answer.task
        if answer.run is not None:
            assert then.run(answer.run.id) == answer.run


def check_memory(desk: Desk) -> None:
    """Read models, graph, board and outbox, when nothing is under way."""
    system = desk.system
    states = list(system.views.catalog)
    seen = set()
    for slim in states:
        whole = system.views.whole(slim.id)
        records = records_of(desk, slim.id)
        assert as_of(desk, slim.id, whole.last_seq) == whole
        assert (slim.last_seq, slim.open_run) == (whole.last_seq, whole.open_run)
        seqs = [seq for record in records for seq in range(record.seq, record.last_seq + 1)]
        assert seqs == sorted(set(seqs))
        assert seen.isdisjoint(seqs)
        seen.update(seqs)
    check_graph(desk, states)
    check_board(desk, states)
    check_reviews(desk, states)
    assert len(system.outbox) == 0
    caused = {
        (record.seq, n)
        for state in states
        for record in records_of(desk, state.id)
        for n, effect in enumerate(record.effects)
        if system.views.get(effect.target) is not None
    }
    applied = [
        (record.cause.seq, record.cause.n)
        for state in states
        for record in records_of(desk, state.id)
        if record.cause is not None
    ]
    assert len(applied) == len(set(applied))
    assert caused <= set(applied)


def check_graph(desk: Desk, states: list[TaskState]) -> None:
    rebuilt = Graph()
    restore_graph(rebuilt, states)
    graph = desk.system._graph
    assert graph.paused_count == rebuilt.paused_count
    assert set(graph._nodes) == set(rebuilt._nodes)
    for task_id, node in graph._nodes.items():
        other = rebuilt._nodes[task_id]
        for fact in (
            *("workspace_id", "parent_id", "standing", "open_below", "auto_enqueue_below"),
        ):
            assert getattr(node, fact) == getattr(other, fact), (task_id, fact)
        for edges in ("children", "blockers", "dependents"):
            assert set(getattr(node, edges)) == set(getattr(other, edges)), (task_id, edges)
    for state in states:
        for edge in state.dependencies:
            assert edge.done == graph.is_done(edge.depends_on_task_id)


def check_reviews(desk: Desk, states: list[TaskState]) -> None:
    """Every open review has its deadline, and no other has one."""
    deadlines = desk.system.review_deadlines
    rebuilt = ReviewDeadlines(desk.system.clock, desk.system.directory.push)
    for state in states:
        rebuilt.committed(state)
    assert deadlines._open == rebuilt._open
    assert len(deadlines) == len(rebuilt) == sum(len(state.open_reviews) for state in states)


def check_board(desk: Desk, states: list[TaskState]) -> None:
    dispatch = desk.system.scheduler._dispatch
    rebuilt = Board(desk.system._graph.paused_by)
    rebuilt.restore(states, 10**15)
    board = dispatch.board
    for count in ("queued_count", "active_count", "attention_count", "_by_session", "_by_key"):
        assert getattr(board, count) == getattr(rebuilt, count), count
    assert board.claimable.runs == rebuilt.claimable.runs
    assert board._kept_back == rebuilt._kept_back
    assert len(board.starving) == len(rebuilt.starving) == board.queued_count
    assert set(board.leased_runs()) == set(rebuilt.leased_runs())
    runs = [state.open_run for state in states if state.open_run is not None]
    assert board.queued_count == sum(run.status is RunStatus.QUEUED for run in runs)
    assert board.active_count == sum(run.status.is_active for run in runs)
    assert len(board.leases) == sum(run.is_leased for run in runs)
    assert dispatch._picked == {}
    assert dispatch.allowance._reserved == {}
    assert dispatch.releases._under_way == {}
    assert len(dispatch._keyed) == 0
    assert dispatch.parked_count == 0
