"""Runs the tests of this folder on each Python that is found, each in a fresh environment.

Chargehand stands there as a wheel, and nothing of the checkout can be imported. The Python that
runs this takes the lowest versions of all dependencies, the others those of `constraints.txt`.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.installed.building import ROOT, build_sdist, build_wheel
from tests.installed.pythons import Python, asked, found

HERE = Path(__file__).parent
_UV = shutil.which("uv")


class Trial(NamedTuple):
    python: Python
    lowest: bool

    def __str__(self) -> str:
        versions = "the lowest versions" if self.lowest else "the versions of constraints.txt"
        return f"{self.python} with {versions} of the dependencies"


def main() -> int:
    options = _options()
    trials = _trials(options)
    failed = []
    with tempfile.TemporaryDirectory(prefix="chargehand-wheel-") as name:
        directory = Path(name)
        wheel = build_wheel(build_sdist(directory), directory)
        for trial in trials:
            print(f"== a wheel on {trial}", flush=True)
            if not _passes(trial, wheel, directory, options.beside):
                failed.append(trial)
    print("== used, each with a wheel in an environment of its own:")
    for trial in trials:
        print(f"  {'FAILED' if trial in failed else 'passed'}: {trial}")
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.installed", description=__doc__)
    parser.add_argument("--python", type=Path, action="append", help="only this one")
    parser.add_argument("--lowest", action="store_true", help="the lowest versions on all")
    parser.add_argument(
        "--beside",
        metavar="REQUIREMENT",
        action="append",
        default=[],
        help="what is installed in one go with it, whatever constraints.txt says of that",
    )
    return parser.parse_args()


def _trials(options: argparse.Namespace) -> list[Trial]:
    if options.python:
        pythons = [asked(path) for path in options.python]
        if None in pythons:
            sys.exit("not a Python that Chargehand runs on, or one that makes no environment")
        return [Trial(python, options.lowest) for python in pythons if python is not None]
    own = asked(Path(sys.base_prefix, "bin", "python3"))
    others = [python for python in found() if own is None or python.minor != own.minor]
    mine = [] if own is None else [Trial(own, lowest=True)]
    return [*mine, *(Trial(python, options.lowest) for python in others)]


def _passes(trial: Trial, wheel: Path, directory: Path, beside: list[str]) -> bool:
    with tempfile.TemporaryDirectory(prefix="environment-", dir=directory) as name:
        environment = Path(name)
        constraints = environment / "constraints.txt"
        constraints.write_text(_constraints(trial, beside), encoding="utf-8")
        python = environment / "bin" / "python"
        wanted = [str(wheel), "pytest", *beside]
        if _UV is not None:
            _run(_UV, "venv", "--quiet", "--allow-existing", "--python", trial.python.path, name)
            _run(_UV, "pip", "install", "--quiet", "--python", python, "-c", constraints, *wanted)
        else:
            _run(trial.python.path, "-m", "venv", name)
            pip = (python, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")
            _run(*pip, "install", "-c", constraints, *wanted)
        done = subprocess.run(
            [environment / "bin" / "pytest", "-q", "-c", HERE / "pytest.ini", HERE],
            cwd=environment,
            env={n: v for n, v in os.environ.items() if not n.startswith("PYTHON")},
            check=False,
        )
        return done.returncode == 0


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True)


def _constraints(trial: Trial, beside: list[str]) -> str:
    """Exact versions, but of what is asked for beside."""
    named = {canonicalize_name(Requirement(text).name) for text in beside}
    exact = _lowest() if trial.lowest else (ROOT / "constraints.txt").read_text().splitlines()
    return "\n".join(line for line in exact if line.partition("==")[0] not in named)


def _lowest() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [Requirement(text) for text in project["dependencies"]]
    return [
        f"{one.name}=={part.version}"
        for one in wanted
        if one.marker is None or one.marker.evaluate()
        for part in one.specifier
        if part.operator == ">="
    ]


if __name__ == "__main__":
    sys.exit(main())
