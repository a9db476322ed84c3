"""What commands print is there when they end well, or they say that it is not."""

import json
from typing import Final

from chargehand.web.exits import ClientExit
from tests.process.test_client_commands import shell

__all__ = ["shell"]

UNBUFFERED: Final = {"PYTHONUNBUFFERED": "1"}
FULL: Final = "cannot write to stdout: No space left on device"


def test_a_full_disk_is_reported_by_every_command(shell):
    shell.output("chargehand task create x --id t1")
    for line, variables in (
        ("task list", {}),
        ("task list --json", UNBUFFERED),
        ("task list --all", UNBUFFERED),
        ("task create x", {}),
        ("task timeline t1 --watch", {}),
        ("task --help", {}),
        ("--version", UNBUFFERED),
        ("completion bash", {}),
    ):
        done = shell.run(f"chargehand {line} > /dev/full", **variables)
        assert (line, done.returncode) == (line, ClientExit.OUTPUT_FAILED)
        told = done.stderr.splitlines()
        assert told == [f"chargehand: {FULL}"] or json.loads(told[0])["error"] == FULL
    done = shell.run("chargehand scheduler status --json > /dev/full")
    assert json.loads(done.stderr)["diagnostic"] == {"code": "output_failed", "message": FULL}


def test_a_file_that_is_cut_short_is_told_and_a_whole_one_is_whole(shell):
    text = "d" * 40_000  # a file of 32 blocks holds less
    shell.output(f"chargehand task create x --id t1 --description {text}")
    for variables in ({}, UNBUFFERED):
        for line in ("task show t1 --json", "task show t1"):
            done = shell.run(f"ulimit -f 32; chargehand {line} > f", **variables)
            assert (line, done.returncode) == (line, ClientExit.OUTPUT_FAILED)
            assert "cannot write to stdout: File too large" in done.stderr
            assert "Traceback" not in done.stderr
    shell.output("chargehand task show t1 --json > f", **UNBUFFERED)
    assert json.loads((shell.directory / "f").read_bytes())["task"]["task"]["description"] == text


def test_a_pipe_that_nobody_reads_any_more_ends_a_command_quietly(shell):
    for line, variables in (
        ("task list --json", UNBUFFERED),
        ("task list --all", {}),
        ("--help", {}),
        ("demo --pace 60", {}),
    ):
        # Nobody reads it from the beginning: `head` may have taken all before it ends.
        done = shell.run(f"{{ chargehand {line}; echo $? > code; }} | exec true", **variables)
        code = (shell.directory / "code").read_text()
        assert (line, code) == (line, f"{ClientExit.BROKEN_PIPE}\n")
        assert done.stderr == ""


def test_a_program_without_stdout_is_reported(shell):
    done = shell.run("chargehand scheduler status >&-")
    assert done.returncode == ClientExit.OUTPUT_FAILED
    assert done.stderr == "chargehand: cannot write to stdout: Bad file descriptor\n"


def test_a_server_that_cannot_tell_that_it_serves_ends(server, shell):
    line = "chargehand serve --data-dir other --http 127.0.0.1:0 --socket o.sock > /dev/full"
    done = shell.run(line)
    assert done.returncode == ClientExit.OUTPUT_FAILED
    assert done.stderr.endswith(f"chargehand: {FULL}\n")
    assert "Traceback" not in done.stderr
