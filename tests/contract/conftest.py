from collections.abc import AsyncIterator

import pytest

from chargehand.actors.bridges.bridge import Bridge
from chargehand.actors.bridges.message import Message
from chargehand.actors.identity import OriginKind
from chargehand.actors.ids import Randomness
from chargehand.actors.lifecycle import run_system
from chargehand.actors.settings import Settings
from chargehand.actors.system import System
from chargehand.actors.task.state import Scope
from chargehand.persistence.opening import memory_journal
from chargehand.web.app import create_app
from tests.contract.scene import SCENE_BRIDGE_ID
from tests.contract.town import BRIDGE_ID, ROOT_DIR
from tests.contract.twins import Twins, count_for_chance, open_twins
from tests.web.client import ContractClient


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


@pytest.fixture
def is_strict() -> bool:
    """Whether the twins refuse what they do not know."""
    return False


@pytest.fixture
async def twins(settings, is_strict, monkeypatch) -> AsyncIterator[Twins]:
    """In place of the application: its listener and the lane, which must answer the same; a test
    of them needs `autojump_clock`, so that both have the same time."""
    monkeypatch.setattr(Randomness, "take", count_for_chance)
    async with open_twins(settings, strict=is_strict) as twins:
        yield twins
