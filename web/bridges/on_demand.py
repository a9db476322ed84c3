"""Bridges for those who may have none: an HTTP client is loaded only where there are any."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from chargehand.actors.bridges.bridge import Bridge

if TYPE_CHECKING:
    from chargehand.web.bridges.configuration import Webhook


@asynccontextmanager
async def bridges_of(webhooks: "Sequence[Webhook]") -> AsyncIterator[list[Bridge]]:
    """The bridges, for as long as the block lasts."""
    if not webhooks:
        yield []
        return
    from chargehand.web.bridges.opening import open_bridges

    async with open_bridges(webhooks) as bridges:
        yield bridges
