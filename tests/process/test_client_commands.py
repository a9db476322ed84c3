"""The client's commands as processes of their own, against real servers."""

import json
import os
import pty
import shutil
import signal
import struct
import subprocess
import sys
import termios
from fcntl import ioctl
from pathlib import Path
from typing import Final

import pytest

from chargehand.web.exits import ClientExit
from tests.process.conftest import S_MAX

SCRIPTS: Final = Path(sys.executable).parent


class Shell:
    """Where `chargehand` is found, and its server."""

    def __init__(self, server, directory: Path) -> None:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("CHARGEHAND_", "AGH_"))}
        self.environment = {
            **clean,
            "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}",
            "CHARGEHAND_SOCKET": str(server.data_dir / "chargehand.sock"),
        }
        self.directory = directory

    def run(self, line: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", line],
            cwd=self.directory,
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            timeout=S_MAX,
        )

    def output(self, line: str, **variables: str) -> str:
        done = self.run(line, **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def begin(self, line: str, stdout: int = subprocess.PIPE) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["sh", "-c", f"exec {line}"],
            cwd=self.directory,
            env=self.environment,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def shell(server, tmp_path) -> Shell:
    assert shutil.which("chargehand", path=str(SCRIPTS)), "the program is not installed"
    server.start().close()
    return Shell(server, tmp_path)


def suggested(shell: Shell, line: str, **variables: str) -> str:
    """The command that a refused one tells to try."""
    done = shell.run(line, **variables)
    assert done.returncode not in (0, ClientExit.USAGE), done.stderr
    return done.stderr.partition("\ntry: ")[2].strip()


def test_suggested_commands_do_as_they_are_printed(shell):
    agent = {"CHARGEHAND_SESSION_ID": "s1", "CHARGEHAND_AGENT": "the builder"}
    steps = ["chargehand task show none"]
    shell.output("chargehand task create 'Ship it' --id t1 --approval-policy manual")
    steps += [
        "chargehand task start t1",  # approve it
        "chargehand task pause t1",  # with a reason
    ]
    for step in steps:
        shell.output(suggested(shell, step))
    shell.output("chargehand task resume t1")

    gone = {**agent, "CHARGEHAND_SESSION_ID": "s0"}
    for caller in (gone, agent):
        claim = json.loads(shell.output("chargehand agent next --json", **caller))
        run_id = claim["claim"]["run"]["id"]
        shell.output(f"chargehand run start {run_id}")
        if caller is gone:  # end its session, which puts the run back
            shell.output(suggested(shell, f"chargehand run force-release {run_id}"))
    shell.output(suggested(shell, f"chargehand run force-fail {run_id} --reason r"))  # cancel it
    shell.output(suggested(shell, f"chargehand run force-fail {run_id} --reason r"))  # enqueue
    again = json.loads(shell.output("chargehand agent next --json", **agent))["claim"]["run"]["id"]
    shell.output(f"chargehand agent fail {again} --error broken", **agent)
    seen = json.loads(shell.output("chargehand task inspect t1 --json"))["inspect"]
    for diagnostic in seen["diagnostics"]:
        shell.output(diagnostic["suggested_command"])  # retry

    shell.output(suggested(shell, "chargehand task create x --workspace 'my site'"))
    assert "my site" in shell.output("chargehand workspace list")
    shell.output("chargehand session end s1")
    shell.output(suggested(shell, "chargehand agent next", **agent))
    assert "the builder" in shell.output("chargehand session list")


def test_a_watch_outlives_a_server_that_is_killed(server, shell):
    shell.output("chargehand task create x --id t1")
    watch = shell.begin("chargehand task timeline t1 --watch")
    assert watch.stdout is not None
    assert watch.stderr is not None
    assert "created" in watch.stdout.readline()
    server.process.kill()
    server.process.communicate()
    assert "trying again" in watch.stderr.readline()
    server.start().close()
    shell.output("chargehand task update t1 --title y")
    assert "updated" in watch.stdout.readline()
    assert "server is back" in watch.stderr.readline()
    watch.send_signal(signal.SIGINT)
    _, told = watch.communicate(timeout=S_MAX)
    assert (watch.returncode, told) == (ClientExit.INTERRUPTED, "\n")


def test_a_watch_of_all_tasks_misses_nothing_while_a_server_is_killed(server, shell):
    shell.output("chargehand task create x --id before")
    watch = shell.begin("chargehand task watch --after 0")
    assert watch.stdout is not None
    assert watch.stderr is not None
    assert "before" in watch.stdout.readline()
    server.process.kill()
    server.process.communicate()
    assert "trying again" in watch.stderr.readline()
    server.start().close()
    for task_id in ("one", "other"):
        shell.output(f"chargehand task create x --id {task_id}")
        assert f" {task_id} " in watch.stdout.readline()
    watch.send_signal(signal.SIGINT)
    watch.communicate(timeout=S_MAX)
    assert watch.returncode == ClientExit.INTERRUPTED


def test_output_that_nobody_reads_ends_a_command_quietly(shell):
    shell.output("chargehand task create x --id t1")
    for line in ("task list", "task list --json", "task timeline t1 --watch", "scheduler status"):
        reader, writer = os.pipe()
        os.close(reader)
        command = shell.begin(f"chargehand {line}", stdout=writer)
        os.close(writer)
        _, told = command.communicate(timeout=S_MAX)
        assert (command.returncode, told) == (ClientExit.BROKEN_PIPE, "")


def test_a_letter_that_an_output_cannot_show_is_replaced(shell):
    shell.output("chargehand task create 'Größe → 漢字' --id t1")
    for line in ("list", "show t1", "tree t1"):
        piped = f"chargehand task {line} | iconv -f latin1 -t utf-8"
        assert "Größe ? ??" in shell.output(piped, PYTHONIOENCODING="latin-1")


SHOW_CURSOR: Final = b"\x1b[?25h"


def read_until(controller: int, text: bytes) -> None:
    shown = b""
    while text not in shown:
        shown += os.read(controller, 65_536)


def read_to_the_end(controller: int) -> bytes:
    """What was written to the other side, once nobody holds that any more."""
    shown = b""
    while True:
        try:
            shown += os.read(controller, 65_536)
        except OSError:
            os.close(controller)
            return shown


def test_a_terminal_of_80_columns_is_enough(shell):
    title = "A title that goes on and on, as titles of work by agents often do, and on and on"
    for _ in range(3):
        shell.output(f"chargehand task create '{title}' --owner pool:builders")
    controller, terminal = pty.openpty()
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    shell.environment["TERM"] = "dumb"
    command = shell.begin("chargehand task list", stdout=terminal)
    os.close(terminal)
    lines = read_to_the_end(controller).decode().splitlines()
    command.communicate(timeout=S_MAX)
    assert len(lines) == 4
    assert all(len(line) <= 80 for line in lines)
    assert all("…" in line for line in lines[1:])


def test_a_dashboard_is_drawn_in_place_until_ctrl_c(shell):
    controller, terminal = pty.openpty()
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    shell.environment["TERM"] = "xterm"
    watch = shell.begin("chargehand dashboard --watch --every 0.1", stdout=terminal)
    os.close(terminal)
    read_until(controller, b"activity")
    shell.output("chargehand task create x")
    read_until(controller, b"1: 1 ready")
    watch.send_signal(signal.SIGINT)
    assert SHOW_CURSOR in read_to_the_end(controller)
    _, told = watch.communicate(timeout=S_MAX)
    assert (watch.returncode, told) == (ClientExit.INTERRUPTED, "\n")


def test_a_question_is_answered_on_a_terminal(shell):
    shell.output("chargehand task create x --id root")
    shell.output("chargehand task add-child root y --id below")
    for answer, code, status in (
        ("", ClientExit.INTERRUPTED, "ready"),  # Ctrl-C
        ("n\n", ClientExit.PARTLY, "ready"),
        ("y\n", ClientExit.DONE, "canceled"),
    ):
        controller, terminal = pty.openpty()
        command = subprocess.Popen(
            ["chargehand", "task", "cancel", "root"],
            cwd=shell.directory,
            env=shell.environment,
            stdin=terminal,
            stdout=subprocess.DEVNULL,
            stderr=terminal,
        )
        os.close(terminal)
        read_until(controller, b"this cancels root and 1 task below it: go on? [y/N]")
        if answer:
            os.write(controller, answer.encode())
        else:
            command.send_signal(signal.SIGINT)
        assert command.wait(S_MAX) == code
        assert b"Traceback" not in read_to_the_end(controller)
        assert status in shell.output("chargehand task show below")


def test_without_a_server_it_is_said_how_to_start_one(tmp_path, server):
    shell = Shell(server, tmp_path)
    done = shell.run("chargehand task list")
    assert done.returncode == ClientExit.UNREACHABLE
    assert f"try: chargehand serve --data-dir {server.data_dir}" in done.stderr
