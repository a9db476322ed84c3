"""The command line in this process, against a server that another thread of it runs."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import define, frozen
from click.testing import CliRunner, Result

from chargehand.actors.bridges.bridge import Bridge, Gone
from chargehand.actors.bridges.message import Message
from chargehand.actors.lifecycle import run_system
from chargehand.actors.settings import Settings
from chargehand.actors.task.state import Scope
from chargehand.persistence.opening import memory_journal
from chargehand.web.__main__ import main
from chargehand.web.listeners import Listeners, fronts
from chargehand.web.server import stop_fronts
from chargehand.web.settings import ServerSettings
from chargehand.web.sockets import listen_tcp, listen_unix

TOKEN = "s3cret"  # of TCP clients
S_MAX = 60.0  # for what must happen, on however slow a machine


async def _take(_: Message) -> None:
    """Whatever is to be told."""


async def _decline(message: Message) -> None:
    raise Gone("answered 410 Gone")


BRIDGES = [
    Bridge("chat", Scope.GLOBAL, None, _take),
    Bridge("gone", Scope.GLOBAL, None, _decline),
]


@frozen
class Served:
    socket: Path
    url: str


@pytest.fixture
def settings() -> Settings:
    """What the system is made with; a test may bring its own."""
    return Settings(wait_s=0.05)


@pytest.fixture
def served(tmp_path, settings) -> Iterator[Served]:
    """A server at a Unix socket and a free port, gone when the test ends."""
    socket = tmp_path / "s.sock"
    started, stop = threading.Event(), trio.Event()
    found: list[Any] = []

    async def serve() -> None:
        server = ServerSettings(socket=socket, http="127.0.0.1:0", token=TOKEN)
        listeners = Listeners(listen_tcp("127.0.0.1", 0), listen_unix(socket), socket)
        async with (
            run_system(memory_journal(), settings, bridges=BRIDGES) as system,
            trio.open_nursery() as nursery,
        ):
            running = fronts(system, server, listeners)
            for front in running:
                await nursery.start(front.run)
            found.extend([trio.lowlevel.current_trio_token(), listeners.url])
            started.set()
            await stop.wait()
            for front in running:
                await front.stop_accepting()
            system.begin_stop()
            await stop_fronts(running, 1.0)

    thread = threading.Thread(target=trio.run, args=(serve,), daemon=True)
    thread.start()
    assert started.wait(S_MAX), "not started in time"
    token, url = found
    yield Served(socket, url)
    token.run_sync_soon(stop.set)
    thread.join(S_MAX)
    assert not thread.is_alive(), "the server has not ended"


@define
class Line:
    """Runs commands; those that are said to succeed must."""

    environment: dict[str, str | None]

    def run(self, *words: str, stdin: str | None = None, **variables: str) -> Result:
        environment = {**self.environment, **variables}
        return CliRunner().invoke(main, words, stdin, environment, prog_name="chargehand")

    def output(self, *words: str, **more: str) -> str:
        """What a command that succeeds prints."""
        done = self.run(*words, **more)
        assert done.exit_code == 0, done.output
        return done.stdout

    def json(self, *words: str, **more: str) -> Any:
        """The answer to a command that succeeds."""
        return json.loads(self.output(*words, "--json", **more))

    def refused(self, code: int, *words: str, **more: str) -> str:
        """What a command that ends with `code` says about it."""
        done = self.run(*words, **more)
        assert done.exit_code == code, done.output
        assert done.stdout == ""
        return done.stderr


@pytest.fixture
def bare(monkeypatch, tmp_path) -> Line:
    """The command line of somebody without a server, and with nothing set."""
    monkeypatch.chdir(tmp_path)
    names = ("SOCKET", "TOKEN", "URL", "DATA_DIR", "SESSION_ID", "AGENT")
    unset = [f"CHARGEHAND_{name}" for name in names] + ["AGH_SESSION_ID", "AGH_AGENT"]
    return Line(dict.fromkeys(unset))


@pytest.fixture
def line(bare, served) -> Line:
    return Line({**bare.environment, "CHARGEHAND_SOCKET": str(served.socket)})
