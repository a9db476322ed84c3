"""The real program, on data of its own."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, final

import orjson


@final
class Served(NamedTuple):
    """A server that runs."""

    port: int
    socket: Path
    pid: int


@contextmanager
def server(directory: Path, *flags: str) -> Iterator[Served]:
    """The program on a free port and a socket, on the data below `directory`."""
    ready = directory / "ready.json"
    ready.unlink(missing_ok=True)  # a former run's
    data = directory / "data"
    command = [sys.executable, "-m", "chargehand", "serve", "--http", "127.0.0.1:0"]
    command += ["--data-dir", str(data), "--ready-file", str(ready), *flags]
    command += ["--log-level", "warning"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            while not ready.exists():
                if process.poll() is not None:
                    raise RuntimeError(f"the server ended with {process.returncode}")
                time.sleep(0.02)
            ready_says = orjson.loads(ready.read_bytes())
            port = int(ready_says["http"].rsplit(":", 1)[1])
            yield Served(port, data / "chargehand.sock", ready_says["pid"])
        finally:
            process.terminate()
