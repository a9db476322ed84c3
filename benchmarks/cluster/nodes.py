"""Nodes as processes, each on ports of its own that it keeps over its starts."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final, final

import httpx
import trio

from benchmarks.cluster.postgres import free_port
from chargehand.web.client.whole_body import SENT_WHOLE

S_MAX: Final = 120.0
ROOT: Final = Path(__file__).resolve().parents[2]
LOOKS_S: Final = 0.02
SECRET: Final = "known to the nodes"


@final
class Node:
    """Killed, frozen and started as often as wanted."""

    def __init__(
        self, directory: Path, name: str, url: str, command: list[str], variables: dict[str, str]
    ) -> None:
        """Args:
        url: where it is to be reached.
        command: that serves, with all settings that are not among the variables.
        """
        self.name = name
        self.url = url
        self._directory = directory / name
        self._directory.mkdir()
        self.data: Final = self._directory / "data"
        self._ready_file = self._directory / "ready.json"
        self._process: subprocess.Popen[bytes] | None = None
        self._variables = variables
        self._command = [*command, f"--ready-file={self._ready_file}"]

    @classmethod
    def over(cls, directory: Path, name: str, journal: str, *options: str) -> "Node":
        """One on ports of its own. Args: journal: its address."""
        http = f"127.0.0.1:{free_port()}"
        command = [
            *(sys.executable, "-m", "chargehand", "serve"),
            f"--data-dir={directory / name / 'data'}",
            f"--http={http}",
            f"--node={name}",
            f"--advertise=127.0.0.1:{free_port()}",
            *options,
        ]
        variables = {"CHARGEHAND_JOURNAL": journal, "CHARGEHAND_CLUSTER_SECRET": SECRET}
        return cls(directory, name, f"http://{http}", command, variables)

    @property
    def log(self) -> str:
        return (self._directory / "log").read_text(errors="replace")

    async def start(self) -> None:
        """Return once it answers, by whichever node."""
        self._process = process = self._spawn()
        begun_s = time.monotonic()
        while not self._ready_file.exists():
            if process.poll() is not None:
                raise RuntimeError(f"node {self.name} did not come up:\n{self.log[-2000:]}")
            if time.monotonic() - begun_s > S_MAX:
                raise RuntimeError(f"node {self.name} is not ready in time")
            await trio.sleep(LOOKS_S)

    def _spawn(self) -> subprocess.Popen[bytes]:
        self._ready_file.unlink(missing_ok=True)
        kept = {k: v for k, v in os.environ.items() if not k.startswith("CHARGEHAND_")}
        with (self._directory / "log").open("ab") as log:
            return subprocess.Popen(
                self._command,
                cwd=ROOT,
                env={**kept, **self._variables, "PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=log,
            )

    @property
    def report(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self._ready_file.read_text(encoding="utf-8"))
        return found

    @property
    def has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    @property
    def port(self) -> int:
        """Of its HTTP, on the loopback."""
        return int(self.url.rpartition(":")[2])

    @property
    def pid(self) -> int:
        assert self._process is not None, "it was started"
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None, "it was started"
        self._process.send_signal(number)

    def kill(self) -> None:
        """At once, whatever it is doing. Harmless if repeated."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(S_MAX)

    async def is_active(self, client: httpx.AsyncClient) -> bool:
        try:
            answered = await client.get(f"{self.url}/readyz?active", timeout=1.0)
        except httpx.TransportError:
            return False
        return answered.status_code == httpx.codes.OK

    async def lacks_nothing(self, client: httpx.AsyncClient) -> bool:
        """Whether it can have requests answered, and has all of the log that it knows of."""
        try:
            answered = await client.get(f"{self.url}/readyz", timeout=1.0)
        except httpx.TransportError:
            return False
        return answered.status_code == httpx.codes.OK and not answered.json().get("lag_records")


@final
class Cluster:
    """Some nodes over one journal."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        self._client = httpx.AsyncClient(trust_env=False, verify=False, event_hooks=SENT_WHOLE)

    async def start(self) -> None:
        for node in self.nodes:
            await node.start()

    async def close(self) -> None:
        for node in self.nodes:
            node.kill()
        await self._client.aclose()

    async def active(self, than: Node | None = None) -> Node:
        """The node that is, as soon as there is one, other than `than`.

        Raises:
            RuntimeError: there is none in time; with what the nodes have logged last.
        """
        with trio.move_on_after(S_MAX):
            while True:
                for node in self.nodes:
                    if node is not than and await node.is_active(self._client):
                        return node
                await trio.sleep(LOOKS_S)
        raise RuntimeError(f"no other node becomes active\n{self._logs()}")

    async def settled(self) -> Node:
        """The active node, as soon as all others have what it has.

        Raises:
            RuntimeError: that is not so in time; with what the nodes have logged last.
        """
        with trio.move_on_after(S_MAX):
            while True:
                active = await self.active()
                if all([await node.lacks_nothing(self._client) for node in self.nodes]):
                    return active
                await trio.sleep(LOOKS_S)
        raise RuntimeError(f"some node lacks something\n{self._logs()}")

    def _logs(self) -> str:
        return "\n".join(f"{node.name}:\n{node.log[-1500:]}" for node in self.nodes)

    async def step_down(self, node: Node) -> None:
        """Raises: RuntimeError: it is not asked, as it was not active any more."""
        answered = await self._client.post(f"{node.url}/api/nodes/step-down", timeout=S_MAX)
        if answered.status_code != httpx.codes.ACCEPTED:
            raise RuntimeError(f"{node.name} does not step down: {answered.text}")
