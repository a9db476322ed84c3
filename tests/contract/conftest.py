from collections.abc import AsyncIterator

import pytest

from actors.bridges.bridge import Bridge
from actors.bridges.message import Message
from actors.identity import OriginKind
from actors.lifecycle import run_system
from actors.settings import Settings
from actors.system import System
from actors.task.state import Scope
from persistence.opening import memory_journal
from tests.contract.scene import SCENE_BRIDGE_ID
from tests.contract.town import BRIDGE_ID, ROOT_DIR
from tests.web.client import ContractClient
from web.app import create_app


@pytest.fixture
def settings() -> Settings:
    """A single lease that runs out parks its run; a test may bring others."""
    return Settings(lease_expiries_max=1)


async def nowhere(message: Message) -> None:
    """Takes every message."""


@pytest.fixture
async def system(settings) -> AsyncIterator[System]:
    bridges = [
        Bridge(BRIDGE_ID, Scope.WORKSPACE, ROOT_DIR, nowhere),
        Bridge(SCENE_BRIDGE_ID, Scope.GLOBAL, None, nowhere),
    ]
    async with run_system(
        memory_journal(), settings, wall_ns=1_790_000_000_123_456_700, bridges=bridges
    ) as system:
        yield system


@pytest.fixture
async def client(system) -> ContractClient:
    """The local user at the Unix socket."""
    return ContractClient(create_app(system, OriginKind.UDS))
