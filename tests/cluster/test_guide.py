"""What docs/high-availability.md has its reader paste does what it says."""

import itertools
import os
import re
import signal
import subprocess
import sys

import pytest

from benchmarks.cluster.postgres import free_port
from tests.process.conftest import ROOT, S_MAX

GUIDE = (ROOT / "docs/high-availability.md").read_text(encoding="utf-8")


@pytest.fixture
def paste(tmp_path, address):
    """Runs what is pasted into a shell, with other ports; gives what is printed."""
    ports = {str(number): str(free_port()) for number in range(2123, 2127)}
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "chargehand"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m chargehand "$@"\n')
    program.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHARGEHAND_")}
    given = {
        "CHARGEHAND_JOURNAL": f"{address.conninfo}?schema={address.schema}",
        "CHARGEHAND_CLUSTER_SECRET": "secret",
        "CHARGEHAND_TOKEN": "token",
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    shells = []

    def run(script: str) -> str:
        script = re.sub("212[3-6]", lambda found: ports[found[0]], script)
        (tmp_path / "script").write_text(script)
        with (tmp_path / "said").open("wb") as said:
            shell = subprocess.Popen(
                ["bash", "--norc", str(tmp_path / "script")],
                cwd=tmp_path,
                env={**kept, **given},
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        shells.append(shell)
        assert shell.wait(S_MAX) == 0, (tmp_path / "said").read_text()
        return (tmp_path / "said").read_text()

    yield run
    for shell in shells:
        os.killpg(shell.pid, signal.SIGKILL)


def test_nodes_are_tried_out_as_it_is_written(paste):
    block = GUIDE.partition("To try it out")[2].partition("```sh\n")[2].partition("```")[0]
    assert block.count("chargehand serve") == 2
    rows = [line.split() for line in paste(block).splitlines()]
    header = rows.index(["node", "role", "address", "lag", "seen", "s", "ago"])
    below = itertools.islice(rows, header + 1, None)  # and what the nodes log meanwhile
    listed = {row[0]: row[1] for row in below if row[:1] in (["a"], ["b"])}
    assert sorted(listed) == ["a", "b"]
    assert sorted(listed.values()) == ["active", "standby"]
