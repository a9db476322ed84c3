"""What is kept of ended runs."""

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from chargehand.actors.task.ended import all_facts, facts_of, latest_status, pack, unpack
from chargehand.actors.task.slim import slim
from chargehand.actors.task.state import FailureKind, RunStatus
from tests.actors.views.states import a_run, a_task

times = st.none() | st.integers(0, 10**18)
runs = st.builds(
    a_run,
    st.sampled_from(RunStatus),
    queued_at_ns=st.integers(0, 10**18),
    claimed_at_ns=times,
    started_at_ns=times,
    failure_kind=st.none() | st.just(FailureKind.OPERATOR_FORCED),
)
ENDED = a_run(RunStatus.COMPLETED, queued_at_ns=10, claimed_at_ns=13, started_at_ns=20)


def test_latencies_are_from_queue_to_claim_and_from_claim_to_start():
    assert facts_of(ENDED)[2:] == (3, 7)
    assert facts_of(evolve(ENDED, claimed_at_ns=None))[2:] == (None, 10)
    assert facts_of(evolve(ENDED, started_at_ns=None))[2:] == (3, None)


@given(st.lists(runs, max_size=4))
def test_a_slim_task_is_counted_as_the_whole_one(some):
    open_at = next((n for n, run in enumerate(some) if not run.status.is_terminal), None)
    if open_at is not None:  # at most one run is open, and it is the last
        some = [*(run for run in some if run.status.is_terminal), some[open_at]]
    task = a_task(runs=tuple(some))
    assert all_facts(slim(task)) == all_facts(task)
    assert latest_status(slim(task)) is latest_status(task)


def test_without_runs_there_is_no_latest_one():
    assert latest_status(a_task()) is None


def test_what_was_forced_is_reported():
    forced = evolve(ENDED, status=RunStatus.FAILED, failure_kind=FailureKind.OPERATOR_FORCED)
    assert [fact.forced for fact in unpack(pack([forced, ENDED]))] == [True, False]


def test_what_is_none_of_ours_is_refused():
    with pytest.raises(ValueError, match="16 bytes"):
        unpack(b"x" * 16)
