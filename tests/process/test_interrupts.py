"""Ctrl-C ends a command at once, with 130 and without a traceback, whatever it is doing."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from chargehand.web.exits import ClientExit
from tests.process.conftest import S_MAX

# The program, interrupted when it begins to load a module.
INTERRUPTED_AT: Final = """
import os, signal, sys
from chargehand.__main__ import main

module, *words = sys.argv[1:]

class Interrupting:
    def find_spec(self, name, *_):
        if name == module:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
sys.argv[:] = ["chargehand", *words]
main()
"""

# The program, whose main thread stays in a read when a signal is caught: as where one is caught
# between Python's last look at its signals and the read.
CAUGHT_BEFORE_A_READ: Final = """
import signal, sys, threading
from chargehand.__main__ import main

threading.Thread(target=threading.Event().wait, daemon=True).start()  # the system interrupts this
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
sys.argv[0] = "chargehand"
main()
"""


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("chargehand.web.__main__", ("task", "list")),
        ("click", ("task", "list")),
        ("chargehand.web.cli.nouns.task", ("task", "list")),
        ("http.client", ("task", "list")),
        ("chargehand.web.settings", ("serve",)),
        ("trio", ("serve",)),
        ("trio", ("demo",)),
        ("chargehand.persistence", ("verify", "data")),
    ],
)
def test_while_it_is_loaded(module, words, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_AT, module, *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=S_MAX,
    )
    assert (done.returncode, done.stdout, done.stderr) == (ClientExit.INTERRUPTED, "", "\n")


@pytest.fixture
def silent(tmp_path) -> Iterator[tuple[Path, socket.socket]]:
    """A server that takes a request and never answers."""
    path = tmp_path / "s.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(S_MAX)
        yield path, listener


def start(*words: str, program: Sequence[str] = ("-m", "chargehand")) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *program, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def interrupted(command: subprocess.Popen[str]) -> str:
    """What it says when it is interrupted now."""
    command.send_signal(signal.SIGINT)
    out, told = command.communicate(timeout=S_MAX)
    assert (command.returncode, out) == (ClientExit.INTERRUPTED, "")
    return told


@pytest.mark.parametrize(
    "words",
    [
        ("task", "list"),
        ("agent", "next", "--wait", "--session", "s", "--agent", "a"),
        ("task", "timeline", "t", "--watch"),
        ("scheduler", "drain"),
    ],
)
def test_while_it_waits_for_an_answer(silent, words):
    path, listener = silent
    command = start(*words, "--socket", str(path))
    accepted, _ = listener.accept()
    with accepted:
        accepted.recv(65_536)
        assert interrupted(command).splitlines()[-1] == ""


@pytest.mark.parametrize("program", [("-m", "chargehand"), ("-c", CAUGHT_BEFORE_A_READ)])
def test_while_it_reads_what_it_is_to_send(program, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = start("task", "create", "x", "--metadata", f"@{pipe}", program=program)
    writer = os.open(pipe, os.O_WRONLY)  # once it reads
    assert interrupted(command) == "\n"
    os.close(writer)


def test_one_that_is_to_ignore_it_goes_on(silent):
    path, listener = silent
    words = ["task", "list", "--socket", str(path)]
    line = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, "-m", "chargehand", *words]
    command = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    accepted, _ = listener.accept()
    with accepted:
        accepted.recv(65_536)
        command.send_signal(signal.SIGINT)
        body = b'{"tasks": []}'
        accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        out, _ = command.communicate(timeout=S_MAX)
    assert (command.returncode, out) == (ClientExit.DONE, "no tasks\n")
