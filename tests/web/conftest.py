from collections.abc import AsyncIterator

import pytest

from actors.identity import OriginKind
from actors.lifecycle import run_system
from actors.settings import Settings
from actors.system import System
from persistence.opening import memory_journal
from tests.web.client import ContractClient
from web.app import create_app


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
