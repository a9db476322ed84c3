"""What a claim costs, counted in classes looked at, and what stays in memory."""

import pytest
from attrs import evolve as replace

from chargehand.actors.scheduler.claimable import ClaimableIndex
from chargehand.actors.scheduler.classed_runs import IDLE_CLASSES_MAX
from chargehand.actors.task.eligibility import Claimer, QueuedRun
from chargehand.actors.task.state import Owner, OwnerKind
from tests.actors.scheduler.runs import a_queued_run

NONE: frozenset[str] = frozenset()
CLAIMER = Claimer("session-1", "coder", "ws", None, NONE, 0)
CLASSES = 300


class CountedSet(frozenset):
    """Required capabilities that count how often a claim compares them."""

    comparisons = 0

    def __le__(self, other):
        CountedSet.comparisons += 1
        return frozenset.__le__(self, other)


def run(number: int, required: frozenset[str] = NONE, **changes) -> QueuedRun:
    return a_queued_run(
        f"run-{number:06}",
        queue_order=number,
        required_capabilities=CountedSet(required),
        **changes,
    )


def index_of(runs) -> ClaimableIndex:
    index = ClaimableIndex()
    for each in runs:
        index.add(each)
    return index


def classes_looked_at(index: ClaimableIndex, claimer: Claimer) -> int:
    CountedSet.comparisons = 0
    assert index.best(claimer) is not None
    return CountedSet.comparisons


@pytest.mark.parametrize("channel", [None, "build"])
def test_a_claim_looks_at_one_class_however_many_runs_it_has(channel):
    index = index_of(run(number) for number in range(5_000))
    assert classes_looked_at(index, replace(CLAIMER, channel=channel)) == 1


@pytest.mark.parametrize(
    "other",
    [
        lambda n: run(n, workspace_id=f"ws-{n}"),
        lambda n: run(n, owner=Owner(OwnerKind.POOL, f"agent-{n}")),
        lambda n: run(n, owner=Owner(OwnerKind.AGENT_SESSION, f"session-of-{n}")),
        lambda n: run(n, allowed_agents=frozenset({f"agent-{n}", f"agent-{n}b"})),
    ],
    ids=["workspaces", "pools", "sessions", "agents"],
)
def test_a_claim_looks_at_no_class_of_other(other):
    index = index_of([*(other(number) for number in range(CLASSES)), run(CLASSES)])
    assert classes_looked_at(index, CLAIMER) == 1


def test_a_claim_looks_at_no_class_that_needs_a_capability_it_lacks():
    index = index_of(run(number, frozenset({f"tool-{number}"})) for number in range(CLASSES))
    claimer = replace(CLAIMER, capabilities=frozenset({"tool-299"}))
    assert classes_looked_at(index, claimer) == 1


def test_a_capability_that_all_require_hides_nothing():
    index = index_of(
        run(number, frozenset({"linux", f"tool-{number}"})) for number in range(CLASSES)
    )
    claimer = replace(CLAIMER, capabilities=frozenset({"linux", "tool-299"}))
    assert classes_looked_at(index, claimer) <= 3


def test_a_claim_with_all_capabilities_looks_at_the_first_class_only():
    tools = [f"tool-{number}" for number in range(CLASSES)]
    index = index_of(run(number, frozenset({tool})) for number, tool in enumerate(tools))
    assert classes_looked_at(index, replace(CLAIMER, capabilities=frozenset(tools))) == 1


def test_a_run_that_comes_back_keeps_its_place():
    index = index_of(run(number) for number in range(3))
    taken = index.discard(run(0).task_id)
    index.add(taken)
    assert index.best(CLAIMER) is taken


def test_a_run_added_again_replaces_the_former():
    index = index_of([run(1), run(1, channel="review", weight=40)])
    assert len(index) == 1
    assert index.best(CLAIMER).weight == -40
    assert index.best(replace(CLAIMER, channel="build")) is None


def test_a_run_with_new_demands_is_not_found_by_its_old_ones():
    index = index_of([run(1), run(2), run(2, frozenset({"gpu"}))])
    index.discard(run(1).task_id)
    assert index.best(CLAIMER) is None
    assert index.best(replace(CLAIMER, capabilities=frozenset({"gpu"}))).run_id == "run-000002"


def test_a_run_that_is_not_here_is_nothing_to_discard():
    assert ClaimableIndex().discard("task-1") is None


def test_a_run_that_comes_and_goes_leaves_nothing_behind():
    first, second = run(1), run(2)
    index = index_of([first, second])
    for _ in range(500):
        index.discard(second.task_id)
        index.add(second)
    assert all(each.stored < 50 for each in index._all._classes.values())


def test_the_class_of_work_that_comes_again_and_again_stays_ready():
    index = ClaimableIndex()
    for number in range(2 * IDLE_CLASSES_MAX):
        index.add(run(number))
        index.discard(run(number).task_id)
        assert index.class_count == 1


def test_classes_that_lost_their_runs_are_dropped_in_the_end():
    tools = [frozenset({f"tool-{number}"}) for number in range(4 * IDLE_CLASSES_MAX)]
    index = ClaimableIndex()
    for number, tool in enumerate(tools):
        index.add(run(number, tool))
        index.discard(run(number).task_id)
    assert index.class_count <= IDLE_CLASSES_MAX + 2


def test_the_oldest_is_found_among_those_that_come_and_go_and_they_leave_nothing_behind():
    first = run(0)
    index = index_of([first])
    for number in range(1, 5_000):
        index.add(run(number))
        index.discard(f"task of run-{number:06}")
        index.discard(first.task_id)
        index.add(first)
        assert index._oldest.stored < 200
        assert index.oldest() is first
