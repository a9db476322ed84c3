from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import pytest
import trio

from chargehand.actors.identity import OriginKind
from chargehand.actors.lifecycle import run_system
from chargehand.actors.settings import Settings
from chargehand.actors.system import System
from chargehand.persistence.opening import memory_journal
from chargehand.web.app import create_app
from tests.web.client import ContractClient
from tests.web.ways import WAYS

MakeApp = Callable[[System, OriginKind, trio.Nursery], Any]

# Their tests ask by each way in, over connections; those of all others ask the application itself.
BY_EACH_WAY: Final = (
    "test_batches",
    "test_bulk",
    "test_errors",
    "test_if_match",
    "test_registry",
    "test_reviews",
    "test_runs",
    "test_scheduler",
    "test_stream",
    "test_tasks",
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "way" in metafunc.fixturenames and metafunc.module.__name__.endswith(BY_EACH_WAY):
        metafunc.parametrize("way", WAYS, ids=lambda way: way.__name__)


@pytest.fixture
def settings() -> Settings:
    """What the system is made with; a test may bring its own."""
    return Settings()


@pytest.fixture
async def system(settings) -> AsyncIterator[System]:
    async with run_system(memory_journal(), settings, wall_ns=1_790_000_000_123_456_700) as system:
        yield system


@pytest.fixture
def way() -> MakeApp:
    """By which the client asks."""
    return lambda system, transport, _: create_app(system, transport)


@pytest.fixture
async def client(system, way, nursery) -> ContractClient:
    return ContractClient(way(system, OriginKind.HTTP, nursery))
