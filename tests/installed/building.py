"""An sdist of the checkout, and from that a wheel, without a network."""

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
_SOURCES = ("chargehand", "actors", "persistence", "web", "docs", "tests", "benchmarks")
_FILES = ("pyproject.toml", "MANIFEST.in", "README.md", "CHANGELOG.md", "LICENSE")


def build_sdist(directory: Path) -> Path:
    """Of a copy: what earlier builds have left in the checkout has no part in it."""
    copy = directory / "checkout"
    for name in _SOURCES:
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=ignored)
    for name in _FILES:
        shutil.copy2(ROOT / name, copy)
    return _build("build_sdist", copy, directory)


def build_wheel(sdist: Path, directory: Path) -> Path:
    with tarfile.open(sdist) as archive:
        archive.extractall(directory / "unpacked", filter="data")
    [source] = (directory / "unpacked").iterdir()
    return _build("build_wheel", source, directory)


def _build(step: str, source: Path, directory: Path) -> Path:
    """What an installer does with `--no-build-isolation`."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import setuptools.build_meta as b; print(b.{step}({str(directory)!r}))",
        ],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return directory / done.stdout.splitlines()[-1]
