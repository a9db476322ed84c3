"""beanstalkd with its log: synced on each write, or as it is by default, every 50 ms."""

import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, final

import trio

from benchmarks.compare.contender import Agents, Contender, OnDisk, Running
from chargehand.web.bench.loops import Claimed
from chargehand.web.bench.work import number_of, payload

_GIVERS: Final = 64
_WAIT_S: Final = 5
_LEASE_S: Final = 300
_STARTS_S: Final = 20.0


def free_port() -> int:
    """A port that nobody listens on, now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_listening(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Return when somebody does. Raises: RuntimeError: the process has ended, or is not ready."""
    until = time.monotonic() + _STARTS_S
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"{process.args!r} does not serve")


@final
class _Connection:
    """Speaks the protocol: a line, and a body where the line has its length."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._left = b""
        self._stream: trio.SocketStream

    async def connect(self, port: int) -> None:
        self._stream = await trio.open_tcp_stream("127.0.0.1", port)

    async def put(self, number: int) -> None:
        body = payload(number, self._size).encode()
        await self._stream.send_all(b"put 0 0 %d %d\r\n%b\r\n" % (_LEASE_S, len(body), body))
        line = await self._line()
        if not line.startswith(b"INSERTED"):
            raise RuntimeError(f"put was answered with {line!r}")

    async def claim(self, wait: bool) -> Sequence[Claimed]:
        await self._stream.send_all(b"reserve-with-timeout %d\r\n" % (_WAIT_S if wait else 0))
        line = await self._line()
        if line == b"TIMED_OUT":
            return ()
        word, job, length = line.split()
        assert word == b"RESERVED", line
        body = await self._bytes(int(length) + 2)
        return (Claimed(number_of(body[:16].decode()), job),)

    async def complete(self, claimed: Sequence[Claimed]) -> None:
        for _, job in claimed:
            await self._stream.send_all(b"delete %b\r\n" % job)
            line = await self._line()
            if line != b"DELETED":
                raise RuntimeError(f"delete was answered with {line!r}")

    async def _line(self) -> bytes:
        while (end := self._left.find(b"\r\n")) < 0:
            await self._more()
        line, self._left = self._left[:end], self._left[end + 2 :]
        return line

    async def _bytes(self, count: int) -> bytes:
        while len(self._left) < count:
            await self._more()
        found, self._left = self._left[:count], self._left[count:]
        return found

    async def _more(self) -> None:
        chunk = bytes(await self._stream.receive_some(65_536))
        if not chunk:
            raise ConnectionError("beanstalkd closed the connection")
        self._left += chunk


@final
class Beanstalkd(Contender):
    """Jobs have no state but being there: a reservation is kept in memory, and ends with it."""

    def __init__(self, is_synced: bool) -> None:
        self._is_synced = is_synced
        self.name = "beanstalkd, fsync on each write" if is_synced else "beanstalkd, as by default"
        self.on_disk = OnDisk.PUT_ONLY if is_synced else OnDisk.LATER
        self.note = (
            "a reservation is not written, a deletion is" if is_synced else "fsync each 50 ms"
        )

    def missing(self) -> str | None:
        return None if shutil.which("beanstalkd") else "apt-get install beanstalkd"

    @contextmanager
    def running(self, directory: Path) -> Iterator[Running]:
        port = free_port()
        sync = ("-f0",) if self._is_synced else ()
        command = ["beanstalkd", "-l", "127.0.0.1", "-p", str(port), "-b", str(directory), *sync]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                wait_listening(port, process)
                yield Running(str(port), process.pid)
            finally:
                process.terminate()

    @asynccontextmanager
    async def staffed(self, address: str, agents: int, size: int) -> AsyncIterator[Agents]:
        made = [_Connection(size) for _ in range(agents + _GIVERS)]
        for connection in made:
            await connection.connect(int(address))
        yield Agents(made[:agents], made[agents:])
