"""What is counted of tasks and their runs, all of it in one number.

A tally holds its counts side by side in the digits of an integer, so that the counts of two groups
of tasks are added, or those of a task taken off again, by adding or subtracting two integers. That
is what makes it quick to keep thousands of groups up to date, and to sum them.
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import Final

from chargehand.actors.task.ended import RunFacts
from chargehand.actors.task.state import RunStatus, TaskState, TaskStatus
from chargehand.actors.views.facets import awaits_decision

Tally = int

_BITS: Final = 96  # of each count; the sums of latencies in ns are what needs so many
_MASK: Final = (1 << _BITS) - 1


class Count(IntEnum):
    """The places in a tally."""

    TASKS = 0
    DRAFT_TASKS = 1
    PENDING_TASKS = 2
    BLOCKED_TASKS = 3
    READY_TASKS = 4
    IN_PROGRESS_TASKS = 5
    COMPLETED_TASKS = 6
    FAILED_TASKS = 7
    CANCELED_TASKS = 8
    AWAITING_APPROVAL_TASKS = 9
    DEPENDENCY_BLOCKED_TASKS = 10
    RUNS = 11
    QUEUED_RUNS = 12
    CLAIMED_RUNS = 13
    STARTING_RUNS = 14
    RUNNING_RUNS = 15
    COMPLETED_RUNS = 16
    FAILED_RUNS = 17
    CANCELED_RUNS = 18
    NEEDS_ATTENTION_RUNS = 19
    FORCED_RUNS = 20
    CLAIMS = 21
    CLAIM_NS = 22  # the sum of the latencies of all claims
    STARTS = 23
    START_NS = 24


def counted(tally: Tally, count: Count) -> int:
    return (tally >> (_BITS * count)) & _MASK


def task_count(status: TaskStatus) -> Count:
    return Count[f"{status.name}_TASKS"]


def run_count(status: RunStatus) -> Count:
    return Count[f"{status.name}_RUNS"]


def _one(*counts: Count) -> Tally:
    return sum(1 << (_BITS * count) for count in counts)


_TASK: Final = {status: _one(Count.TASKS, task_count(status)) for status in TaskStatus}
_RUN: Final = {status: _one(Count.RUNS, run_count(status)) for status in RunStatus}
_AWAITING_APPROVAL: Final = _one(Count.AWAITING_APPROVAL_TASKS)
_DEPENDENCY_BLOCKED: Final = _one(Count.DEPENDENCY_BLOCKED_TASKS)
_FORCED: Final = _one(Count.FORCED_RUNS)
_CLAIM: Final = _one(Count.CLAIMS)
_CLAIM_NS: Final = _BITS * Count.CLAIM_NS
_START: Final = _one(Count.STARTS)
_START_NS: Final = _BITS * Count.START_NS


def tally_of(state: TaskState, facts: Iterable[RunFacts]) -> Tally:
    """A task and its runs, which `facts` describe."""
    tally = _TASK[state.status]
    if state.status is TaskStatus.BLOCKED:
        if awaits_decision(state):
            tally += _AWAITING_APPROVAL
        if state.dependencies:
            tally += _DEPENDENCY_BLOCKED
    for status, forced, claim_ns, start_ns in facts:
        tally += _RUN[status]
        if forced:
            tally += _FORCED
        if claim_ns is not None:
            tally += _CLAIM + (claim_ns << _CLAIM_NS)
        if start_ns is not None:
            tally += _START + (start_ns << _START_NS)
    return tally
