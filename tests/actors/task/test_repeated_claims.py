"""An operator's claim and start of a run, sent again under their keys."""

import pytest

from chargehand.actors.errors import Code
from chargehand.actors.identity import Caller, OriginKind, origin
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import RunStatus
from tests.actors.task.kit import OPERATOR, Bench, agent


def claim(bench: Bench, key: str | None = "k") -> c.ClaimRun:
    return c.ClaimRun(bench.latest.id, key)


def start(bench: Bench, key: str | None = "k") -> c.StartRun:
    return c.StartRun(bench.latest.id, key)


def claimed(key: str | None = "k") -> Bench:
    bench = Bench.with_run()
    bench.do(claim(bench, key), agent("s1"))
    return bench


def test_a_repeated_claim_gives_the_first_one_and_writes_nothing():
    bench = claimed()
    again = bench.do(claim(bench), agent("s1"))
    assert (again.events, again.answer.replayed) == ((), True)
    assert again.answer.the_run == bench.latest


def test_a_repeated_claim_may_come_by_another_way():
    bench = claimed()
    elsewhere = Caller(agent("s1").actor, origin(OriginKind.UDS, "tasks.claim_run"))
    assert bench.do(claim(bench), elsewhere).answer.replayed


@pytest.mark.parametrize(
    ("key", "caller"), [("other", agent("s1")), (None, agent("s1")), ("k", agent("s2"))]
)
def test_another_key_or_caller_does_not_repeat_a_claim(key, caller):
    bench = claimed()
    assert bench.code(claim(bench, key), caller) is Code.RUN_TRANSITION


def test_no_key_repeats_no_claim_without_a_key():
    bench = claimed(None)
    assert bench.code(claim(bench, None), agent("s1")) is Code.RUN_TRANSITION


def test_a_claim_is_repeated_after_the_run_was_started_and_has_ended():
    bench = claimed()
    bench.do(start(bench), agent("s1"))
    assert bench.do(claim(bench), agent("s1")).answer.the_run.status is RunStatus.RUNNING
    bench.do(c.CompleteRun(bench.latest.id))
    assert bench.do(claim(bench), agent("s1")).answer.the_run.status is RunStatus.COMPLETED


def test_a_claim_that_was_taken_back_is_made_anew():
    bench = claimed()
    bench.do(c.ForceRelease(bench.latest.id))
    again = bench.do(claim(bench), agent("s1"))
    assert not again.answer.replayed
    assert again.answer.the_run.status is RunStatus.CLAIMED


def test_a_repeated_start_gives_the_first_one_and_writes_nothing():
    bench = claimed()
    bench.do(start(bench, "s"), agent("s1"))
    for _ in range(2):
        again = bench.do(start(bench, "s"), agent("s1"))
        assert (again.events, again.answer.replayed) == ((), True)
        assert again.answer.the_run == bench.latest
        if bench.latest.status is RunStatus.RUNNING:
            bench.do(c.CompleteRun(bench.latest.id))


@pytest.mark.parametrize(
    ("key", "caller"), [("other", agent("s1")), (None, agent("s1")), ("k", OPERATOR)]
)
def test_another_key_or_caller_does_not_repeat_a_start(key, caller):
    bench = claimed()
    bench.do(start(bench), agent("s1"))
    assert bench.code(start(bench, key), caller) is Code.RUN_TRANSITION


def test_a_claim_and_a_start_may_have_the_same_key():
    bench = claimed("k")
    assert bench.do(start(bench, "k"), agent("s1")).answer.the_run.status is RunStatus.RUNNING
