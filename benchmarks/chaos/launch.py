"""How a server process comes to be.

`fresh` starts a new interpreter, as a user does. `Forks` keeps a process that has imported
everything, and forks each server from it: a tenth of the time, for those who start hundreds.
"""

import gc
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol, final

ROOT: Final = Path(__file__).parents[2]


class Launched(Protocol):
    """A process that leads a session of its own."""

    @property
    def pid(self) -> int: ...

    def has_ended(self) -> bool: ...

    def wait(self, timeout_s: float) -> None:
        """Return once it has ended. Raises: TimeoutError."""


# The arguments of `serve`, and the file that stdout and stderr are appended to.
Launch = Callable[[Sequence[str], Path], Launched]


@final
class _Child:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def wait(self, timeout_s: float) -> None:
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired as late:
            raise TimeoutError(str(late)) from None


def fresh(*wrapper: str) -> Launch:
    """`wrapper` is a command that starts the server, as `strace` and its arguments."""

    def launch(arguments: Sequence[str], log: Path) -> Launched:
        with log.open("ab") as file:
            process = subprocess.Popen(
                [*wrapper, sys.executable, "-m", "chargehand", "serve", *arguments],
                cwd=ROOT,
                env=_environment(),
                stdout=file,
                stderr=file,
                start_new_session=True,  # so that a wrapper and what it starts end together
            )
        return _Child(process)

    return launch


def _environment() -> dict[str, str]:
    """Ours, without settings that are for other servers."""
    return {k: v for k, v in os.environ.items() if not k.startswith("CHARGEHAND_")}


@final
class _Grandchild:
    """A process that another one forked: seen through a descriptor of it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        try:
            self._descriptor: int | None = os.pidfd_open(pid)
        except ProcessLookupError:
            self._descriptor = None

    def has_ended(self) -> bool:
        return self._ends_within(0)

    def wait(self, timeout_s: float) -> None:
        if not self._ends_within(timeout_s):
            raise TimeoutError(f"process {self.pid} still runs after {timeout_s:g} s")

    def _ends_within(self, seconds: float) -> bool:
        if self._descriptor is not None and select.select([self._descriptor], [], [], seconds)[0]:
            os.close(self._descriptor)
            self._descriptor = None
        return self._descriptor is None


@final
class Forks:
    """A context; the servers that still run when it ends are killed."""

    def __init__(self) -> None:
        self._parent: subprocess.Popen[str] | None = None

    def __enter__(self) -> Launch:
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.chaos.launch"],
            cwd=ROOT,
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self._launch

    def __exit__(self, *_: object) -> None:
        assert self._parent is not None
        self._parent.communicate()

    def _launch(self, arguments: Sequence[str], log: Path) -> Launched:
        parent = self._parent
        assert parent is not None
        assert parent.stdin is not None
        assert parent.stdout is not None
        parent.stdin.write(json.dumps([str(log), *arguments]) + "\n")
        parent.stdin.flush()
        return _Grandchild(int(parent.stdout.readline()))


def _fork_on_demand() -> None:
    """A line of stdin asks for a server, and its process id is the line of stdout that answers."""
    import chargehand.web.process  # what `serve` imports when it is called  # noqa: F401
    from chargehand.web.__main__ import main

    gc.freeze()  # so that a server's first collection need not look through all that is imported
    running: set[int] = set()  # nobody else can get the number of one that was not waited for
    for line in sys.stdin:
        log, *arguments = json.loads(line)
        pid = os.fork()
        if pid == 0:
            os.setsid()
            _redirect(log)
            main(["serve", *arguments], prog_name="chargehand")
            return
        running.add(pid)
        print(pid, flush=True)
        _bury(running)
    for pid in running:
        os.kill(pid, signal.SIGKILL)


def _bury(running: set[int]) -> None:
    """Wait for those that have ended."""
    while running:
        pid, _ = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        running.discard(pid)


def _redirect(log: str) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for source, targets in ((nothing, (0,)), (file, (1, 2))):
        for target in targets:
            os.dup2(source, target)
        os.close(source)


if __name__ == "__main__":
    _fork_on_demand()
