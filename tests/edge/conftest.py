"""A guarded listener on a real loopback socket, in front of a small application."""

import gc
import logging
from collections.abc import Iterator

import pytest
import trio
from attrs import frozen

from tests.edge.peer import Application, Peer
from web.connection import Bounds
from web.guard import Access, Bodies, Guard
from web.hosts import Hosts
from web.server import Front
from web.sockets import listen_tcp


@frozen
class Served:
    front: Front
    port: int
    peers: list[Peer]

    async def connect(self) -> Peer:
        peer = Peer(await trio.open_tcp_stream("127.0.0.1", self.port))
        self.peers.append(peer)
        return peer


@pytest.fixture(autouse=True, scope="package")
def earlier_tests_are_let_go() -> Iterator[None]:
    """What they have left is not collected in the midst of a test that counts seconds: after some
    thousand tests that takes 1.4 s (measured)."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
async def application() -> Application:
    return Application()


@pytest.fixture
def serve(nursery, application, caplog):
    """Starts a listener; no error may have been logged in the end."""
    caplog.set_level(logging.ERROR)
    peers: list[Peer] = []

    async def start(
        *,
        idle_s: float = 5,
        header_s: float = 5,
        body_s: float = 5,
        write_s: float = 5,
        connections_max: int = 1000,
        token: bytes | None = None,
        bodies: Bodies | None = None,
        allowed_hosts: tuple[str, ...] = (),
        allowed_origins: tuple[str, ...] = (),
    ) -> Served:
        listener = listen_tcp("127.0.0.1", 0)
        port = listener.getsockname()[1]
        access = Access(Hosts("127.0.0.1", port, allowed_hosts, allowed_origins), token)
        guard = Guard(application, access, bodies or Bodies(), body_s)
        front = Front(listener, guard, Bounds(idle_s, header_s, write_s), connections_max)
        await nursery.start(front.run)
        return Served(front, port, peers)

    yield start
    for peer in peers:
        peer.stream.socket.close()
    assert caplog.text == ""
