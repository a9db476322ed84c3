"""What is said at the end of the demo can be pasted into the shell that it was started from."""

import shutil
import sys

import pytest

from chargehand.web.demo.display import what_next

CACHED = "/home/ann/.cache/uv/archive-v0/x1/bin/chargehand"


@pytest.mark.parametrize(
    ("found", "called", "shown"),
    [
        ("/usr/bin/chargehand", "/usr/bin/chargehand", "chargehand"),
        (None, "/srv/.venv/bin/chargehand", "/srv/.venv/bin/chargehand"),
        (None, "/srv/chargehand/__main__.py", f"{sys.executable} -m chargehand"),
        (CACHED, CACHED, CACHED),  # on the path of the demo alone
    ],
)
def test_the_program_is_named_as_the_shell_knows_it(found, called, shown, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: found)
    monkeypatch.setattr(sys, "argv", [called])
    assert f"  {shown} serve" in what_next().splitlines()
