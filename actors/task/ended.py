"""What is kept of a task's ended runs where the runs themselves are not: enough to count them.

A slim state (see `slim`) holds a few bytes for each of them, so that a million tasks can be counted
anew at each start without reading their runs.
"""

from collections.abc import Iterable
from struct import Struct
from typing import Final, NamedTuple

from chargehand.actors.task.state import FailureKind, Run, RunStatus, TaskState

# Per run: how it ended, and its two latencies in ns, -1 for none. An order of the stored format.
_LAYOUT: Final = Struct("<Bqq")
_LATENCY_MAX_NS: Final = 2**63 - 1
_ENDS: Final = (
    (RunStatus.COMPLETED, False),
    (RunStatus.FAILED, False),
    (RunStatus.CANCELED, False),
    (RunStatus.FAILED, True),
)


class RunFacts(NamedTuple):
    """What is counted of one run. Latencies are in ns, never negative.

    Args:
        forced: an operator made it fail.
        claim_ns: from being queued to its present or last claim; None without one.
        start_ns: from that claim, or from being queued, to its start; None if it never started.
    """

    status: RunStatus
    forced: bool
    claim_ns: int | None
    start_ns: int | None


def facts_of(run: Run) -> RunFacts:
    queued, claimed, started = run.queued_at_ns, run.claimed_at_ns, run.started_at_ns
    return RunFacts(
        run.status,
        run.failure_kind is FailureKind.OPERATOR_FORCED and run.status is RunStatus.FAILED,
        None if claimed is None else _between(queued, claimed),
        None if started is None else _between(queued if claimed is None else claimed, started),
    )


def _between(earlier_ns: int, later_ns: int) -> int:
    return min(max(0, later_ns - earlier_ns), _LATENCY_MAX_NS)


def all_facts(state: TaskState) -> list[RunFacts]:
    """Of all runs of a task, slim or whole, in order of creation."""
    facts = unpack(state.ended) if state.ended else []
    for run in state.runs:
        facts.append(facts_of(run))
    return facts


def latest_status(state: TaskState) -> RunStatus | None:
    """The status of the run with the highest attempt, slim or whole; None without a run."""
    if state.runs:
        return state.runs[-1].status
    if not state.ended:
        return None
    kind, _, _ = _LAYOUT.unpack_from(state.ended, len(state.ended) - _LAYOUT.size)
    return _ENDS[kind][0]


def ended_count(state: TaskState) -> int:
    """How many ended runs of a slim task `runs` lacks; they come before those that it has."""
    return len(state.ended) // _LAYOUT.size


def run_marks(state: TaskState) -> set[RunStatus | FailureKind]:
    """The statuses and the kinds of failure that any of its runs has, slim or whole."""
    marks: set[RunStatus | FailureKind] = set()
    for kind in set(state.ended[:: _LAYOUT.size]):
        status, forced = _ENDS[kind]
        marks.add(status)
        if forced:
            marks.add(FailureKind.OPERATOR_FORCED)
    for run in state.runs:
        marks.add(run.status)
        if run.failure_kind is not None:
            marks.add(run.failure_kind)
    return marks


def pack(runs: Iterable[Run]) -> bytes:
    """The facts of ended runs, in a few bytes each."""
    return b"".join([_packed(facts_of(run)) for run in runs if run.status.is_terminal])


def _packed(facts: RunFacts) -> bytes:
    claim_ns = -1 if facts.claim_ns is None else facts.claim_ns
    start_ns = -1 if facts.start_ns is None else facts.start_ns
    return _LAYOUT.pack(_ENDS.index((facts.status, facts.forced)), claim_ns, start_ns)


def unpack(packed: bytes) -> list[RunFacts]:
    """What `pack` was given, in its order.

    Raises:
        ValueError: it is none of ours.
    """
    if len(packed) % _LAYOUT.size:
        raise ValueError(f"{len(packed)} bytes are no number of ended runs")
    return [
        RunFacts(
            *_ENDS[kind],
            None if claim_ns < 0 else claim_ns,
            None if start_ns < 0 else start_ns,
        )
        for kind, claim_ns, start_ns in _LAYOUT.iter_unpack(packed)
    ]
