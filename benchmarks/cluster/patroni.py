"""Three machines as `docs/patroni` has them, all of them here: each with an etcd, a Patroni that
keeps a PostgreSQL, and a pooler in front of that."""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, final

import httpx

from benchmarks.cluster.example import DOCS, LOOPBACK, MACHINES, Example
from benchmarks.cluster.postgres import as_user, binaries, kill_server

S_MAX: Final = 240.0
SUPERUSER_PASSWORD: Final = "change-me-1"
PASSWORD: Final = "change-me-4"
_LOOKS_S: Final = 0.1
_DATA: Final = "/var/lib/postgresql/chargehand"


_PROGRAMS: Final = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"


def missing() -> str | None:
    """What is not installed here of what this needs."""
    if binaries() is None:
        return "PostgreSQL"
    for program in ("etcd", "pgbouncer"):
        if shutil.which(program, path=_PROGRAMS) is None:
            return program
    return None


@final
class Machine:
    """What runs on one of them may be killed, and started again."""

    def __init__(self, example: Example, name: str) -> None:
        self.name = name
        self.rest_url = f"http://{LOOPBACK}:{example.port(name, '8008')}"
        self.postgres_port = example.port(name, "5432")
        self._example = example
        self._etcd: subprocess.Popen[bytes] | None = None
        self._patroni: subprocess.Popen[bytes] | None = None
        self._pooler: subprocess.Popen[bytes] | None = None
        example.install("patroni.yml", "/etc/patroni/patroni.yml", name)
        for path in (_DATA, "/run/postgresql/socket"):
            example.place(path, name)

    def start_etcd(self) -> None:
        variables = self._example.environment("etcd.env", self.name)
        self._example.place("/var/lib/etcd/chargehand", self.name)
        found = shutil.which("etcd", path=_PROGRAMS)
        assert found is not None, "etcd is not installed"
        self._etcd = self._spawn("etcd", [*as_user(), found], variables)

    def start_patroni(self) -> None:
        command = self._example.command("patroni.service", self.name)
        # It is started from where this program has its Python, which may be below a home.
        self._patroni = self._spawn("patroni", [*as_user(reads_all=True), *command], {})

    def _spawn(
        self, name: str, command: list[str], variables: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        with self._log(name).open("ab") as log:
            return subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                cwd="/",
                env={**kept, **variables, "PYTHONDONTWRITEBYTECODE": "1"},
            )

    def _log(self, name: str) -> Path:
        return self._example.place(f"/var/log/{name}", self.name)

    @property
    def log(self) -> str:
        """What Patroni and its server have said."""
        return self._log("patroni").read_text(errors="replace")

    def kill_postgres(self) -> None:
        """As `kill -9` of each of its processes. Harmless where there is none."""
        pid_file = self._example.place(_DATA, self.name) / "postmaster.pid"
        with contextlib.suppress(FileNotFoundError):
            kill_server(int(pid_file.read_text().split()[0]))

    @property
    def has_patroni(self) -> bool:
        return self._patroni is not None

    def kill_patroni(self) -> None:
        if self._patroni is not None:
            self._patroni.kill()
            self._patroni.wait()
            self._patroni = None

    def kill(self) -> None:
        """Patroni and PostgreSQL; the etcd goes on."""
        self.kill_patroni()
        self.kill_postgres()

    def start_pooler(self) -> None:
        name = self.name
        self._example.install("userlist.txt", "/etc/pgbouncer/userlist.txt", name)
        config = self._example.install("pgbouncer.ini", "/etc/pgbouncer/pgbouncer.ini", name)
        self._example.place("/var/log/postgresql/pgbouncer.log", name)
        found = shutil.which("pgbouncer", path=_PROGRAMS)
        assert found is not None, "PgBouncer is not installed"
        self._pooler = self._spawn("pgbouncer", [*as_user(), found, str(config)], {})

    def kill_pooler(self) -> None:
        if self._pooler is not None:
            self._pooler.kill()
            self._pooler.wait()
            self._pooler = None

    def end(self) -> None:
        """All of it."""
        self.kill()
        self.kill_pooler()
        if self._etcd is not None:
            self._etcd.kill()
            self._etcd.wait()

    def members(self) -> dict[str, str]:
        """What Patroni says here: the role of each machine whose PostgreSQL runs, by name.

        Raises: httpx.HTTPError: it says nothing.
        """
        found = httpx.get(f"{self.rest_url}/cluster", timeout=5, trust_env=False)
        found.raise_for_status()
        return {
            member["name"]: member["role"]
            for member in found.json()["members"]
            if member["state"] in ("running", "streaming")
        }


@final
class PatroniCluster:
    """The three of them."""

    def __init__(self, example: Example) -> None:
        self.example: Final = example
        self.machines: Final = [Machine(example, name) for name in MACHINES]

    def start(self) -> None:
        """Return once each commit waits for a standby, and there are two."""
        for machine in self.machines:
            machine.start_etcd()
        for machine in self.machines:
            machine.start_patroni()
        self.wait_whole()

    def end(self) -> None:
        for machine in self.machines:
            machine.end()

    def members(self) -> dict[str, str]:
        """As Patroni knows them, on whichever machine; empty: it says nothing anywhere."""
        for machine in self.machines:
            with contextlib.suppress(httpx.HTTPError):
                return machine.members()
        return {}

    def primary(self) -> Machine:
        """Raises: RuntimeError: there is none in time."""
        self._wait("a primary", lambda: "leader" in self.members().values())
        roles = self.members()
        return next(one for one in self.machines if roles.get(one.name) == "leader")

    def wait_whole(self) -> None:
        """Return once there are a primary and two standbys, either of which commits may wait for.

        Raises: RuntimeError: that does not come to be in time.
        """
        whole = ["leader", "quorum_standby", "quorum_standby"]
        self._wait("a whole cluster", lambda: sorted(self.members().values()) == whole)

    def _wait(self, what: str, holds: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + S_MAX
        while not holds():
            if time.monotonic() > deadline_s:
                logs = "\n".join(f"{one.name}:\n{one.log[-3000:]}" for one in self.machines)
                raise RuntimeError(f"no {what}: {self.members()}\n{logs}")
            time.sleep(_LOOKS_S)

    def type(self, heading: str, **variables: str) -> str:
        """Type what the README of the example has below a heading; gives what is printed.

        Raises: RuntimeError: something of it failed.
        """
        kept = {name: value for name, value in os.environ.items() if "CHARGEHAND" not in name}
        done = subprocess.run(
            ["sh", "-eu", "-c", self.example.typed(heading)],
            cwd=DOCS,
            env={**kept, "PATH": self.example.path(), **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{heading}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def make_journal(self) -> None:
        """As the README has it: a role, a schema and a journal in it."""
        for name in MACHINES:
            self.example.install("chargehand.env", "/etc/chargehand/chargehand.env", name)
            self.example.install("chargehand.toml", "/etc/chargehand/chargehand.toml", name)
        self.type("The database", PGPASSWORD=SUPERUSER_PASSWORD, PASSWORD=PASSWORD)
        self.type("The journal")

    def switch(self) -> None:
        """Have another one be the primary, in peace."""
        self.type("Switch the primary")

    def journal(self) -> str:
        """The address that the nodes are given."""
        return self.example.environment("chargehand.env", MACHINES[0])["CHARGEHAND_JOURNAL"]

    def pooled_journal(self) -> str:
        """The same, by way of the poolers."""
        [line] = self.example.typed("Behind PgBouncer").splitlines()
        return line.partition("=")[2].strip("'")


@contextmanager
def patroni(root: Path) -> Iterator[PatroniCluster]:
    """Three machines with a journal. Args: root: readable to all users."""
    cluster = PatroniCluster(Example(root))
    try:
        cluster.start()
        cluster.make_journal()
        yield cluster
    finally:
        cluster.end()
