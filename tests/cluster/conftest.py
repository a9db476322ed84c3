"""Nodes as processes, over a journal of their own in PostgreSQL."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, final

import httpx
import pytest

from benchmarks.cluster.postgres import free_port
from tests.cluster.fixtures import address, database, left_out, servers
from tests.process.conftest import ROOT, S_MAX, server

TTL_S: Final = 2.0
SECRET: Final = "known to the nodes"

pytest_terminal_summary = left_out

__all__ = ["address", "chargehand", "database", "server", "servers"]


def chargehand(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command, as it is typed."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CHARGEHAND_")}
    return subprocess.run(
        [sys.executable, "-m", "chargehand", *arguments],
        cwd=ROOT,
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=S_MAX,
        check=False,
    )


@final
class NodeProcess:
    """One node; `start` it again after it has ended."""

    def __init__(self, root: Path, name: str, url: str) -> None:
        self.name = name
        self.peer_port = free_port()
        self._url = url
        self.environment = {"CHARGEHAND_CLUSTER_SECRET": SECRET}  # besides; of its next start
        self._directory = root / name
        self._directory.mkdir()
        self._ready_file = self._directory / "ready.json"
        self._process: subprocess.Popen[bytes] | None = None
        self.client = httpx.Client()

    @property
    def log(self) -> str:
        return (self._directory / "log").read_text(errors="replace")

    def spawn(self, *options: str) -> subprocess.Popen[bytes]:
        self._ready_file.unlink(missing_ok=True)
        kept = {k: v for k, v in os.environ.items() if not k.startswith("CHARGEHAND_")}
        given = {"CHARGEHAND_JOURNAL": self._url, **self.environment}
        arguments = [
            f"--data-dir={self._directory / 'data'}",
            f"--ready-file={self._ready_file}",
            "--http=127.0.0.1:0",
            f"--node={self.name}",
            f"--advertise=127.0.0.1:{self.peer_port}",
            f"--journal-ttl-s={TTL_S}",
        ]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "chargehand", "serve", *arguments, *options],
                cwd=ROOT,
                env={**kept, **given, "PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=log,
            )
        return self._process

    def start(self, *options: str) -> "NodeProcess":
        process = self.spawn(*options)
        deadline_s = time.monotonic() + S_MAX
        while not self._ready_file.exists():
            assert process.poll() is None, self.log
            assert time.monotonic() < deadline_s, "not ready in time"
            time.sleep(0.01)
        self.restarted()
        return self

    def restarted(self) -> None:
        """Look where it listens: a node that begins anew takes another port."""
        report = self.report()
        if str(self.client.base_url).rstrip("/") != report["http"] or self.client.is_closed:
            self.client.close()
            self.client = httpx.Client(base_url=report["http"], timeout=S_MAX)

    def report(self) -> dict[str, Any]:
        """What it has said of itself when it was ready."""
        return json.loads(self._ready_file.read_text(encoding="utf-8"))

    @property
    def is_active(self) -> bool:
        return self.client.get("/readyz?active").status_code == 200

    def serves(self) -> bool:
        """Whether it answers, where its last report says."""
        try:
            return self.client.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """As kill -9 does. Harmless if repeated."""
        self.client.close()
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def wait(self) -> int:
        assert self._process is not None
        return self._process.wait(S_MAX)

    def post(self, path: str, body: Any = None, key: str | None = None) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.client.post(path, json={} if body is None else body, headers=headers)

    def create(self, title: str, key: str | None = None) -> httpx.Response:
        return self.post("/api/tasks", {"scope": "global", "title": title}, key)

    def titles(self) -> list[str]:
        answered = self.client.get("/api/tasks?order=created&limit=200")
        assert answered.status_code == 200, answered.text
        return [task["title"] for task in answered.json()["tasks"]]


@pytest.fixture
def make_node(tmp_path, address) -> Iterator[Callable[[str], NodeProcess]]:
    made: list[NodeProcess] = []
    url = f"{address.conninfo}?schema={address.schema}"

    def make(name: str) -> NodeProcess:
        made.append(NodeProcess(tmp_path, name, url))
        return made[-1]

    yield make
    for node in made:
        node.kill()


@final
class Three:
    """Three nodes that have started."""

    def __init__(self, nodes: list[NodeProcess]) -> None:
        self.nodes = nodes

    def active(self) -> NodeProcess:
        """The one that is, as soon as there is one."""
        deadline_s = time.monotonic() + S_MAX
        while True:
            for node in self.nodes:
                if not node.client.is_closed and node.is_active:
                    return node
            assert time.monotonic() < deadline_s, "no node becomes active"
            time.sleep(0.02)

    def all_listed(self) -> dict[str, str]:
        """The roles by name, as soon as each node has said that it is there."""
        deadline_s = time.monotonic() + S_MAX
        asked = next(node for node in self.nodes if not node.client.is_closed)
        while True:
            nodes = asked.client.get("/api/nodes").json()["nodes"]
            if len(nodes) == len(self.nodes):
                return {node["name"]: node["role"] for node in nodes}
            assert time.monotonic() < deadline_s, nodes
            time.sleep(0.02)

    def others(self, than: NodeProcess) -> list[NodeProcess]:
        return [node for node in self.nodes if node is not than]


@pytest.fixture
def three(make_node) -> Three:
    return Three([make_node(name).start() for name in ("one", "two", "three")])
