"""An answer that is always the same, through Quart-Trio and Hypercorn: what the framework takes."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, final

from benchmarks.compare.contender import Agents, Contender, OnDisk, Running
from chargehand.web.bench.loops import Claimed
from chargehand.web.bench.wire import Wire, connect_all
from chargehand.web.bench.work import RESULT

ANSWER_BYTES: Final = 2200  # about the mean of a claim's answer and a completion's
_NOTHING: Final = (Claimed(0, None),)


@final
class _Asking:
    """Sends what an agent would send."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def claim(self, wait: bool) -> Sequence[Claimed]:
        await self._wire.post("/api/agent/tasks/claim-next")
        return _NOTHING

    async def complete(self, claimed: Sequence[Claimed]) -> None:
        await self._wire.post("/api/agent/tasks/run-1/complete", RESULT)


@final
class _Nowhere:
    async def put(self, number: int) -> None:
        """There is nothing to hand in."""


@final
class ConstantAnswer(Contender):
    """The same requests, answered with the same bytes."""

    name = "a constant Quart-Trio answer"
    on_disk = OnDisk.NOTHING
    note = "does nothing: what the framework itself takes"

    def missing(self) -> str | None:
        return None

    @contextmanager
    def running(self, directory: Path) -> Iterator[Running]:
        command = [sys.executable, "-m", "benchmarks.constant_server", str(ANSWER_BYTES)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None, "a pipe was asked for"
                yield Running(process.stdout.readline().strip(), process.pid)
            finally:
                process.terminate()

    @asynccontextmanager
    async def staffed(self, address: str, agents: int, size: int) -> AsyncIterator[Agents]:
        wires = [Wire(int(address)) for _ in range(agents)]
        await connect_all(wires)
        yield Agents([_Asking(wire) for wire in wires], [_Nowhere()])
