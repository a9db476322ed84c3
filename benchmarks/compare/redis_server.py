"""A Redis server that syncs its append-only file on each write."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.compare.beanstalkd import free_port, wait_listening
from benchmarks.compare.contender import Running, missing_modules


def missing(*modules: str) -> str | None:
    """How to install what is not there."""
    if shutil.which("redis-server") is None:
        return "apt-get install redis-server"
    return missing_modules("redis", *modules)


@contextmanager
def running(directory: Path) -> Iterator[Running]:
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory)]
    command += ["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--maxclients"]
    with subprocess.Popen([*command, "4000"], stdout=subprocess.DEVNULL) as process:
        try:
            wait_listening(port, process)
            yield Running(f"redis://127.0.0.1:{port}/0", process.pid)
        finally:
            process.terminate()
