from collections.abc import AsyncIterator

import pytest

from chargehand.actors.identity import OriginKind
from chargehand.actors.lifecycle import run_system
from chargehand.actors.settings import Settings
from chargehand.actors.system import System
from chargehand.persistence.opening import memory_journal
from chargehand.web.app import create_app
from tests.web.client import ContractClient


@pytest.fixture
def settings() -> Settings:
    """What the system is made with; a test may bring its own."""
    return Settings()


@pytest.fixture
async def system(settings) -> AsyncIterator[System]:
    async with run_system(memory_journal(), settings, wall_ns=1_790_000_000_123_456_700) as system:
        yield system


@pytest.fixture
async def client(system) -> ContractClient:
    return ContractClient(create_app(system, OriginKind.HTTP))
