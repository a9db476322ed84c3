"""A scheduler in memory, on a clock that jumps; asked in process, and over HTTP."""

import inspect
from collections.abc import AsyncIterator

import httpx
import pytest

from chargehand import Api, LocalSystem, Settings, open_system
from chargehand.actors.identity import OriginKind
from chargehand.web.app import create_app
from chargehand.web.client.connections import Connections
from chargehand.web.client.over_http import OverHttp
from tests.actors.conftest import on_a_mock_clock

PATIENCE_S = 60.0


def pytest_itemcollected(item):
    if inspect.iscoroutinefunction(item.obj):
        item.add_marker(pytest.mark.trio(run=on_a_mock_clock))


def over_http(local: LocalSystem, wrap=lambda transport: transport) -> OverHttp:
    """A client that reaches it without a socket."""

    transport = wrap(httpx.ASGITransport(create_app(local._system, OriginKind.HTTP)))

    def client() -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=transport, base_url="http://test", timeout=None)

    return OverHttp(Connections(client), Connections(client), PATIENCE_S, "the server")


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
async def system(settings) -> AsyncIterator[LocalSystem]:
    async with open_system(None, settings) as system:
        yield system


@pytest.fixture(params=["in process", "over HTTP"])
async def api(request, system) -> AsyncIterator[Api]:
    if request.param == "in process":
        yield system
        return
    client = over_http(system)
    yield client
    await client.aclose()
