"""What the README has its reader type does what it says, from top to bottom."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.process.conftest import ROOT, S_MAX

README = (ROOT / "README.md").read_text(encoding="utf-8")
SERVED = "http://127.0.0.1:2123"
# For a terminal of its own, which it keeps busy, or for a shell that somebody sits at.
NOT_HERE = re.compile(r"^.*(curl -sN|--watch|completion bash).*\n", re.MULTILINE)

needs_a_shell = pytest.mark.skipif(
    not (shutil.which("bash") and shutil.which("curl")), reason="needs bash and curl"
)


def section(name):
    return README.partition(f"\n## {name}\n")[2].partition("\n## ")[0].partition("\n### ")[0]


def blocks(text, language="sh"):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.fixture
def typed(server, tmp_path):
    """Runs what is typed, at a server; gives what is printed."""
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
        done = subprocess.run(
            ["bash", "-uc", script],
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
        return done.stdout + done.stderr

    return run


@needs_a_shell
def test_the_api_by_example_leaves_nothing_undone(typed):
    told = typed("\n".join(blocks(section("The API by example"))))
    assert '"error"' not in told
    assert "Traceback" not in told
    statuses = typed(
        "for id in ship-it docs announce; do"
        f' curl -s {SERVED}/api/tasks/$id | grep -o \'"status":"[a-z]*"\' | head -1; done'
    )
    assert statuses.split() == ['"status":"completed"'] * 3


@needs_a_shell
@pytest.mark.parametrize("stop", ["# hand in a task", "# wait for work", 'RUN=$(claim "${WRITER'])
def test_the_command_line_works_for_whoever_broke_off_before(typed, stop):
    """At the last of these lines others wait in the queue, one of high priority."""
    earlier = "\n".join(blocks(section("The API by example")))
    assert stop in earlier
    [commands] = blocks(section("The command line"))
    told = typed(f"{earlier.rpartition(stop)[0]}\n{commands}")
    assert told.count("chargehand task approve ship-2") == 1  # refused once, as it says
    assert "Traceback" not in told
    assert typed(f'curl -s {SERVED}/api/tasks/ship-2 | grep -o \'"artifact":"build-2"\'')


def test_the_agent_in_the_same_process_says_what_it_did(tmp_path):
    [program] = blocks(section("In the same process"), "python")
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=S_MAX,
        check=False,
    )
    assert done.stderr == ""
    assert re.fullmatch(r"\S+ is completed\n", done.stdout)
