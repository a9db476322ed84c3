"""Which Pythons of a machine the short suite runs on."""

import os
import sys
from pathlib import Path

import pytest

from tests.installed.pythons import asked, found


@pytest.fixture
def alone(tmp_path, monkeypatch) -> Path:
    """A directory that is all of the path, on a machine with neither pyenv nor uv."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "none"))
    return tmp_path


def saying(path: Path, version: list[int], level: str = "final", kind: str = "cpython") -> None:
    """A program that says of itself what a Python would."""
    told = f'["{path}", {version}, "{level}", "{kind}", false]'
    path.write_text(f"#!/bin/sh\necho '{told}'\n")
    path.chmod(0o755)


def test_the_newest_of_each_minor_version_is_taken_from_wherever_one_is_called_python(
    alone, monkeypatch
):
    pyenv = alone / "pyenv"
    monkeypatch.setenv("PYENV_ROOT", str(pyenv))
    (pyenv / "versions/3.12.9/bin").mkdir(parents=True)
    saying(alone / "python3.12", [3, 12, 1])
    saying(pyenv / "versions/3.12.9/bin/python3", [3, 12, 9])
    saying(alone / "python3.13", [3, 13, 0])
    assert [python.version for python in found()] == [(3, 12, 9), (3, 13, 0)]


def test_what_chargehand_does_not_run_on_is_passed_over(alone):
    saying(alone / "python3.10", [3, 10, 0])
    saying(alone / "python3.14", [3, 14, 0], level="candidate")
    saying(alone / "python3.11", [3, 11, 0], kind="pypy")
    saying(alone / "python3.13-config", [3, 13, 0])
    (alone / "python3.12").write_text("#!/bin/sh\necho 'python3.12: not found' >&2; exit 127\n")
    (alone / "python3.12").chmod(0o755)
    (alone / "python3").symlink_to(alone / "gone")
    assert found() == []


def test_an_environment_is_no_python_of_the_machine():
    is_environment = sys.prefix != sys.base_prefix
    assert (asked(Path(sys.executable)) is None) is is_environment


def test_the_question_can_be_answered():
    """By the Python that this one is made of, unless it can make no environment."""
    own = asked(Path(os.path.realpath(sys.executable)))
    assert own is None or own.version == sys.version_info[:3]
