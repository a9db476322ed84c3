"""What the README has its reader type does what it says, from top to bottom."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.process.conftest import ROOT, S_MAX

README = (ROOT / "README.md").read_text(encoding="utf-8")
WEBHOOKS = (ROOT / "docs/webhooks.md").read_text(encoding="utf-8")
SERVED = "http://127.0.0.1:2123"
# For a terminal of its own, which it keeps busy, or for a shell that somebody sits at.
NOT_HERE = re.compile(r"^.*(curl -sSN|--watch|completion bash).*\n", re.MULTILINE)
# What is pasted is read by an interactive shell: there zsh takes a comment for words of a command.
SHELLS = {"bash": ("bash", "--norc", "-u", "-c"), "zsh": ("zsh", "-f", "-i", "-s")}

needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")


def section(name):
    return README.partition(f"\n## {name}\n")[2].partition("\n## ")[0].partition("\n### ")[0]


def blocks(text, language="sh"):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.fixture(params=SHELLS)
def shell(request):
    if not shutil.which(request.param):
        pytest.skip(f"there is no {request.param}")
    return request.param


@pytest.fixture
def typed(shell, server, tmp_path):
    """Runs what is pasted into a shell, at a server; gives what is printed."""
    client = server.start()
    client.close()
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "chargehand"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m chargehand "$@"\n')
    program.chmod(0o755)

    def run(script: str) -> str:
        script = NOT_HERE.sub("", script).replace(SERVED, server.report["http"])
        script = script.replace('PATH="$PWD/.venv/bin:$PATH"\n', "")
        *command, how = SHELLS[shell]
        done = subprocess.run(
            [*command, how, script] if how == "-c" else [*command, how],
            input=script + "\n",
            cwd=tmp_path,
            env={
                "PATH": f"{programs}:{os.environ['PATH']}",
                "PYTHONPATH": str(ROOT),
                "CHARGEHAND_DATA_DIR": str(server.data_dir),
            },
            capture_output=True,
            text=True,
            timeout=S_MAX,
            check=False,
        )
        told = done.stdout + done.stderr
        assert "not found:" not in told
        assert "no matches" not in told
        return told

    return run


@needs_curl
def test_the_api_by_example_leaves_nothing_undone(typed):
    told = typed("\n".join(blocks(section("The API by example"))))
    assert '"error"' not in told
    assert "Traceback" not in told
    statuses = typed(
        "for id in ship-it docs announce; do"
        f' curl -s {SERVED}/api/tasks/$id | grep -o \'"status":"[a-z]*"\' | head -1; done'
    )
    assert re.findall('"status":"[a-z]*"', statuses) == ['"status":"completed"'] * 3


@needs_curl
@pytest.mark.parametrize(
    "stop", ['call -X POST $API/api/tasks -d \'{"id": "ship', "WRITER=(", 'RUN=$(claim "${WRITER']
)
def test_the_command_line_works_for_whoever_broke_off_before(typed, stop):
    """At the last of these lines others wait in the queue, one of high priority."""
    earlier = "\n".join(blocks(section("The API by example")))
    assert stop in earlier
    commands = "\n".join(blocks(section("The command line")))
    told = typed(f"{earlier.rpartition(stop)[0]}\n{commands}")
    assert told.count("chargehand task approve ship-2") == 1  # refused once, as it says
    assert "Traceback" not in told
    assert typed(f'curl -s {SERVED}/api/tasks/ship-2 | grep -o \'"artifact":"build-2"\'')


@pytest.mark.parametrize("page", [README, WEBHOOKS], ids=["readme", "webhooks"])
def test_what_is_pasted_holds_no_comment(page):
    """An interactive zsh passes it on as arguments."""
    assert [block for block in blocks(page) if re.search(r"(^|\s)#", block)] == []


GREETING = "{'greeting': 'Hello, world!'}\n"


def run_python(program: str, directory) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=directory,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=S_MAX,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout


def test_the_pool_in_the_same_process_works(tmp_path):
    program, _ = blocks(section("Agent pools"), "python")
    assert run_python(program, tmp_path) == GREETING


def test_the_pool_over_the_socket_works(server):
    server.start().close()
    _, program = blocks(section("Agent pools"), "python")
    assert run_python(program, server.directory) == GREETING


def test_the_pool_from_the_shell_works(typed):
    [commands] = blocks(section("Agent pools"))
    told = typed(commands)
    assert "1 completed, 0 failed" in told
    assert '"greeting":"Hello, world!"' in told.replace(": ", ":")
    assert "Traceback" not in told
