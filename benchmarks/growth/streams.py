"""Open streams, each of a task that has an event every second: how soon they arrive, and whether
all do."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, final

import trio
from attrs import define, field, frozen

from benchmarks.apart import apart, open_all_files
from benchmarks.cpu import share_of_core
from benchmarks.serving import Served, server
from chargehand.web.bench.wire import Address, Wire, connect_all
from chargehand.web.bench.work import WireAgent, WireGiver, agent_headers, heartbeat

_GROUP: Final = 100  # runs of one agent, whose heartbeats are the events
_EVENT: Final = b"event: task.run_lease_extended\n"
_LAST_BEFORE: Final = b"event: task.run_claimed\n"  # of what has happened before
_GRACE_S: Final = 10.0
_LIMIT_S: Final = 400.0


@final
@frozen
class Streaming:
    """Args:
    p50_ms, p99_ms: from the moment at which an event was to happen until it has arrived.
    share: of one core, that the server used.
    """

    streams: int
    sent: int
    delivered: int
    p50_ms: float
    p99_ms: float
    share: float


def streaming(directory: Path, streams: int, seconds: float) -> Streaming:
    """Open so many streams, and have each task's run sign of life every second for so long."""
    with server(directory, "--max-leases-per-session", str(_GROUP)) as served:
        return apart(_LIMIT_S, _stream, served, streams, seconds)


def _stream(served: Served, streams: int, seconds: float) -> Streaming:
    open_all_files()
    return trio.run(_watch, served, streams, seconds)


@final
@define
class _Agent:
    """Holds runs, each of a task with a stream, and sends heartbeats for them."""

    number: int
    wire: Wire
    headers: str
    task_ids: list[str] = field(factory=list)
    run_ids: list[str] = field(factory=list)

    async def hold(self, count: int, alone: trio.Lock) -> None:
        """Args: alone: held while there is a run to claim, so that no other agent gets it."""
        giver = WireGiver(self.wire, {"scope": "global"}, 64)
        agent = WireAgent(self.wire, self.headers)
        for number in range(count):
            async with alone:
                await giver.put(number)
                [claimed] = await agent.claim(wait=True)
            self.run_ids.append(claimed.handle)
        self.task_ids = giver.task_ids


@final
@define
class _Beats:
    """When each event was to happen, and what has arrived."""

    begun: float
    seconds: int
    latencies: list[float] = field(factory=list)

    def at(self, group: int, groups: int, number: int) -> float:
        """Of a group's event of that number; the groups are spread over the second."""
        return self.begun + number + group / groups

    async def send(self, agent: _Agent, groups: int) -> None:
        for number in range(self.seconds):
            await trio.sleep(max(0.0, self.at(agent.number, groups, number) - time.perf_counter()))
            await heartbeat(agent.wire, agent.run_ids, agent.headers)

    async def receive(self, stream: trio.abc.ReceiveStream, group: int, groups: int) -> None:
        """Until all of one stream's events have arrived."""
        number, rest = 0, b""
        while number < self.seconds:
            chunk = bytes(await stream.receive_some(16_384))
            if not chunk:
                return
            arrived = time.perf_counter()
            lines, _, rest = (rest + chunk).rpartition(b"\n")
            for _ in range((lines + b"\n").count(_EVENT)):
                self.latencies.append(arrived - self.at(group, groups, number))
                number += 1


async def _watch(served: Served, streams: int, seconds: float) -> Streaming:
    groups = -(-streams // _GROUP)
    wires = [Wire(Address.of_socket(served.socket)) for _ in range(groups)]
    await connect_all(wires)
    agents = [
        _Agent(number, wire, agent_headers(f"sess-{number}", "bench"))
        for number, wire in enumerate(wires)
    ]
    alone = trio.Lock()
    async with trio.open_nursery() as nursery:
        for agent in agents:
            nursery.start_soon(agent.hold, min(_GROUP, streams - agent.number * _GROUP), alone)
    opened = await _opened(served.port, agents)
    beats = _Beats(time.perf_counter() + 1.0, max(1, round(seconds)))
    share = 0.0

    async def watch_server() -> None:
        nonlocal share
        share = await share_of_core(served.pid, beats.begun, beats.seconds)

    with trio.move_on_after(1.0 + beats.seconds + _GRACE_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch_server)
            for agent in agents:
                nursery.start_soon(beats.send, agent, groups)
            for number, stream in opened:
                nursery.start_soon(beats.receive, stream, number, groups)
    ordered = sorted(beats.latencies) or [0.0]
    return Streaming(
        streams=streams,
        sent=streams * beats.seconds,
        delivered=len(beats.latencies),
        p50_ms=ordered[len(ordered) // 2] * 1000,
        p99_ms=ordered[len(ordered) * 99 // 100] * 1000,
        share=share,
    )


async def _opened(port: int, agents: Sequence[_Agent]) -> list[tuple[int, trio.SocketStream]]:
    """A stream for each task, from now on, with the number of its agent."""
    opened: list[tuple[int, trio.SocketStream]] = []
    waiting = iter([(agent.number, task_id) for agent in agents for task_id in agent.task_ids])

    async def open_some() -> None:
        for number, task_id in waiting:
            stream = await trio.open_tcp_stream("127.0.0.1", port)
            path = f"/api/tasks/{task_id}/stream"
            head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"
            await stream.send_all(head.encode())
            received = b""
            while _LAST_BEFORE not in received:
                received += await stream.receive_some(16_384)
            opened.append((number, stream))

    async with trio.open_nursery() as nursery:
        for _ in range(16):
            nursery.start_soon(open_some)
    return opened
