"""Edges to blockers, and what becomes of them when effects come late or out of order."""

import pytest

from chargehand.actors import limits
from chargehand.actors.errors import Code
from chargehand.actors.task import commands as c
from chargehand.actors.task.effects import BlockerCompleted, BlockerDeleted, BlockerReopened
from chargehand.actors.task.state import DependencyKind, TaskStatus
from tests.actors.task.kit import Bench, agent, types


def test_an_edge_to_an_open_task_blocks_and_one_to_a_completed_task_does_not():
    bench = Bench.created()
    bench.around.tasks |= {"open", "done"}
    bench.around.completed.add("done")
    assert types(bench.do(c.AddDependency("done"))) == ["task.dependency_added"]
    assert bench.task.status is TaskStatus.READY
    decision = bench.do(c.AddDependency("open"))
    assert types(decision) == ["task.dependency_added", "task.status_changed"]
    assert bench.task.status is TaskStatus.BLOCKED
    assert [edge.done for edge in bench.task.dependencies] == [True, False]
    assert bench.task.dependencies[0].kind is DependencyKind.BLOCKS


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("", Code.INVALID_REQUEST),
        ("t", Code.INVALID_REQUEST),
        ("known", Code.INVALID_REQUEST),
        ("unknown", Code.TASK_NOT_FOUND),
        ("upstream", Code.GRAPH_CYCLE),
    ],
)
def test_an_edge_that_cannot_be(target, code):
    bench = Bench.created()
    bench.block("known")
    bench.around.tasks.add("upstream")
    bench.around.paths.add(("upstream", "t"))
    assert bench.code(c.AddDependency(target)) is code


def test_a_task_has_no_more_than_so_many_edges():
    bench = Bench.created()
    for number in range(limits.DEPENDENCIES_MAX):
        bench.block(f"b{number}")
    bench.around.tasks.add("one-more")
    assert bench.code(c.AddDependency("one-more")) is Code.GRAPH_LIMIT
    bench.do(c.RemoveDependency("b0"))
    bench.do(c.AddDependency("one-more"))


def test_removing_an_edge_that_is_not_there_is_refused():
    assert Bench.created().code(c.RemoveDependency("b")) is Code.DEPENDENCY_NOT_FOUND


def test_only_completion_of_the_last_open_blocker_unblocks():
    bench = Bench.created()
    bench.block("b1")
    bench.block("b2")
    bench.around.completed.add("b1")
    assert types(bench.do(BlockerCompleted("b1", "run-1"))) == []
    assert bench.task.status is TaskStatus.BLOCKED
    bench.around.completed.add("b2")
    assert types(bench.do(BlockerCompleted("b2", "run-2"))) == ["task.status_changed"]
    bench.around.completed.discard("b1")
    bench.do(BlockerReopened("b1"))
    assert bench.task.status is TaskStatus.BLOCKED
    assert types(bench.do(BlockerDeleted("b1"))) == [
        "task.dependency_removed",
        "task.status_changed",
    ]


def test_a_task_at_work_and_an_ended_one_keep_their_status():
    bench = Bench.leased()
    bench.do(c.StartRun(bench.latest.id))
    bench.block("b")
    assert bench.task.status is TaskStatus.IN_PROGRESS
    bench.do(c.CompleteLease(bench.latest.id), agent("s1"))
    assert bench.task.status is TaskStatus.COMPLETED


@pytest.mark.parametrize(
    "effect", [BlockerCompleted("b", "r"), BlockerReopened("b"), BlockerDeleted("b")]
)
def test_an_effect_for_an_edge_that_is_gone_changes_nothing(effect):
    bench = Bench.created()
    bench.block("b")
    bench.do(c.RemoveDependency("b"))
    assert types(bench.do(effect)) == []
    assert bench.task.dependencies == ()


def test_a_late_completion_does_not_unblock_an_edge_that_was_made_anew():
    bench = Bench.created()
    bench.block("b")
    bench.do(c.RemoveDependency("b"))
    # `b` has completed and was opened again, and only then the edge came back.
    bench.do(c.AddDependency("b"))
    bench.do(BlockerCompleted("b", "run-b"))
    assert bench.task.status is TaskStatus.BLOCKED


def test_a_late_reopening_does_not_block_an_edge_whose_blocker_has_completed_again():
    bench = Bench.created()
    bench.block("b")
    bench.around.completed.add("b")
    bench.do(BlockerCompleted("b", "run-2"))
    bench.do(BlockerReopened("b"))
    assert bench.task.status is TaskStatus.READY
