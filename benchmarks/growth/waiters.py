"""Claims that wait at the socket: what they take while nothing happens, and whom one run wakes."""

import time
from pathlib import Path
from typing import Final, final

import trio
from attrs import frozen

from benchmarks.apart import apart, open_all_files
from benchmarks.cpu import cpu_s, resident_mib
from benchmarks.serving import Served, server
from chargehand.web.bench.loops import Claimed
from chargehand.web.bench.wire import Address, Wire, connect_all
from chargehand.web.bench.work import WireAgent, WireGiver, agent_headers

_WAIT_S: Final = 600  # longer than all of this takes
_SETTLED_SHARE: Final = 0.3
_SETTLES_S: Final = 60.0
_LIMIT_S: Final = 300.0
_OTHERS_S: Final = 1.0  # in which a second one would have been woken, too


@final
@frozen
class Waiting:
    """Args:
    share: of one core, that the server used while nothing happened.
    woken: claims that were answered when one run was queued.
    woken_ms: from handing in to the claim's answer.
    kib_each: memory of the server for each of them.
    """

    waiters: int
    share: float
    woken: int
    woken_ms: float
    kib_each: float


def waiting(directory: Path, waiters: int, seconds: float) -> Waiting:
    """Have so many claims wait, and watch the server for so long."""
    with server(directory, "--wait-s", str(_WAIT_S)) as served:
        return apart(_LIMIT_S, _watch, served, waiters, seconds)


def _watch(served: Served, waiters: int, seconds: float) -> Waiting:
    open_all_files()
    return trio.run(_wait, served, waiters, seconds)


async def _wait(served: Served, waiters: int, seconds: float) -> Waiting:
    address = Address.of_socket(served.socket)
    before_mib = resident_mib(served.pid)
    wires = [Wire(address) for _ in range(waiters)]
    await connect_all(wires)
    answered: list[tuple[float, Claimed]] = []

    async def claim(number: int, wire: Wire) -> None:
        agent = WireAgent(wire, agent_headers(f"sess-{number}", "bench"))
        for one in await agent.claim(wait=True):
            answered.append((time.perf_counter(), one))

    async with trio.open_nursery() as nursery, Wire(address) as operator:
        for number, wire in enumerate(wires):
            nursery.start_soon(claim, number, wire)
        await _settled(served.pid)
        after_mib = resident_mib(served.pid)
        used_s, began = _cpu_s(served.pid), time.perf_counter()
        await trio.sleep(seconds)
        share = (_cpu_s(served.pid) - used_s) / (time.perf_counter() - began)
        begun = time.perf_counter()
        await WireGiver(operator, {"scope": "global"}, 1024).put(0)
        with trio.move_on_after(_SETTLES_S):
            while not answered:  # noqa: ASYNC110 - within a bound, and nothing wakes
                await trio.sleep(0.005)
        await trio.sleep(_OTHERS_S)
        nursery.cancel_scope.cancel()
    return Waiting(
        waiters=waiters,
        share=share,
        woken=len(answered),
        woken_ms=(answered[0][0] - begun) * 1000 if answered else 0.0,
        kib_each=(after_mib - before_mib) * 1024 / waiters,
    )


async def _settled(pid: int) -> None:
    """Return when all of them wait: the server has nothing to do any more."""
    until = time.monotonic() + _SETTLES_S
    while time.monotonic() < until:
        used_s, began = _cpu_s(pid), time.monotonic()
        await trio.sleep(0.5)
        if _cpu_s(pid) - used_s < _SETTLED_SHARE * (time.monotonic() - began):
            return


def _cpu_s(pid: int) -> float:
    found = cpu_s(pid)
    assert found is not None, "the server has ended, or what it used is not known"
    return found
