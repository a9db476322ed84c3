"""How `chargehand bench` and the benchmarks load a server."""

import socket
from collections import deque

import trio
from attrs import define, field

from chargehand.web.bench.figures import Figures
from chargehand.web.bench.loops import Claimed, Schedule, closed_loop, hand_in, open_loop
from chargehand.web.bench.wire import Address, Wire, connect_all


@define
class Server:
    """Its tasks, each known by its number. Args: stands_still_s: before the first is taken in."""

    stands_still_s: float = 0.0
    cycle_s: float = 0.0
    queue: deque[int] = field(factory=deque)
    done: list[int] = field(factory=list)

    async def put(self, number: int) -> None:
        still_s, self.stands_still_s = self.stands_still_s, 0.0
        await trio.sleep(still_s)
        self.queue.append(number)

    async def claim(self, wait: bool) -> list[Claimed]:
        while wait and not self.queue:  # noqa: ASYNC110 - the clock jumps
            await trio.sleep(0.001)
        await trio.lowlevel.checkpoint()
        return [Claimed(self.queue.popleft(), None)] if self.queue else []

    async def complete(self, claimed: list[Claimed]) -> None:
        await trio.sleep(self.cycle_s)
        self.done += (one.number for one in claimed)


async def test_in_a_closed_loop_agents_work_off_what_was_handed_in(autojump_clock):
    server = Server(cycle_s=1.0)
    given = await hand_in([server, server], iter(range(10)), trio.current_time)
    measured = await closed_loop([server, server], 10, 60.0, trio.current_time)
    assert given.done == measured.done == 10
    assert sorted(server.done) == list(range(10))
    assert measured.elapsed_s == 5.0
    assert measured.cycles == [1.0] * 10
    assert measured.claims == [0.0] * 10


async def test_a_closed_loop_ends_when_its_time_is_over(autojump_clock):
    server = Server(cycle_s=1.0, queue=deque(range(10)))
    measured = await closed_loop([server], 10, 2.5, trio.current_time)
    assert measured.done == 3


async def test_latencies_of_an_open_loop_begin_when_a_task_was_meant_to_come(autojump_clock):
    """A server that stands still for ten seconds is late for all that were to come meanwhile, and
    not only for the one that it kept waiting."""
    server = Server(stands_still_s=10.0)
    schedule = Schedule(rate=1.0, count=20, now=trio.current_time)
    measured = await open_loop([server], [server, server], schedule, grace_s=60.0)
    assert measured.done == 20
    late = [round(latency) for latency in sorted(measured.cycles, reverse=True)]
    assert late == [10, 9, 8, 7, 6, 5, 4, 3, 2, 1] + [0] * 10


async def test_what_an_open_loop_has_not_done_in_time_is_counted_out(autojump_clock):
    server = Server(cycle_s=2.0)
    schedule = Schedule(rate=1.0, count=10, now=trio.current_time)
    measured = await open_loop([server], [server], schedule, grace_s=2.9)
    assert measured.done == 6
    assert len(measured.cycles) == 6


def test_quantiles_are_those_of_the_slowest_few():
    latencies = [number / 1000 for number in range(1, 1001)]
    figures = Figures.of("what", latencies, elapsed_s=2.0)
    assert (figures.count, figures.rate) == (1000, 500.0)
    assert (figures.p50_ms, figures.p99_ms, figures.p999_ms) == (501.0, 991.0, 1000.0)


def test_figures_of_nothing_are_nothing():
    assert Figures.of("what", [], 0.0) == Figures("what", 0, 0.0, 0.0, 0.0, 0.0)


def test_a_batch_counts_as_what_is_in_it():
    assert Figures.of("what", [0.1, 0.1], 1.0, count=200).rate == 200.0


async def test_a_listener_that_has_no_room_is_asked_again(tmp_path, autojump_clock):
    path = tmp_path / "s.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1)
        listener.setblocking(False)
        wires = [Wire(Address.of_socket(path)) for _ in range(8)]
        accepted: list[socket.socket] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connect_all, wires)
            while len(accepted) < len(wires):
                await trio.sleep(1)
                accepted.append(listener.accept()[0])
    for wire in wires:
        await wire.__aexit__(None, None, None)
    for connection in accepted:
        connection.close()
