"""`pytest tests/scenarios --rounds 10 --seed 7`: the fuller form, with more moments of kills."""

import pytest

from benchmarks.chaos.launch import Forks


def pytest_addoption(parser):
    group = parser.getgroup("scenarios")
    group.addoption("--rounds", type=int, default=1, help="how often each kill within is played")
    group.addoption("--seed", type=int, default=1, help="of the moments of kills")


@pytest.fixture(scope="session")
def forks():
    with Forks() as launch:
        yield launch


@pytest.fixture
def rounds(request) -> int:
    return request.config.getoption("--rounds", 1)


@pytest.fixture
def seed(request) -> int:
    return request.config.getoption("--seed", 1)
