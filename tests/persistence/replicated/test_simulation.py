"""What the rules of a node promise, over thousands of schedules of losses, and that these would
show a rule that is missing."""

import os

import pytest

from tests.persistence.replicated.simulation import Defect, Schedule, Violation

SEEDS = int(os.environ.get("CHARGEHAND_SCHEDULES", "10000"))
PARTS = 10
CAUGHT_WITHIN = 2000


@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_acknowledged_is_lost_doubled_or_hidden(part):
    acknowledged = activations = unknown = 0
    for seed in range(part, SEEDS, PARTS):
        schedule = Schedule(seed)
        try:
            acknowledged += schedule.run()
        except Violation as violation:
            raise Violation(f"seed {seed}: {violation}") from violation
        activations += schedule.activations
        unknown += schedule.unknown
    # The schedules are of use: they write, they change hands, and they lose answers.
    assert acknowledged > 20 * SEEDS / PARTS
    assert activations > 2 * SEEDS / PARTS
    assert unknown > 2 * SEEDS / PARTS


def test_a_seed_plays_the_same_schedule_again():
    first, again = Schedule(7), Schedule(7)
    assert first.run() == again.run()
    assert first.acknowledged == again.acknowledged
    assert first.database.log == again.database.log


@pytest.mark.parametrize("defect", [each for each in Defect if each is not Defect.NONE])
def test_a_rule_that_is_missing_is_caught(defect):
    for seed in range(CAUGHT_WITHIN):
        try:
            Schedule(seed, defect).run()
        except Violation:
            return
    raise AssertionError(f"{CAUGHT_WITHIN} schedules did not show that {defect.value}")
