"""The server under test, in a process of its own."""

import json
import os
import signal
import socket
import time
from pathlib import Path
from typing import Final, final

import trio

from benchmarks.chaos.launch import Launch, Launched, fresh

START_S_MAX: Final = 120.0
_FRESH: Final = fresh()


def free_port() -> int:
    """A port of the loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@final
class ServerProcess:
    """Killed and started as often as wanted, on the same directory and port.

    Args:
        options: further options of `serve`.
        launch: how the process comes to be.
    """

    def __init__(self, directory: Path, *options: str, launch: Launch = _FRESH) -> None:
        self.directory = directory
        self.port = free_port()
        self.kills = 0
        self.recovered: list[int] = []  # tasks found at each start
        self.start_s: list[float] = []
        self._options = options
        self._launch = launch
        self._ready_file = directory / "ready.json"
        self._log = directory / "server.log"
        self._process: Launched | None = None
        self._pid = 0  # of the server itself, without its wrapper

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What all the processes have written to stderr."""
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""

    async def start(self) -> None:
        """Return once requests are served. Raises: RuntimeError: it ended, or takes too long."""
        begun_s = time.monotonic()
        self._ready_file.unlink(missing_ok=True)
        self._process = process = self._spawn()
        while not self._ready_file.exists():
            if process.has_ended():
                raise RuntimeError(f"the server did not come up:\n{self.log}")
            if time.monotonic() - begun_s > START_S_MAX:
                raise RuntimeError(f"the server is not ready after {START_S_MAX:.0f} s")
            await trio.sleep(0.005)
        report = json.loads(self._ready_file.read_text(encoding="utf-8"))
        self._pid = report["pid"]
        self.recovered.append(report["tasks_recovered"])
        self.start_s.append(time.monotonic() - begun_s)

    async def start_in_vain(self, after_s: float) -> None:
        """Start it, and kill it after that time, whether it is ready or not."""
        self._process = process = self._spawn()
        await trio.sleep(after_s)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(START_S_MAX)

    def _spawn(self) -> Launched:
        arguments = [
            f"--data-dir={self.directory / 'data'}",
            f"--http=127.0.0.1:{self.port}",
            f"--ready-file={self._ready_file}",
            *self._options,
        ]
        return self._launch(arguments, self._log)

    def kill(self) -> None:
        """End it at once (SIGKILL), whatever it is doing."""
        self.kills += 1
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Let it end in order (SIGTERM)."""
        self._end(signal.SIGTERM)

    def close(self) -> None:
        """Kill it if it still runs."""
        if self._process is not None and not self._process.has_ended():
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(START_S_MAX)

    def _end(self, number: signal.Signals) -> None:
        process = self._process
        if process is None or process.has_ended():
            raise RuntimeError(f"the server has ended by itself:\n{self.log}")
        os.kill(self._pid, number)
        process.wait(START_S_MAX)
