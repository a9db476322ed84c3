"""A PostgreSQL server as its package sets it up: fsync and synchronous commits on."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

from benchmarks.compare.contender import Running, missing_modules

_INSTALLED: Final = Path("/usr/lib/postgresql")
_USERS: Final = ("postgres", "nobody")  # it refuses to be run by root
_CONNECTIONS_MAX: Final = 700


def missing(*modules: str) -> str | None:
    """How to install what is not there."""
    if _binaries() is None:
        return "apt-get install postgresql"
    return missing_modules(*modules)


@contextmanager
def running(directory: Path) -> Iterator[Running]:
    """Listens on a socket in the directory alone. Its address is a connection string."""
    binaries = _binaries()
    assert binaries is not None, "it was looked for"
    data = directory / "data"
    user = _user()
    if user is not None:
        shutil.chown(directory, user)
    made: list[str | Path] = [
        binaries / "initdb",
        "-D",
        data,
        "-U",
        "bench",
        "-A",
        "trust",
        "--no-sync",
    ]
    subprocess.run(made, check=True, user=user, cwd=directory, stdout=subprocess.DEVNULL)
    command: list[str | Path] = [
        binaries / "postgres",
        "-D",
        data,
        "-k",
        directory,
        "-c",
        "listen_addresses=",
    ]
    command += ["-c", f"max_connections={_CONNECTIONS_MAX}", "-c", "shared_buffers=512MB"]
    process = subprocess.Popen(command, user=user, cwd=directory, stderr=subprocess.DEVNULL)
    try:
        until_ready: list[str | Path] = [binaries / "pg_isready", "-q", "-h", directory, "-t", "20"]
        while subprocess.run(until_ready, check=False).returncode != 0:
            if process.poll() is not None:
                raise RuntimeError(f"PostgreSQL has ended with {process.returncode}")
        yield Running(f"host={directory} user=bench dbname=postgres", process.pid)
    finally:
        process.send_signal(signal.SIGINT)  # a fast stop: sessions are ended
        process.wait()


@cache
def _binaries() -> Path | None:
    """Where its programs are, of the newest version."""
    found = shutil.which("pg_ctl")
    if found is not None:
        return Path(found).resolve().parent
    versions = sorted(_INSTALLED.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None


def _user() -> str | None:
    """Who runs it; None: whoever runs this."""
    if os.geteuid() != 0:
        return None
    import pwd

    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(user for user in _USERS if user in known)
