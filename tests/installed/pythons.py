"""The Pythons of this machine that Chargehand is to run on: one for each minor version."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

LEAST = (3, 11)
_NAME = re.compile(r"python3(\.\d+)?")
# What a Python says of itself; one that cannot do all this makes no environment.
_QUESTION = """
import ensurepip, json, ssl, sys, venv
print(json.dumps([
    sys.executable, list(sys.version_info[:3]), sys.version_info.releaselevel,
    sys.implementation.name, sys.prefix != sys.base_prefix,
]))
"""


class Python(NamedTuple):
    version: tuple[int, int, int]
    path: Path

    @property
    def minor(self) -> tuple[int, int]:
        return self.version[:2]

    def __str__(self) -> str:
        return f"Python {'.'.join(map(str, self.version))} ({self.path})"


def found() -> list[Python]:
    """The newest of each minor version, the oldest version first."""
    newest: dict[tuple[int, int], Python] = {}
    for path in sorted(_candidates()):
        python = asked(path)
        if python is not None and python > newest.get(python.minor, ((),)):
            newest[python.minor] = python
    return sorted(newest.values())


def asked(path: Path) -> Python | None:
    """What stands at `path`, if that is a released CPython that can make an environment."""
    try:
        answer = subprocess.run(
            [path, "-I", "-c", _QUESTION],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=True,
        ).stdout
        executable, version, level, implementation, is_virtual = json.loads(answer)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    if (level, implementation, is_virtual) != ("final", "cpython", False):
        return None
    python = Python(tuple(version), Path(executable))
    return python if python.minor >= LEAST else None


def _candidates() -> set[Path]:
    """What is called as a Python: on the path, and where pyenv and uv keep theirs."""
    places = [Path(place) for place in os.environ.get("PATH", "").split(os.pathsep) if place]
    places += [version / "bin" for version in _versions()]
    return {
        path
        for place in places
        if place.is_dir()
        for path in place.glob("python3*")
        if _NAME.fullmatch(path.name)
    }


def _versions() -> Iterator[Path]:
    home = Path.home()
    yield from Path(os.environ.get("PYENV_ROOT") or home / ".pyenv").glob("versions/*")
    uv = shutil.which("uv")
    if uv is None:
        return
    told = subprocess.run([uv, "python", "dir"], capture_output=True, text=True, check=False)
    if told.returncode == 0:
        yield from Path(told.stdout.strip()).glob("*")
