"""Where open runs stand, task by task."""

from chargehand.actors.frozen import replace
from chargehand.actors.scheduler.board import Board
from chargehand.actors.task.eligibility import queued_run_of
from chargehand.actors.task.state import Owner, OwnerKind, Priority, RunStatus, TaskStatus
from tests.actors.system.desk import started
from tests.actors.views.states import a_run, a_task


def queued(task_id: str, **fields):
    run = a_run(RunStatus.QUEUED, f"run of {task_id}", queued_seq=7)
    return a_task(task_id, **{"runs": (run,), **fields})


async def test_a_key_stays_with_its_later_claim_when_the_earlier_one_ends():
    async with started() as desk:
        await desk.queued()
        former = (await desk.claim("s1", idempotency_key="k")).task
    [run] = former.runs
    later = replace(former, id="later", runs=(replace(run, id="later"),))
    board = Board(lambda _: None)
    for state in (former, later):
        board.update(state, lambda _: 0)
    over = replace(run, status=RunStatus.COMPLETED)
    board.update(replace(former, runs=(over,)), lambda _: 0)
    assert board.keyed_claim("s1", "k") == ("later", "later")


def test_runs_that_demand_the_same_share_what_they_demand():
    owner = Owner(OwnerKind.POOL, "coder")
    first, second = queued("a", owner=owner), queued("b", owner=Owner(OwnerKind.POOL, "coder"))
    assert queued_run_of(first).demands is queued_run_of(second).demands
    other = queued("c", owner=Owner(OwnerKind.POOL, "writer"))
    assert queued_run_of(other).demands != queued_run_of(first).demands


def test_the_board_holds_one_object_for_a_run_whatever_befalls_its_task():
    board, state = Board(lambda _: None), queued("a")
    offered = board.update(state, lambda _: 0)
    assert board.queued("a") is board.claimable.get("a") is offered
    assert board.update(replace(state, title="another"), lambda _: 0) is None
    board.update(replace(state, status=TaskStatus.BLOCKED), lambda _: 0)
    assert "a" not in board.claimable
    assert board.queued("a") is offered
    assert board.update(state, lambda _: 0) is offered


def test_a_run_stands_where_its_priority_has_come_to():
    board, state = Board(lambda _: None), queued("a")
    board.update(state, lambda _: 0)
    assert board.update(replace(state, priority=Priority.HIGH), lambda _: 0).weight == -30
    assert (board.queued_count, len(board.starving)) == (1, 1)


def test_what_was_reported_of_a_run_is_known_when_its_priority_changes():
    """Also that there is somebody by now, although it was told before that there was nobody."""
    board, state = Board(lambda _: None), queued("a")
    board.update(state, lambda _: 0)
    board.starved.add("run of a")
    state = replace(state, priority=Priority.HIGH)
    board.update(state, lambda _: 0)
    assert board.starved == {"run of a"}
    board.starved.clear()
    [run] = state.runs
    state = replace(state, runs=(replace(run, starved_at_ns=5),), priority=Priority.LOW)
    board.update(state, lambda _: 0)
    assert not board.starved


def test_a_run_that_takes_the_place_of_another_in_one_step_is_the_only_one():
    board, state = Board(lambda _: None), queued("a")
    board.update(state, lambda _: 0)
    [run] = state.runs
    ended = replace(run, status=RunStatus.FAILED)
    board.update(replace(state, runs=(ended, replace(run, id="second"))), lambda _: 0)
    assert board.claimable.get("a").run_id == "second"
    assert (board.queued_count, len(board.starving)) == (1, 1)


def test_a_start_takes_in_tasks_without_an_open_run_too():
    board = Board(lambda task_id: task_id if task_id == "paused" else None)
    active = a_run(RunStatus.RUNNING, "at work")
    stuck = a_run(RunStatus.NEEDS_ATTENTION, "stuck")
    tasks = [
        queued("a"),
        queued("paused"),
        queued("blocked", status=TaskStatus.BLOCKED),
        a_task("new"),
        a_task("active", runs=(active,), status=TaskStatus.IN_PROGRESS),
        a_task("stuck", runs=(stuck,)),
        replace(queued("gone"), deleted=True),
    ]
    board.restore(tasks, 5)
    assert (board.queued_count, board.active_count, board.attention_count) == (3, 1, 1)
    assert list(board.claimable.runs) == ["a"]
    assert len(board.starving) == 3
    assert board.starving.next_at_ns() == board.unleased.next_at_ns() == 5
