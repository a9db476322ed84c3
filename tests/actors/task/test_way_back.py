"""What is told to somebody who cannot have a run back by force."""

import pytest

from chargehand.actors.task import commands as c
from chargehand.actors.task.decide.way_back import way_back
from chargehand.web.wording import command_of
from tests.actors.task.kit import Bench, agent


def started(bench: Bench) -> Bench:
    bench.do(c.StartRun(bench.latest.id))
    return bench


def parked() -> Bench:
    bench = Bench.with_run()
    bench.park()
    return bench


def held_by_an_operator() -> Bench:
    bench = Bench.with_run()
    bench.do(c.ClaimRun(bench.latest.id))
    return started(bench)


def completed() -> Bench:
    bench = Bench.leased()
    bench.do(c.CompleteLease(bench.latest.id), agent("s1"))
    return bench


@pytest.mark.parametrize(
    ("bench", "command", "word"),
    [
        (Bench.leased, "run force-release {run}", "take it from its holder"),
        (Bench.with_run, "run inspect {run}", "in the queue"),
        (parked, "run recover {run}", "recover it"),
        (completed, "run inspect {run}", "nothing is left"),
        (lambda: started(Bench.leased()), "session end s1", "if its agent is gone"),
        (held_by_an_operator, "run cancel {run}", "cancel it"),
    ],
)
def test_there_is_a_way_from_every_status(bench, command, word):
    run = bench().latest
    step, suggested = way_back(run)
    assert word in step
    assert command_of(suggested) == f"chargehand {command.format(run=run.id)}"


def test_who_cannot_release_a_run_at_work_is_told_of_its_session():
    bench = started(Bench.leased())
    refused = bench.refusal(c.ForceRelease(bench.latest.id, "gone"))
    assert command_of(refused.action) == "chargehand session end s1"
    profile = bench.refusal(c.DeleteProfile())
    assert command_of(profile.action) == "chargehand session end s1"
