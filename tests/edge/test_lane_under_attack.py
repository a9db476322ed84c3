"""Who floods the lane is one of many: neither the other listener nor the lane itself starves."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import trio
from attrs import define
from trio.testing import wait_all_tasks_blocked

from chargehand.actors.lifecycle import run_system
from chargehand.actors.settings import Settings
from chargehand.persistence.opening import memory_journal
from chargehand.web.listeners import Listeners, fronts
from chargehand.web.server import Front
from chargehand.web.settings import ServerSettings
from chargehand.web.sockets import connections_possible, listen_tcp, listen_unix
from tests.edge.peer import S_MAX, Peer, request

REQUESTS: Final = 10_000
CONNECTIONS: Final = 5_000
ANSWERS_MEANWHILE_MAX: Final = 50  # to a flood, while another request is answered; mostly it is 3
CLAIM: Final = request(
    "/api/agent/tasks/claim-next",
    "POST",
    body=b"{}",
    Host="unix",
    X_AGH_Session_ID="flood",
    X_AGH_Agent="flood",
)
REFUSED: Final = request("/api/agent/tasks/claim-next", "POST", body=b"{}", Host="unix")


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
async def served(tmp_path, nursery) -> AsyncIterator[Served]:
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


@pytest.mark.parametrize("flood", [CLAIM, REFUSED], ids=["claims", "refused"])
async def test_requests_behind_one_another_take_turns_with_all_others(served, flood):
    flooding = await served.by_the_lane()
    status = b"HTTP/1.1 "
    seen = 0

    async def listen() -> None:
        nonlocal seen
        tail = b""
        while seen < REQUESTS:
            data = await flooding.stream.receive_some()
            assert data
            tail += data
            seen += tail.count(status)
            tail = tail[-(len(status) - 1) :]

    with trio.fail_after(S_MAX):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            nursery.start_soon(flooding.send, flood * REQUESTS)
            others = [
                (await served.by_tcp(), served.port),
                (await served.by_the_lane(), 0),
                (await served.by_the_port_of_the_lane(), served.lane_port),
            ]
            for _ in range(10):
                for peer, port in others:
                    before = seen
                    await asks(peer, port)
                    assert seen - before <= 2 * ANSWERS_MEANWHILE_MAX
            assert 0 < seen < REQUESTS
    assert seen == REQUESTS
    for peer in (flooding, *(peer for peer, _ in others)):
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
