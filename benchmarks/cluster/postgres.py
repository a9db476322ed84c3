"""PostgreSQL for tests and benchmarks: a primary and a synchronous standby, in temporary places.

PostgreSQL does not run as root, so there it runs as `nobody` or the user that Debian makes for it.
"""

import contextlib
import os
import pwd
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, final

import psycopg

S_MAX: Final = 120
_USERS: Final = ("postgres", "nobody")
_given: Final[set[int]] = set()
_PLACES: Final = "/usr/lib/postgresql/*/bin"


def binaries() -> Path | None:
    """Where the programs of PostgreSQL are, the newest version of them."""
    places = sorted(Path("/").glob(_PLACES.lstrip("/")), key=lambda path: int(path.parent.name))
    if places:
        return places[-1]
    found = shutil.which("postgres")
    return Path(found).parent if found else None


def as_user(*, reads_all: bool = False) -> list[str]:
    """What a command begins with, so that it does not run as root.

    Args:
        reads_all: files that only root may read as well, as a Python below the home of root.
    """
    if os.geteuid() != 0:
        return []
    for name in _USERS:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        more = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"] if reads_all else []
        return ["setpriv", *ids, *more]
    raise LookupError("there is no user to run PostgreSQL as")


def free_port() -> int:
    """A port of the loopback that nobody has, and that no connection is given meanwhile: it is
    below those that the system hands out."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        if port in _given:
            continue
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            _given.add(port)
            return port


@final
class PostgresServer:
    """One server on a port of its own; it may be killed and started again."""

    def __init__(self, root: Path, name: str) -> None:
        found = binaries()
        assert found is not None, "PostgreSQL is not installed"
        self._binaries = found
        self.name = name
        self.port = free_port()
        self.data = root / name
        self._log = root / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def init(self, *settings: str) -> None:
        self._run("initdb", "-D", str(self.data), "-U", "postgres", "-A", "trust", "--no-sync")
        self._configure(*settings)

    def copy_of(self, primary: "PostgresServer") -> None:
        """Become a standby."""
        conninfo = f"host=127.0.0.1 port={primary.port} user=postgres application_name={self.name}"
        self._run("pg_basebackup", "-D", str(self.data), "-R", "-c", "fast", "-d", conninfo)
        self._configure()

    def _configure(self, *settings: str) -> None:
        ours = (
            f"port = {self.port}",
            "listen_addresses = '127.0.0.1'",
            f"unix_socket_directories = '{self.data}'",
            "max_connections = 60",
            "shared_buffers = 64MB",
            *settings,
        )
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write("\n" + "\n".join(ours) + "\n")

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*as_user(), str(self._binaries / "postgres"), "-D", str(self.data)],
                stdout=log,
                stderr=log,
                cwd="/",
            )
        deadline_s = time.monotonic() + S_MAX
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=5).close()
            except psycopg.Error:
                assert self._process.poll() is None, self._log.read_text(errors="replace")[-2000:]
                assert time.monotonic() < deadline_s, f"{self.name} does not come up"
                time.sleep(0.05)
            else:
                return

    def execute(self, text: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(text)
            return cursor.fetchall() if cursor.description else []

    def kill(self) -> None:
        """As a power cut of this server alone: all its processes end at once."""
        if self._process is None:
            return
        pid_file = self.data / "postmaster.pid"
        if self._process.poll() is None:
            kill_server(self._process.pid)
            self._process.wait()
            pid_file.unlink(missing_ok=True)
        self._process = None

    def promote(self) -> None:
        self._run("pg_ctl", "promote", "-w", "-D", str(self.data))

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [*as_user(), str(self._binaries / program), *arguments],
            capture_output=True,
            text=True,
            cwd="/",
            check=False,
        )
        assert done.returncode == 0, f"{program}: {done.stderr[-2000:]}"


def kill_server(pid: int) -> None:
    """All processes of the server whose first one this is, at once."""
    children = subprocess.run(
        ["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split()
    subprocess.run(["kill", "-9", str(pid), *children], check=False, stderr=subprocess.DEVNULL)


@contextmanager
def a_directory() -> Iterator[Path]:
    """One that the user of PostgreSQL can read; pytest's own are below a home."""
    with tempfile.TemporaryDirectory(prefix="chargehand-pg-") as name:
        path = Path(name)
        path.chmod(0o777)
        yield path


@contextmanager
def replicated(root: Path) -> Iterator[tuple[PostgresServer, PostgresServer]]:
    """A primary whose commits wait for its standby."""
    primary, standby = PostgresServer(root, "one"), PostgresServer(root, "two")
    primary.init("wal_level = replica", "max_wal_senders = 8", "synchronous_commit = on")
    try:
        primary.start()
        standby.copy_of(primary)
        standby.start()
        primary.execute("ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (two)'")
        primary.execute("SELECT pg_reload_conf()")
        deadline_s = time.monotonic() + S_MAX
        states = "SELECT sync_state FROM pg_stat_replication"
        while ("quorum",) not in primary.execute(states):
            assert time.monotonic() < deadline_s, "the standby is never synchronous"
            time.sleep(0.05)
        yield primary, standby
    finally:
        primary.kill()
        standby.kill()
