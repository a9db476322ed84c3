"""The derived status of a task, case by case."""

import attrs
import pytest

from chargehand.actors.task.state import ApprovalPolicy, ApprovalState, Dependency, DependencyKind
from chargehand.actors.task.state import RunStatus as R
from chargehand.actors.task.state import TaskStatus as T
from chargehand.actors.task.status import derive_status
from tests.actors.task.kit import Bench

RUN = Bench.with_run().latest
TASK = Bench.created().task


def _task(*statuses, max_attempts=10, blocked=False, **changes):
    runs = tuple(
        attrs.evolve(RUN, id=f"run-{n}", attempt=n, status=status)
        for n, status in enumerate(statuses, 1)
    )
    edges = (Dependency("b", DependencyKind.BLOCKS, 0, done=not blocked),)
    return attrs.evolve(TASK, runs=runs, max_attempts=max_attempts, dependencies=edges, **changes)


@pytest.mark.parametrize(
    ("runs", "status", "status_if_blocked"),
    [
        ([], T.READY, T.BLOCKED),
        ([R.QUEUED], T.READY, T.BLOCKED),
        ([R.CLAIMED], T.READY, T.BLOCKED),
        ([R.STARTING], T.IN_PROGRESS, T.IN_PROGRESS),
        ([R.RUNNING], T.IN_PROGRESS, T.IN_PROGRESS),
        ([R.COMPLETED], T.COMPLETED, T.COMPLETED),
        ([R.CANCELED], T.CANCELED, T.CANCELED),
        ([R.FAILED], T.READY, T.BLOCKED),
        ([R.NEEDS_ATTENTION], T.READY, T.BLOCKED),
        ([R.COMPLETED, R.QUEUED], T.READY, T.BLOCKED),
        ([R.CANCELED, R.QUEUED], T.READY, T.BLOCKED),
        ([R.COMPLETED, R.RUNNING], T.IN_PROGRESS, T.IN_PROGRESS),
        ([R.COMPLETED, R.FAILED], T.READY, T.BLOCKED),
        ([R.FAILED, R.COMPLETED], T.COMPLETED, T.COMPLETED),
        ([R.FAILED, R.CANCELED], T.CANCELED, T.CANCELED),
        ([R.CANCELED, R.FAILED], T.READY, T.BLOCKED),
        ([R.COMPLETED, R.NEEDS_ATTENTION], T.COMPLETED, T.COMPLETED),
        ([R.FAILED, R.NEEDS_ATTENTION], T.READY, T.BLOCKED),
    ],
)
def test_the_latest_run_decides(runs, status, status_if_blocked):
    assert derive_status(_task(*runs)) is status
    assert derive_status(_task(*runs, blocked=True)) is status_if_blocked


@pytest.mark.parametrize(
    ("runs", "max_attempts", "status"),
    [
        ([R.FAILED], 1, T.FAILED),
        ([R.FAILED], 2, T.READY),
        ([R.FAILED, R.FAILED], 2, T.FAILED),
        ([R.CANCELED, R.FAILED], 2, T.FAILED),
        ([R.FAILED, R.FAILED], 1, T.FAILED),
        ([R.FAILED, R.NEEDS_ATTENTION], 2, T.FAILED),
        ([R.FAILED, R.QUEUED], 2, T.READY),
        ([R.NEEDS_ATTENTION], 1, T.READY),
        ([R.COMPLETED], 1, T.COMPLETED),
    ],
)
def test_a_failed_run_fails_the_task_when_no_attempt_is_left(runs, max_attempts, status):
    assert derive_status(_task(*runs, max_attempts=max_attempts)) is status


@pytest.mark.parametrize("runs", [[], [R.RUNNING], [R.COMPLETED], [R.FAILED], [R.QUEUED]])
def test_a_canceled_task_and_a_draft_stay_what_they_are(runs):
    assert derive_status(_task(*runs, canceled=True)) is T.CANCELED
    assert derive_status(_task(*runs, draft=True)) is T.DRAFT
    assert derive_status(_task(*runs, canceled=True, draft=True)) is T.CANCELED


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (ApprovalState.PENDING, T.BLOCKED),
        (ApprovalState.REJECTED, T.BLOCKED),
        (ApprovalState.APPROVED, T.READY),
    ],
)
def test_a_missing_approval_blocks(state, status):
    task = _task(approval_policy=ApprovalPolicy.MANUAL, approval_state=state)
    assert derive_status(task) is status


def test_the_status_that_a_change_would_bring_can_be_asked():
    task = _task(R.FAILED, R.CLAIMED)
    assert derive_status(task, "run-2", R.RUNNING) is T.IN_PROGRESS
    assert derive_status(task, "run-2", R.COMPLETED) is T.COMPLETED
    assert derive_status(task) is T.READY
