from collections.abc import AsyncIterator

import pytest

from tests.actors.system.desk import Desk, started


@pytest.fixture
def settings() -> dict:
    """What the desk's system is made with; a test may bring its own."""
    return {}


@pytest.fixture
async def desk(settings) -> AsyncIterator[Desk]:
    async with started(**settings) as desk:
        yield desk
