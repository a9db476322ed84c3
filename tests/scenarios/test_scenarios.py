"""Each scenario, straight through, and with the server killed at every step of it."""

import pytest

from tests.scenarios import (
    approval,
    bulk_release,
    cancel,
    drain,
    inbox,
    parked,
    pause,
    review,
    starvation,
    webhook,
)
from tests.scenarios.play import Kill, play, play_all

SCENARIOS = [
    module.SCENARIO
    for module in (
        approval,
        bulk_release,
        cancel,
        drain,
        inbox,
        parked,
        pause,
        review,
        starvation,
        webhook,
    )
]
AT_A_TIME = 4

pytestmark = [
    pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name),
    # httpx leaves the iterator over a request's body as it is when the connection breaks.
    pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning"),
]


async def test_a_user_lives_through_it(scenario, tmp_path, forks, seed):
    await play(scenario, tmp_path, forks, Kill.NEVER, 0, seed)


async def test_it_survives_a_kill_after_any_step(scenario, tmp_path, forks, seed):
    await play_all(scenario, tmp_path, forks, Kill.AFTER, seed, AT_A_TIME)


async def test_it_survives_a_kill_within_any_step(scenario, tmp_path, forks, seed, rounds):
    for number in range(rounds):
        directory = tmp_path / str(number)
        directory.mkdir()
        await play_all(scenario, directory, forks, Kill.WITHIN, seed + number, AT_A_TIME)


async def test_it_survives_a_kill_after_each_step(scenario, tmp_path, forks, seed):
    await play(scenario, tmp_path, forks, Kill.AFTER_EACH, 0, seed)
