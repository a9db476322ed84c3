"""A guarded listener on a real loopback socket, in front of a small application."""

import logging
from typing import Final

import pytest
import trio
from attrs import frozen

from chargehand.web.application import AsgiApplication
from chargehand.web.connection import Bounds
from chargehand.web.guard import Access, Bodies, Guard
from chargehand.web.h11_parser import H11Parser
from chargehand.web.hosts import Hosts
from chargehand.web.lane.parser import LaneParser
from chargehand.web.parsing import ParserFactory
from chargehand.web.server import Front
from chargehand.web.sockets import listen_tcp
from tests.edge.peer import Application, Peer

HOUR_S: Final = 3600.0
PARSERS: Final = (H11Parser, LaneParser)


@frozen
class Served:
    front: Front
    port: int
    peers: list[Peer]

    async def connect(self) -> Peer:
        peer = Peer(await trio.open_tcp_stream("127.0.0.1", self.port))
        self.peers.append(peer)
        return peer


@pytest.fixture
def clock(mock_clock):
    """Trio's clock, which goes with the real one and can be moved on."""
    mock_clock.rate = 1
    return mock_clock


@pytest.fixture
async def application() -> Application:
    return Application()


@pytest.fixture
def make_parser() -> ParserFactory:
    """What reads requests; a module may take each of ours in turn."""
    return H11Parser


@pytest.fixture
def serve(nursery, application, caplog, make_parser):
    """Starts a listener, on which peers may take very long for what a test does not bound, so that
    it ends for no other reason; no error may have been logged in the end."""
    caplog.set_level(logging.ERROR)
    peers: list[Peer] = []

    async def start(
        *,
        idle_s: float = HOUR_S,
        header_s: float = HOUR_S,
        body_s: float = HOUR_S,
        write_s: float = HOUR_S,
        connections_max: int = 1000,
        token: bytes | None = None,
        bodies: Bodies | None = None,
        allowed_hosts: tuple[str, ...] = (),
        allowed_origins: tuple[str, ...] = (),
    ) -> Served:
        listener = listen_tcp("127.0.0.1", 0)
        port = listener.getsockname()[1]
        access = Access(Hosts("127.0.0.1", port, allowed_hosts, allowed_origins), token)
        app = AsgiApplication(application)
        guard = Guard(app, access, bodies or Bodies(), body_s)
        bounds = Bounds(idle_s, header_s, write_s)
        front = Front(listener, guard, app.lifespan, bounds, connections_max, make_parser)
        await nursery.start(front.run)
        return Served(front, port, peers)

    yield start
    for peer in peers:
        peer.stream.socket.close()
    assert caplog.text == ""
