"""Real servers: one process each, on a free port and a directory of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
S_MAX = 120.0  # for what must happen, on however slow a machine
GRACE_S = 90.0  # for a stop that should end in order, and is told by its exit code if it does not


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Return as soon as `condition` holds; it must in the end."""
    deadline_s = time.monotonic() + S_MAX
    while not condition():
        assert time.monotonic() < deadline_s, f"in vain: {what}"
        time.sleep(0.02)


class Server:
    """One process; `start` it again after it has ended to see what a restart does.

    `root` is where the program stands that is started.
    """

    def __init__(self, directory: Path) -> None:
        self.root = ROOT
        self.directory = directory
        self.ready_file = directory / "ready.json"
        self.data_dir = directory / "data"
        self.process: subprocess.Popen[str] | None = None
        self.report: dict[str, object] = {}

    def spawn(self, *options: str) -> subprocess.Popen[str]:
        """A process that may or may not come up."""
        self.ready_file.unlink(missing_ok=True)
        arguments = [
            f"--data-dir={self.data_dir}",
            f"--ready-file={self.ready_file}",
            f"--grace-s={GRACE_S}",
        ]
        if not any(option.startswith("--http") for option in options):
            arguments.append("--http=127.0.0.1:0")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CHARGEHAND_")}
        environment["PYTHONPATH"] = str(self.root)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "chargehand", "serve", *arguments, *options],
            cwd=self.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return self.process

    def start(self, *options: str) -> httpx.Client:
        """A process that serves, and a client for it."""
        process = self.spawn(*options)
        deadline_s = time.monotonic() + S_MAX
        while not self.ready_file.exists():
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline_s, "not ready in time"
            time.sleep(0.01)
        self.report = json.loads(self.ready_file.read_text(encoding="utf-8"))
        # No TLS here, and reading the certificates takes longer than most requests.
        return httpx.Client(base_url=str(self.report["http"]), timeout=S_MAX, verify=False)

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """End the process if it still runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def end(self) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of a process that ends by itself."""
        assert self.process is not None
        out, err = self.process.communicate(timeout=S_MAX)
        return self.process.returncode, out, err


@pytest.fixture
def server(tmp_path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.kill()
