"""Who floods a listener is one of many: neither another listener nor this one starves."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

import pytest
import trio
from attrs import define, frozen
from trio.testing import wait_all_tasks_blocked

from chargehand.actors.lifecycle import run_system
from chargehand.actors.settings import Settings
from chargehand.persistence.opening import memory_journal
from chargehand.web.guard import BODIES_BYTES_MAX
from chargehand.web.listeners import Listeners, fronts
from chargehand.web.server import Front
from chargehand.web.settings import ServerSettings
from chargehand.web.sockets import connections_possible, listen_tcp, listen_unix
from tests.edge.peer import S_MAX, Peer, request

CONNECTIONS: Final = 5_000
CLAIM: Final = request(
    "/api/agent/tasks/claim-next",
    "POST",
    body=b"{}",
    Host="unix",
    X_AGH_Session_ID="flood",
    X_AGH_Agent="flood",
)
REFUSED: Final = request("/api/agent/tasks/claim-next", "POST", body=b"{}", Host="unix")
MISDIRECTED: Final = request("http://other/x", Host="other")


@define
class Served:
    unix: Path
    port: int
    lane_port: int
    fronts: list[Front]

    async def by_tcp(self) -> Peer:
        return Peer(await trio.open_tcp_stream("127.0.0.1", self.port))

    async def by_the_lane(self) -> Peer:
        return Peer(await trio.open_unix_socket(self.unix))

    async def by_the_port_of_the_lane(self) -> Peer:
        return Peer(await trio.open_tcp_stream("127.0.0.1", self.lane_port))


@pytest.fixture
def bodies_bytes_max() -> int:
    return BODIES_BYTES_MAX


@pytest.fixture
async def served(tmp_path, nursery, monkeypatch, bodies_bytes_max) -> AsyncIterator[Served]:
    monkeypatch.setattr("chargehand.web.listeners.BODIES_BYTES_MAX", bodies_bytes_max)
    path = tmp_path / "s.sock"
    settings = ServerSettings(
        socket=path, http="127.0.0.1:0", lane="127.0.0.1:0", max_connections=CONNECTIONS + 10
    )
    tcp, lane = listen_tcp("127.0.0.1", 0), listen_tcp("127.0.0.1", 0)
    listeners = Listeners(tcp, listen_unix(path), path, lane)
    async with run_system(memory_journal(), Settings()) as system:
        running = fronts(system, settings, listeners)
        for front in running:
            await nursery.start(front.run)
        yield Served(path, tcp.getsockname()[1], lane.getsockname()[1], running)
        nursery.cancel_scope.cancel()


async def asks(peer: Peer, port: int) -> None:
    """A probe and a claim, each answered before the next is sent."""
    identity = {"X_AGH_Session_ID": "honest", "X_AGH_Agent": "bot"}
    claim = request("/api/agent/tasks/claim-next", "POST", port or 1, b"{}", **identity)
    for raw, status in ((request("/healthz", port=port or 1), 200), (claim, 204)):
        await peer.send(raw)
        assert (await peer.answer()).status == status


@frozen
class Flood:
    """Requests behind one another, on each of some connections.

    Args:
        meanwhile_max: answers to it, while another request is answered; mostly it is a few to each
            of its connections.
        rounds: of requests by others, before it is over.
    """

    by: Callable[[Served], Awaitable[Peer]]
    raw: bytes
    connections: int
    each: int
    meanwhile_max: int
    rounds: int


FLOODS: Final = {
    "claims": Flood(Served.by_the_lane, CLAIM, 1, 10_000, 50, 10),
    "refused": Flood(Served.by_the_lane, REFUSED, 50, 60, 500, 1),
    "malformed": Flood(Served.by_tcp, MISDIRECTED, 50, 60, 500, 1),
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
async def test_requests_behind_one_another_take_turns_with_all_others(served, flood):
    status = b"HTTP/1.1 "
    seen = 0

    async def listen(peer: Peer) -> None:
        nonlocal seen
        tail, left = b"", flood.each
        while left:
            data = await peer.stream.receive_some()
            assert data
            tail += data
            count = tail.count(status)
            tail = tail[-(len(status) - 1) :]
            seen += count
            left -= count

    with trio.fail_after(S_MAX):
        others = [
            (await served.by_tcp(), served.port),
            (await served.by_the_lane(), 0),
            (await served.by_the_port_of_the_lane(), served.lane_port),
        ]
        flooding = [await flood.by(served) for _ in range(flood.connections)]
        async with trio.open_nursery() as nursery:
            for peer in flooding:
                nursery.start_soon(listen, peer)
                nursery.start_soon(peer.send, flood.raw * flood.each)
            for _ in range(flood.rounds):
                for peer, port in others:
                    before = seen
                    await asks(peer, port)
                    assert seen - before <= 2 * flood.meanwhile_max
            assert 0 < seen < flood.connections * flood.each
    assert seen == flood.connections * flood.each
    for peer in (*flooding, *(peer for peer, _ in others)):
        await peer.stream.aclose()


async def test_half_sent_requests_on_thousands_of_connections_hold_up_nobody(served):
    crowd = min(CONNECTIONS, connections_possible(2 * CONNECTIONS) // 3)
    halves = []
    for number in range(crowd):
        peer = await served.by_the_lane()
        await peer.send(CLAIM[: 20 + number % (len(CLAIM) - 21)])
        halves.append(peer)
    await wait_all_tasks_blocked()
    with trio.fail_after(S_MAX):
        for peer, port in (
            (await served.by_tcp(), served.port),
            (await served.by_the_lane(), 0),
            (await served.by_the_port_of_the_lane(), served.lane_port),
        ):
            await asks(peer, port)
            await peer.stream.aclose()
        await halves[0].send(CLAIM[20:])
        assert (await halves[0].answer()).status == 204
    for peer in halves:
        peer.stream.socket.close()


class TestLittleRoomForBodies:
    @pytest.fixture
    def bodies_bytes_max(self) -> int:
        return 3 * 1000  # of which each of the listeners has a third

    @pytest.mark.parametrize("by", [Served.by_tcp, Served.by_the_lane])
    async def test_half_sent_bodies_hold_up_no_other_listener(self, served, by):
        ways = {
            Served.by_tcp: served.port,
            Served.by_the_lane: 0,
            Served.by_the_port_of_the_lane: served.lane_port,
        }
        port = ways.pop(by)
        whole = request("/api/tasks", "POST", port or 1, b"x" * 300)
        halves = [await by(served) for _ in range(4)]
        for peer in halves:
            await peer.send(whole[:-1])
        assert (await halves[3].answer()).code == "overloaded"
        with trio.fail_after(S_MAX):
            for other, other_port in ways.items():
                honest = await other(served)
                await asks(honest, other_port)
                await honest.stream.aclose()
        for peer in halves:
            await peer.stream.aclose()
